"""MetaNetClassifier: a meta network that generates each language's model."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from metaling_sk._data.batches import EncodedSamples, StepIterator
from metaling_sk._data.holdout import split_validation
from metaling_sk._data.samples import (
    MISSING,
    Samples,
    check_samples,
    check_two_classes,
    join,
    with_classes,
)
from metaling_sk._encoders.make_encoder import TextEncoder, set_trainable
from metaling_sk._network.classifier import ClassifierNetwork, IdentityEncoder
from metaling_sk._network.estimator import DROPOUT, LanguageClassifier
from metaling_sk._network.training import TrainingSettings, history_frame, new_net, train
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded
from metaling_sk.base import check_number
from metaling_sk.meta_net._episodes import Episodes
from metaling_sk.meta_net._hypernetwork import Hypernetwork
from metaling_sk.meta_net._language_features import check_language_features, standardised
from metaling_sk.meta_net._network import MetaNetwork
from metaling_sk.meta_net._objective import MetaObjective, find_embedding
from metaling_sk.meta_net._residual_head import ResidualHead, fit_residual_head
from metaling_sk.meta_net._residual_training import train_residual_head

N_HEADS, N_HEADS_ON_FEATURES = 16, 4
"""Basis heads; features are many, and each head has a weight for every one of them."""

N_DIMENSIONS = 32
"""Of the language embeddings."""

INNER_LEARNING_RATE = 0.05
"""Of steps that move an embedding."""

ENOUGH_ROWS = 16
"""A language that is adapted has statistics of its own from so many rows on."""

FINE = 200
"""By how much smaller steps are than those of an untrained head, where it is fitted first."""


@dataclass
class Adaptation:
    """What `adapt` keeps of a language.

    Attributes
    ----------
    samples : Samples
        All rows given so far.
    delta : Tensor
        Its embedding before.
    residual : ResidualHead or None
        What was added to its logits before.
    was_known, has_statistics : bool
        Whether the network knew it before, and whether its statistics are those of these rows.
    """

    samples: Samples
    delta: torch.Tensor
    residual: ResidualHead | None
    was_known: bool
    has_statistics: bool


class MetaNetClassifier(LanguageClassifier):
    """A meta network that generates each language's model: its architecture and its weights.

    A hypernetwork maps the embedding of a language, and that of a layer, to a low-rank adapter
    of the layer, and to the head [1]_ [2]_. All of it is trained together by minimising

    .. math:: \\frac{1}{|D_t|} \\sum_{x, y \\in D_t} L(f_m(x), y) + \\lambda L(f_e(x), y)
              + \\text{size\\_weight} \\cdot \\text{E}[\\text{share of open gates}]

    with the cross-entropy :math:`L` and :math:`\\lambda` = `meta_weight`. :math:`f_m` is the model
    generated for the language of x, and the meta-model :math:`f_e` the one generated from no
    language in particular; it serves languages that have not been seen. At the start all of them
    are the same. Every unit of an adapter has a gate, which the language opens or closes [3]_: what
    is open in the end is in `architecture_`, and what is closed is not computed in prediction.

    On features, or on the vectors of a frozen encoder (`trainable="head"`), there is one adapter,
    on these.

    Parameters
    ----------
    meta_weight : float, default=0.3
        :math:`\\lambda`.
    meta_algorithm : {"joint", "maml", "reptile"}, default="joint"
        "joint" minimises the objective on batches of rows of all languages. The others learn to
        adapt, on episodes of one language each: "maml" adds the loss on query rows of the model
        that `inner_steps` on support rows lead to from the meta-model, of first order [4]_, where
        only the embedding moves [5]_; "reptile" goes where `inner_steps` on batches of the
        language lead [6]_.
    inner_steps : int, default=5
        Steps of Adam in an episode, and on the embedding in `adapt`.
    inner_learning_rate : float or "auto", default="auto"
        Of these steps. "auto" is 0.05 where they move the embedding, else `learning_rate`.
    language_features : DataFrame, default=None
        Numbers about languages, for example typological ones; its index holds the languages. A
        linear map of them is where a language's embedding starts and what it is drawn to by
        `weight_decay`, and all there is for languages without rows. Columns are standardised; a
        language that is not in the index has the mean.
    language_dropout : float, default=0.1
        How probable it is in training that a row counts as one of no language in particular.
    max_width : int, default=8
        Units of an adapter, if all its gates are open.
    size_weight : float, default=0.01
        What an open gate costs: the larger, the smaller the architectures.
    residual_penalty : float or None, default=0.1
        What is generated is where a language's model starts. In the end a multinomial logistic
        regression on the representations of its own rows adds to the logits; this is the penalty
        of half its squared weights, times the mean squared norm of the rows, and for fewer than 512
        rows larger in proportion. None leaves the generated models as they are.
    encoder : str, path, config, (module, tokenizer) or sklearn transformer, default="scratch"
        As in `TransferClassifier`.
    trainable : {"all", "head", "lora", "adapter"}, default="all"
        What is trained besides the meta network: all of the encoder, nothing of it ("head"; texts
        are encoded once), low-rank updates of its weights ("lora"; extra `peft`). With "adapter"
        it is nothing, too, but the adapters that are generated are in its layers.
    pooling, layer, language_norm, max_length
        As in `TransferClassifier`.
    learning_rate : float or "auto", default="auto"
        As in `TransferClassifier`; on features and frozen encoders "auto" is a 200th of that,
        as the head starts from the logistic regression on the rows of all languages.
    batch_size, max_epochs
        As in `TransferClassifier`.
    weight_decay, warmup : float, default=0.01, 0.1
        As in `TransferClassifier`.
    validation_fraction : float, default=0.1
        Share of each language and class that is held out to find the best epoch, by the losses of
        :math:`f_m` and :math:`f_e`; none where that would be fewer than 10 rows, or for 0.
    patience, class_weight, device, dtype, callbacks, verbose, random_state
        As in `TransferClassifier`.
    warm_start : bool, default=False
        Start from the weights of the last fit.
    text_column, language_column : str, default="text", "language"
        Columns of a DataFrame X.
    missing_label : object, default=None
        The value of y in rows without a label, besides NaN and None. Such rows say what their
        language's statistics and vocabulary are.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    languages_ : list of str
        Those that have been fitted, adapted or registered, or are in `language_features`.
    architecture_ : dict of str to dict
        For each language with a model of its own, `layers`, the numbers of the layers with an
        adapter, from 1 (0 stands for features), and `width`, how many units each has.
    embeddings_ : DataFrame of shape (n_languages, 32)
    learning_rate_ : float
    net_ : skorch.NeuralNet
    history_ : DataFrame
        A row per epoch: `epoch`, `train_loss`, `valid_loss`, and the mean of each term.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, for DataFrames

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

    def __init__(
        self,
        meta_weight=0.3,
        meta_algorithm="joint",
        inner_steps=5,
        inner_learning_rate="auto",
        language_features=None,
        language_dropout=0.1,
        max_width=8,
        residual_penalty=0.1,
        size_weight=0.01,
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

    def fit(self, X, y, language=None) -> MetaNetClassifier:
        """Fit the meta network on the labelled rows of all languages.

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
            If X, y, `language` or a parameter is not as described above, or if the loss becomes
            NaN.
        MemoryError
            If the memory of the GPU does not suffice.
        """
        self._check_parameters()
        start = copy.copy(self) if self.warm_start and hasattr(self, "net_") else None
        samples = check_samples(self, X, y, language, reset=start is None, needs_y=True)
        if start is None:
            # A fit that is interrupted leaves no network that does not fit the rest.
            vars(self).pop("net_", None)
            check_two_classes(samples, self)
        else:
            samples = with_classes(samples, start.classes_)
        self.classes_ = samples.classes
        self.residuals_, self._adapted = {}, {}
        try:
            with (
                seeded(self.random_state) as rng,
                Progress(self.verbose, "meta network") as progress,
            ):
                if start is None:
                    self._fit_encoder(samples)
                inputs = self._inputs(samples, progress)
                self._fit_languages(inputs, samples.language, start)
                rows = self._rows(inputs, samples.language).with_labels(samples.y)
                self.learning_rate_ = self._find_learning_rate(rows)
                module = self._first_module(rows, start)
                self._fit_network(module, samples, rows, rng, progress)
        except BaseException:
            if start is not None:
                # What has been fitted before is as it was.
                vars(self).update(vars(start))
            raise
        return self

    def adapt(self, X, y=None, language=None) -> MetaNetClassifier:
        """Learn new languages from a few rows, or know one better.

        What is fitted is the embedding of the language, by `inner_steps` from where it was, for a
        new language from the meta-model's, and a linear residual on top of the model that is
        generated from it, see `residual_penalty`. Nothing that other languages use changes. All
        rows that have been given so far count, so that it makes no difference whether they come at
        once or one by one. A language without statistics of its own takes those of these rows, as
        soon as there are 16; see `register_language`. Rows without a label count in the residual,
        too, by what is predicted for them (self-training), unless too little of that can be
        learnt: Cohen's κ, between it and what a model learns of it from other rows, up to 0.6.

        Parameters
        ----------
        X : DataFrame, list, Series, array, sparse matrix or datasets.Dataset of n_samples
            As in `fit`.
        y : array-like of shape (n_samples,), default=None
            Some of `classes_`; NaN, None or `missing_label` where a row has no label. None stands
            for no label at all.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each row, where X has no language column.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y or `language` is not as described above.
        """
        check_is_fitted(self)
        samples = check_samples(self, X, y, language, reset=False)
        if y is None:
            unknown = np.full(len(samples), MISSING)
            samples = replace(samples, y=unknown, classes=self.classes_)
        else:
            samples = with_classes(samples, self.classes_)
        with seeded(self.random_state), Progress(self.verbose, "adapt") as progress:
            for code in sorted(set(samples.language)):
                self._adapt(code, samples.take(samples.language == code), progress)
        return self

    def forget(self, language: str) -> MetaNetClassifier:
        """Undo what `adapt` has done for a language.

        Parameters
        ----------
        language : str

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `adapt` has not been called for this language since the estimator was fitted or
            loaded.
        """
        check_is_fitted(self)
        if language not in self._adapted:
            raise ValueError(
                f"`language`: {language!r} has not been adapted; these have: "
                f"{sorted(self._adapted)}. What was adapted before `save` cannot be undone."
            )
        adapted = self._adapted.pop(language)
        row = self._row_of(language)
        self.residuals_.pop(language, None)
        if adapted.residual is not None:
            self.residuals_[language] = adapted.residual
        self.net_.module_.hypernetwork.restore(row, adapted.delta, adapted.was_known)
        if adapted.has_statistics:
            self._forget_statistics(language)
        return self

    @property
    def architecture_(self) -> dict[str, dict[str, list[int]]]:
        check_is_fitted(self)
        module = self.net_.module_
        first = 0 if isinstance(module.encoder, IdentityEncoder) else 1
        architecture = {}
        for code in self.languages_:
            if not module.hypernetwork.known[self._row_of(code)]:
                continue
            width = module.widths(self._row_of(code))
            layers = [layer for layer, units in enumerate(width, start=first) if units]
            architecture[code] = {"layers": layers, "width": [units for units in width if units]}
        return architecture

    @property
    def embeddings_(self) -> pd.DataFrame:
        check_is_fitted(self)
        hypernetwork = self.net_.module_.hypernetwork
        rows = torch.arange(1, len(self.languages_) + 1, device=hypernetwork.delta.device)
        with torch.no_grad():
            embeddings = hypernetwork.embed(rows).cpu().numpy()
        return pd.DataFrame(embeddings, index=self.languages_)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name in ("meta_weight", "size_weight"):
            check_number(self, name, Real, 0)
        check_number(self, "language_dropout", Real, 0, 1)
        check_number(self, "inner_steps", Integral, 1)
        check_number(self, "max_width", Integral, 1)
        if self.residual_penalty is not None:
            check_number(self, "residual_penalty", Real, 0)
        if self.inner_learning_rate != "auto":
            check_number(self, "inner_learning_rate", Real, 0)
        if self.meta_algorithm not in ("joint", "maml", "reptile"):
            raise ValueError(
                "`meta_algorithm` must be 'joint', 'maml' or 'reptile', "
                f"got {self.meta_algorithm!r}."
            )
        if self.language_features is not None:
            check_language_features(self.language_features)

    def _fit_languages(self, inputs, language: np.ndarray, start) -> None:
        """Set `languages_` and the statistics; those of an earlier fit stay."""
        self._fit_language_norm(inputs, language)
        if self.language_features is not None:
            named = sorted(set(map(str, self.language_features.index)) - set(self.languages_))
            self.languages_ = [*self.languages_, *named]
        if start is not None:
            self._take_language_norm(start, inputs, language)

    def _first_module(self, rows: EncodedSamples, start) -> MetaNetwork:
        """The network before training."""
        if start is not None:
            module = copy.deepcopy(start.net_.module_)
            module.grow(len(self.languages_))
            module.hypernetwork.known[np.unique(rows.language[rows.y != MISSING])] = True
            if self.statistics_ is None:
                self._set_trainable(module.encoder)
            return module
        encoder, norm, n_features, dropout = self._new_base(rows.inputs)
        n_layers = 1 if isinstance(encoder, IdentityEncoder) else len(encoder.layers)
        language_features = None
        if self.language_features is not None:
            language_features = standardised(self.language_features, self.languages_)
        hypernetwork = Hypernetwork(
            len(self.languages_),
            n_layers,
            self.max_width,
            N_HEADS_ON_FEATURES if isinstance(encoder, IdentityEncoder) else N_HEADS,
            N_DIMENSIONS,
            language_features,
            torch.isin(
                torch.arange(1, len(self.languages_) + 1),
                torch.from_numpy(rows.language[rows.y != MISSING]),
            ),
        )
        return MetaNetwork(encoder, norm, hypernetwork, n_features, len(self.classes_), dropout)

    def _set_trainable(self, encoder: TextEncoder) -> None:
        set_trainable(encoder, self.trainable, has_own_adapters=False)

    def _module_to_start_from(self) -> ClassifierNetwork:
        return self.net_.module_.meta_model()

    def _restore_module(self, weights, encoder, norm) -> MetaNetwork:
        n_layers, width, n_features = weights["down"].shape
        n_heads, n_classes, _ = weights["basis"].shape
        (n_dimensions,) = weights["hypernetwork.agnostic"].shape
        features = weights["hypernetwork.features"][1:]
        hypernetwork = Hypernetwork(len(features), n_layers, width, n_heads, n_dimensions, features)
        dropout = 0.0 if isinstance(encoder, IdentityEncoder) else DROPOUT
        return MetaNetwork(encoder, norm, hypernetwork, n_features, n_classes, dropout)

    def _fit_network(
        self, module: MetaNetwork, samples: Samples, rows: EncodedSamples, rng, progress
    ) -> None:
        held_out = split_validation(samples, self.validation_fraction, rng)
        labelled = samples.labelled
        streams = rows.take(labelled & ~held_out)
        if self.statistics_ is not None and not hasattr(self, "net_"):
            self._fit_head(module, streams)
        if self.meta_algorithm == "joint":
            steps = StepIterator({"labelled": streams}, self.batch_size, rng)
        elif self.meta_algorithm == "maml":
            steps = Episodes(streams, ("support", "query"), self.batch_size, rng)
        else:
            names = [f"step {number}" for number in range(self.inner_steps)]
            steps = Episodes(streams, names, self.batch_size, rng)
        valid_steps = StepIterator({"labelled": rows.take(labelled & held_out)}, self.batch_size)
        objective = MetaObjective(
            self.meta_weight,
            self.size_weight,
            self.language_dropout,
            self.inner_steps,
            self._inner_learning_rate,
            self._class_weights(samples.y[labelled]),
        )
        net = new_net(module, objective, self._settings())
        self.net_ = train(net, steps, valid_steps, progress, "train")
        if self.statistics_ is None:
            self.text_encoder_ = self.net_.module_.encoder
        self.history_ = history_frame({"train": self.net_}).drop(columns="stage")
        if self.residual_penalty is not None:
            own = rows.take(labelled)
            logits, vectors = self._outputs_of(own, progress)
            for row in np.unique(own.language):
                where = np.flatnonzero(own.language == row)
                code = self.languages_[row - 1]
                self._fit_residual(code, vectors[where], own.y[where], logits[where], seen=True)

    def _find_learning_rate(self, rows: EncodedSamples) -> float:
        rate = super()._find_learning_rate(rows)
        is_fine = self.learning_rate == "auto" and self.statistics_ is not None
        return rate / FINE if is_fine else rate

    def _fit_head(self, module: MetaNetwork, rows: EncodedSamples) -> None:
        """Start from the logistic regression on the rows of all languages."""
        targets = np.eye(len(self.classes_))[rows.y]
        weights = self._class_weights(rows.y)
        found = fit_residual_head(
            rows.inputs,
            targets,
            np.zeros(targets.shape),
            1.0,
            None if weights is None else weights.numpy()[rows.y],
        )
        coef = found.coef.toarray() if sparse.issparse(found.coef) else found.coef
        with torch.no_grad():
            module.head.weight.copy_(torch.tensor(coef))
            module.head.bias.copy_(torch.tensor(found.intercept))

    @property
    def _inner_learning_rate(self) -> float:
        if self.inner_learning_rate != "auto":
            return self.inner_learning_rate
        return self.learning_rate_ if self.meta_algorithm == "reptile" else INNER_LEARNING_RATE

    def _settings(self) -> TrainingSettings:
        settings = super()._settings()
        if self.meta_algorithm != "reptile":
            return settings
        return replace(settings, inner_learning_rate=self._inner_learning_rate)

    def _adapt(self, code: str, samples: Samples, progress: Progress) -> None:
        module = self.net_.module_
        adapted = self._adapted.get(code)
        if adapted is None:
            if code not in self.languages_:
                self.languages_ = [*self.languages_, code]
                module.grow(len(self.languages_))
            delta, was_known = module.hypernetwork.get_language(self._row_of(code))
            residual, lacks_statistics = self.residuals_.get(code), not self._has_statistics(code)
            adapted = Adaptation(samples, delta, residual, was_known, lacks_statistics)
        else:
            adapted = replace(adapted, samples=join(adapted.samples, samples))
        self._adapted[code] = adapted
        module.hypernetwork.restore(self._row_of(code), adapted.delta, adapted.was_known)
        if adapted.has_statistics and len(adapted.samples) >= ENOUGH_ROWS:
            super()._register(adapted.samples, code)
        self._fit_adapted(code, progress)

    def _register(self, samples: Samples, code: str) -> None:
        """What has been adapted is fitted anew on top of the statistics."""
        adapted = self._adapted.get(code)
        if adapted is None:
            super()._register(samples, code)
            return
        hypernetwork = self.net_.module_.hypernetwork
        hypernetwork.restore(self._row_of(code), adapted.delta, adapted.was_known)
        super()._register(samples, code)
        self._adapted[code] = replace(adapted, has_statistics=False)
        with Progress(self.verbose, "adapt") as progress:
            self._fit_adapted(code, progress)

    def _fit_adapted(self, code: str, progress: Progress) -> None:
        """Fit the embedding, from where it was, and the residual of a language."""
        module, adapted = self.net_.module_, self._adapted[code]
        samples = adapted.samples
        rows = self._rows(self._inputs(samples, progress), samples.language)
        rows = rows.with_labels(samples.y)
        labelled = rows.take(samples.labelled)
        if len(labelled):
            hypernetwork, row = module.hypernetwork, self._row_of(code)
            weights = self._class_weights(labelled.y)
            device = module.head.weight.device
            module.eval()
            embedding = find_embedding(
                module,
                hypernetwork.embed(torch.tensor([row], device=device))[0],
                lambda: (
                    labelled.collate(where).to(device)
                    for where in labelled.indices(self._predict_batch_size)
                ),
                self.inner_steps,
                self._inner_learning_rate,
                None if weights is None else weights.to(device),
            )
            hypernetwork.set_language(row, embedding)
        if self.residual_penalty is not None:
            logits, vectors = self._outputs_of(rows, progress)
            self._fit_residual(code, vectors, rows.y, logits, adapted.residual)

    def _fit_residual(self, code, vectors, y, logits, prior=None, *, seen=False) -> None:
        """Set what is added to a language's logits, on top of what was added before."""
        if prior is not None:
            logits = prior.apply(logits, vectors)
        weights = self._class_weights(y[y != MISSING])
        residual = train_residual_head(
            vectors,
            y,
            logits,
            self.residual_penalty,
            None if weights is None else weights.numpy(),
            seen=seen,
        )
        if residual is None:
            residual = prior
        elif prior is not None:
            residual = residual.after(prior)
        self.residuals_.pop(code, None)
        if residual is not None:
            self.residuals_[code] = residual

    def _has_statistics(self, code: str) -> bool:
        """Whether a language is centred and scaled by rows of its own."""
        if self.statistics_ is not None:
            return code in self.statistics_.languages
        norm = self.net_.module_.norm
        return norm is None or bool(norm.seen[self._row_of(code)])

    def _forget_statistics(self, code: str) -> None:
        if self.statistics_ is not None:
            self.statistics_ = self.statistics_.without(code)
        elif (norm := self.net_.module_.norm) is not None:
            norm.forget(self._row_of(code))

    def _outputs_of(self, rows: EncodedSamples, progress: Progress):
        """Logits of the generated models, and what a residual is linear in."""
        logits, representation = self._predict(self.net_.module_, rows, progress)
        return logits, rows.inputs if self.statistics_ is not None else representation

    def _logits_of(self, rows: EncodedSamples, progress: Progress) -> np.ndarray:
        logits, vectors = self._outputs_of(rows, progress)
        for code, residual in self.residuals_.items():
            where = np.flatnonzero(rows.language == self._row_of(code))
            if len(where):
                logits[where] = residual.apply(logits[where], vectors[where])
        return logits
