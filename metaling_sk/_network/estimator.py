"""The base of the classifiers that train a network."""

from __future__ import annotations

import copy
from numbers import Integral, Real

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.language_statistics import MIN_ROWS, LanguageStatistics
from metaling_sk._data.samples import Samples, check_samples
from metaling_sk._encoders.make_encoder import (
    TextEncoder,
    encode,
    fit_vectorizer,
    freeze,
    is_scratch,
    is_vectorizer,
    make_text_encoder,
    on_cpu,
    set_trainable,
)
from metaling_sk._network.classifier import ClassifierNetwork, IdentityEncoder
from metaling_sk._network.language_norm import LanguageNorm
from metaling_sk._network.training import TrainingSettings, predict
from metaling_sk._utils.device import autocast_dtype, find_device
from metaling_sk._utils.progress import Progress
from metaling_sk.base import LanguageClassifierMixin, check_number

DROPOUT = 0.1

NO_LANGUAGE = ""
"""What all rows count as where language_norm=False: no language that is ever asked for."""

TRAINABLE = ("all", "head", "lora", "adapter")

FROM_SCRATCH, FINE_TUNING = 2e-3, 5e-5
"""Learning rates of Transformers: of weights that were random at first, and of pretrained ones.

Low-rank updates and adapters take the first one. For low-rank updates with a factor of 4 Schulman
et al. (2025. LoRA without regret) found 10 times the rate of fine-tuning to be best, so with our
factor of 1 (RANK in `_encoders/trainable.py`) it is 40 times.
"""

DENSE_NORM = 0.5
"""Of standardised columns beside sparse ones, such as TF-IDF, whose rows have the norm 1."""

LOGIT_STEP = 0.05
"""By how much a step on features changes a typical logit."""


