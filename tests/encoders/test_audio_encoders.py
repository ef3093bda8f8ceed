"""Encoders of recordings: folders, modules, what extractors do, what is refused."""

import numpy as np
import pytest
import torch
import transformers
from scipy.signal import resample_poly
from tiny_audio import (
    RATE,
    SMALL,
    make_classifier,
    make_config,
    make_pair,
    make_recordings,
    make_wave_config,
    make_whisper_config,
)

from metaling_sk import EncoderVectorizer, load
from metaling_sk._data.audio import AudioCell
from metaling_sk._encoders.audio_reader import AudioReader
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.modalities import MODALITIES

X, Y = make_pair(12, 12)
WAVES = [value["array"] for value in X["audio"][:5]]
PLAIN = {"device": "cpu", "dtype": "float32", "verbose": 0, "audio_column": "audio"}


def rated(waves, rate=RATE):
    return [{"array": wave, "sampling_rate": rate} for wave in waves]


def save_checkpoint(folder, config, extractor=None):
    """Write a model of recordings with random weights, and its feature extractor, to a folder."""
    torch.manual_seed(0)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    extractor = extractor or transformers.Wav2Vec2FeatureExtractor()
    extractor.save_pretrained(folder)
    return folder


LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
CHECKPOINTS = {
    "wav2vec 2.0": (make_wave_config(), None),
    "wav2vec 2.0, large": (
        make_wave_config(**LAYER_NORM),
        transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True),
    ),
    "HuBERT": (make_wave_config(transformers.HubertConfig), None),
    "Whisper": (
        make_whisper_config(),
        transformers.WhisperFeatureExtractor(feature_size=20, chunk_length=1),
    ),
    "w2v-BERT 2.0": (
        make_config(),
        transformers.SeamlessM4TFeatureExtractor(feature_size=20, num_mel_bins=20),
    ),
}


def by_transformers(folder, wave):
    """The mean of the vectors of one recording, by transformers alone."""
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    inputs = extractor(wave, sampling_rate=RATE, return_tensors="pt")
    n_heard = None
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
        n_heard = -(-len(wave) // 320)  # The rest of the window is silence.
    inputs.pop("attention_mask", None)
    with torch.no_grad():
        return model(**inputs).last_hidden_state[0, :n_heard].mean(0).numpy()


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_vectors_are_those_of_transformers_for_one_recording(tmp_path, name):
    """Beside longer ones, too: what fills a batch up is left out."""
    folder = save_checkpoint(tmp_path, *CHECKPOINTS[name])
    found = EncoderVectorizer(folder, **PLAIN).fit_transform(rated(WAVES))
    expected = np.stack([by_transformers(folder, wave) for wave in WAVES])
    np.testing.assert_allclose(found, expected, atol=2e-4 * abs(expected).max())


@pytest.mark.parametrize("name", ["wav2vec 2.0", "HuBERT", "Whisper"])
def test_checkpoints_are_trained_and_saved(tmp_path, name):
    folder = save_checkpoint(tmp_path / "checkpoint", *CHECKPOINTS[name])
    clf = make_classifier(encoder=folder, max_epochs=1).fit(X, Y)
    settings = clf._settings()
    assert settings.encoder_learning_rate < settings.learning_rate / 10
    clf.save(tmp_path / "saved")
    np.testing.assert_array_equal(load(tmp_path / "saved").predict_proba(X), clf.predict_proba(X))


def test_lower_layers(tmp_path):
    folder = save_checkpoint(tmp_path, *CHECKPOINTS["wav2vec 2.0"])
    encoder = MODALITIES["recordings"].make_encoder(
        EncodingParameters(folder, pooling="last", layer=1, max_seconds=1)
    )
    assert encoder.n_layers == 1
    found = EncoderVectorizer(folder, layer=1, pooling="last", **PLAIN).fit_transform(rated(WAVES))
    alone = EncoderVectorizer(folder, layer=1, pooling="last", **PLAIN).fit(rated(WAVES))
    np.testing.assert_allclose(alone.transform(rated(WAVES[2:3])), found[2:3], rtol=1e-4)


def test_a_module_and_its_extractor(tmp_path):
    folder = save_checkpoint(tmp_path, *CHECKPOINTS["wav2vec 2.0"])
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    module = transformers.AutoModel.from_pretrained(folder)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    expected = EncoderVectorizer(folder, **PLAIN).fit_transform(rated(WAVES))
    found = EncoderVectorizer((module, extractor), **PLAIN).fit_transform(rated(WAVES))
    np.testing.assert_array_equal(found, expected)
    make_classifier(encoder=(module, extractor), max_epochs=1).fit(X, Y)
    assert module.config.apply_spec_augment
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, before[name])


