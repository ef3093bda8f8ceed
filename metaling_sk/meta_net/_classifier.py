"""MetaNetClassifier: a meta network that generates each language's model."""

from __future__ import annotations

from metaling_sk._data.samples import Samples, check_two_classes
from metaling_sk._network.network_classifier import NetworkClassifier
from metaling_sk._network.outputs.classes import Classes
from metaling_sk._network.outputs.indicators import Indicators
from metaling_sk._utils.sklearn_compat import fit_context
from metaling_sk.meta_net._fitting import MetaNetFitting
from metaling_sk.meta_net._linear_loss import LABEL_LOG_LOSS, LOG_LOSS, ClassificationLoss


class MetaNetClassifier(NetworkClassifier, MetaNetFitting):
    """A meta network that generates each language's model: its architecture and its weights.

    A hypernetwork maps the embedding of a language and the embedding of a layer to a low-rank
    adapter of the layer and to the head [1]_ [2]_. Where a Transformer is trained, all parts are
    trained together. They minimise

    .. math:: \\frac{1}{|D_t|} \\sum_{x, y \\in D_t} L(f_m(x), y) + \\lambda L(f_e(x), y)
              + \\mathrm{size\\_weight} \\cdot \\text{E}[\\text{share of open gates}]

    with the cross-entropy :math:`L` and :math:`\\lambda` = `meta_weight`. :math:`f_m` is the model
    that is generated for the language of x. :math:`f_e` is the meta-model: it is generated from an
    embedding of no language, and it serves languages that have not been seen. At the start of the
    training all models are the same. Every unit of an adapter has a gate, which the language opens
    or closes [3]_. `architecture_` lists the open ones; closed units are not computed in
    prediction.

    Features and the vectors of a frozen encoder (`trainable="head"`) do not change. Then the models
    are solved for, unless `learning_rate` or another `meta_algorithm` is set. The meta-model is the
    logistic regression on all samples. The offsets of the languages from it are factored [8]_; the
    factors are the basis of the heads, and their weights are the embeddings. Cross-validation
    chooses the number of factors of each language.

    On top of the generated model, each language has a residual head: a logistic regression on the
    representations of its own samples, added to the logits of the generated model.

    y is the class of each sample. For several labels it is a matrix with a column of 0 and 1 for
    each label, and :math:`L` is the binary cross-entropy of all labels that are known; NaN stands
    for one that is not.

    Parameters
    ----------
    Meta network

    meta_weight : float, default=0.3
        :math:`\\lambda`.
    meta_algorithm : {"joint", "maml", "reptile"}, default="joint"
        How the network is trained.

        - ``"joint"``: on batches of samples of all languages.
        - ``"maml"``: on episodes of one language each. The objective gets one more term: the loss
          on query samples of the model that `inner_steps` on support samples lead to from the
          meta-model. Gradients are of first order [4]_, and only the embedding moves [5]_.
        - ``"reptile"``: on episodes of one language each. The network moves towards where
          `inner_steps` on batches of the language lead [6]_.
    inner_steps : int or "auto", default="auto"
        Steps of Adam in an episode, and steps on the embedding in `adapt`. "auto" is 5; in `adapt`
        it is 0 where a Transformer was trained with meta_algorithm="joint" and a residual head is
        fitted, which does as well in a fraction of the time.
    inner_learning_rate : float or "auto", default="auto"
        Learning rate of these steps. "auto" is 0.05 where they move the embedding, else
        `learning_rate`.
    language_features : DataFrame, "uriel" or None, default=None
        Numbers about languages, for example typological ones. A linear map of the numbers is the
        starting point of a language's embedding, which `weight_decay` draws it to, and the whole
        embedding of a language without labels. Columns are standardised. A language without
        numbers has the mean.

        - A DataFrame whose index holds the languages.
        - ``"uriel"``: typology, geography and family of the languages in X, labelled or not, from
          the URIEL database [7]_ (extra `uriel`). Languages are named by codes of ISO 639 or
          BCP-47, such as "jv", "jav", "pt-BR" or "jav_Latn".
    language_dropout : float, default=0.1
        Probability in training that a sample counts as one of no language.
    max_width : int, default=8
        Number of units of an adapter if all its gates are open.
    residual_penalty : float, "auto" or None, default="auto"
        L2 penalty of the residual heads, in units of the mean squared norm of the samples. For
        fewer than 512 samples it grows in proportion. "auto" is chosen by cross-validation where
        the models are solved for, together with the share of the generated logits that is kept;
        otherwise it is 0.3, or 0.1 for sparse features. None leaves the residual heads out.
    size_weight : float, default=0.01
        Cost of an open gate. The larger it is, the smaller are the architectures.

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
    languages_ : list of str
        The languages that have been fitted, adapted or registered, or are in `language_features`.
    architecture_ : dict of str to dict
        The architecture of each language with a model of its own: `layers`, the numbers of the
        layers with an adapter, from 1 (0 stands for features), `width`, the number of units in
        each of them, and `head`, the number of basis heads in the head.
    embeddings_ : DataFrame of shape (n_languages, n_dimensions)
        The embedding of each language with a model of its own: of 32 dimensions where it is
        trained, and of as many as there are factors where it is solved for.
    residual_heads_ : dict of str to ResidualHead
        The residual head of each language that has one.
    learning_rate_ : float
        The peak learning rate of the head.
    net_ : skorch.NeuralNet
        The meta network.
    history_ : DataFrame
        A row per epoch: `epoch`, `train_loss`, `valid_loss`, and the mean of each term. No row
        where the models are solved for.
    sample_counts_ : DataFrame of shape (n_languages, 2)
        The number of samples of each language that `fit` was given, `labelled` and `unlabelled`.
    n_iter_ : int
        The number of epochs that were trained.
    n_features_in_ : int
        Number of features, or of columns of texts and languages, seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the columns seen in `fit`, for DataFrames.

    Notes
    -----
    On features and the vectors of a frozen encoder, networks that are trained start from the
    logistic regression on the samples of all languages, and learning_rate="auto" is 0.00025 divided
    by the mean 1-norm of a sample. The best epoch is the one with the least losses of :math:`f_m`
    and :math:`f_e` on held-out samples. Samples without a label serve the statistics and the
    vocabulary of their language.

    Where the models are solved for, samples of each language and class go to the folds of the
    cross-validation in turn. Translations of the same sentences should be in the same order in all
    languages, so that they are in the same fold.

    References
    ----------
    .. [1] Üstün et al. (2022). Hyper-X: a unified hypernetwork for multi-task multilingual
       transfer. EMNLP.
    .. [2] Mahabadi et al. (2021). Parameter-efficient multi-task fine-tuning for Transformers via
       shared hypernetworks. ACL.
    .. [3] Louizos et al. (2018). Learning sparse neural networks through L0 regularization. ICLR.
    .. [4] Finn et al. (2017). Model-agnostic meta-learning. ICML.
    .. [5] Zintgraf et al. (2019). Fast context adaptation via meta-learning. ICML.
    .. [6] Nichol et al. (2018). On first-order meta-learning algorithms. arXiv:1803.02999.
    .. [7] Littell et al. (2017). URIEL and lang2vec: representing languages as typological,
       geographical, and phylogenetic vectors. EACL.
    .. [8] Ando & Zhang (2005). A framework for learning predictive structures from multiple tasks
       and unlabeled data. JMLR.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk import MetaNetClassifier
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "buen hotel", "mal hotel"] * 5,
    ...     "language": ["en", "en", "es", "es"] * 5,
    ... })
    >>> y = ["positive", "negative"] * 10
    >>> clf = MetaNetClassifier(max_epochs=5, random_state=0).fit(X, y)
    >>> clf.predict(X[:2]).tolist()
    ['positive', 'negative']
    >>> sorted(clf.architecture_)
    ['en', 'es']
    >>> few = pd.DataFrame({"text": ["bom hotel", "mau hotel"] * 10, "language": "pt"})
    >>> clf.adapt(few, ["positive", "negative"] * 10).predict(few[:2]).tolist()
    ['positive', 'negative']
    """

    _parameter_constraints: dict = {
        **MetaNetFitting._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }

    def __init__(
        self,
        *,
        meta_weight=0.3,
        meta_algorithm="joint",
        inner_steps="auto",
        inner_learning_rate="auto",
        language_features=None,
        language_dropout=0.1,
        max_width=8,
        residual_penalty="auto",
        size_weight=0.01,
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
        self.meta_weight = meta_weight
        self.meta_algorithm = meta_algorithm
        self.inner_steps = inner_steps
        self.inner_learning_rate = inner_learning_rate
        self.language_features = language_features
        self.language_dropout = language_dropout
        self.max_width = max_width
        self.residual_penalty = residual_penalty
        self.size_weight = size_weight
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

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, language=None) -> MetaNetClassifier:
        """Fit the meta network on the labelled rows of all languages.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            The n_samples texts, images or recordings, or numbers of shape (n_samples, n_features).
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            NaN, None or `missing_label` where a sample has no label, or where a label is not
            known.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        self : MetaNetClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y, `language` or a parameter is not as described above, or if the loss becomes
            NaN.
        MemoryError
            If the memory does not suffice.
        """
        return self._fit(X, y, language)

    def _learn_output(self, samples: Samples) -> Classes | Indicators:
        if samples.is_multilabel:
            return Indicators.fit(samples)
        check_two_classes(samples, self)
        assert samples.classes is not None
        return Classes(samples.classes)

    @property
    def _linear_loss(self) -> ClassificationLoss:
        return LOG_LOSS if self.label_names_ is None else LABEL_LOG_LOSS
