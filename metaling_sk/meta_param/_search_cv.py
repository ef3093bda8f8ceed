"""MetaParamSearchCV: the parameters that control learning, by minimising the validation loss."""

from __future__ import annotations

import time
import warnings
from contextlib import ExitStack
from functools import partial
from math import ceil
from numbers import Integral, Real
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state, get_tags, indexable

from metaling_sk._encoders.disk_cache import use_disk_cache
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded_globally
from metaling_sk._utils.sklearn_compat import (
    BaseSearchCV,
    HasMethods,
    Interval,
    MultimetricScorer,
    StrOptions,
    check_method_params,
    fit_context,
)
from metaling_sk.meta_param._brackets import (
    Rung,
    find_resources,
    halving_rungs,
    hyperband_brackets,
)
from metaling_sk.meta_param._candidates import FixedCandidates, TpeCandidates
from metaling_sk.meta_param._fits import FitSpec, propagated, resumable
from metaling_sk.meta_param._folds import SearchData, read_data, split
from metaling_sk.meta_param._journal import Journal, describe
from metaling_sk.meta_param._loop import Evaluation, run_brackets
from metaling_sk.meta_param._priors import (
    FIRST_SHARE,
    good_candidates,
    read_priors,
    sample_with_prior,
    spread_first,
)
from metaling_sk.meta_param._results import (
    completed,
    criterion,
    failure_column,
    language_columns,
    metric_names,
    warn_of_failures,
)
from metaling_sk.meta_param._resume import train_on
from metaling_sk.meta_param._runner import Runner, remove_states
from metaling_sk.meta_param._space import dimensions
from metaling_sk.metrics import log_loss_scorer

WITH_RESOURCES = ("halving", "hyperband")
SCORE = "score"
"""What a metric is called that is alone."""


