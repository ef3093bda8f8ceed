"""Sphinx configuration."""

import re
import sys
import tomllib
from pathlib import Path

root = Path(__file__).parents[1]
sys.path.insert(0, str(root))

project = "metaling_sk"
author = "the metaling_sk developers"
copyright = "2026, the metaling_sk developers"
release = version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Meta-learning across languages with the interface of scikit-learn",
    "fixed_sidebar": True,
    "page_width": "1100px",
    "body_max_width": "none",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False  # the template documents the methods
numpydoc_xref_param_type = False


def drop_links_of_sklearn(app, what, name, obj, options, lines):
    """Methods of scikit-learn's searches refer to pages of scikit-learn's own documentation."""
    for number, line in enumerate(lines):
        line = re.sub(r":term:`([^`]+)`", r"``\1``", line)
        lines[number] = re.sub(r":ref:`([^`<]+?) <(metadata_routing\w*)>`", r"\1", line)


def setup(app):
    # After numpydoc, which has the priority 500.
    app.connect("autodoc-process-docstring", drop_links_of_sklearn, priority=600)
