"""The page of the architecture is true of the code."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.rst").read_text(encoding="utf-8")
ROWS = PAGE.partition("never from those above::\n\n")[2].partition("\n\n")[0].splitlines()
ROW_OF = {name: number for number, row in enumerate(ROWS) for name in row.strip().split(", ")}


def imports_of(path):
    """The modules of the package that a module imports, by the part of the package they are in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("metaling_sk."):
            yield node.module.split(".")[1]


def test_imports_go_down():
    package = ROOT / "metaling_sk"
    wrong = []
    for path in package.rglob("*.py"):
        part = path.relative_to(package).parts[0].removesuffix(".py")
        if part != "__init__":
            wrong += [
                f"{path.relative_to(ROOT)} imports {other}"
                for other in imports_of(path)
                if other != part and ROW_OF[other] <= ROW_OF[part]
            ]
    assert not wrong
