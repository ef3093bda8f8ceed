"""TransferClassifier: a target-language model from a source-language model."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np

from metaling_sk._data.samples import Samples, check_two_classes
from metaling_sk._network.network_classifier import NetworkClassifier
from metaling_sk._network.outputs.classes import Classes
from metaling_sk._network.outputs.indicators import Indicators
from metaling_sk._utils.parameters import Number, common_constraints
from metaling_sk._utils.sklearn_compat import HasMethods, StrOptions, fit_context
from metaling_sk.transfer._fitting import TransferFitting
from metaling_sk.transfer._linear_source import LinearSource, takes_recipe
from metaling_sk.transfer._source_models import SourceModel, choose_source


class TransferClassifier(NetworkClassifier, TransferFitting):
    """Turn a source-language model into a target-language model.

    1. A source model :math:`f_s` is trained on the labelled samples of `source_languages`, or taken
       from `source`.
    2. The target model :math:`f_t` minimises

       .. math:: \\frac{1}{|D_s|} \\sum_{x, y \\in D_s} L(f_t(x), y) + \\lambda \\sum_k R_k(f_t)
          + \\frac{\\gamma}{2} \\|W - W_0\\|^2

       with the cross-entropy :math:`L`, :math:`\\lambda` = `transfer_weight`, the terms
       :math:`R_k` named in `transfer` and the weights :math:`W` of the head, see `head_penalty`. It
       starts from the weights of :math:`f_s`, where that is a network.
    3. `predict` uses :math:`f_t` for every language.

    y is the class of each sample. For several labels it is a matrix with a column of 0 and 1 for
    each label, and :math:`L` is the binary cross-entropy, the mean of all labels that are known;
    NaN stands for one that is not.

    Each training step takes `batch_size` samples of every kind that the objective needs (labelled
    source samples, labelled target samples, target text), and estimates every mean from these. The
    terms: "distill" [1]_, "coral" [2]_, "mmd" [3]_, "adversarial" [4]_, "l2sp" [5]_,
    "code_switch" [6]_.

    ===============  ===========================================  ==========================
    term             :math:`R`                                    needs
    ===============  ===========================================  ==========================
    "labels"         :math:`n / (n + 256)` times the              n labelled target samples
                     cross-entropy: few labels say little
    "distill"        KL from the source model's predictions,      target samples
                     both softened by `temperature`
    "coral"          distance of the covariances                  source and target samples
    "mmd"            maximum mean discrepancy                     source and target samples
    "adversarial"    language discriminator, gradient reversed    source and target samples
    "l2sp"           half the squared distance from the source    a network as source
                     weights
    "code_switch"    cross-entropy on source text with half of    `dictionary`, source text
                     its known words replaced
    ===============  ===========================================  ==========================

    Parameters
    ----------
    Languages and transfer

    source_languages : str or list of str, default=None
        Languages that the labels come from. None stands for all languages but the targets.
        Samples in languages that are neither source nor target are not learnt from.
    target_languages : str or list of str, default=None
        Languages that the model is for. None stands for all languages but the sources or, where
        both are None, for those with unlabelled samples.
    source : "auto", "linear", estimator or None, default="auto"
        The source model.

        - "auto": "linear" where a Transformer with random weights is trained on texts in several
          languages, with a `dictionary`, transfer="auto" and one class for each sample; else None.
        - None: a source network is trained first.
        - ``"linear"``: a `LinearTransferClassifier` with `dictionary` and `self_training`, fitted
          on all samples.
        - A fitted `TransferClassifier` or `MetaNetClassifier`: the target model starts from its
          network or its meta-model. `encoder`, `pooling`, `layer`, `prompt` and `max_length` are
          not used. It may have been fitted with another `trainable`, but "head" goes with "head"
          only.
        - Any other sklearn classifier with `predict_proba`; for several labels such a one as
          `OneVsRestClassifier`. If it is not fitted, a clone is fitted on the labelled source
          samples, translated where `dictionary` is given. It takes an array of texts or, where it
          has the parameter `language_column`, a DataFrame. Wrap an estimator of this package in a
          `Pipeline` to learn from its predictions instead of its weights.
        - Any of these fitted estimators in a `FrozenEstimator`. It is used in the same way, and
          stays fitted in cross-validation and searches, which clone it.
    transfer : "auto", str or list of str, default="auto"
        The terms. "auto" is "labels", where there are labelled target samples, and "distill",
        where `source` is a classifier to learn from and there are target samples. Without terms
        the source model predicts for all languages (zero-shot).
    transfer_weight : float, default=1.0
        :math:`\\lambda`.
    temperature : float, default=1.0
        Temperature of "distill".
    dictionary : mapping of str to iterable of str, or path, default=None
        Source words with their candidates in the one target language; see
        `DictionaryTranslator`.
    self_training : int or "auto", default="auto"
        Rounds of self-training on unlabelled target samples. For source="linear" it is the linear
        model that trains itself ("auto": 6 rounds on texts, none on numbers). Otherwise it is the
        target network, which starts anew in each round with its surest predictions as labels
        ("auto": 3 rounds where the head of a frozen encoder is solved for, else none).
    n_topics : int, default=3
        Number of topics among the unlabelled target samples; pseudo-labels are drawn from each.
        About the number of domains (products, genres) that the text comes from is a good choice.
        1 ignores topics, which is right where they go with the classes.
    class_descriptions : dict of label to str or list of str, default=None
        What each class is about, in words: ``{"sport": "sport, athletes and matches", ...}``. A
        class may have several texts. The head of a new network starts at the vectors of the
        descriptions, so that the class with the nearest one wins; labels train it from there. Then
        y may have no label at all, or none of some classes. It takes an `encoder` that knows what
        words mean, such as a sentence encoder.

    Encoder

    encoder : str, path, config, (module, tokenizer) or estimator, default="scratch"
        The Transformer that encodes the texts, or another transformer of texts. It is ignored
        for numeric X.

        - ``"scratch"``: a small Transformer with random weights and a tokenizer that is trained
          on the texts of `fit`.
        - A folder, a .gguf file or a hub name of a `transformers` model.
        - A `transformers` config: random weights, and a tokenizer as for ``"scratch"``.
        - A module and its tokenizer.
        - A fitted estimator of this package: its encoder.
        - Any other sklearn transformer of texts, or a union of them: it is fitted on all texts.
          It gets pairs of texts as a DataFrame of two columns.

        For images: ``"scratch"``, a small Vision Transformer; a folder or hub name of a model of
        images; a config; a module and its image processor; a fitted estimator of images.
        For recordings: ``"scratch"``, a small Conformer on a log-mel spectrogram; a folder or hub
        name of a model of audio; a config; a module and its feature extractor; a fitted estimator
        of recordings.

        In a `FrozenEstimator` a fitted estimator or transformer stays as it is, also in
        cross-validation and searches, which clone it.
    trainable : {"all", "head", "lora", "adapter"} or float, default="all"
        The part of a Transformer that is trained.

        - ``"all"``: all weights.
        - A share between 0 and 1: so much of the layers, from the highest one. What is below them
          stays as it is.
        - ``"head"``: none. Each text is encoded once.
        - ``"lora"``: low-rank updates of the linear layers (extra `peft`). The weights of the
          encoder stay as they are.
        - ``"adapter"``: a small network on top of each layer. The weights of the encoder stay as
          they are.
    pooling : {"auto", "mean", "cls", "last"}, default="auto"
        How the vectors of the tokens become one vector: their mean, the first or the last one.
        "auto" is what the files of sentence-transformers in the encoder's folder say, with the
        Dense modules that they name if `layer` is the last one; otherwise "mean".
        For images it is what the model pools itself, if it does, otherwise "mean".
    layer : int or float, default=-1
        The hidden layer that is pooled. -1 is the last layer, 0.5 the layer at half the depth.
        Layers above it are not computed.
    language_norm : bool, default=True
        Whether each language is treated by the statistics of its own samples, labelled or not.
        Features and the vectors of a frozen encoder are centred and scaled. The vectors of a
        trained encoder are centred by running means, where there is more than one language.
        Languages that `fit` has not seen take the statistics of all samples; see
        `register_language`.
    prompt : str, default="auto"
        Text that is put before every text, and before the first one of a pair, such as "query: ".
        "auto" is the default prompt in the files of sentence-transformers in the encoder's folder;
        otherwise none.
    max_length : int, default=128
        Number of tokens after which a text is truncated, those of the prompt among them.

    Training

    learning_rate : float or "auto", default="auto"
        Peak of the learning rate of AdamW. "auto" is 2e-5 for pretrained weights and 2e-3 for
        random ones, which includes heads, low-rank updates and adapters. On fixed features it
        depends on their size; see the notes.
    batch_size : int, default=32
        Number of samples of each kind in a step. It is smaller where an epoch would have fewer
        than 10 steps.
    gradient_accumulation_steps : int, default=1
        Number of batches whose gradients are summed to one step, which needs the memory of one
        batch. A step then takes so many times `batch_size` samples of each kind.
    max_epochs : int or "auto", default="auto"
        Largest number of epochs. An epoch passes once over the most frequent kind of samples.
        "auto" is 10, fewer where a trained encoder would take more than 5,000 steps, and more where
        a head on fixed inputs would take fewer than 500.
    weight_decay : float, default=0.01
        Decoupled weight decay of matrices.
    head_penalty : float or "auto", default="auto"
        :math:`\\gamma`, the L2 penalty of the weights of the head. :math:`W_0` is what they are
        before the fit: 0, or what `class_descriptions` or a fitted `source` say; with `warm_start`
        before the first one. "auto" is 1/400 of the mean squared norm of a sample, about 1 for 400
        standardised columns, on numbers, n-grams and the vectors of a frozen encoder, unless a term
        aligns them; else 0. In one language, and on sparse samples such as n-grams, it is 30 / n of
        that with n labels, if n is more than 30. It is up to 10 times as much where there are
        descriptions and few labels, and for several labels of a row it is 0.07 times as much,
        divided by their number, in one language, too. See the notes.
    warmup : float, default=0.1
        Share of the steps in which the learning rate grows. Afterwards it falls to 0.
    validation_fraction : float, default=0.1
        Share of each language and class that is held out to find the best epoch. Nothing is held
        out for 0, or where it would be fewer than 10 samples.
    patience : int, default=3
        Number of epochs without a better validation loss after which training stops.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes in the cross-entropy; only their ratios count. For several labels, a
        dict with the weights of 0 and 1 for each, as sklearn takes them.
    device : str, default="auto"
        Device of the computations. "auto" is a GPU where there is one.
    dtype : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the encoder's computations. "auto" is bfloat16 where the hardware has it.
    compile : bool, default=False
        Whether the layers of a Transformer are compiled by `torch.compile` for training.
    gradient_checkpointing : bool, default=False
        Whether a Transformer keeps only the inputs of its layers for backward, and computes the
        layers a second time there. It takes less memory and more time.
    n_threads : int, default=None
        Number of threads of torch on a CPU. None is 1 for a small network, else what torch is set
        to, and no more than the cores that the process may use.
    callbacks : list of skorch callbacks or of (name, callback), default=None
        Callbacks of the training, called after our own.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 shows nothing.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, batches and draws.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last fit.

    Data

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
    missing_label : object, default=None
        The value of y in samples without a label, besides NaN and None.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels. Of several labels, the positions of their columns.
    label_names_ : ndarray of shape (n_labels,), or None
        The names of the columns of y, or their positions, for several labels; else None.
    source_languages_, target_languages_, languages_ : list of str
        The source languages, the target languages, and all that the network knows.
    source_model_ : estimator
        The source model.
    transfer_ : list of str
        The terms used.
    learning_rate_ : float
        The peak learning rate of the head.
    head_penalty_ : float
        The L2 penalty of the head.
    net_ : skorch.NeuralNet
        The target model.
    history_ : DataFrame
        A row per epoch: `stage`, `epoch`, `train_loss`, `valid_loss`, and the mean of the source
        loss and of each term.
    sample_counts_ : DataFrame of shape (n_languages, 2)
        The number of samples of each language that `fit` was given, `labelled` and `unlabelled`.
    n_iter_ : int
        The number of epochs that were trained. A head that is solved for counts as one.
    n_features_in_ : int
        Number of features, or of columns of texts and languages, seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the columns seen in `fit`, for DataFrames.

    See Also
    --------
    metaling_sk.linear.LinearTransferClassifier : The linear recipe alone.

    Notes
    -----
    On numbers, n-grams and the vectors of a frozen encoder a head with a penalty is solved for:
    L-BFGS minimises the objective on all samples, of which none is held out, and sparse ones are
    never made dense. Where vectors stand beside n-grams "auto" is 0, and the head is trained.
    Without terms that is a logistic regression with ``C = 1 / (γ n)``, or ``2 / (γ n)`` for two
    classes, each of which has weights here, but for one thing: the intercepts have a penalty, too.
    It is what "auto" is for the weights in one language, whatever `head_penalty` is, since few
    labels say little about how frequent the classes are. There is none for several labels of a row
    or beside descriptions. A `learning_rate`, `max_epochs` or `callbacks` of the user, and
    `partial_fit`, train the head in epochs instead.

    On features and the vectors of a frozen encoder, learning_rate="auto" is 0.05 (for several
    labels 0.2) divided by the mean 1-norm of a sample, so that a step changes a logit by about as
    much. The best epoch is the one with the least value of the terms on held-out target samples,
    where there are any, else of the source loss; beside held-out target labels, which may be few,
    the source loss counts, too. The low-rank updates are those of [7]_, the adapters those of [8]_.

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

    _teacher = "classifier"

    _parameter_constraints: dict = {
        **TransferFitting._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
        "source": [StrOptions({"auto", "linear"}), HasMethods(["fit"]), None],
        "temperature": [Number(Real, 0, None, closed="neither")],
        "self_training": [StrOptions({"auto"}), Number(Integral, 0, None, closed="left")],
        **common_constraints("n_topics"),
        "class_descriptions": [Mapping, None],
        "head_penalty": [StrOptions({"auto"}), Number(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        source_languages=None,
        target_languages=None,
        source="auto",
        transfer="auto",
        transfer_weight=1.0,
        temperature=1.0,
        dictionary=None,
        self_training="auto",
        n_topics=3,
        class_descriptions=None,
        head_penalty="auto",
        encoder="scratch",
        trainable="all",
        pooling="auto",
        layer=-1,
        language_norm=True,
        prompt="auto",
        max_length=128,
        learning_rate="auto",
        batch_size=32,
        gradient_accumulation_steps=1,
        max_epochs="auto",
        weight_decay=0.01,
        warmup=0.1,
        validation_fraction=0.1,
        patience=3,
        class_weight=None,
        device="auto",
        dtype="auto",
        compile=False,
        gradient_checkpointing=False,
        n_threads=None,
        callbacks=None,
        verbose=1,
        random_state=None,
        warm_start=False,
        text_column="text",
        image_column=None,
        audio_column=None,
        max_seconds=30.0,
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
        self.class_descriptions = class_descriptions
        self.head_penalty = head_penalty
        self.encoder = encoder
        self.trainable = trainable
        self.pooling = pooling
        self.layer = layer
        self.language_norm = language_norm
        self.prompt = prompt
        self.max_length = max_length
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.max_epochs = max_epochs
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.class_weight = class_weight
        self.device = device
        self.dtype = dtype
        self.compile = compile
        self.gradient_checkpointing = gradient_checkpointing
        self.n_threads = n_threads
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state
        self.warm_start = warm_start
        self.text_column = text_column
        self.image_column = image_column
        self.audio_column = audio_column
        self.max_seconds = max_seconds
        self.language_column = language_column
        self.missing_label = missing_label

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, language=None) -> TransferClassifier:
        """Fit the source model and the target model.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            The n_samples texts, images or recordings, or numbers of shape (n_samples, n_features).
        y : array-like of shape (n_samples,) or (n_samples, n_labels), default=None
            NaN, None or `missing_label` where a sample has no label, or where a label is not
            known. With `class_descriptions` it may be None: no sample has a label.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        self : TransferClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y, `language` or a parameter is not as described above, if a term in `transfer`
            has nothing to work on, or if the loss becomes NaN.
        MemoryError
            If the memory does not suffice.
        """
        return self._fit(X, y, language)

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self, X, y, classes=None, language=None, n_epochs=1, planned_epochs=None
    ) -> TransferClassifier:
        """Train for one or more further epochs on the given samples.

        The first call makes the encoder, the vocabulary, the statistics of the languages and the
        source classifier from its samples. A source network is not trained first. Every call
        minimises the objective on the samples given, without validation and self-training of the
        network.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            The n_samples texts, images or recordings, or numbers of shape (n_samples, n_features).
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            NaN, None or `missing_label` where a sample has no label, or where a label is not
            known.
        classes : array-like of shape (n_classes,), default=None
            All classes, or ``numpy.arange(n_labels)``. The first call needs them where its samples
            do not have all of them.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.
        n_epochs : int, default=1
            Epochs to add.
        planned_epochs : int, default=None
            How many epochs all calls are meant to train. The learning rate then grows in the first
            `warmup` of the first epoch, stays for a third of these epochs and falls to 0 in the
            rest; without a plan it stays what it is.

        Returns
        -------
        self : TransferClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            As in `fit`, if more epochs are asked for than planned, if "distill" has no classifier
            as `source`, if no sample can be learnt from, or if the estimator has been loaded from
            a folder.
        """
        return self._partial_fit(X, y, classes, language, n_epochs, planned_epochs)

    @property
    def _averages_languages(self) -> bool:
        # Beside descriptions, a language whose mean is not exactly 0 leans to a class.
        return self.class_descriptions is None

    def _choose_source(self, samples: Samples) -> SourceModel:
        return LinearSource(self) if takes_recipe(self, samples) else choose_source(self.source)

    def _learn_output(self, samples: Samples, classes) -> Classes | Indicators:
        if samples.is_multilabel:
            return Indicators.fit(samples, classes)
        if classes is None:
            check_two_classes(samples, self)
            classes = samples.present_classes
        return Classes(np.asarray(classes))
