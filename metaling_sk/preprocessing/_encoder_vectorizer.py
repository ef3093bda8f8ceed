"""Texts, images or recordings become the vectors of a frozen Transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.parts import compute_in_parts
from metaling_sk._data.samples import Samples, check_samples
from metaling_sk._encoders.encode import encode, freeze, on_cpu
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.modalities import MODALITIES
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._network.encoder_attributes import EncoderAttributesMixin
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._utils.all_or_nothing import unfitted_on_error
from metaling_sk._utils.device import autocast_dtype, find_device
from metaling_sk._utils.parameters import common_constraints
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded
from metaling_sk._utils.representation import ReprMixin
from metaling_sk._utils.sklearn_compat import fit_context


class EncoderVectorizer(
    SavedMixin,
    EncoderAttributesMixin,
    ReprMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Encode texts, images or recordings as vectors with a frozen Transformer.

    The same encoder never encodes the same sample twice in one process. The vectors of texts have
    length 1 where the files of sentence-transformers in the encoder's folder say so, for
    pooling="auto".

    Parameters
    ----------
    encoder : str, path, config or (module, tokenizer), default="scratch"
        The Transformer, as in `TransferClassifier`; of images, if there is an `image_column`, or
        of recordings, if there is an `audio_column`.
        "scratch" has random weights and is meant for tests.
    pooling : {"auto", "mean", "cls", "last"}, default="auto"
        How the vectors of the tokens become one vector: their mean, the first or the last one.
        "auto" is what the files of sentence-transformers in the encoder's folder say, with the
        Dense modules that they name if `layer` is the last one; otherwise "mean".
        For images it is what the model pools itself, if it does, otherwise "mean".
    layer : int or float, default=-1
        The hidden layer that is pooled. -1 is the last layer, 0.5 the layer at half the depth.
        Layers above it are not computed.
    prompt : str, default="auto"
        Text that is put before every text, and before the first one of a pair, such as "query: ".
        "auto" is the default prompt in the files of sentence-transformers in the encoder's folder;
        otherwise none.
    max_length : int, default=128
        Number of tokens after which a text is truncated, those of the prompt among them.
    batch_size : int, default=64
        The number of samples that are encoded at once.
    device : str, default="auto"
        Device of the computations. "auto" is a GPU where there is one.
    dtype : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the encoder's computations. "auto" is bfloat16 where the hardware has it.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 shows nothing.
    random_state : int, RandomState instance or None, default=None
        Seed of random weights.
    text_column : str or list of str, default="text"
        The column of a DataFrame X that holds the texts, or the two columns of pairs of texts.
    image_column : str, default=None
        The column of a DataFrame X that holds images in place of texts: paths, PIL images or uint8
        arrays of shape (height, width, 3) or (height, width). X may also be a list of them.
    audio_column : str, default=None
        The column of a DataFrame X that holds recordings in place of texts: paths, or dictionaries
        of an "array" and its "sampling_rate". X may also be a list of them.
    max_seconds : float, default=30.0
        Number of seconds after which a recording is truncated.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.

    Attributes
    ----------
    text_encoder_ : torch module or None
        The Transformer with its tokenizer; None for other samples.
    image_encoder_ : torch module or None
        The Transformer with its image processor; None for other samples.
    audio_encoder_ : torch module or None
        The Transformer with its feature extractor; None for other samples.
    n_features_in_ : int
        The number of columns of X seen at fit.
    feature_names_in_ : ndarray of str
        The names of these columns; only if X was a DataFrame.

    See Also
    --------
    LanguageStandardScaler : Standardise the vectors in each language.

    Examples
    --------
    >>> from metaling_sk import EncoderVectorizer
    >>> vectorizer = EncoderVectorizer("scratch", random_state=0)
    >>> vectorizer.fit_transform(["a good hotel", "酒店不错"]).shape
    (2, 128)
    """

    _fitted_encoder: TransformerEncoder

    _parameter_constraints: dict = common_constraints(
        "encoder",
        "pooling",
        "layer",
        "prompt",
        "max_length",
        "batch_size",
        "device",
        "dtype",
        "verbose",
        "random_state",
        "text_column",
        "image_column",
        "audio_column",
        "max_seconds",
        "language_column",
    )

    def __init__(
        self,
        encoder="scratch",
        *,
        pooling="auto",
        layer=-1,
        prompt="auto",
        max_length=128,
        batch_size=64,
        device="auto",
        dtype="auto",
        verbose=1,
        random_state=None,
        text_column="text",
        image_column=None,
        audio_column=None,
        max_seconds=30.0,
        language_column="language",
    ):
        self.encoder = encoder
        self.pooling = pooling
        self.layer = layer
        self.prompt = prompt
        self.max_length = max_length
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        self.verbose = verbose
        self.random_state = random_state
        self.text_column = text_column
        self.image_column = image_column
        self.audio_column = audio_column
        self.max_seconds = max_seconds
        self.language_column = language_column

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None) -> EncoderVectorizer:
        """Load the encoder; for "scratch" or a config, train a tokenizer on the texts.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples
            The texts, images or recordings; a loaded encoder does not depend on them.
        y : None
            Ignored.

        Returns
        -------
        self : EncoderVectorizer
            The fitted transformer.
        """
        with unfitted_on_error(self):
            samples = self._check_samples(X, reset=True)
            device = find_device(self.device)
            make = MODALITIES[samples.kind].make_encoder
            parameters = EncodingParameters.of(self, normalize=True)
            with seeded(self.random_state):
                encoder = make(parameters, samples, Progress.of(self).is_shown)
            self._fitted_encoder = freeze(encoder, device, autocast_dtype(self.dtype, device))
            self._kind = samples.kind
        return self

    def transform(self, X) -> np.ndarray:
        """Encode texts, images or recordings.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples
            The texts, images or recordings, or an iterator of such tables. These and a Dataset are
            read part by part.

        Returns
        -------
        ndarray of float32, shape (n_samples, n_features)
            The vector of each sample.
        """
        check_is_fitted(self)
        encoder = self._fitted_encoder.to(find_device(self.device))
        with Progress.of(self) as progress:

            def compute(part, language) -> np.ndarray:
                samples = self._check_samples(part, reset=False)
                return encode(samples.content, encoder, self.batch_size, progress)

            return compute_in_parts(compute, X)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted_encoder")

    @property
    def _n_features_out(self) -> int:
        return self._fitted_encoder.n_features

    def __getstate__(self):
        state = super().__getstate__().copy()
        if "_fitted_encoder" in state:
            state["_fitted_encoder"] = on_cpu(self._fitted_encoder)
        return state

    def _get_saved_state(self, folder: Path) -> dict[str, Any]:
        encoder = MODALITIES[self._kind].save_frozen(self._fitted_encoder, folder)
        return super()._get_saved_state(folder) | {"kind": self._kind, "encoder": encoder}

    def _set_saved_state(self, state: dict[str, Any], folder: Path) -> None:
        super()._set_saved_state(state, folder)
        self._kind = state["kind"]
        self._fitted_encoder = MODALITIES[self._kind].restore_frozen(state["encoder"], folder)

    def _check_samples(self, X, *, reset: bool) -> Samples:
        samples = check_samples(self, X, reset=reset, needs_y=False)
        if samples.features is not None:
            raise ValueError("EncoderVectorizer encodes texts, but X holds numbers.")
        return samples
