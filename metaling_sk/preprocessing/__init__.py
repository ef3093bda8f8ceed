"""Transformers that know a row's language."""

from metaling_sk.preprocessing._dictionary_translator import DictionaryTranslator

__all__ = ["DictionaryTranslator"]