class MetaParamSearchCV(BaseSearchCV):
    """Learn the parameters that control learning, by minimising the cross-validation loss.

    .. math:: \\min_\\theta \\frac{1}{|C|} \\sum_{c \\in C} \\sum_{x, y \\in D_c} L(f_\\theta(x), y)

    over the parameters :math:`\\theta` of an estimator, with the folds :math:`C`, the test rows
    :math:`D_c` of each and the log-loss :math:`L`, unless `scoring` names another. All that holds
    for `sklearn.model_selection.RandomizedSearchCV` holds here.

    **Resources.** "halving" [1]_ and "hyperband" [2]_ begin with many candidates and little of a
    resource, and give the best more of it. Where the resource is the number of epochs of an
    estimator with `partial_fit` (`TransferClassifier`, skorch's nets, `SGDClassifier`,
    `MLPClassifier`; also as the last step of a `Pipeline`), a candidate that is given more goes on
    training: from 1 over 3 to 9 epochs it is trained 9 epochs in all. Others, and "n_samples",
    are fitted anew in each rung. The learning rate of a `TransferClassifier` then grows in the
    first epoch, stays for a third of the epochs that the last rung has, and falls to 0 in the
    rest, once and across all rungs; a rung trains without validation rows, source stage and
    self-training of the network. The best candidate is fitted on all rows in the same way, and
    may be one that was best before it had most of the epochs. Other estimators follow what their
    `partial_fit` does: no schedule in scikit-learn, and in skorch a schedule of its own at every
    epoch.

    Parameters
    ----------
    estimator : estimator
        Cloned for every fit.
    param_distributions : dict or list of dict
        Names of parameters to lists or distributions with `rvs`, as in `RandomizedSearchCV`.
    search : {"random", "halving", "hyperband", "tpe"}, default="random"
        "tpe" [3]_ learns from the candidates before, by Optuna (extra `optuna`); it asks for as
        many candidates at once as `n_jobs` keeps busy.
    n_iter : int, default=10
        Number of candidates; with "hyperband" its brackets share them.
    scoring : str, callable, list, tuple, dict or None, default=None
        None is the negative log-loss over all labels of y, of a classifier with `predict_proba`,
        and the `score` method of any other estimator.
    select : {"mean", "worst_language"}, default="mean"
        What makes the best candidate: the mean score of the splits, or that of the language in
        which it is lowest.
    n_jobs : int, default=None
        Fits at once; joblib's backend decides where, see `joblib.parallel_config`. dask uses all
        workers that it has.
    refit : bool, str or callable, default=True
        As in `RandomizedSearchCV`.
    cv : int, splitter or iterable, default=None
        Folds; None is 5. A classifier's folds are those of `StratifiedLanguageKFold` where X has
        a language or y has rows without a label, otherwise those of `StratifiedKFold`.
    resource : str, default="max_epochs"
        For "halving" and "hyperband": a parameter of the estimator that is a whole number, or
        "n_samples": subsets with all classes of all languages, of the training rows only.
    min_resources : int, "exhaust" or "smallest", default="exhaust"
        What a candidate of the first rung gets. "exhaust" lets the last rung come as close to
        `max_resources` as can be; "smallest" is 1, or as many samples as let each fold have two
        of each class and language. Both are the same for "hyperband".
    max_resources : int or "auto", default="auto"
        The most a candidate can get. "auto" is the estimator's own value of the resource, or all
        samples.
    factor : float, default=3
        In each rung the best 1 / `factor` of the candidates get `factor` times the resource.
    prior : search, DataFrame, path or list of these, default=None
        Earlier searches, on other languages or other data: fitted, or as `cv_results_`, or the
        folder of their `checkpoint`. The first third of the candidates are the best of theirs,
        spread out; of the rest one half is drawn from a density around what did well [4]_ and
        one half from `param_distributions` ("tpe" suggests the rest), so that a wrong prior costs
        two of three candidates and no more.
    checkpoint : str or path, default=None
        A folder. A search that was killed and is run again with the same arguments goes on there
        and ends as it would have; fits that failed count as finished. The folder needs to be one
        that all workers see.
    random_state : int, RandomState instance or None, default=None
        Of the candidates and the default folds, and of estimators that have no random_state of
        their own.
    verbose : int, default=1
        1 shows a progress bar, 0 nothing.
    pre_dispatch : int or str, default="2*n_jobs"
        As in `joblib.Parallel`.
    error_score : "raise" or float, default=np.nan
        The score of a fit that fails; why it did is in ``cv_results_["failure"]``.
    return_train_score : bool, default=False

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        As in `RandomizedSearchCV`, and: `candidate`, the number of the candidate of a row;
        `failure`; for "halving" and "hyperband" `iter`, `n_resources` and, for the latter,
        `bracket`; where X has a language, ``mean_test_score_<language>``,
        ``std_test_score_<language>`` and ``worst_test_score``. After an interrupt it has what was
        finished.
    best_estimator_, best_params_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        As in `RandomizedSearchCV`. With "n_samples" the best is one that had most of them.
    best_score_ : float
        Of the best candidate: its mean score or, for select="worst_language", that of its worst
        language.
    n_resources_, n_candidates_ : list of int
        Of each rung, for "halving" and "hyperband".
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str, for DataFrames

    References
    ----------
    .. [1] Jamieson & Talwalkar (2016). Non-stochastic best arm identification and hyperparameter
       optimization. AISTATS.
    .. [2] Li et al. (2018). Hyperband: a novel bandit-based approach to hyperparameter
       optimization. JMLR.
    .. [3] Bergstra et al. (2011). Algorithms for hyper-parameter optimization. NeurIPS.
    .. [4] Feurer et al. (2015). Initializing Bayesian hyperparameter optimization via
       meta-learning. AAAI.

    Examples
    --------
    >>> import pandas as pd
    >>> from scipy.stats import loguniform
    >>> from metaling_sk import MetaParamSearchCV, TransferClassifier
    >>> X = pd.DataFrame({
    ...     "text": ["good hotel", "bad hotel", "good food", "bad food"] * 3 + ["酒店不错"] * 3,
    ...     "language": ["en"] * 12 + ["zh"] * 3,
    ... })
    >>> y = [1, 0, 1, 0] * 3 + [None] * 3
    >>> search = MetaParamSearchCV(
    ...     TransferClassifier(source_languages="en"),
    ...     {"learning_rate": loguniform(1e-4, 1e-2), "batch_size": [2, 4]},
    ...     search="halving", n_iter=4, max_resources=4, factor=2, cv=2, random_state=0,
    ... )
    >>> search.fit(X, y).n_resources_
    [1, 2, 4]
    >>> search.predict(X[:2]).tolist()
    [1, 0]
    """

    _parameter_constraints: dict = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list],
        "search": [StrOptions({"random", "halving", "hyperband", "tpe"})],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "select": [StrOptions({"mean", "worst_language"})],
        "resource": [str],
        "min_resources": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"exhaust", "smallest"}),
        ],
        "max_resources": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "factor": [Interval(Real, 1, None, closed="neither")],
        "prior": "no_validation",
        "checkpoint": "no_validation",
        "random_state": ["random_state"],
        "estimator": [HasMethods(["fit"])],
    }

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        search="random",
        n_iter=10,
        scoring=None,
        select="mean",
        n_jobs=None,
        refit=True,
        cv=None,
        resource="max_epochs",
        min_resources="exhaust",
        max_resources="auto",
        factor=3,
        prior=None,
        checkpoint=None,
        random_state=None,
        verbose=1,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.search = search
        self.n_iter = n_iter
        self.select = select
        self.resource = resource
        self.min_resources = min_resources
        self.max_resources = max_resources
        self.factor = factor
        self.prior = prior
        self.checkpoint = checkpoint
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        own = get_tags(self.estimator)
        tags.input_tags, tags.target_tags = own.input_tags, own.target_tags
        tags.array_api_support = False
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "scorer_")  # which is set last: an interrupted search has results

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, **params):
        """Search, and fit the best candidate on all rows.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of n_samples
            Whatever the estimator takes. A DataFrame with a language column is the form in which
            the language reaches every fit, score and prediction.
        y : array-like of shape (n_samples,), default=None
        **params : dict
            Passed to the estimator, the scorer and the splitter as in `RandomizedSearchCV`;
            `language`, where X has no language column, also to the predictions that are scored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is not as described above, all fits fail, or `checkpoint` holds a
            different search.
        """
        X, y = indexable(X, y)
        params = check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        data = read_data(self.estimator, X, y, params.get("language"))
        scorers, metric = self._find_scorers(data.classes)
        metric = self._check_metric(metric, data)
        _forget_last_fit(self)
        weights = params.get("sample_weight")
        hook = {
            "estimator": self,
            "X": X,
            "y": y,
            "metadata": None if weights is None else {"sample_weight": weights},
        }
        root = self._init_callback_context(
            max_subtasks=1 + (self.refit is not False)
        ).call_on_fit_task_begin(**hook)
        with ExitStack() as stack:
            journal = Journal(self.checkpoint)
            stack.callback(journal.close)
            folder = self.checkpoint
            if folder is None:
                folder = stack.enter_context(TemporaryDirectory(prefix="metaling_sk-"))
            folder = Path(folder)
            seed = self._find_seed() if journal.seed is None else journal.seed
            splits = split(self.estimator, X, y, self.cv, data, routed.splitter.split, seed)
            self.n_splits_ = len(splits)
            self._set_resources(data)
            if self.checkpoint is not None:
                journal.begin(self._describe(X, y, params, splits), seed)
            source, n_iter = self._find_source(seed)
            brackets = self._find_brackets(n_iter)
            setting = FitSpec(
                scorer=scorers,
                fit_params=routed.estimator.fit,
                score_params=routed.scorer.score,
                language=data.language,
                language_is_metadata=params.get("language") is not None,
                labelled=data.labelled,
                classes=data.classes,
                return_train_score=self.return_train_score,
                error_score=self.error_score,
                resource=self.resource if self.search in WITH_RESOURCES else None,
                n_planned=max(self.n_resources_) if self.search in WITH_RESOURCES else None,
                seed=seed,
                folder=folder,
            )
            spoken = [data.spoken(test) for _, test in splits]
            context = root.subcontext(
                task_name="search", max_subtasks=sum(map(len, brackets))
            ).call_on_fit_task_begin(estimator=self)
            rows: list[Evaluation] = []
            with Progress(self.verbose, "search") as progress:
                runner = Runner(
                    clone(self.estimator),
                    X,
                    y,
                    setting,
                    journal,
                    progress,
                    n_jobs=self.n_jobs,
                    pre_dispatch=self.pre_dispatch,
                    caller=self,
                )
                select = partial(self._worth, metric=metric, spoken=spoken)
                try:
                    run_brackets(runner, source, brackets, splits, data, select, context, rows)
                except KeyboardInterrupt:
                    self._keep_finished(rows, runner, spoken)
                    raise
            context.call_on_fit_task_end(estimator=self)
            warn_of_failures([runner.found(row) for row in rows], self.error_score)
            metrics = self._tabulate(rows, runner, spoken)
            self.multimetric_ |= isinstance(scorers, MultimetricScorer)
            self._find_best(metric, metrics)
            if self.refit:
                context = root.subcontext(task_name="refit-with-best-params")
                with use_disk_cache(folder / "store", remember=True), seeded_globally(seed):
                    self._refit(X, y, setting, context, hook)
            remove_states(folder)
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        root.call_on_fit_task_end(**hook)
        return self

    def _find_scorers(self, classes):
        """The scorers and the name of the metric that selects, None where refit names none."""
        scorers, metric = self._get_scorers()
        has_loss = classes is not None and hasattr(self.estimator, "predict_proba")
        if self.scoring is None and has_loss:
            scorers = log_loss_scorer(classes)
        return scorers, metric

    def _find_seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _set_resources(self, data: SearchData) -> None:
        """Set `min_resources_` and `max_resources_`; None for a search without resources."""
        self.min_resources_ = self.max_resources_ = None
        if self.search in WITH_RESOURCES:
            self.min_resources_, self.max_resources_ = find_resources(
                self.estimator,
                self.resource,
                self.min_resources,
                self.max_resources,
                data.n_samples,
                2 * self.n_splits_ * len(set(data.strata)),
            )

    def _describe(self, X, y, params: dict, splits) -> dict:
        """What makes this search another one than that in a checkpoint."""
        settings = (
            "search n_iter scoring select resource min_resources max_resources factor "
            "random_state error_score return_train_score"
        )
        description = {name: describe(getattr(self, name)) for name in settings.split()}
        return description | {
            "n_splits": self.n_splits_,
            "estimator": describe(self.estimator),
            "param_distributions": describe(self.param_distributions),
            "prior": joblib.hash([frame.to_dict("list") for frame in self._read_priors()]),
            "X": joblib.hash(X),
            "y": joblib.hash(y),
            "fit parameters": joblib.hash(params),
            "folds": joblib.hash(splits),
        }

    def _read_priors(self) -> list:
        return [] if self.prior is None else read_priors(self.prior)

    def _find_source(self, seed: int) -> tuple[FixedCandidates | TpeCandidates, int]:
        """Where the candidates come from, and how many there are."""
        spaces = dimensions(self.param_distributions)
        is_searched = any(self.resource in names for names in spaces)
        if self.search in WITH_RESOURCES and is_searched:
            raise ValueError(
                f"`resource`: {self.resource!r} is searched for in `param_distributions` too; "
                "leave it out of one of them."
            )
        priors = self._read_priors()
        if self.search == "tpe":
            good = good_candidates(priors, spaces)
            first = spread_first(good, spaces, ceil(FIRST_SHARE * self.n_iter))
            return TpeCandidates(spaces, self.n_iter, seed, first), self.n_iter
        candidates = sample_with_prior(self.param_distributions, priors, self.n_iter, seed)
        return FixedCandidates(candidates), len(candidates)

    def _find_brackets(self, n_iter: int) -> list[list[Rung]]:
        if self.search in WITH_RESOURCES:
            brackets = self._find_rungs(n_iter)
            rungs = [rung for rungs in brackets for rung in rungs]
            self.n_candidates_ = [rung.n_candidates for rung in rungs]
            self.n_resources_ = [rung.n_resources for rung in rungs]
            return brackets
        at_once = n_iter
        if self.search == "tpe":
            at_once = ceil(joblib.effective_n_jobs(self.n_jobs) / self.n_splits_)
        starts = range(0, n_iter, at_once)
        return [[Rung(min(at_once, n_iter - start), None)] for start in starts]

    def _find_rungs(self, n_iter: int) -> list[list[Rung]]:
        limits = self.min_resources_, self.max_resources_, self.factor
        if self.search == "hyperband":
            return hyperband_brackets(n_iter, *limits)
        return [halving_rungs(n_iter, *limits, exhaust=self.min_resources == "exhaust")]

    def _check_metric(self, metric: str | bool, data: SearchData) -> str | None:
        """The name of the metric that selects, or None where refit leaves that to the user."""
        if self.select == "worst_language" and data.language is None:
            raise ValueError(
                "`select`='worst_language' needs the language of each row: give X a language "
                "column, or pass `language` to fit."
            )
        if callable(self.scoring) and isinstance(self.refit, str):
            # It may give one score or, by name, several.
            return self.refit
        if isinstance(metric, str):
            return metric
        if self._needs_metric():
            raise ValueError(self._no_metric())
        return None

    def _needs_metric(self) -> bool:
        """Whether candidates are chosen before `refit` can be asked."""
        return self.search != "random" or self.select != "mean"

    def _no_metric(self) -> str:
        return (
            f"`refit` must name the metric by which search={self.search!r} and "
            f"select={self.select!r} choose among candidates, got {self.refit!r}."
        )

    def _worth(self, results: list[dict], metric: str | None, spoken: list[list[str]]) -> float:
        """What selects a candidate: the higher the better, NaN where there is no such score."""
        metrics = metric_names(results) or [metric]
        metric = SCORE if metrics == [SCORE] else metric
        if metric not in metrics:
            if self._needs_metric():
                raise ValueError(self._no_metric())
            return np.nan
        results = completed(results, metrics, self.error_score, spoken)
        return criterion(results, metric, self.select)

    def _keep_finished(
        self, rows: list[Evaluation], runner: Runner, spoken: list[list[str]]
    ) -> None:
        """After an interrupt: `cv_results_` of the candidates whose fits are all finished."""
        finished = [row for row in rows if len(runner.found(row)) == self.n_splits_]
        if finished:
            with warnings.catch_warnings():
                # Made an error, a warning would take the place of the interrupt.
                warnings.simplefilter("ignore")
                self._tabulate(finished, runner, spoken)

    def _tabulate(
        self, rows: list[Evaluation], runner: Runner, spoken: list[list[str]]
    ) -> list[str]:
        """Set `cv_results_` and `multimetric_`; the names of the metrics."""
        found = [runner.found(row) for row in rows]
        metrics = metric_names([result for row in found for result in row]) or [SCORE]
        found = [completed(results, metrics, self.error_score, spoken) for results in found]
        more = {"candidate": [row.candidate for row in rows]}
        if self.search in WITH_RESOURCES:
            more["iter"] = [row.iteration for row in rows]
            more["n_resources"] = [row.n_resources for row in rows]
        if self.search == "hyperband":
            more["bracket"] = [row.bracket for row in rows]
        results = self._format_results(
            [row.params for row in rows],
            self.n_splits_,
            [result for row in found for result in row],
            more,
        )
        for name, column in language_columns(found, metrics).items():
            results.setdefault(name, column)  # a metric may be called as another in a language
        self.cv_results_ = results | {"failure": failure_column(found)}
        self.multimetric_ = metrics != [SCORE]
        return metrics

    def _find_best(self, metric: str | None, metrics: list[str]) -> None:
        """Set `best_index_`, `best_params_` and `best_score_` where they are defined."""
        results = self.cv_results_
        if self.multimetric_:
            self._check_refit_for_multimetric(metrics)
            if not self.refit:
                return
        else:
            metric = SCORE
        if callable(self.refit):
            self.best_index_ = self._select_best_index(self.refit, metric, results)
        else:
            column = "mean_test" if self.select == "mean" else "worst_test"
            scores = np.nan_to_num(results[f"{column}_{metric}"], nan=-np.inf)
            n_resources = np.asarray(results.get("n_resources", np.zeros(len(scores))))
            if self.resource == "n_samples":
                # With fewer rows a candidate is another one; with fewer epochs it may be the best.
                scores = np.where(n_resources == n_resources.max(), scores, -np.inf)
            best = np.flatnonzero(scores == scores.max())
            self.best_index_ = best[n_resources[best].argmax()]
            self.best_score_ = results[f"{column}_{metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(self, X, y, setting: FitSpec, context, hook: dict) -> None:
        """Fit the best candidate on all rows, as it was fitted to be scored."""
        self.best_estimator_ = clone(self.estimator).set_params(
            **clone(self.best_params_, safe=False)
        )
        resumes = resumable(self.best_estimator_, setting)
        with propagated(context, self.best_estimator_, resumes):
            context.call_on_fit_task_begin(**hook)
            started = time.time()
            if resumes:
                train_on(
                    self.best_estimator_,
                    X,
                    y,
                    resource=self.resource,
                    n_done=0,
                    n_resources=self.best_params_[self.resource],
                    n_planned=setting.n_planned,
                    classes=setting.classes,
                    fit_params=setting.fit_params,
                    seed=setting.seed,
                )
            elif y is None:
                self.best_estimator_.fit(X, **setting.fit_params)
            else:
                self.best_estimator_.fit(X, y, **setting.fit_params)
        self.refit_time_ = time.time() - started
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        context.call_on_fit_task_end(**hook)


def _forget_last_fit(search: MetaParamSearchCV) -> None:
    for name in [name for name in vars(search) if name.endswith("_")]:
        delattr(search, name)
