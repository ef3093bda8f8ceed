"""Sphinx configuration."""

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
    "description": "Transfer learning across languages with the interface of scikit-learn",
    "fixed_sidebar": True,
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False  # the template documents the methods
numpydoc_xref_param_type = False
