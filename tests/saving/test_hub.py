"""A model on a hub: a server on this machine that keeps the files of a commit in a folder."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
from tiny import make_classifier, make_pair

from metaling_sk import load

X, Y = make_pair(20, 20, n_labelled=20)
COMMIT = "0" * 40


class Hub(BaseHTTPRequestHandler):
    """The requests that an upload and a download make."""

    def log_message(self, *args):
        pass

    @property
    def folder(self) -> Path:
        return self.server.folder

    def answer(self, content, status=200, **headers):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def do_POST(self):
        content = self.body()
        if self.path.endswith("/create"):
            self.answer({"url": f"http://{self.headers['Host']}/owner/name", "id": "owner/name"})
        elif self.path.endswith("/validate-yaml"):
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = json.loads(content)["files"]
            regular = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
            self.answer({"files": [{"path": file["path"]} | regular for file in files]})
        elif "/commit/" in self.path:
            for line in content.splitlines():
                part = json.loads(line)
                if part["key"] == "file":
                    path = self.folder / part["value"]["path"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(base64.b64decode(part["value"]["content"]))
            address = f"http://{self.headers['Host']}/owner/name/commit/{COMMIT}"
            self.answer({"commitUrl": address, "commitOid": COMMIT, "pullRequestUrl": None})
        else:
            self.answer({"error": self.path}, 404)

    def do_GET(self):
        names = [p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*.*")]
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/owner/name/revision/"):
            siblings = [{"rfilename": name} for name in names]
            self.answer({"id": "owner/name", "sha": COMMIT, "siblings": siblings})
        elif path.startswith("/api/models/owner/name/tree/"):
            self.answer(
                [
                    {"type": "file", "path": name, "oid": name, "size": self.size(name)}
                    for name in names
                ]
            )
        elif path.startswith("/owner/name/resolve/"):
            name = path.split("/", 5)[5]
            tag = {"ETag": f'"{name}"', "X_Repo_Commit": COMMIT}
            self.answer((self.folder / name).read_bytes(), **tag)
        else:
            self.answer({"error": self.path}, 404)

    do_HEAD = do_GET

    def size(self, name):
        return (self.folder / name).stat().st_size


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.folder = tmp_path / "hub"
    server.folder.mkdir()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        endpoint + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_there_and_back(hub):
    clf = make_classifier(target_languages="zh").fit(X, Y)
    address = clf.push_to_hub("owner/name", token="hf_test")
    assert address.endswith(f"/owner/name/commit/{COMMIT}")
    assert {"README.md", "estimator.json"} <= {path.name for path in hub.folder.iterdir()}
    for name in ("hub:owner/name", "hub:owner/name@main"):
        loaded = load(name)
        np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_a_damaged_download_is_refused(hub):
    make_classifier(target_languages="zh").fit(X, Y).push_to_hub("owner/name", token="hf_test")
    path = hub.folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="damaged"):
        load("hub:owner/name")
