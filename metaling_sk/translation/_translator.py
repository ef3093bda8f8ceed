"""TransferTranslator: texts in a target language, of texts or of recordings."""

from __future__ import annotations

from numbers import Integral
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.indicators import check_unmarked
from metaling_sk._data.input_forms import find_language_column, replace_columns, unwrap
from metaling_sk._data.parts import compute_in_parts
from metaling_sk._data.samples import Samples, check_samples, check_single_texts, count_samples
from metaling_sk._data.suspicions import suspect_forgotten, suspect_names, suspect_translations
from metaling_sk._data.translations import (
    check_is_language,
    check_translations,
    present_translations,
    read_target_language,
)
from metaling_sk._network.prediction import Execution
from metaling_sk._utils.all_or_nothing import unfitted_on_error
from metaling_sk._utils.frozen import is_fitted, not_fitted, unfreeze
from metaling_sk._utils.out_of_memory import memory_errors
from metaling_sk._utils.parameters import Number, common_constraints
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded
from metaling_sk._utils.representation import ReprMixin
from metaling_sk._utils.sklearn_compat import HasMethods, StrOptions, fit_context
from metaling_sk.base import LanguageTransformerMixin, TextTransformerMixin
from metaling_sk.metrics._transcription_report import word_error_rate
from metaling_sk.metrics._translation_report import corpus_chrf
from metaling_sk.translation._fitting import train_model
from metaling_sk.translation._models import make_model
from metaling_sk.translation._predicting import translate
from metaling_sk.translation._saving import SavedTranslatorMixin

COMMON = (
    "encoder",
    "max_length",
    "learning_rate",
    "batch_size",
    "gradient_accumulation_steps",
    "max_epochs",
    "weight_decay",
    "warmup",
    "patience",
    "device",
    "dtype",
    "n_threads",
    "callbacks",
    "verbose",
    "random_state",
    "text_column",
    "audio_column",
    "max_seconds",
    "language_column",
    "missing_label",
)
"""The parameters that classifiers have as well."""


