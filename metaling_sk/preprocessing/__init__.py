"""Transformers that know a row's language."""

from metaling_sk.preprocessing._dictionary_translator import DictionaryTranslator
from metaling_sk.preprocessing._encoder_vectorizer import EncoderVectorizer
from metaling_sk.preprocessing._language_standard_scaler import LanguageStandardScaler

__all__ = ["DictionaryTranslator", "EncoderVectorizer", "LanguageStandardScaler"]
