"""The public names."""

import subprocess
import sys
from textwrap import dedent

import pytest

import metaling_sk


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


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="No metaling_sk attribute magic"):
        metaling_sk.magic  # noqa: B018
