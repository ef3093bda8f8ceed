"""A checkpoint that is not there, on a hub that does not answer or has no such model."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import pytest
from encoder_cases import PLAIN, TEXTS
from tiny_audio import make_recordings
from tiny_images import make_images

from metaling_sk import EncoderVectorizer, TransferTranslator
from metaling_sk._encoders import hub as asking


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub without any model, which answers if `answers`, and its empty cache."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            if "/no/model/" in self.path:  # A first call also asks for what is no model.
                server.requests.append(self.path)
            if server.answers:
                self.send_error(404)

        do_GET = do_HEAD

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.answers = [], False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    for name, value in {
        "ENDPOINT": endpoint,
        "HUGGINGFACE_CO_URL_TEMPLATE": template,
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": False,
    }.items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)
    yield server
    server.shutdown()
    server.server_close()


def fit_vectorizer(encoder, X=TEXTS, **parameters):
    return EncoderVectorizer(encoder, **PLAIN, **parameters).fit(X)


def fit_translator(encoder, X, **parameters):
    y = ["omah"] * len(X)
    TransferTranslator(encoder=encoder, verbose=0, **parameters).fit(X, y, language="ind")


RECORDINGS, _ = make_recordings(2, "en", 0)
IMAGES, _ = make_images(2, "en", 0)
FITS = {
    "texts": fit_vectorizer,
    "images": lambda name: fit_vectorizer(name, IMAGES, image_column="image"),
    "recordings": lambda name: fit_vectorizer(name, RECORDINGS, audio_column="audio"),
    "translations": lambda name: fit_translator(name, ["rumah"], target_language="jav"),
    "transcriptions": lambda name: fit_translator(
        name, RECORDINGS[["audio"]], audio_column="audio"
    ),
}


@pytest.mark.parametrize("kind", FITS)
def test_a_hub_that_does_not_answer_is_not_asked_for_every_file(kind, hub, monkeypatch):
    monkeypatch.setattr(asking, "N_RETRIES", 0)
    with pytest.raises(OSError, match="`encoder`: 'no/model' is no .* hub does not answer .*HF_HU"):
        FITS[kind]("no/model")
    # Transcriptions ask once more, what kind of model it is.
    assert len(hub.requests) == 1 + (kind == "transcriptions")


def test_a_network_that_fails_for_a_moment(hub):
    with pytest.raises(OSError, match="does not answer"):
        fit_vectorizer("no/model")
    assert len(hub.requests) == 3


def test_a_hub_that_has_no_such_model(hub):
    hub.answers = True
    with pytest.raises(OSError, match="could not be had from the Hugging Face hub"):
        fit_vectorizer("no/model")
    assert len(hub.requests) > 1


def test_offline_it_is_not_asked(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="HF_HUB_OFFLINE says not to ask the Hugging Face hub"):
        fit_vectorizer("no/model")
    assert not hub.requests


CALL = "metaling_sk.datasets.load_encoder"


@pytest.mark.parametrize(
    "name, near",
    {
        "multilingual-e5-smal": f"{CALL}('multilingual-e5-small')",
        "intfloat/multilingual-e5-small": f"{CALL}('multilingual-e5-small')",
        "my_encoder/v_1": "'my_encoder/v1'",
        "my_encoder/v1/": None,
        "something-else": None,
    }.items(),
)
def test_near_names_are_said(name, near, monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    (tmp_path / "my_encoder" / "v1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="is no folder") as error:
        fit_vectorizer(name)
    message = str(error.value)
    assert f"Did you mean {near}?" in message if near else "Did you mean" not in message
