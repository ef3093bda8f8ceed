"""The page of promises names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROMISES = re.findall(
    r"^ +[*-] - (.+?)\n(?: {7}.+\n)* {5}- \| ``(\S+)``\n {7}\| ``(\S+)``$",
    (ROOT / "docs" / "promises.rst").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)


def test_the_page_has_promises():
    assert len(PROMISES) == (ROOT / "docs" / "promises.rst").read_text("utf-8").count("| ``test_")


@pytest.mark.parametrize(("promise", "file", "test"), PROMISES)
def test_the_test_of_a_promise_exists(promise, file, test):
    source = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {test}\(", source, flags=re.MULTILINE), promise
