"""MetaParamSearchCV: search for the parameters that control learning."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Mapping
from itertools import compress
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import get_tags, indexable
from sklearn.utils.metaestimators import available_if

from metaling_sk._data.suspicions import suspect_lost
from metaling_sk._encoders.disk_cache import use_disk_cache
from metaling_sk._utils.parameters import Number
from metaling_sk._utils.progress import Progress
from metaling_sk._utils.random_state import seeded_globally
from metaling_sk._utils.representation import ReprMixin
from metaling_sk._utils.sklearn_compat import (
    BaseSearchCV,
    HasMethods,
    MultimetricScorer,
    StrOptions,
    check_method_params,
    fit_context,
    new_callback_context,
)
from metaling_sk.meta_param._fit_spec import Evaluation, FitResult
from metaling_sk.meta_param._fits import fit_best, make_task
from metaling_sk.meta_param._folder import checkpoint_path, open_folder
from metaling_sk.meta_param._folds import SearchData, divisible, read_data
from metaling_sk.meta_param._journal import Journal
from metaling_sk.meta_param._loop import run_brackets
from metaling_sk.meta_param._objective import check_metric, find_scorers
from metaling_sk.meta_param._plan import (
    RESOURCE_COLUMNS,
    SearchPlan,
    describe_parameters,
    describe_samples,
    make_plan,
)
from metaling_sk.meta_param._results import (
    best_row,
    make_table,
    warn_of_failures,
    warn_of_idle_resource,
)
from metaling_sk.meta_param._resume import can_resume
from metaling_sk.meta_param._runner import Runner
from metaling_sk.meta_param._saved import SavedSearchMixin
from metaling_sk.meta_param._scoring import SCORE


class MetaParamSearchCV(SavedSearchMixin, ReprMixin, BaseSearchCV):
    r"""Search for the parameters that control learning, by minimising the validation loss.

    .. math:: \min_\theta \frac{1}{|C|} \sum_{c \in C} \sum_{x, y \in D_c} L(f_\theta(x), y)

    over the parameters :math:`\theta` of an estimator, with the folds :math:`C`, the test samples
    :math:`D_c` of each fold and the loss :math:`L`. The loss is the log-loss, unless `scoring`
    names another. Everything that holds for `sklearn.model_selection.RandomizedSearchCV` holds
    here, too.

    **Resources.** "halving" [1]_, "hyperband" [2]_ and "freeze-thaw" [5]_ begin with many
    candidates and little of a resource, and give the best candidates more of it in one rung after
    another. With "halving" and "hyperband" the candidates of a rung go on together. With
    "freeze-thaw" the best candidate goes on alone until it gets worse, then the next best one, of
    the best half after the first rung. If the resource is the number of epochs of an estimator with
    `partial_fit` (`TransferClassifier`, skorch's nets, `SGDClassifier`, `MLPClassifier`; also as
    the last step of a `Pipeline`), a candidate that gets more goes on training: from 1 over 3 to 9
    epochs it is trained 9 epochs in all. Other estimators are fitted anew in each rung, and so is
    every estimator with "n_samples".

    **Learning rate.** The learning rate of a `TransferClassifier` that goes on training grows in
    the first epoch, stays for a third of the epochs that the last rung has, and falls to 0 in the
    rest, once and across all rungs. A rung trains without validation samples, source stage and
    self-training of the network. The best candidate is fitted on all samples in the same way, and
    may be one that was best before it had most of the epochs. Other estimators follow their
    `partial_fit`: scikit-learn's have no schedule, and skorch's begin theirs again at every epoch.

    **Time.** After two fits of one worker the progress bar says how long the whole search will
    take, with the fit of the best candidate on all samples. Where there is no bar, a line says so.

    Parameters
    ----------
    estimator : estimator
        Cloned for every fit.
    param_distributions : dict or list of dict
        The names of the parameters with lists of values or distributions with a method `rvs`, as
        in `RandomizedSearchCV`.
    search : {"random", "halving", "hyperband", "freeze-thaw", "tpe"}, default="random"
        The kind of search. "freeze-thaw" costs about as much as "halving" with the same `factor`,
        and ends earlier if no candidate improves any more. "tpe" [3]_ learns from the candidates
        before, by Optuna (extra `optuna`); it asks for as many candidates at once as `n_jobs` keeps
        busy.
    n_iter : int, default=10
        The number of candidates. The brackets of "hyperband" share them.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in `RandomizedSearchCV`, but None is the negative log-loss over all classes of y for a
        classifier with `predict_proba`, and the `score` method for any other estimator. Scorers
        that need no labels in the target languages, such as `CircularValidation`, are given
        samples without a label, too.
    select : {"mean", "worst_language"}, default="mean"
        The best candidate is the one with the best mean score of the splits, or with the best
        score in the language in which it does worst.
    n_jobs : int, default=None
        The number of fits at once. joblib's backend decides where they run, see
        `joblib.parallel_config`; dask uses all workers that it has.
    refit : bool, str or callable, default=True
        As in `RandomizedSearchCV`.
    cv : int, splitter or iterable, default=None
        The folds; None is 5. The default folds are those of `StratifiedLanguageKFold` if X has a
        language or some samples have no label, or those of `StratifiedGroupKFold` if there are
        also `groups` (`GroupKFold` where y holds no classes). Otherwise they are those of
        `StratifiedKFold` for a classifier and of `KFold` for any other estimator.
    resource : str, default="max_epochs"
        The resource of "halving", "hyperband" and "freeze-thaw": a parameter of the estimator that
        is a whole number, or "n_samples". The latter takes subsets of the training samples with
        every class of every language in them.
    min_resources : int, "exhaust" or "smallest", default="exhaust"
        The amount of the resource for a candidate of the first rung. "smallest" is 1, or as many
        samples as let each fold have two of each class and language. "exhaust" is as much as lets
        the last rung come as close to `max_resources` as can be. Both are the same for
        "hyperband" and "freeze-thaw", whose last rung has `max_resources`.
    max_resources : int or "auto", default="auto"
        The greatest amount of the resource for a candidate. "auto" is the estimator's own value
        of the parameter, which is 10 for max_epochs="auto", or all samples.
    factor : float or "auto", default="auto"
        In each rung the best 1 / `factor` of the candidates get `factor` times the resource. "auto"
        is 2 for "freeze-thaw" and 3 for the others.
    prior : search, DataFrame, path or list of these, default=None
        Earlier searches, on other languages or other data: fitted, or as `cv_results_`, or the
        folders of their `checkpoint`. The first third of the candidates are the best of theirs,
        spread out. Of the rest, one half is drawn from a density around what did well [4]_ and
        one half from `param_distributions` ("tpe" suggests the rest), so that a wrong prior costs
        two of three candidates and no more.
    checkpoint : str or path, default=None
        A folder, which all workers need to see. A search that was killed and is run again with
        the same arguments goes on there and ends as it would have ended. Fits whose estimator
        raised an error count as finished. The folder holds pickles: use one only if you trust
        everyone who can write to it. It does not hold the weights of frozen encoders, whose files
        are not to change meanwhile.
    random_state : int, RandomState instance or None, default=None
        The seed of the candidates, of the default folds, and of estimators that have no
        random_state of their own.
    verbose : int, default=1
        1 shows a progress bar for what takes longer than a second, 0 shows nothing.
    pre_dispatch : int or str, default="2*n_jobs"
        As in `joblib.Parallel`.
    error_score : "raise" or float, default=np.nan
        The score of a fit that fails; the reason is in ``cv_results_["failure"]``. "raise" stops
        the search instead.
    return_train_score : bool, default=False
        Whether `cv_results_` has the scores of the training samples as well.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        The columns of `RandomizedSearchCV`, and: `candidate`, the number of the candidate;
        `failure`; with a resource `iter` and `n_resources`, and for "hyperband" `bracket`; if X has
        a language, ``mean_test_score_<language>``, ``std_test_score_<language>`` and
        ``worst_test_score``. After an interrupt or an error it has the candidates that were
        finished.
    best_estimator_ : estimator
        The best candidate, fitted on all samples. Only if `refit` is not False.
    best_params_ : dict
        The parameters of the best candidate.
    best_index_ : int
        The row of the best candidate in `cv_results_`. With "n_samples" it is one of those that
        had most of them.
    best_score_ : float
        The mean score of the best candidate or, for select="worst_language", that of its worst
        language. Not available if `refit` is a function.
    scorer_ : callable or dict
        The scorer, or the scorers by name.
    n_splits_ : int
        The number of splits.
    refit_time_ : float
        The seconds that the fit of the best candidate on all samples took. Only if `refit` is not
        False.
    multimetric_ : bool
        Whether there are several metrics.
    n_resources_ : list of int
        The amount of the resource in each rung; only if the search has a resource.
    n_candidates_ : list of int
        The number of candidates in each rung; only if the search has a resource.
    min_resources_ : int or None
        The least amount of the resource; None without a resource.
    max_resources_ : int or None
        The greatest amount of the resource; None without a resource.
    classes_ : ndarray of shape (n_classes,)
        The classes of `best_estimator_`.
    n_features_in_ : int
        The number of features that `best_estimator_` has seen in `fit`.
    feature_names_in_ : ndarray of str
        The names of these features, if X is a DataFrame.

    References
    ----------
    .. [1] Jamieson & Talwalkar (2016). Non-stochastic best arm identification and hyperparameter
       optimization. AISTATS.
    .. [2] Li et al. (2018). Hyperband: a novel bandit-based approach to hyperparameter
       optimization. JMLR.
    .. [3] Bergstra et al. (2011). Algorithms for hyper-parameter optimization. NeurIPS.
    .. [4] Feurer et al. (2015). Initializing Bayesian hyperparameter optimization via
       meta-learning. AAAI.
    .. [5] Swersky, Snoek & Adams (2014). Freeze-thaw Bayesian optimization. arXiv:1406.3896. Here
       candidates are ranked by their scores, without a model of their curves.

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
    ...     TransferClassifier(source_languages="en", transfer=None),
    ...     {"learning_rate": loguniform(1e-4, 1e-2), "batch_size": [2, 4]},
    ...     search="halving", n_iter=4, max_resources=4, factor=2, cv=2, random_state=0,
    ... )
    >>> search.fit(X, y).n_resources_
    [1, 2, 4]
    >>> search.predict(X[:2]).tolist()
    [1, 0]
    """

    _parameter_constraints: dict = {
        # estimator, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score and
        # return_train_score are checked as in all searches of scikit-learn.
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list],
        "search": [StrOptions(set(RESOURCE_COLUMNS))],
        "n_iter": [Number(Integral, 1, None, closed="left")],
        "select": [StrOptions({"mean", "worst_language"})],
        "resource": [str],
        "min_resources": [
            Number(Integral, 1, None, closed="left"),
            StrOptions({"exhaust", "smallest"}),
        ],
        "max_resources": [Number(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "factor": [Number(Real, 1, None, closed="neither"), StrOptions({"auto"})],
        "prior": [HasMethods(["fit"]), Mapping, pd.DataFrame, str, os.PathLike, list, tuple, None],
        "checkpoint": [str, os.PathLike, None],
        "random_state": ["random_state"],
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
        factor="auto",
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
        estimator_tags = get_tags(self.estimator)
        for name in ("input_tags", "target_tags", "transformer_tags"):
            setattr(tags, name, getattr(estimator_tags, name))
        tags.array_api_support = False
        return tags

    def __sklearn_is_fitted__(self):
        # It is set last. An interrupted search has results but is not fitted.
        return hasattr(self, "scorer_")

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, **params) -> MetaParamSearchCV:
        """Search, and fit the best candidate on all samples.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of n_samples
            Whatever the estimator takes. With a language column in a table of pandas, polars or
            pyarrow, the language reaches every fit, score and prediction. A `datasets.Dataset`
            becomes a DataFrame of pandas.
        y : array-like of shape (n_samples,), default=None
            The target. Some labels may be missing if the estimator allows that.
        **params : dict
            Passed to the estimator, the scorer and the splitter as in `RandomizedSearchCV`. If X
            has no language column, `language` is passed to the scored predictions, and to scorers
            that take it, as well.

        Returns
        -------
        self : MetaParamSearchCV
            The fitted search.

        Raises
        ------
        ValueError
            If a parameter is not as described above, all fits fail, or `checkpoint` holds a
            different search, cannot be written, or cannot tell whether a parameter is the same.
        OSError
            If the disk of `checkpoint` gets full; the search goes on when it is run again. Or if
            there is no room for the large arrays that workers share.
        """
        suspect_lost(self)
        X, y = indexable(divisible(X), y)
        params = check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        data = read_data(self.estimator, X, y, params.get("language"))
        scorers, metric = find_scorers(self, data.classes)
        metric = check_metric(self, metric, has_language=data.language is not None)
        self._forget_last_fit()
        checkpoint = checkpoint_path(self.checkpoint)
        # Before the plan draws from a `random_state` that is no number.
        description = None if checkpoint is None else describe_parameters(self)
        task = make_task(self, X, y, params.get("sample_weight"))
        context = new_callback_context(self, max_subtasks=1 + (self.refit is not False))
        context.call_on_fit_task_begin(**task)
        with Journal(checkpoint) as journal, open_folder(checkpoint) as folder:
            plan = make_plan(self, data, routed, scorers, metric, journal.seed, folder)
            self._set_plan(plan)
            if description is not None:
                description |= describe_samples(data, (params, routed), plan)
                journal.begin(description, plan.fit_spec.seed)
                if journal.is_empty:
                    folder.forget()
            evaluations, results = self._run(data, plan, journal, context)
            warn_of_failures(results, self.error_score)
            grows_epochs = plan.limits is not None and self.resource != "n_samples"
            if grows_epochs and not can_resume(self.estimator, plan.fit_spec):
                warn_of_idle_resource(evaluations, results, self.resource)
            metrics = self._set_results(evaluations, results, plan)
            self.multimetric_ |= isinstance(scorers, MultimetricScorer)
            self._set_best(metric, metrics)
            if self.refit:
                self._refit(
                    data, plan, context.subcontext(task_name="refit-with-best-params"), task
                )
            folder.clean()
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        context.call_on_fit_task_end(**task)
        return self

    @available_if(lambda self: hasattr(self.estimator, "transform"))
    def fit_transform(self, X, y=None, **params):
        """Search, and transform the same samples by the best candidate.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of n_samples
            As in `fit`.
        y : array-like of shape (n_samples,), default=None
            As in `fit`.
        **params : dict
            As in `fit`. `language` is passed to `transform` as well.

        Returns
        -------
        array
            What the `transform` of the best candidate returns.
        """
        best = self.fit(X, y, **params).best_estimator_
        return best.transform(X, **{name: params[name] for name in params if name == "language"})

    def _forget_last_fit(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _set_plan(self, plan: SearchPlan) -> None:
        """Set the attributes that are known before the first fit."""
        self.n_splits_ = len(plan.splits)
        least, greatest = plan.limits or (None, None)
        self.min_resources_, self.max_resources_ = least, greatest
        if plan.limits is not None:
            self.n_candidates_ = [rung.n_candidates for rung in plan.rungs]
            self.n_resources_ = [rung.n_resources for rung in plan.rungs]

    def _run(
        self, data: SearchData, plan: SearchPlan, journal: Journal, context
    ) -> tuple[list[Evaluation], list[list[FitResult]]]:
        """Evaluate all candidates; after an error, keep the results of those that finished."""
        n_steps = None if plan.is_freeze_thaw else len(plan.rungs)
        context = context.subcontext(task_name="search", max_subtasks=n_steps)
        context.call_on_fit_task_begin(estimator=self)
        evaluations: list[Evaluation] = []
        with Progress.of(self) as progress:
            runner = Runner(self, data, plan, journal, progress)
            try:
                run_brackets(runner, plan, data, context, evaluations)
            except BaseException:
                self._set_finished_results(evaluations, runner, plan)
                raise
        context.call_on_fit_task_end(estimator=self)
        if plan.limits is not None:
            counts = Counter((each.bracket, each.iteration) for each in evaluations)
            self.n_candidates_ = [
                counts[bracket, number]
                for bracket, rungs in enumerate(plan.brackets)
                for number in range(len(rungs))
            ]
        return evaluations, [runner.results_of(evaluation) for evaluation in evaluations]

    def _set_finished_results(
        self, evaluations: list[Evaluation], runner: Runner, plan: SearchPlan
    ) -> None:
        """Set `cv_results_` of the candidates whose fits are all finished, if there are any."""
        results = [runner.results_of(evaluation) for evaluation in evaluations]
        is_finished = [len(by_split) == self.n_splits_ for by_split in results]
        if any(is_finished):
            with warnings.catch_warnings():
                # Made an error, a warning would take the place of the first one.
                warnings.simplefilter("ignore")
                self._set_results(
                    list(compress(evaluations, is_finished)),
                    list(compress(results, is_finished)),
                    plan,
                )

    def _set_results(
        self, evaluations: list[Evaluation], results: list[list[FitResult]], plan: SearchPlan
    ) -> list[str]:
        """Set `cv_results_` and `multimetric_`; return the names of the metrics."""
        self.cv_results_, metrics = make_table(
            evaluations,
            results,
            error_score=self.error_score,
            test_languages=plan.objective.test_languages,
            resource_columns=RESOURCE_COLUMNS[self.search],
            format_results=self._format_results,
        )
        self.multimetric_ = metrics != [SCORE]  # several metrics, or one that has a name
        return metrics

    def _set_best(self, metric: str | None, metrics: list[str]) -> None:
        """Set `best_index_`, `best_params_` and `best_score_` if they are defined."""
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
            column = f"{'mean' if self.select == 'mean' else 'worst'}_test_{metric}"
            # A candidate that had fewer samples is another one when it is fitted on all of them;
            # one that had fewer epochs may be the best.
            self.best_index_ = best_row(results, column, only_most=self.resource == "n_samples")
            self.best_score_ = results[column][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(self, data: SearchData, plan: SearchPlan, context, task: dict) -> None:
        """Fit the best candidate on all samples."""
        spec = plan.fit_spec
        with use_disk_cache(spec.folder.cache, remember=True), seeded_globally(spec.seed):
            estimator = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
            n_resources = self.best_params_.get(self.resource)
            self.refit_time_ = fit_best(estimator, data, spec, n_resources, context, task)
            self.best_estimator_ = estimator
            if hasattr(estimator, "feature_names_in_"):
                self.feature_names_in_ = estimator.feature_names_in_
            context.call_on_fit_task_end(**task)
