"""Texts to vectors with a frozen Transformer."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.samples import check_samples
from metaling_sk._encoders.make_encoder import encode, freeze, make_text_encoder, on_cpu
from metaling_sk._utils.device import autocast_dtype, find_device
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded
from metaling_sk.base import check_number


class EncoderVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Encode texts with a Transformer that stays as it is.

    A text that the same encoder has met before in this process is not encoded again.

    Parameters
    ----------
    encoder : str, path, config or (module, tokenizer), default="scratch"
        As in `TransferClassifier`. "scratch" gives random features: useful in tests.
    pooling : {"mean", "cls", "last"}, default="mean"
    layer : int or float, default=-1
        Hidden layer: -1 for the last, 0.5 for that at half the depth. Layers above it are not
        computed. In many checkpoints the middle layers transfer best between languages.
    max_length : int, default=128
        Tokens per text.
    batch_size : int, default=64
    device : str, default="auto"
        "auto" is a GPU where there is one.
    dtype : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        "auto" is bfloat16 where the hardware has it.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 nothing.
    random_state : int, RandomState instance or None, default=None
        Seed of random weights.
    text_column, language_column : str, default="text", "language"
        Columns of a DataFrame X.

    Attributes
    ----------
    text_encoder_ : torch module
    n_features_in_ : int
    feature_names_in_ : ndarray of str, for DataFrames

    Examples
    --------
    >>> from metaling_sk import EncoderVectorizer
    >>> vectorizer = EncoderVectorizer("scratch", random_state=0)
    >>> vectorizer.fit_transform(["a good hotel", "酒店不错"]).shape
    (2, 128)
    """

    def __init__(
        self,
        encoder="scratch",
        *,
        pooling="mean",
        layer=-1,
        max_length=128,
        batch_size=64,
        device="auto",
        dtype="auto",
        verbose=1,
        random_state=None,
        text_column="text",
        language_column="language",
    ):
        self.encoder = encoder
        self.pooling = pooling
        self.layer = layer
        self.max_length = max_length
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        self.verbose = verbose
        self.random_state = random_state
        self.text_column = text_column
        self.language_column = language_column

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def fit(self, X, y=None) -> EncoderVectorizer:
        """Load the encoder or, for one from scratch, train its tokenizer on the texts.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts
        y : ignored

        Returns
        -------
        self
        """
        for name in ("max_length", "batch_size"):
            check_number(self, name, Integral, 1)
        samples = self._check_texts(X, reset=True)
        device = find_device(self.device)
        with seeded(self.random_state):
            encoder = make_text_encoder(
                self.encoder,
                samples.texts,
                samples.language,
                pooling=self.pooling,
                layer=self.layer,
                max_length=self.max_length,
            )
        self.text_encoder_ = freeze(encoder, device, autocast_dtype(self.dtype, device))
        self._n_features_out = encoder.n_features
        return self

    def transform(self, X) -> np.ndarray:
        """The vector of each text.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts

        Returns
        -------
        ndarray of float32, shape (n_samples, n_features)
        """
        check_is_fitted(self)
        samples = self._check_texts(X, reset=False)
        self.text_encoder_.to(find_device(self.device))
        with Progress(self.verbose, type(self).__name__) as progress:
            return encode(samples.texts, self.text_encoder_, self.batch_size, progress)

    def __getstate__(self):
        state = super().__getstate__().copy()
        if "text_encoder_" in state:
            state["text_encoder_"] = on_cpu(self.text_encoder_)
        return state

    def _check_texts(self, X, *, reset):
        samples = check_samples(self, X, reset=reset, needs_y=False)
        if not samples.is_text:
            raise ValueError("EncoderVectorizer encodes texts, but X holds numbers.")
        return samples