def test_recordings_are_resampled():
    reader = AudioReader(transformers.Wav2Vec2FeatureExtractor(do_normalize=False), 9)
    low = np.sin(np.arange(8_000) / 20).astype(np.float32)
    found = reader(cells(rated([low], 8_000))).array
    assert len(found) == 16_000
    np.testing.assert_allclose(found[200:-200], resample_poly(low, 2, 1)[200:-200], atol=1e-5)
    for rate in (44_100, 44_099, 11_025.5):
        assert len(reader(cells(rated([low], rate))).array) == pytest.approx(
            8_000 * RATE / rate, rel=1e-3
        )


def cells(values):
    from metaling_sk._data.audio import RECORDINGS

    return RECORDINGS.read(values, make_classifier())[0]


def test_recordings_are_truncated():
    vectorizer = EncoderVectorizer(make_config(), max_seconds=0.2, random_state=0, **PLAIN)
    noise = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    whole, part = vectorizer.fit_transform(rated([noise, noise[: RATE // 5]]))
    np.testing.assert_allclose(whole, part, rtol=1e-4)


def test_scratch_is_small():
    encoder = MODALITIES["recordings"].make_encoder(EncodingParameters("scratch"))
    assert sum(weight.numel() for weight in encoder.parameters()) < 1e6
    assert encoder.n_layers == 2 and not encoder.pretrained


def test_encoders_that_are_refused(tmp_path):
    def fit(encoder, **parameters):
        make_classifier(encoder=encoder, **parameters).fit(X, Y)

    with pytest.raises(OSError, match="no folder with a transformers model of recordings"):
        fit(str(tmp_path / "nothing"))
    bert = transformers.BertConfig(**SMALL)
    transformers.BertModel(bert).save_pretrained(tmp_path / "bert")
    with pytest.raises(OSError, match="no folder with a transformers model of recordings"):
        fit(tmp_path / "bert")
    with pytest.raises(ValueError, match="no feature extractor for BertConfig"):
        fit(bert)
    with pytest.raises(TypeError, match="got list.*passed as numbers, with audio_column=None"):
        fit([])
    with pytest.raises(ValueError, match="its feature extractor, a dict, cannot be used"):
        fit((transformers.BertModel(bert), {}))
    text = transformers.BertModel(bert), transformers.Wav2Vec2FeatureExtractor()
    with pytest.raises(ValueError, match="BertModel does not encode recordings"):
        fit(text)


def test_nothing_is_printed(tmp_path, capfd):
    folder = save_checkpoint(tmp_path, *CHECKPOINTS["wav2vec 2.0"])
    capfd.readouterr()
    make_classifier(encoder="scratch", max_epochs=1).fit(X, Y)
    make_classifier(encoder=folder, max_epochs=1).fit(X, Y)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "make_extractor, sizes",
    [
        (transformers.WhisperFeatureExtractor, {"chunk_length": 2}),
        (transformers.ASTFeatureExtractor, {"num_mel_bins": 40}),
    ],
    ids=["Whisper", "AST"],
)
def test_what_fills_recordings_up_is_not_kept(make_extractor, sizes):
    extractor = make_extractor(**sizes)
    rows, _ = make_recordings(4, "en", 0)
    silent = {"array": np.zeros(3000), "sampling_rate": RATE}
    recordings = [*rows["audio"], silent]
    reader = AudioReader(extractor, 30.0)
    sounds = reader(np.array([AudioCell(each, "audio", 0) for each in recordings], dtype=object))
    for each, found in zip(recordings, sounds.arrays()["sounds"], strict=True):
        made = extractor(each["array"], sampling_rate=RATE, return_tensors="np")
        (expected,) = made[reader.input_name]
        assert (found == (expected.T if reader.bands_first else expected)).all()
    assert sounds.array.nbytes < sounds.arrays()["sounds"].nbytes / 3
    assert (sounds.take(np.array([4, 1])).lengths == sounds.lengths[0]).all()


@pytest.mark.parametrize("max_seconds", [0.05, 0.25])
def test_recordings_that_are_cut_short_keep_their_lengths(max_seconds):
    reader = AudioReader(transformers.Wav2Vec2FeatureExtractor(do_normalize=False), max_seconds)
    assert not reader.is_fixed
    sounds = [{"array": np.ones(size), "sampling_rate": RATE} for size in (3000, 9000)]
    found = reader(np.array([AudioCell(each, "audio", 0) for each in sounds], dtype=object))
    expected = [max(1600, min(size, int(RATE * max_seconds))) for size in (3000, 9000)]
    assert found.n_heard.tolist() == expected
