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


def test_modules_need_no_import_of_their_own():
    code = "import sys, metaling_sk; assert 'torch' not in sys.modules; " + "; ".join(
        f"metaling_sk.{name}" for name in ("datasets.load_reviews", "metrics.language_report")
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_linear_recipe_needs_no_torch():
    code = (
        "import sys; from metaling_sk import LinearTransferClassifier; "
        "assert not {'torch', 'transformers', 'huggingface_hub'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_numbers_need_no_model_of_transformers():
    """To import these models takes seconds, in each worker process again."""
    code = """
        import sys
        from metaling_sk import MetaNetClassifier, MetaParamSearchCV, TransferClassifier
        X, y = [[0.0], [1.0]] * 4, [0, 1] * 4
        TransferClassifier(max_epochs=1, verbose=0).fit(X, y, language=["en"] * 4 + ["zh"] * 4)
        assert "transformers.modeling_utils" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)


def test_what_is_solved_for_needs_no_optimiser():
    """The first optimiser imports what compiles networks, which takes seconds."""
    code = """
        import sys
        from metaling_sk import MetaNetClassifier
        X, y = [[0.0], [1.0]] * 4, [0, 1] * 4
        MetaNetClassifier(verbose=0).fit(X, y, language=["en"] * 4 + ["zh"] * 4).predict(X)
        assert "torch._dynamo" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="No metaling_sk attribute magic"):
        metaling_sk.magic  # noqa: B018
