"""TransferClassifier: a target-language model from a source-language model."""

from __future__ import annotations

import copy
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.batches import EncodedSamples, StepIterator
from metaling_sk._data.holdout import split_validation
from metaling_sk._data.samples import Samples, check_samples, check_two_classes, with_classes
from metaling_sk._network.classifier import ClassifierNetwork
from metaling_sk._network.estimator import LanguageClassifier
from metaling_sk._network.training import SkorchNet, history_frame, new_net, train
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded
from metaling_sk.base import check_number
from metaling_sk.preprocessing._dictionary_translator import DictionaryTranslator, fit_translator
from metaling_sk.transfer._language_roles import find_language_roles
from metaling_sk.transfer._linear import LinearTransferClassifier
from metaling_sk.transfer._objective import ALIGNING, TERMS, TransferObjective, trained
from metaling_sk.transfer._self_training import find_topics, pseudo_labels, round_shares
from metaling_sk.transfer._source_models import fit_teacher, is_fitted, teach
from metaling_sk.transfer._training_set import TrainingSet, find_lack

N_HIDDEN = 128
"""Units of the layer that the aligning terms act on, where the encoder is frozen."""

SELF_TRAINING_ROUNDS = 6
"""What self_training="auto" means for source="linear"; nets do not self-train unless asked to."""


