"""TransferRegressor: numbers in a target language from a source-language model."""

from __future__ import annotations

from functools import partial

from metaling_sk._data.samples import Samples
from metaling_sk._network.classifier import ClassifierNetwork
from metaling_sk._network.network_regressor import NetworkRegressor
from metaling_sk._network.outputs.numbers import Numbers
from metaling_sk._utils.sklearn_compat import HasMethods, fit_context
from metaling_sk.transfer._fitting import TransferFitting
from metaling_sk.transfer._ridge import is_solvable, solve_head
from metaling_sk.transfer._source_models import SourceModel, choose_regressor


class TransferRegressor(NetworkRegressor, TransferFitting):
    """Predict numbers in a target language, with a model of a source language.

    It is the `TransferClassifier` of numbers, such as ratings.

    1. A source model :math:`f_s` is trained on the labelled samples of `source_languages`, or taken
       from `source`.
    2. The target model :math:`f_t` minimises

       .. math:: \\frac{1}{|D_s|} \\sum_{x, y \\in D_s} L(f_t(x), y) + \\lambda \\sum_k R_k(f_t)

       with the `loss` :math:`L`, :math:`\\lambda` = `transfer_weight` and the terms :math:`R_k`
       named in `transfer`. It starts from the weights of :math:`f_s`, where that is a network.
    3. `predict` uses :math:`f_t` for every language.

    The labels are standardised inside, by the mean and the standard deviation of all of them.

    ===============  ===========================================  ==========================
    term             :math:`R`                                    needs
    ===============  ===========================================  ==========================
    "labels"         :math:`n / (n + 256)` times the `loss`: few  n labelled target samples
                     labels say little
    "distill"        half the squared distance from the source    target samples
                     model's predictions
    "coral"          distance of the covariances                  source and target samples
    "mmd"            maximum mean discrepancy                     source and target samples
    "adversarial"    language discriminator, gradient reversed    source and target samples
    "l2sp"           half the squared distance from the source    a network as source
                     weights
    "code_switch"    the `loss` on source text with half of its   `dictionary`, source text
                     known words replaced
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
    source : estimator or None, default=None
        The source model.

        - None: a source network is trained first.
        - A fitted `TransferRegressor`: the target model starts from its network, and its labels
          keep their mean and scale. `encoder`, `pooling`, `layer`, `prompt` and `max_length` are
          not used. It may have been fitted with another `trainable`, but "head" goes with "head"
          only.
        - Any other sklearn regressor. If it is not fitted, a clone is fitted on the labelled source
          samples, translated where `dictionary` is given. It takes an array of texts or, where it
          has the parameter `language_column`, a DataFrame. Wrap an estimator of this package in a
          `Pipeline` to learn from its predictions instead of its weights.
        - Any of these fitted estimators in a `FrozenEstimator`. It is used in the same way, and
          stays fitted in cross-validation and searches, which clone it.
    transfer : "auto", str or list of str, default="auto"
        The terms. "auto" is "labels", where there are labelled target samples, and "distill",
        where `source` is a regressor to learn from and there are target samples. Without terms
        the source model predicts for all languages (zero-shot).
    transfer_weight : float, default=1.0
        :math:`\\lambda`.
    dictionary : mapping of str to iterable of str, or path, default=None
        Source words with their candidates in the one target language; see
        `DictionaryTranslator`.
    loss : {"squared_error", "huber"}, default="squared_error"
        The loss of a standardised prediction: half its squared error, or the Huber loss, in which
        labels that are far from the prediction count less.
    epsilon : float, default=1.35
        The error, in standard deviations of the labels, from which on the Huber loss is linear.
    target_norm : bool, default=False
        Whether the labels of a language with at least 10 of them are standardised by their own mean
        and standard deviation. It is right where languages use different scales for one thing:
        stars here and percent there, or stricter raters. It is wrong where languages differ in the
        thing itself, because what is predicted for a language then varies about the mean of its own
        labels. Other languages take the mean and the standard deviation of all labels.

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
        Share of the labelled and of the unlabelled samples of each language that is held out to
        find the best epoch. Nothing is held out for 0, or where it would be fewer than 10 samples.
    patience : int, default=3
        Number of epochs without a better validation loss after which training stops.
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
    target_mean_, target_scale_ : float
        Mean and standard deviation of the labels.
    target_statistics_ : DataFrame of shape (n_languages, 2)
        The same, `mean` and `scale`, of the languages that have their own; see `target_norm`.
    source_languages_, target_languages_, languages_ : list of str
        The source languages, the target languages, and all that the network knows.
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
    sample_counts_ : DataFrame of shape (n_languages, 2)
        The number of samples of each language that `fit` was given, `labelled` and `unlabelled`.
    n_iter_ : int
        The number of epochs that were trained.
    n_features_in_ : int
        Number of features, or of columns of texts and languages, seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the columns seen in `fit`, for DataFrames.

    See Also
    --------
    TransferClassifier : The same for classes, with references.

    Notes
    -----
    On features and the vectors of a frozen encoder both models are linear. With
    learning_rate="auto", and with no other terms than "labels", "distill" and "code_switch", they
    are not trained but solved for: they minimise the objective and an L2 penalty. That is ridge
    regression, with weights for the Huber loss. The penalty is chosen by cross-validation of
    the objective, in folds by the position of a sample in its language: translations in the same
    order go to one fold. `history_` is empty then, and of the parameters of the training
    only `learning_rate` counts.

    Otherwise, as in `partial_fit` and with a fitted `TransferRegressor` as source, they are trained
    there, too. learning_rate="auto" is then 0.2 divided by the mean 1-norm of a sample, so that a
    step changes a standardised prediction by about 0.2. The best epoch is the one with the least
    value of the terms on held-out target samples, where there are any, else of the source loss;
    beside held-out target labels, which may be few, the source loss counts, too.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk import TransferRegressor
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "酒店不错", "酒店糟糕"],
    ...     "language": ["en", "en", "zh", "zh"],
    ... })
    >>> stars = [5, 1, None, None]
    >>> dictionary = {"good": ["不错"], "bad": ["糟糕"], "hotel": ["酒店"]}
    >>> reg = TransferRegressor(transfer="code_switch", dictionary=dictionary, random_state=0)
    >>> better, worse = reg.fit(X, stars).predict(X[2:])
    >>> bool(better > worse)
    True
    """

    _teacher = "regressor"

    # What has no meaning for numbers: they have no probabilities to soften or to be sure of.
    temperature, self_training, n_topics = 1.0, 0, 1

    _parameter_constraints: dict = {
        **TransferFitting._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
        "source": [HasMethods(["fit"]), None],
    }

    def __init__(
        self,
        *,
        source_languages=None,
        target_languages=None,
        source=None,
        transfer="auto",
        transfer_weight=1.0,
        dictionary=None,
        loss="squared_error",
        epsilon=1.35,
        target_norm=False,
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
        self.dictionary = dictionary
        self.loss = loss
        self.epsilon = epsilon
        self.target_norm = target_norm
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
    def fit(self, X, y, language=None) -> TransferRegressor:
        """Fit the source model and the target model.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            The n_samples texts, images or recordings, or numbers of shape (n_samples, n_features).
        y : array-like of shape (n_samples,)
            NaN, None or `missing_label` where a sample has no label.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.

        Returns
        -------
        self : TransferRegressor
            The fitted regressor.

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
        self, X, y, language=None, n_epochs=1, planned_epochs=None
    ) -> TransferRegressor:
        """Train for one or more further epochs on the given samples.

        The first call makes the encoder, the vocabulary, the statistics of the languages and of
        the labels, and the source regressor from its samples. A source network is not trained
        first. Every call minimises the objective on the samples given, without validation.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset
            The n_samples texts, images or recordings, or numbers of shape (n_samples, n_features).
        y : array-like of shape (n_samples,)
            NaN, None or `missing_label` where a sample has no label.
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
        self : TransferRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            As in `fit`, if more epochs are asked for than planned, if "distill" has no regressor
            as `source`, if no sample can be learnt from, or if the estimator has been loaded from
            a folder.
        """
        return self._partial_fit(X, y, None, language, n_epochs, planned_epochs)

    def _choose_source(self, samples: Samples) -> SourceModel:
        return choose_regressor(self.source)

    def _learn_output(self, samples: Samples, classes) -> Numbers:
        return Numbers.fit(samples, self._prediction_loss, by_language=self.target_norm)

    def _find_solver(self, network: ClassifierNetwork):
        is_solved = self.learning_rate == "auto" and network.is_linear
        if not is_solved or not is_solvable(self.transfer_):
            return None
        return partial(
            solve_head,
            transfer_weight=self.transfer_weight,
            epsilon=self._output.loss.epsilon,
        )