class LanguageClassifier(LanguageClassifierMixin, BaseEstimator):
    """Base of the classifiers whose network has an encoder, a norm per language and a head.

    A subclass defines `__init__` with the common parameters and `fit`, which sets `classes_`,
    calls `_fit_encoder`, `_fit_language_norm` and `_new_module`, and ends with `net_`.
    """

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def predict_proba(self, X, language=None) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column. A language not seen at fit
            is allowed.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return softmax(self._logits(X, language), axis=1)

    def register_language(self, X, language=None) -> LanguageClassifier:
        """Learn the statistics of a new language from its text, labelled or not.

        From then on its rows are centred and scaled by their own statistics instead of those of
        all languages. Predictions for the other languages do not change. Where the network has
        no such statistics (language_norm=False, or an encoder that was trained on one language)
        there is nothing to learn.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            Rows of one or several languages; at least two of each.
        language : str or array-like of str, default=None
            Where X has no language column.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a language has only one row; then none is learnt.
        """
        check_is_fitted(self)
        samples = check_samples(self, X, language=language, reset=False)
        parts = {code: samples.take(samples.language == code) for code in set(samples.language)}
        for code, part in sorted(parts.items()):
            if len(part) < 2:
                raise ValueError(
                    f"register_language needs at least two rows of {code!r}, got {len(part)}."
                )
        for code, part in sorted(parts.items()):
            self._register(part, code)
        return self

    def save(self, folder) -> None:
        """Save to a folder: JSON, safetensors and tokenizer files; see `metaling_sk.load`.

        Parameters
        ----------
        folder : str or path
            Made where it does not exist.
        """
        from metaling_sk.persistence import save

        save(self, folder)

    def __getstate__(self):
        """A trained encoder is part of `net_`; a frozen one leaves the GPU."""
        state = super().__getstate__().copy()
        encoder = state.get("text_encoder_")
        if encoder is not None and not self._is_frozen():
            del state["text_encoder_"]
        elif encoder is not None:
            state["text_encoder_"] = on_cpu(encoder)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if hasattr(self, "net_") and not hasattr(self, "text_encoder_"):
            self.text_encoder_ = self.net_.module_.encoder

    def _register(self, samples: Samples, code: str) -> None:
        module = self.net_.module_
        if code not in self.languages_:
            self.languages_ = [*self.languages_, code]
        module.grow(len(self.languages_))
        if self.statistics_ is not None:
            if self.language_norm:
                self.statistics_ = self.statistics_.add(self._inputs(samples), code)
        elif module.norm is not None:
            row = self._row_of(code)
            module.norm.set_language(row, self._encode_trained(self._inputs(samples), row))

    def _check_parameters(self) -> None:
        for name, lowest in (
            ("max_length", 1),
            ("batch_size", 1),
            ("max_epochs", 1),
            ("patience", 1),
        ):
            check_number(self, name, Integral, lowest)
        check_number(self, "weight_decay", Real, 0)
        for name in ("warmup", "validation_fraction"):
            check_number(self, name, Real, 0, 1)
        if self.validation_fraction == 1:
            raise ValueError(
                "`validation_fraction` must be less than 1: it leaves nothing to train."
            )
        if self.learning_rate != "auto":
            check_number(self, "learning_rate", Real, 0)
        if self.trainable not in TRAINABLE:
            raise ValueError(
                f"`trainable` must be one of {list(TRAINABLE)}, got {self.trainable!r}."
            )

    def _is_frozen(self) -> bool:
        """Whether the network sees features that do not change in training."""
        return self.text_encoder_ is None or self.text_encoder_.trainable == "head"

    def _fit_encoder(self, samples: Samples) -> None:
        """Set `text_encoder_` or `vectorizer_`; both None for features."""
        self.text_encoder_ = self.vectorizer_ = None
        if not samples.is_text:
            return
        if is_vectorizer(self.encoder):
            self.vectorizer_ = fit_vectorizer(self.encoder, samples.texts)
            return
        encoder = make_text_encoder(
            self.encoder,
            samples.texts,
            samples.language,
            pooling=self.pooling,
            layer=self.layer,
            max_length=self.max_length,
        )
        device = find_device(self.device)
        if self.trainable == "head":
            freeze(encoder, device, autocast_dtype(self.dtype, device))
        else:
            self._set_trainable(encoder)
        self.text_encoder_ = encoder

    def _set_trainable(self, encoder: TextEncoder) -> None:
        """Freeze what is not trained of an encoder that is, and add what is missing."""
        set_trainable(encoder, self.trainable)

    def _encode_ahead(self, X, language=None) -> None:
        """Encode all texts with a frozen encoder that does not depend on them, for fits to come."""
        frozen = self.trainable == "head" and not is_scratch(self.encoder)
        if frozen and not is_vectorizer(self.encoder):
            samples = check_samples(self, X, language=language, reset=True, needs_y=False)
            self._fit_encoder(samples)
            self._inputs(samples)

    def _inputs(self, samples: Samples, progress: Progress | None = None):
        """Features, or token ids for an encoder that is trained."""
        if not samples.is_text:
            return samples.features
        if self.vectorizer_ is not None:
            return _as_features(self.vectorizer_.transform(samples.texts))
        if self._is_frozen():
            self.text_encoder_.to(find_device(self.device))
            return encode(samples.texts, self.text_encoder_, self._predict_batch_size, progress)
        return self.text_encoder_.tokenize(samples.texts)

    def _fit_language_norm(self, inputs, language: np.ndarray) -> None:
        """Set `languages_` and, for features, `statistics_`."""
        self.languages_ = sorted(set(language))
        self.statistics_ = None
        if self._is_frozen():
            if not self.language_norm:
                language = np.full(len(language), NO_LANGUAGE, dtype=object)
            self.statistics_ = LanguageStatistics.fit(inputs, language)

    def _take_language_norm(self, start, inputs, language) -> None:
        """The languages and statistics of the estimator to start from; new languages are added."""
        new = [code for code in self.languages_ if code not in start.languages_]
        self.languages_ = [*start.languages_, *new]
        if self.statistics_ is not None:
            self.statistics_ = start.statistics_
            for code in new:
                rows = np.flatnonzero(language == code)
                if len(rows) >= MIN_ROWS:
                    self.statistics_ = self.statistics_.add(inputs[rows], code)

    def _rows(self, inputs, language: np.ndarray) -> EncodedSamples:
        """Rows for the network: features are centred and scaled."""
        if self.statistics_ is not None:
            inputs = self.statistics_.apply(inputs, language)
            if sparse.issparse(inputs):
                inputs = self._balanced(inputs)
        index = pd.Index(self.languages_).get_indexer(language) + 1
        return EncodedSamples(inputs, index.astype(np.int64))

    def _balanced(self, features: sparse.csr_array) -> sparse.csr_array:
        """Sparse rows whose dense columns, as a block, have the norm `DENSE_NORM` on average."""
        n_dense = self.statistics_.scaled.sum()
        if not n_dense:
            return features
        factor = np.where(self.statistics_.scaled, DENSE_NORM / n_dense**0.5, 1.0)
        return sparse.csr_array(features.multiply(factor.astype(features.dtype)))

    def _module_to_start_from(self) -> ClassifierNetwork:
        """A copy of the network for another estimator to go on with."""
        return copy.deepcopy(self.net_.module_)

    def _restore_module(self, weights: dict[str, torch.Tensor], encoder, norm) -> ClassifierNetwork:
        """A network of the shape of these weights; its encoder and norm are made already."""
        n_classes, n_last = weights["head.weight"].shape
        hidden = weights.get("hidden.0.weight")
        n_features = n_last if hidden is None else hidden.shape[1]
        n_hidden = 0 if hidden is None else n_last
        dropout = 0.0 if isinstance(encoder, IdentityEncoder) else DROPOUT
        return ClassifierNetwork(encoder, norm, n_features, n_classes, n_hidden, dropout)

    def _new_module(self, inputs, n_hidden: int = 0) -> ClassifierNetwork:
        encoder, norm, n_features, dropout = self._new_base(inputs)
        return ClassifierNetwork(encoder, norm, n_features, len(self.classes_), n_hidden, dropout)

    def _new_base(self, inputs) -> tuple:
        """What a new network stands on: encoder, norm, features that these give, and dropout."""
        if self.statistics_ is not None:
            return IdentityEncoder(), None, inputs.shape[1], 0.0
        n_features = self.text_encoder_.n_features
        norm = None
        if self.language_norm and len(self.languages_) > 1:
            norm = LanguageNorm(len(self.languages_), n_features)
        return self.text_encoder_, norm, n_features, DROPOUT

    def _find_learning_rate(self, rows: EncodedSamples) -> float:
        """The peak learning rate of what is not a pretrained weight."""
        if self.learning_rate != "auto":
            return self.learning_rate
        if not self._is_frozen():
            return FROM_SCRATCH
        norm = abs(rows.inputs).sum() / len(rows)
        return float(LOGIT_STEP / max(norm, 1.0))

    def _settings(self) -> TrainingSettings:
        device = find_device(self.device)
        trained = not self._is_frozen()
        pretrained = trained and self.trainable == "all" and self.text_encoder_.pretrained
        tuned = pretrained and self.learning_rate == "auto"
        return TrainingSettings(
            learning_rate=self.learning_rate_,
            encoder_learning_rate=FINE_TUNING if tuned else self.learning_rate_,
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            max_epochs=self.max_epochs,
            patience=self.patience,
            device=device if trained else torch.device("cpu"),
            autocast=autocast_dtype(self.dtype, device) if trained else None,
            callbacks=tuple(copy.deepcopy(self.callbacks or ())),
        )

    def _class_weights(self, y: np.ndarray) -> torch.Tensor | None:
        if self.class_weight is None:
            return None
        # "balanced" can count no more than the classes that y has.
        balanced = isinstance(self.class_weight, str)
        present = np.unique(y) if balanced else np.arange(len(self.classes_))
        weights = np.ones(len(self.classes_))
        weights[present] = compute_class_weight(
            self.class_weight, classes=self.classes_[present], y=self.classes_[y]
        )
        return torch.tensor(weights, dtype=torch.float32)

    def _logits(self, X, language) -> np.ndarray:
        check_is_fitted(self)
        samples = check_samples(self, X, language=language, reset=False)
        with Progress(self.verbose, type(self).__name__) as progress:
            rows = self._rows(self._inputs(samples, progress), samples.language)
            return self._logits_of(rows, progress)

    def _logits_of(self, rows: EncodedSamples, progress: Progress) -> np.ndarray:
        return self._predict(self.net_.module_, rows, progress)[0]

    def _predict(self, module, rows: EncodedSamples, progress: Progress):
        """Logits and representations of the rows."""
        return predict(module, rows, self._predict_batch_size, self._settings(), progress)

    def _row_of(self, language: str) -> int:
        """Where a language is in the tables of the network."""
        return self.languages_.index(language) + 1

    @property
    def _predict_batch_size(self) -> int:
        return max(self.batch_size, 64)

    def _encode_trained(self, tokens, language: int = 0) -> torch.Tensor:
        """What the trained encoder makes of rows of one language, before the norm."""
        module = self.net_.module_.eval()
        device = module.head.weight.device
        rows = EncodedSamples(tokens, np.full(len(tokens), language, dtype=np.int64))
        batches = [
            rows.collate(where).to(device) for where in rows.indices(self._predict_batch_size)
        ]
        with torch.no_grad():
            return torch.cat([module.encode(batch.inputs, batch.language) for batch in batches])


def _as_features(features):
    features = check_array(features, accept_sparse="csr", dtype=(np.float64, np.float32))
    return sparse.csr_array(features) if sparse.issparse(features) else features
