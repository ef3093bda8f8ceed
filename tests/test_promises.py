"""The page of promises names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "promises.rst").read_text(encoding="utf-8")
TESTS = re.findall(r"- \| ``(\S+\.py)``\n +\| ``(test_\w+)``\n", PAGE)


def test_every_promise_has_a_test():
    n_promises = PAGE.count("\n   * - ") - 1  # one row is the header
    assert len(TESTS) == n_promises > 0


@pytest.mark.parametrize(("file", "test"), TESTS)
def test_the_test_of_a_promise_exists(file, test):
    source = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {test}\(", source, flags=re.MULTILINE)
