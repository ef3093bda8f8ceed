"""Displays: the form that all have, and the optional package that they need."""

import sys
from inspect import signature

import pytest

from metaling_sk import plotting


@pytest.mark.parametrize(
    "call",
    [
        "TransferMatrixDisplay(None).plot()",
        "LanguageReportDisplay(None).plot()",
        "LanguageReportDisplay.from_predictions(None, None, None)",
        "LanguageReportDisplay.from_estimator(None, None, None)",
        "FewShotCurveDisplay(None).plot()",
        "HistoryDisplay(None).plot()",
        "HistoryDisplay.from_estimator(None)",
        "EmbeddingDisplay(None, None).plot()",
        "EmbeddingDisplay.from_estimator(None, None)",
        "EmbeddingDisplay.from_representations(None, None)",
        "LanguageEmbeddingDisplay(None).plot()",
        "LanguageEmbeddingDisplay.from_estimator(None)",
        "MetaParamDisplay.from_estimator(None)",
    ],
)
def test_without_matplotlib_they_say_what_to_install(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    owner, method = call.split("(")[0].split(".")[0], call.rpartition(".")[2].split("(")[0]
    with pytest.raises(ImportError, match=f"{owner}.{method} requires matplotlib"):
        eval(call, {owner: getattr(plotting, owner)})


@pytest.mark.parametrize("name", plotting.__all__)
def test_axes_are_the_first_argument_of_plot_as_in_sklearn(name):
    parameter = list(signature(getattr(plotting, name).plot).parameters.values())[1]
    assert (parameter.name, parameter.kind.name) == ("ax", "POSITIONAL_OR_KEYWORD")