class TransferTranslator(
    SavedTranslatorMixin, ReprMixin, TextTransformerMixin, LanguageTransformerMixin, BaseEstimator
):
    """Translate texts or transcribe recordings, with transfer from related languages.

    A sample is a text and its language, y is its translation, and `target_language` says into
    which language. With `audio_column` a sample is a recording and its language, and y is what is
    said: its transcription, or with `target_language` its translation. A translator is trained on
    few samples of one pair of languages in one of these ways:

    - alone;
    - pooled: on the translations into several languages together, which X names in a column;
    - by transfer: from a fitted translator into related languages, which is its `source`.

    `predict` returns the translations. `transform` returns X with the translations in the place of
    the samples, and so puts a fitted translator before any classifier: translated training texts
    teach one in the target language (translate-train), translated test texts are for one of the
    source language (translate-test), and recordings become texts. Texts that are in their target
    language already stay as they are.

    Without a checkpoint the translator of texts begins as a copy of its input and learns which
    tokens become others. It keeps their order, so it is for related languages; any others need a
    checkpoint. Speech without a checkpoint needs few, clear words or many recordings.

    Parameters
    ----------
    Languages and transfer

    target_language : str or None, default=None
        The column of a DataFrame X that holds the language that each sample is translated into or,
        where X has no such column, the one target language. None is for recordings: each is written
        down in its own language.
    source : TransferTranslator or None, default=None
        A fitted translator to go on from, with its tokenizer, which gets further tokens for the
        translations if it is from scratch, or further characters. `encoder`, `max_length` and
        `max_seconds` are not used then. It learns further target languages. Those that `fit` has no
        translations into are mostly forgotten; `predict` warns of them. In a `FrozenEstimator` it
        stays fitted in cross-validation and searches, which clone it.

    Encoder

    encoder : str, path, transformers config or (model, tokenizer), default="scratch"
        The Transformer that translates. For texts:

        - ``"scratch"``: a small one with random weights and a tokenizer that is trained on the
          texts and translations of `fit`.
        - A folder or hub name of an encoder-decoder model of `transformers`, such as Marian, mT5,
          NLLB or mBART. For the last two, languages have the names that they have there.
        - Such a model and its tokenizer.

        For recordings:

        - ``"scratch"``: a small Conformer with random weights that hears characters.
        - A folder or hub name of a speech-to-text model with a decoder, such as Whisper, or such a
          model and its processor. Where it has tokens of languages, each recording gets that of its
          language.
        - Any other encoder of recordings that classifiers take, such as a folder of wav2vec 2.0, a
          config, or a module and its feature extractor. It learns to hear characters.
    trainable : {"all", "lora"}, default="all"
        The part of a checkpoint that is trained: all weights, or low-rank updates of the linear
        layers (extra `peft`).
    num_beams : int, default=4
        Number of translations that are followed at a time to find the best one. A model without a
        decoder, such as those from scratch, takes no notice.
    max_length : int, default=128
        Number of tokens after which a text or a translation is truncated. Characters that are heard
        are not counted.

    Training

    learning_rate : float or "auto", default="auto"
        Peak of the learning rate of AdamW. "auto" is 5e-3 from scratch, 2e-3 for recordings from
        scratch, 2e-5 for a checkpoint, 1e-4 for one that learns to hear characters, and 2e-3 for
        low-rank updates.
    batch_size : int, default=16
        Number of samples in a step. It is smaller where an epoch would have fewer than 10 steps.
    gradient_accumulation_steps : int, default=1
        Number of batches whose gradients are summed to one step, which needs the memory of one
        batch.
    max_epochs : int or "auto", default="auto"
        Largest number of epochs. "auto" is 10, and 40 for recordings from scratch, but fewer where
        these would take more than 5,000 steps.
    weight_decay : float, default=0.01
        Decoupled weight decay of matrices.
    warmup : float, default=0.1
        Share of the steps in which the learning rate grows. Afterwards it falls to 0.
    validation_fraction : float or "auto", default="auto"
        Share of the translations of each pair of languages that is held out to find the best epoch.
        Nothing is held out for 0, or where it would be fewer than 10 samples. "auto" is 0 for texts
        from scratch, whose translations still get better where the loss no longer does, and else
        0.1.
    patience : int, default=3
        Number of epochs without a better validation loss after which training stops.
    device : str, default="auto"
        Device of the computations. "auto" is a GPU where there is one.
    dtype : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the encoder's computations. "auto" is bfloat16 where the hardware has it.
    n_threads : int, default=None
        Number of threads of torch on a CPU. None is 1 for a small network, else what torch is set
        to, and no more than the cores that the process may use.
    callbacks : list of skorch callbacks or of (name, callback), default=None
        Callbacks of the training, called after our own.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 shows nothing.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, batches and draws.

    Data

    text_column : str, default="text"
        The column of a DataFrame X that holds the texts; that which `transform` puts them in.
    audio_column : str, default=None
        The column of a DataFrame X that holds recordings in place of texts: paths, or dictionaries
        of an "array" and its "sampling_rate". X may also be a list of them.
    max_seconds : float, default=30.0
        Number of seconds after which a recording is truncated.
    language_column : str, default="language"
        The column of a DataFrame X that holds the languages.
    missing_label : object, default=None
        The value of y in samples without a translation, besides NaN and None. These are not
        learnt from, except for the tokenizer.

    Attributes
    ----------
    languages_, target_languages_ : list of str
        The languages of the samples that were translated in `fit`, and those of the translations,
        among them those of the source.
    learning_rate_ : float
        The peak learning rate.
    net_ : skorch.NeuralNet
        The model.
    history_ : DataFrame
        A row per epoch: `stage`, `epoch`, `train_loss` and `valid_loss`, of a token or character.
    sample_counts_ : DataFrame of shape (n_languages, 2)
        The number of samples of each language that `fit` was given, `labelled` and `unlabelled`.
    n_iter_ : int
        The number of epochs that were trained.
    n_features_in_ : int
        Number of columns of samples and languages seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of these columns, for DataFrames.

    See Also
    --------
    DictionaryTranslator : Translation word for word, without training.
    metaling_sk.metrics.translation_report : The chrF of each language.
    metaling_sk.metrics.transcription_report : The word error rate of each language.

    Notes
    -----
    From scratch, every token of a text has two slots, each of which shows a token or nothing. The
    loss is that of all ways in which the slots can show the translation, which is connectionist
    temporal classification [1]_. A translation that has more than twice as many tokens as its text
    is not learnt from. The tokens are those of byte-pair encoding, in which every word of the
    training is a token, unless these are more than 8,000. A target language shows the tokens of its
    own texts and translations only, and copies all others, which are pieces of new words. Input and
    output share their embeddings. Each target language adds a vector to each token, of which some
    is the same for all of them. A language that `source` lacks has none of its own at first, and so
    copies the words that its translations lack. But if the translations into a language of `source`
    are much more like its own than the texts are, it begins as that one, with its tokens.

    Characters are heard in the same way: each vector of the encoder, usually of 20 ms, shows one or
    nothing. The characters are those of the transcriptions, and languages share most of the layer
    that decides.

    References
    ----------
    .. [1] Graves et al. (2006). Connectionist temporal classification: labelling unsegmented
       sequence data with recurrent neural networks. ICML.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk import TransferTranslator
    >>> X = pd.DataFrame({"text": ["rumah besar", "rumah kecil", "jalan besar"] * 8})
    >>> y = ["omah gedhe", "omah cilik", "dalan gedhe"] * 8
    >>> translator = TransferTranslator(target_language="jav", max_epochs=60, random_state=0)
    >>> translator.fit(X, y, language="ind").predict(["jalan kecil"], language="ind").tolist()
    ['dalan cilik']
    """

    _parameter_constraints: dict = {
        **common_constraints(*COMMON),
        "trainable": [StrOptions({"all", "lora"})],
        "target_language": [str, None],
        "source": [HasMethods(["fit", "predict"]), None],
        "validation_fraction": [
            StrOptions({"auto"}),
            *common_constraints("validation_fraction")["validation_fraction"],
        ],
        "num_beams": [Number(Integral, 1, None, closed="left")],
        "text_column": common_constraints("image_column")["image_column"],
    }

    _check_y = staticmethod(check_translations)

    _parameters_of_output = ("max_length", "text_column")

    def __init__(
        self,
        *,
        target_language=None,
        source=None,
        encoder="scratch",
        trainable="all",
        num_beams=4,
        max_length=128,
        learning_rate="auto",
        batch_size=16,
        gradient_accumulation_steps=1,
        max_epochs="auto",
        weight_decay=0.01,
        warmup=0.1,
        validation_fraction="auto",
        patience=3,
        device="auto",
        dtype="auto",
        n_threads=None,
        callbacks=None,
        verbose=1,
        random_state=None,
        text_column="text",
        audio_column=None,
        max_seconds=30.0,
        language_column="language",
        missing_label=None,
    ):
        self.target_language = target_language
        self.source = source
        self.encoder = encoder
        self.trainable = trainable
        self.num_beams = num_beams
        self.max_length = max_length
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.max_epochs = max_epochs
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.dtype = dtype
        self.n_threads = n_threads
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state
        self.text_column = text_column
        self.audio_column = audio_column
        self.max_seconds = max_seconds
        self.language_column = language_column
        self.missing_label = missing_label

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags

    @property
    def n_iter_(self) -> int:
        """The number of epochs that were trained."""
        check_is_fitted(self)
        return len(self.history_)

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, language=None) -> Self:
        """Learn to translate, or to write down what is said.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts or recordings
            The samples.
        y : array-like of str, shape (n_samples,)
            Their translations or transcriptions; NaN, None or `missing_label` where there is none.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        self : TransferTranslator
            The fitted translator.

        Raises
        ------
        ValueError
            If anything is wrong with X, y or the languages, `encoder` is no model that translates,
            or the loss becomes infinite.
        TypeError
            If `encoder` is no encoder of recordings.
        ImportError
            If peft is not installed, for trainable="lora".
        """
        with unfitted_on_error(self), memory_errors():
            samples = self._check_samples(X, y, language, reset=True)
            target_language = read_target_language(X, self.target_language, samples.language, None)
            start = self._find_start()
            with (
                seeded(self.random_state) as rng,
                Progress.of(self) as progress,
            ):
                execution = Execution.of(self, self.batch_size, progress)
                self._fit_samples(samples, target_language, start, rng, execution)
        return self

    def predict(self, X, language=None) -> np.ndarray:
        """Translate texts, or write down recordings.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts or recordings
            As in `fit`, or an iterator of such tables. These and a Dataset are read part by part.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        ndarray of str objects, shape (n_samples,)
            The translations. A text that is blank, or in its target language, is its own
            translation.

        Raises
        ------
        ValueError
            If anything is wrong with X or the languages, or `fit` has seen no translations into a
            target language.
        """
        return self._translate(X, language)[:, 0]

    def transform(self, X, language=None) -> pd.DataFrame | np.ndarray:
        """Put translations in the place of the samples, for an estimator of the target language.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts or recordings
            The samples, which are not written to.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        DataFrame or ndarray of str objects
            X with translated texts and their languages if X is a table, or rows of a text and its
            language; else the translations, shape (n_samples,). The column of recordings is left
            out.
        """
        texts, target_language = self._translate(X, language).T
        table = unwrap(X)
        output: pd.DataFrame | np.ndarray
        if isinstance(table, pd.DataFrame):
            others = table.drop(columns=[] if self.audio_column is None else self.audio_column)
            columns = {self.text_column: texts, self.language_column: target_language}
            output = replace_columns(others, columns)
        elif find_language_column(table, self, self.language_column) is not None:
            output = np.column_stack([texts, target_language])
        else:
            output = texts
        return self._as_output(output, X)

    def score(self, X, y, language=None) -> float:
        """Compute chrF of `predict`, or for transcriptions 1 minus the word error rate.

        These are transcriptions where `target_language` is None. Both are computed of all samples
        as one corpus. chrF, from 0 to 1, is that of sacrebleu divided by 100. There may be more
        wrong words than right ones, so 1 minus their rate may be negative. In languages without
        blanks a sentence counts as one word; for them score by
        ``make_scorer(word_error_rate, greater_is_better=False, unit="character")``. The reports of
        `metaling_sk.metrics` have both for each language.

        Parameters
        ----------
        X : DataFrame, list, Series, array or datasets.Dataset of n_samples texts or recordings
            The samples.
        y : array-like of str, shape (n_samples,)
            The right translation or transcription of each sample.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        float
            The higher, the better.

        Raises
        ------
        ValueError
            If a sample has no translation.
        ImportError
            If sacrebleu (extra `translation`) or jiwer (extra `audio`) is not installed.
        """
        check_is_fitted(self)
        check_unmarked(y, self.missing_label)
        y = present_translations(y)
        found = self.predict(X, language=language)
        return corpus_chrf(y, found) if self._is_translation else 1 - word_error_rate(y, found)

    def _check_samples(self, X, y, language, *, reset: bool) -> Samples:
        samples = check_samples(self, X, y, language, reset=reset)
        if samples.features is not None:
            raise ValueError(
                "TransferTranslator translates texts or, with `audio_column`, recordings, but X "
                "holds numbers."
            )
        check_single_texts(samples, self, "Translate one column after the other.")
        if self.target_language is None and samples.is_text:
            raise ValueError(
                "`target_language` is None, which is for recordings, but X holds texts. Name the "
                "language of the translations, or the column of X that holds it."
            )
        return samples

    def _translate(self, X, language) -> np.ndarray:
        """Return the translation and the target language of each sample, shape (n_samples, 2)."""
        check_is_fitted(self)
        with memory_errors(), Progress.of(self) as progress:
            execution = Execution.of(self, self.batch_size, progress)

            def compute(part, language):
                samples = self._check_samples(part, None, language, reset=False)
                target_language = read_target_language(
                    part, self.target_language, samples.language, self.target_languages_
                )
                suspect_forgotten(self, target_language, self._forgotten_languages)
                model = self.net_.module_
                texts = translate(model, samples, target_language, self.num_beams, execution)
                return np.column_stack([texts, target_language])

            return compute_in_parts(compute, X, language)

    def _find_start(self) -> TransferTranslator | None:
        """Return the fitted translator to go on from."""
        start = unfreeze(self.source, "source")
        if start is None:
            return None
        if not isinstance(start, TransferTranslator):
            raise TypeError(
                "`source` must be a fitted TransferTranslator, plain or in a FrozenEstimator, got "
                f"{type(start).__name__}."
            )
        if not is_fitted(start):
            raise not_fitted(start, "source")
        return start

    def _fit_samples(
        self, samples: Samples, target_language: np.ndarray, start, rng, execution: Execution
    ) -> None:
        self._suspect_translations(samples, target_language)
        model = make_model(self, samples, target_language, start, execution)
        is_auto = self.learning_rate == "auto"
        self.learning_rate_ = model.learning_rate(self.trainable) if is_auto else self.learning_rate
        labelled = samples.labelled
        self.languages_ = sorted(set(samples.language[labelled]))
        self.target_languages_ = model.target_languages
        learnt = set(target_language[labelled])
        self._forgotten_languages = [name for name in self.target_languages_ if name not in learnt]
        self.sample_counts_ = count_samples(samples)
        self.net_, self.history_ = train_model(
            self, model, samples.take(labelled), target_language[labelled], execution, rng
        )

    def _suspect_translations(self, samples: Samples, target_language: np.ndarray) -> None:
        """Warn of translations that look like a mistake, or refuse them."""
        labelled = samples.take(samples.labelled)
        assert labelled.y is not None
        check_is_language(self.target_language, target_language[samples.labelled], labelled.y)
        suspect_names(self, target_language, target_language)
        if labelled.texts is not None:
            is_same = labelled.language == target_language[samples.labelled]
            suspect_translations(self, labelled.texts, labelled.y, is_same)
