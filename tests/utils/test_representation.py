"""How estimators are shown. See test_parameters.py for what is printed of long parameters."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import metaling_sk
from metaling_sk import TransferClassifier

API = Path(__file__).parents[2] / "docs" / "api.rst"
PRINT_LINKS = """
import json
import metaling_sk
from sklearn.base import BaseEstimator

estimators = [getattr(metaling_sk, name) for name in metaling_sk.__all__]
estimators = [x for x in estimators if isinstance(x, type) and issubclass(x, BaseEstimator)]
print(json.dumps({x.__name__: x._get_doc_link(x.__new__(x)) for x in estimators}))
"""


def test_links_lead_to_the_pages_of_the_documentation(tmp_path):
    metadata = tmp_path / "metaling_sk-99.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(
        "Metadata-Version: 2.4\nName: metaling_sk\nVersion: 99\n"
        "Project-URL: Source, https://code.example/metaling_sk\n"
        "Project-URL: Documentation, https://docs.example/metaling_sk/\n"
    )
    # The first metadata on the path are those of the installed package.
    path = os.pathsep.join([str(tmp_path), str(Path(metaling_sk.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", PRINT_LINKS],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    links = json.loads(done.stdout)
    assert {"TransferClassifier", "MetaParamSearchCV", "EncoderVectorizer"} <= links.keys()
    pages = re.findall(r"^   (\w+)$", API.read_text(encoding="utf-8"), re.MULTILINE)
    for name, link in links.items():
        assert link == f"https://docs.example/metaling_sk/api/generated/metaling_sk.{name}.html"
        assert name in pages


def test_there_is_no_link_without_documentation():
    assert TransferClassifier()._get_doc_link() == ""
    assert "<a " not in TransferClassifier()._repr_html_()