class TransferClassifier(LanguageClassifier):
    """Turn a source-language model into a target-language model.

    1. A source model :math:`f_s` is trained on the labelled rows of `source_languages`, or taken
       from `source`.
    2. The target model :math:`f_t` minimises

       .. math:: \\frac{1}{|D_s|} \\sum_{x, y \\in D_s} L(f_t(x), y) + \\lambda \\sum_k R_k(f_t)

       with the cross-entropy :math:`L`, :math:`\\lambda` = `transfer_weight` and the terms
       :math:`R_k` named in `transfer`. It starts from the weights of :math:`f_s`, where that is a
       network.
    3. `predict` uses :math:`f_t` for every language.

    Each training step takes `batch_size` rows of every kind that the objective needs (labelled
    source rows, labelled target rows, target text), and estimates every mean from these. The
    terms: "distill" [1]_, "coral" [2]_, "mmd" [3]_, "adversarial" [4]_, "l2sp" [5]_,
    "code_switch" [6]_.

    ===============  ===========================================  ==========================
    term             :math:`R`                                    needs
    ===============  ===========================================  ==========================
    "labels"         :math:`n / (n + 256)` times the              n labelled target rows
                     cross-entropy: few rows say little
    "distill"        KL from the source model's predictions,      target rows
                     both softened by `temperature`
    "coral"          distance of the covariances                  source and target rows
    "mmd"            maximum mean discrepancy                     source and target rows
    "adversarial"    language discriminator, gradient reversed    source and target rows
    "l2sp"           half the squared distance from the source    a network as source
                     weights
    "code_switch"    cross-entropy on source text with half of    `dictionary`, source text
                     its known words replaced
    ===============  ===========================================  ==========================

    Parameters
    ----------
    source_languages, target_languages : str or list of str, default=None
        Rows in other languages are not learnt from. Targets default to all languages but the
        sources or, where both are None, to those with unlabelled rows; sources default to all
        languages but the targets.
    source : "linear", estimator or None, default=None
        None trains a source network first. "linear" is a `LinearTransferClassifier` with
        `dictionary` and `self_training`, fitted on all rows. A fitted `TransferClassifier` gives
        its encoder and weights to start from, a `MetaNetClassifier` those of its meta-model
        (`encoder`, `pooling`, `layer` and `max_length` are then not used). Any other sklearn
        classifier with `predict_proba` is fitted on the labelled source rows, translated where
        `dictionary` is given, unless it is fitted already; it takes an array of texts or, where it
        has the parameter `language_column`, a DataFrame. Wrap an estimator of this package in
        `FrozenEstimator` to use it in that way.
    transfer : "auto", str or list of str, default="auto"
        The terms. "auto" is "labels", where there are labelled target rows, and "distill", where
        `source` is a classifier to learn from and there are target rows. Without terms the
        source model predicts for all languages (zero-shot).
    transfer_weight : float, default=1.0
        :math:`\\lambda`.
    temperature : float, default=1.0
        Of "distill".
    dictionary : mapping of str to iterable of str, or path, default=None
        Source words to their candidates in the one target language; see `DictionaryTranslator`.
    self_training : int or "auto", default="auto"
        Rounds of self-training on unlabelled target rows: of the linear model for
        source="linear" ("auto": 6 on texts, none on numbers), otherwise of the target network
        ("auto": none), which then starts anew in each round with its surest predictions as
        labels.
    n_topics : int, default=3
        Topics among the unlabelled target rows; pseudo-labels are drawn from each. About the
        number of domains (products, genres) that the text comes from; 1 to ignore topics, where
        they go with the classes. See `LinearTransferClassifier`.
    encoder : str, path, config, (module, tokenizer) or sklearn transformer, default="scratch"
        A folder, .gguf file or hub name of a transformers model; "scratch" or a transformers
        config for random weights and a tokenizer trained on the texts; a module and its
        tokenizer; an sklearn transformer of texts, fitted on all texts. Ignored for numeric X.
    trainable : {"all", "head", "lora", "adapter"}, default="all"
        What of the encoder is trained: all; nothing, so that texts are encoded once ("head");
        low-rank updates of its linear layers [7]_ ("lora"; extra `peft`); or a small network on
        each layer [8]_ ("adapter"). The last two are for pretrained encoders; their weights stay
        as they are. A `source` that is a network may have been fitted with another value, but
        "head" goes with "head" only. Ignored where there is no Transformer.
    pooling : {"mean", "cls", "last"}, default="mean"
        How token vectors become one vector.
    layer : int or float, default=-1
        Hidden layer: -1 for the last, 0.5 for that at half the depth.
    language_norm : bool, default=True
        Treat each language by the statistics of its own rows, labelled or not, where there is
        more than one: features and the vectors of a frozen encoder are centred and scaled, those
        of a trained one are centred by running means. Languages not seen take the statistics of
        all rows; see `register_language`.
    max_length : int, default=128
        Tokens per text.
    learning_rate : float or "auto", default="auto"
        Peak of AdamW's learning rate. "auto" is 5e-5 for pretrained encoder weights and 2e-3 for
        random ones: also for heads, and for what "lora" and "adapter" add; on features and frozen
        encoders it is 0.05 divided by the mean 1-norm of the rows, so that a step changes a logit
        by about 0.05.
    batch_size : int, default=32
        Rows of each kind per step; fewer where an epoch would have less than 10 steps.
    max_epochs : int, default=10
        An epoch passes once over the most frequent kind of rows.
    weight_decay : float, default=0.01
        Decoupled weight decay of matrices.
    warmup : float, default=0.1
        Share of the steps in which the learning rate grows; afterwards it falls to 0.
    validation_fraction : float, default=0.1
        Share of each language and class that is held out to find the best epoch, by the terms
        on target rows where there are any, else by the source loss; none where that would be
        fewer than 10 rows, or for 0.
    patience : int, default=3
        Epochs without a better validation loss after which training stops.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the cross-entropy.
    device : str, default="auto"
        "auto" is a GPU where there is one.
    dtype : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the encoder's computations; "auto" is bfloat16 where the hardware has it.
    callbacks : list of skorch callbacks or of (name, callback), default=None
        Called in every stage, after our own.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 nothing.
    random_state : int, RandomState instance or None, default=None
    warm_start : bool, default=False
        Start from the weights of the last fit.
    text_column, language_column : str, default="text", "language"
        Columns of a DataFrame X.
    missing_label : object, default=None
        The value of y in rows without a label, besides NaN and None.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    source_languages_, target_languages_, languages_ : list of str
    source_model_ : estimator
        The source model.
    transfer_ : list of str
        The terms used.
    learning_rate_ : float
        The peak learning rate of the head.
    net_ : skorch.NeuralNet
        The target model.
    history_ : DataFrame
        A row per epoch: `stage`, `epoch`, `train_loss`, `valid_loss`, and the mean of the source
        loss and of each term.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, for DataFrames

    See Also
    --------
    metaling_sk.linear.LinearTransferClassifier : The linear recipe alone.

    References
    ----------
    .. [1] Hinton et al. (2015). Distilling the knowledge in a neural network. arXiv:1503.02531.
    .. [2] Sun & Saenko (2016). Deep CORAL. ECCV Workshops.
    .. [3] Gretton et al. (2012). A kernel two-sample test. JMLR.
    .. [4] Ganin et al. (2016). Domain-adversarial training of neural networks. JMLR.
    .. [5] Li et al. (2018). Explicit inductive bias for transfer learning with convolutional
       networks. ICML.
    .. [6] Qin et al. (2020). CoSDA-ML. IJCAI.
    .. [7] Hu et al. (2022). LoRA: low-rank adaptation of large language models. ICLR.
    .. [8] Houlsby et al. (2019). Parameter-efficient transfer learning for NLP. ICML.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk import TransferClassifier
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "酒店不错", "酒店糟糕"],
    ...     "language": ["en", "en", "zh", "zh"],
    ... })
    >>> y = ["positive", "negative", None, None]
    >>> dictionary = {"good": ["不错"], "bad": ["糟糕"], "hotel": ["酒店"]}
    >>> clf = TransferClassifier(source="linear", dictionary=dictionary, random_state=0)
    >>> clf.fit(X, y).predict(X[2:]).tolist()
    ['positive', 'negative']
    """

    def __init__(
        self,
        source_languages=None,
        target_languages=None,
        source=None,
        transfer="auto",
        transfer_weight=1.0,
        temperature=1.0,
        dictionary=None,
        self_training="auto",
        n_topics=3,
        encoder="scratch",
        trainable="all",
        pooling="mean",
        layer=-1,
        language_norm=True,
        max_length=128,
        learning_rate="auto",
        batch_size=32,
        max_epochs=10,
        weight_decay=0.01,
        warmup=0.1,
        validation_fraction=0.1,
        patience=3,
        class_weight=None,
        device="auto",
        dtype="auto",
        callbacks=None,
        verbose=1,
        random_state=None,
        warm_start=False,
        text_column="text",
        language_column="language",
        missing_label=None,
    ):
        self.source_languages = source_languages
        self.target_languages = target_languages
        self.source = source
        self.transfer = transfer
        self.transfer_weight = transfer_weight
        self.temperature = temperature
        self.dictionary = dictionary
        self.self_training = self_training
        self.n_topics = n_topics
        self.encoder = encoder
        self.trainable = trainable
        self.pooling = pooling
        self.layer = layer
        self.language_norm = language_norm
        self.max_length = max_length
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.class_weight = class_weight
        self.device = device
        self.dtype = dtype
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state
        self.warm_start = warm_start
        self.text_column = text_column
        self.language_column = language_column
        self.missing_label = missing_label

    def fit(self, X, y, language=None) -> TransferClassifier:
        """Fit the source model and the target model.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            n_samples texts, or numbers of shape (n_samples, n_features).
        y : array-like of shape (n_samples,)
            NaN, None or `missing_label` where a row has no label.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y, `language` or a parameter is not as described above, if a term in `transfer`
            has nothing to work on, or if the loss becomes NaN.
        MemoryError
            If the memory of the GPU does not suffice.
        """
        self._check_parameters()
        start = self._start()
        samples = check_samples(self, X, y, language, reset=True)
        self._random_state = check_random_state(self.random_state)
        with seeded(self._random_state) as rng, Progress(self.verbose, "transfer") as progress:
            task = self._prepare(samples, start, rng, progress)
            self._fit_network(task, rng, progress)
        return self

    def partial_fit(
        self, X, y, classes=None, language=None, n_epochs=1, planned_epochs=None
    ) -> TransferClassifier:
        """Train for one or more further epochs on the given rows.

        The first call prepares encoder, vocabulary, statistics of the languages and source
        classifier from its rows; a network as source is not trained first. Every call minimises
        the objective on the rows given, without validation and self-training of the network.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            n_samples texts, or numbers of shape (n_samples, n_features).
        y : array-like of shape (n_samples,)
            NaN, None or `missing_label` where a row has no label.
        classes : array-like of shape (n_classes,), default=None
            All classes; needed in the first call where its rows do not have all of them.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.
        n_epochs : int, default=1
            Epochs to add.
        planned_epochs : int, default=None
            How many epochs all calls are meant to train. The learning rate then grows in the first
            `warmup` of the first epoch, stays for a third of these epochs and falls to 0 in the
            rest; without a plan it stays what it is.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As in `fit`, if more epochs are asked for than planned, if "distill" has no classifier
            as `source`, if no row can be learnt from, or if the estimator has been loaded from a
            folder.
        """
        self._check_parameters()
        first = not hasattr(self, "net_")
        n_done = 0 if first else len(self.net_.history)
        if isinstance(n_epochs, bool) or not isinstance(n_epochs, Integral) or n_epochs < 1:
            raise ValueError(f"`n_epochs` must be a whole number of at least 1, got {n_epochs!r}.")
        if planned_epochs is not None and n_done + n_epochs > planned_epochs:
            raise ValueError(
                f"`planned_epochs` is {planned_epochs}, but {n_epochs} more epochs after {n_done} "
                f"are {n_done + n_epochs}."
            )
        if not first and not hasattr(self, "translator_"):
            raise ValueError(
                "partial_fit cannot go on with a loaded estimator, which has no source model and "
                "no state of the optimiser; pass it as `source` of a new one."
            )
        if "distill" in self._terms_asked_for() and not self._has_teacher():
            raise ValueError(
                "`transfer`: 'distill' needs a classifier as `source` in partial_fit, which trains "
                "no source network; sklearn.frozen.FrozenEstimator makes one of a fitted network."
            )
        samples = check_samples(self, X, y, language, reset=first, needs_y=True)
        if first:
            # Later calls go on drawing: with the same dropout in every epoch nothing is learnt.
            self._random_state = check_random_state(self.random_state)
        with Progress(self.verbose, "transfer") as progress:
            if first:
                classes = None if classes is None else np.unique(classes)
                with seeded(self._random_state) as rng:
                    task = self._prepare(samples, self._start(), rng, progress, classes)
                    self.net_ = self._new_net(self._first_module(task), task, self.transfer_)
            else:
                task = self._prepare_more(with_classes(samples, self.classes_), progress)
            streams = task.streams(self.transfer_)
            if not any(len(rows) for name, rows in streams.items() if name != "target") and (
                "distill" not in self.transfer_
            ):
                raise ValueError("partial_fit: X has no row that the objective can learn from.")
            for _ in range(n_epochs):
                # Each epoch draws anew, so that two calls do what one of two epochs does.
                with seeded(self._random_state) as rng:
                    steps = StepIterator(streams, self.batch_size, rng)
                    train(
                        self.net_,
                        steps,
                        None,
                        progress,
                        "partial_fit",
                        one_more=True,
                        planned_epochs=planned_epochs,
                    )
            epochs = history_frame({"partial_fit": self.net_}).tail(n_epochs)
            self.history_ = (
                epochs if first else pd.concat([self.history_, epochs], ignore_index=True)
            )
        return self

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number(self, "transfer_weight", Real, 0)
        check_number(self, "temperature", Real, 0)
        if self.temperature == 0:
            raise ValueError("`temperature` must be greater than 0, got 0.")
        check_number(self, "n_topics", Integral, 1)
        if self.self_training != "auto":
            check_number(self, "self_training", Integral, 0)
        if unknown := sorted(set(self._terms_asked_for()) - set(TERMS)):
            raise ValueError(f"`transfer` must be 'auto' or some of {list(TERMS)}, got {unknown}.")
        if isinstance(self.source, str) and self.source != "linear":
            raise ValueError(
                f"`source` must be None, 'linear' or a classifier, got {self.source!r}."
            )

    def _terms_asked_for(self) -> list[str]:
        if self.transfer is None or isinstance(self.transfer, str):
            return [] if self.transfer in (None, "auto") else [self.transfer]
        if isinstance(self.transfer, (list, tuple)):
            return list(self.transfer)
        raise ValueError(
            f"`transfer` must be 'auto', a term or a list of terms, got {self.transfer!r}."
        )

    def _start(self) -> LanguageClassifier | None:
        """The fitted estimator whose network is the start, if any."""
        if isinstance(self.source, LanguageClassifier):
            check_is_fitted(self.source)
            return self.source
        return copy.copy(self) if self.warm_start and hasattr(self, "net_") else None

    def _has_teacher(self) -> bool:
        return self.source is not None and not isinstance(self.source, LanguageClassifier)

    def _prepare(
        self, samples: Samples, start, rng, progress: Progress, classes=None
    ) -> TrainingSet:
        """Everything up to the first training step; sets all fitted attributes but the net."""
        first_module = None if start is None else start._module_to_start_from()
        self.source_languages_, self.target_languages_ = find_language_roles(
            samples, self.source_languages, self.target_languages
        )
        samples = samples.take(
            np.isin(samples.language, self.source_languages_ + self.target_languages_)
        )
        if start is None:
            # A fit that is interrupted leaves no network that does not fit the rest.
            vars(self).pop("net_", None)
        if start is not None:
            classes = start.classes_
        elif classes is None:
            check_two_classes(samples, self)
            if self.source_languages_ and not is_fitted(self.source):
                self._check_source_labels(samples)
            classes = samples.classes[np.unique(samples.y[samples.labelled])]
        samples = with_classes(samples, classes)
        self.classes_ = samples.classes
        is_target = np.isin(samples.language, self.target_languages_)
        if not self.source_languages_:
            # Nothing is left to be a source: the labels there are train the model.
            is_target &= ~samples.labelled
        self.transfer_ = self._find_terms(samples, is_target, first_module)
        if self._has_teacher():
            self.source_model_ = self._fit_teacher(samples, is_target, rng, progress)
        if start is None:
            self._fit_encoder(samples)
        else:
            self._take_encoder(start, samples)
        inputs = self._inputs(samples, progress)
        self._fit_language_norm(inputs, samples.language)
        if start is not None:
            self._take_language_norm(start, inputs, samples.language)
        self.translator_ = self._fit_translator(samples, rng)
        return self._task(samples, inputs, is_target, progress, start, first_module)

    def _prepare_more(self, samples: Samples, progress: Progress) -> TrainingSet:
        """The rows of a further `partial_fit`."""
        languages = self.source_languages_ + self.target_languages_
        samples = samples.take(np.isin(samples.language, languages))
        if not len(samples):
            raise ValueError(f"partial_fit: X has no row in the languages {languages}.")
        is_target = np.isin(samples.language, self.target_languages_)
        return self._task(samples, self._inputs(samples, progress), is_target, progress)

    def _task(
        self, samples, inputs, is_target, progress, start=None, first_module=None
    ) -> TrainingSet:
        rows = self._rows(inputs, samples.language).with_labels(samples.y)
        if not hasattr(self, "net_") or start is not None:
            self.learning_rate_ = self._find_learning_rate(rows)
        task = TrainingSet(samples, rows, is_target, start, first_module)
        if "distill" in self.transfer_ and self._has_teacher():
            task.teacher = np.zeros((len(samples), len(self.classes_)))
            target = samples.take(is_target)
            task.teacher[is_target] = teach(self.source_model_, target, self.classes_)
        if "code_switch" in self.transfer_:
            source = samples.take(~is_target & samples.labelled)
            texts = self.translator_.code_switch(source.texts, language=source.language)
            switched = self._inputs(replace(source, texts=texts), progress)
            task.switched = self._rows(switched, source.language).with_labels(source.y)
        return task

    def _find_terms(self, samples: Samples, is_target, first_module) -> list[str]:
        """R, after a check that every term has something to work on."""
        if self.transfer == "auto":
            has_labels = (samples.labelled & is_target).any()
            can_distill = self._has_teacher() and is_target.any()
            return ["labels"] * bool(has_labels) + ["distill"] * bool(can_distill)
        terms = self._terms_asked_for()
        for term in terms:
            lack = find_lack(
                term,
                samples,
                is_target,
                has_teacher=self._has_teacher(),
                has_dictionary=self.dictionary is not None,
                can_align=first_module is None or not first_module.is_linear,
            )
            if lack is not None:
                raise ValueError(
                    f"`transfer`: {term!r} needs {lack}. The source languages are "
                    f"{self.source_languages_}, the target languages {self.target_languages_}."
                )
        return terms

    def _check_source_labels(self, samples: Samples) -> None:
        if not np.isin(samples.language[samples.labelled], self.source_languages_).any():
            raise ValueError(
                f"No row in the source languages {self.source_languages_} has a label; label some "
                "of their rows, or name other languages in `source_languages`."
            )

    def _fit_teacher(self, samples: Samples, is_target, rng, progress):
        progress.start("source model", 1, "fit")
        if isinstance(self.source, str):
            rounds = self.self_training
            if rounds == "auto":
                rounds = SELF_TRAINING_ROUNDS if samples.is_text else 0
            teacher = LinearTransferClassifier(
                source_languages=self.source_languages_,
                target_languages=self.target_languages_,
                dictionary=self.dictionary,
                self_training=rounds,
                n_topics=self.n_topics,
                class_weight=self.class_weight,
                random_state=rng.randint(2**31),
            )
            y = samples.classes[samples.y].astype(object)
            y[~samples.labelled] = None
            X = samples.texts if samples.is_text else samples.features
            teacher.fit(X, y, language=samples.language)
        else:
            source = samples.take(~is_target & samples.labelled)
            translator = self._fit_translator(samples, rng)
            teacher = fit_teacher(self.source, source, translator)
        progress.advance()
        return teacher

    def _fit_translator(self, samples: Samples, rng) -> DictionaryTranslator | None:
        if self.dictionary is None or not samples.is_text:
            return None
        return fit_translator(self.dictionary, samples, self.target_languages_, rng)

    def _take_encoder(self, start: LanguageClassifier, samples: Samples) -> None:
        """The encoder of the estimator to start from."""
        kinds = {True: "texts", False: "numeric features"}
        started_on_text = start.text_encoder_ is not None or start.vectorizer_ is not None
        if started_on_text != samples.is_text:
            raise ValueError(
                f"`source` was fitted on {kinds[started_on_text]}, but X holds "
                f"{kinds[samples.is_text]}; both must be of one kind."
            )
        if not samples.is_text and samples.features.shape[1] != start.n_features_in_:
            raise ValueError(
                f"`source` was fitted on {start.n_features_in_} features, but X has "
                f"{samples.features.shape[1]}."
            )
        is_frozen = start._is_frozen()
        if start.text_encoder_ is not None and is_frozen != (self.trainable == "head"):
            raise ValueError(
                "`trainable`: the encoder to start from is "
                + ("frozen; use 'head'" if is_frozen else "trained; use 'all', 'lora' or 'adapter'")
                + f" here, got {self.trainable!r}."
            )
        self.vectorizer_ = start.vectorizer_
        self.text_encoder_ = start.text_encoder_

    def _first_module(self, task: TrainingSet) -> ClassifierNetwork:
        """The network before training."""
        if task.start is None:
            aligning = set(self.transfer_) & set(ALIGNING)
            frozen = self.statistics_ is not None
            return self._new_module(task.rows.inputs, N_HIDDEN if aligning and frozen else 0)
        module = task.first_module
        module.grow(len(self.languages_))
        if self.statistics_ is None:
            self._set_trainable(module.encoder)
        self._use_encoder(module)
        return module

    def _use_encoder(self, module: ClassifierNetwork) -> None:
        if self.statistics_ is None:
            self.text_encoder_ = module.encoder

    def _new_net(self, module: ClassifierNetwork, task: TrainingSet, terms) -> SkorchNet:
        labelled = task.samples.y[task.samples.labelled]
        objective = TransferObjective(
            terms,
            self.transfer_weight,
            self.temperature,
            self._class_weights(labelled),
            module.head.in_features,
            [weight.detach().clone() for weight in trained(module)] if "l2sp" in terms else (),
        )
        return new_net(module, objective, self._settings())

    def _fit_network(self, task: TrainingSet, rng, progress: Progress) -> None:
        held_out = split_validation(task.samples, self.validation_fraction, rng)
        nets = {}

        def train_stage(
            stage: str, module: ClassifierNetwork, terms, task: TrainingSet
        ) -> SkorchNet:
            steps = StepIterator(task.streams(terms, ~held_out), self.batch_size, rng)
            judging_terms = terms if self.transfer_weight else ()
            valid_steps = StepIterator(
                task.judging_streams(judging_terms, held_out), self.batch_size
            )
            net = self._new_net(module, task, terms)
            nets[stage] = train(net, steps, valid_steps, progress, stage)
            return net

        module = self._first_module(task)
        source_net = None if task.start is None else task.start.net_
        if source_net is None and not self._has_teacher():
            source_net = train_stage("source", module, (), task)
            module = copy.deepcopy(module)
        if task.teacher is None and "distill" in self.transfer_:
            task.teacher = self._probabilities_of(module, task.rows, progress)
        pool = np.flatnonzero(task.is_target & ~task.samples.labelled)
        n_rounds = self._n_rounds() if len(pool) else 0
        first_weights = copy.deepcopy(module.state_dict()) if n_rounds else None
        if self.transfer_ or "source" not in nets:
            self.net_ = train_stage("target", module, self.transfer_, task)
        else:
            self.net_ = source_net
        topics = find_topics(task.samples.take(pool), self.n_topics, rng) if n_rounds else None
        for number, share in enumerate(round_shares(n_rounds), start=1):
            labelled = self._with_pseudo_labels(task, pool, topics, share, progress)
            module = copy.deepcopy(module)
            module.load_state_dict(first_weights)
            terms = list(dict.fromkeys([*self.transfer_, "labels"]))
            self.net_ = train_stage(f"self-training {number}", module, terms, labelled)
        self._use_encoder(self.net_.module_)
        self.history_ = history_frame(nets)
        if source_net is not None and not (task.start is not None and self.source is None):
            self.source_model_ = self._around(source_net) if self.source is None else self.source

    def _n_rounds(self) -> int:
        """Rounds of self-training of the network."""
        linear = isinstance(self.source, str)
        return 0 if linear or self.self_training == "auto" else self.self_training

    def _with_pseudo_labels(
        self, task, pool, topics, share: float, progress: Progress
    ) -> TrainingSet:
        """The task with the surest predictions in the pool as labels."""
        y = task.samples.y.copy()
        probabilities = self._probabilities_of(self.net_.module_, task.rows.take(pool), progress)
        priors = np.bincount(y[task.samples.labelled], minlength=len(self.classes_))
        rows, labels = pseudo_labels(probabilities, topics, share * priors / priors.sum())
        y[pool[rows]] = labels
        return task.with_labels(y)

    def _probabilities_of(
        self, module: ClassifierNetwork, rows: EncodedSamples, progress: Progress
    ) -> np.ndarray:
        return softmax(self._predict(module, rows, progress)[0], axis=1)

    def _around(self, net: SkorchNet) -> TransferClassifier:
        """This estimator with another network."""
        model = copy.copy(self)
        vars(model).pop("source_model_", None)
        model.net_ = net
        model._use_encoder(net.module_)
        return model
