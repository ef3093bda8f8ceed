"""The public names."""

import subprocess
import sys
from textwrap import dedent

import pytest
from marks import requires
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import DICTIONARY

import metaling_sk
from metaling_sk import DictionaryTranslator, LanguageStandardScaler, LinearTransferClassifier, save


@pytest.mark.parametrize("name", metaling_sk.__all__)
def test_every_public_name_is_there(name):
    assert getattr(metaling_sk, name) is not None
    assert name in dir(metaling_sk)


def test_what_needs_no_torch():
    """The linear recipe, and modules that are imported as attributes of the package."""
    code = """
        import sys, metaling_sk
        assert "torch" not in sys.modules
        metaling_sk.datasets.load_reviews
        from metaling_sk import LinearTransferClassifier
        assert not {"torch", "transformers", "huggingface_hub"} & {*sys.modules}
        metaling_sk.metrics.language_report
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)


def test_a_search_over_other_estimators_needs_no_torch(tmp_path):
    """Neither does it in the workers, of which each would import it."""
    code = f"""
        import sys
        import numpy as np
        from sklearn.linear_model import SGDClassifier
        from metaling_sk import MetaParamSearchCV

        def has_torch(estimator, X, y):
            return float("torch" in sys.modules)

        X, y = np.arange(24.0).reshape(12, 2), np.arange(12) % 2
        in_workers = {{"n_jobs": 2, "scoring": has_torch}}
        for parameters in (in_workers, {{"checkpoint": {str(tmp_path)!r}}}):
            search = MetaParamSearchCV(
                SGDClassifier(loss="log_loss", max_iter=2, random_state=0),
                {{"alpha": [0.01, 0.1]}}, search="halving", resource="max_iter", factor=2,
                n_iter=2, cv=2, random_state=0, verbose=0, **parameters,
            ).fit(X, y)
            assert "torch" not in sys.modules
            assert parameters is not in_workers or not search.cv_results_["mean_test_score"].any()
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)


@requires("skops")
def test_what_was_saved_without_a_network_is_loaded_without_torch(tmp_path):
    texts, numbers, y = ["good", "bad", "fine", "awful"], [[0.0], [1.0], [2.0], [3.0]], [1, 0, 1, 0]
    models = {
        "linear": LinearTransferClassifier(n_topics=1, verbose=0).fit(texts, y),
        "scaler": LanguageStandardScaler().fit(numbers, language=["en", "en", "zh", "zh"]),
        "translator": DictionaryTranslator(DICTIONARY, target_language="zh").fit(texts),
        "pipeline": make_pipeline(LanguageStandardScaler(), LogisticRegression()).fit(numbers, y),
    }
    for name, model in models.items():
        save(model, tmp_path / name)
    predicted = [*models["linear"].predict(texts), *models["pipeline"].predict(numbers)]
    predicted = [int(label) for label in predicted]
    code = f"""
        import sys
        from pathlib import Path
        from metaling_sk import load
        linear, scaler, translator, pipeline = (
            load(Path({str(tmp_path)!r}) / name) for name in {list(models)}
        )
        predicted = [*linear.predict({texts}), *pipeline.predict({numbers})]
        assert predicted == {predicted}
        scaler.transform({numbers}, language="en"), translator.transform({texts}), repr(linear)
        assert not {{"torch", "transformers"}} & {{*sys.modules}}
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)


def test_displays_need_no_matplotlib_and_numbers_neither_transformers_nor_an_optimiser():
    """To import these takes seconds, in each worker process again.

    The first optimiser imports what compiles networks. What is solved for needs none.
    """
    code = """
        import sys
        from metaling_sk.plotting import *
        assert "HistoryDisplay" in globals() and "matplotlib" not in sys.modules
        from metaling_sk import MetaNetClassifier, MetaParamSearchCV, TransferClassifier
        X, y = [[0.0], [1.0]] * 4, [0, 1] * 4
        language = ["en"] * 4 + ["zh"] * 4
        MetaNetClassifier(verbose=0).fit(X, y, language=language).predict(X, language=language)
        assert "torch._dynamo" not in sys.modules
        TransferClassifier(max_epochs=1, verbose=0).fit(X, y, language=language)
        assert "transformers.modeling_utils" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)


def test_a_notebook_without_ipywidgets_is_not_warned_of():
    """Whatever imports tqdm first, as huggingface_hub does here."""
    code = """
        import sys
        from types import ModuleType, SimpleNamespace
        shell = SimpleNamespace(config={"IPKernelApp": {}})  # what tqdm takes for a notebook
        sys.modules |= {name: ModuleType(name) for name in ("IPython", "ipykernel.zmqshell")}
        sys.modules["IPython"].get_ipython = lambda: shell
        sys.modules["ipywidgets"] = None
        from metaling_sk import load
        from metaling_sk._utils.progress import tqdm
        assert tqdm.__module__ == "tqdm.asyncio"
    """
    command = [sys.executable, "-c", dedent(code)]
    done = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    assert "IProgress" not in done.stderr


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="No metaling_sk attribute magic"):
        metaling_sk.magic  # noqa: B018
