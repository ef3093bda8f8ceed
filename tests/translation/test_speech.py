"""Speech to text: by a checkpoint with a decoder, and by an encoder that hears characters."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import datasets
import numpy as np
import pandas as pd
import pytest
import tiny_audio
import torch
import transformers
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny_speech import SAID, make_recognizer, make_spoken, make_whisper, make_whisperer
from tiny_translators import make_pairs, make_quick

from metaling_sk import TransferTranslator, load
from metaling_sk.exceptions import InputWarning
from metaling_sk.metrics import word_error_rate
from metaling_sk.translation import _predicting

X, Y = make_spoken(32)
X_OTHER, Y_OTHER = make_spoken(16, "xx", seed=1)
BOTH = pd.concat([X, X_OTHER], ignore_index=True)
Y_BOTH = np.concatenate([Y, Y_OTHER])
LEARNING = {"max_epochs": 12, "learning_rate": 1e-2}


@cache
def heard():
    """An encoder that hears characters of two languages, which no test changes."""
    return make_recognizer(**LEARNING).fit(BOTH, Y_BOTH)


# A checkpoint with a decoder


@cache
def whisper(init_std=0.05):
    """A small Whisper with random weights, and its processor."""
    torch.manual_seed(0)
    return make_whisper(init_std)


@cache
def whisperer():
    """A translator by it that has learnt, which no test changes."""
    return make_whisperer(encoder=whisper(), **LEARNING).fit(BOTH, Y_BOTH)


def features(rows):
    """What the processor makes of recordings."""
    sounds = [each["array"] for each in rows["audio"]]
    return whisper()[1](sounds, sampling_rate=tiny_audio.RATE, return_tensors="pt").input_features


GENERATED = {
    "English": (X, None, {"language": "<|en|>", "task": "transcribe"}),
    "another language": (X_OTHER, None, {"language": "<|xx|>", "task": "transcribe"}),
    "into English": (X_OTHER, "en", {"language": "<|xx|>", "task": "translate"}),
    "into another language": (X, "xx", {"language": "<|xx|>", "task": "transcribe"}),
}


@pytest.mark.parametrize("num_beams", [1, 3])
@pytest.mark.parametrize("rows, target_language, options", GENERATED.values(), ids=GENERATED)
def test_whisper_writes_what_transformers_writes(rows, target_language, options, num_beams):
    model, processor = pair = whisper(init_std=0.4)  # What it writes depends on the recording.
    translator = make_whisperer(
        encoder=pair, learning_rate=0.0, target_language=target_language, num_beams=num_beams
    ).fit(rows, ["na up"] * len(rows))
    ids = model.generate(features(rows), num_beams=num_beams, max_new_tokens=12, **options)
    expected = processor.batch_decode(ids, skip_special_tokens=True)
    assert len(set(expected)) > 1, "all recordings sound the same to it"
    assert translator.predict(rows).tolist() == [text.strip() for text in expected]


def test_the_loss_of_whisper_is_that_of_transformers():
    model, processor = whisper()
    translator = make_whisperer(encoder=whisper(), learning_rate=0.0, dtype="float32")
    losses = translator.fit(X[:1], Y[:1]).history_["train_loss"]
    names = ["<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    tokenizer = processor.tokenizer
    prompt = tokenizer.convert_tokens_to_ids(names)
    text = tokenizer(Y[0], add_special_tokens=False).input_ids
    labels = torch.tensor([[*prompt, *text, tokenizer.eos_token_id]])
    expected = model(input_features=features(X[:1]), labels=labels).loss
    assert losses[0] == pytest.approx(expected.item(), rel=1e-5)


def test_whisper_learns():
    losses = whisperer().history_["train_loss"]
    assert losses.iloc[-1] < 0.3 * losses.iloc[0]
    found = whisperer().predict(BOTH)
    assert set(found[: len(X)]) <= {*SAID["en"]} and set(found[len(X) :]) <= {*SAID["xx"]}


def test_a_folder_of_whisper_and_low_rank_updates(tmp_path):
    for part in whisper():
        part.save_pretrained(tmp_path / "whisper")
    translator = make_whisperer(encoder=tmp_path / "whisper", trainable="lora").fit(X, Y)
    assert translator.learning_rate_ == 2e-3
    trained = translator.net_.module_.named_parameters()
    assert all(weight.requires_grad == ("lora_" in name) for name, weight in trained)
    translator.save(tmp_path / "saved")
    saved = load(tmp_path / "saved")
    assert saved.predict(X).tolist() == translator.predict(X).tolist()
    more = make_whisperer(source=saved).fit(X_OTHER, Y_OTHER)
    assert more.target_languages_ == ["en", "xx"]


def test_a_language_that_whisper_has_no_token_of():
    with pytest.warns(InputWarning, match="no token of 'yy'.* It has tokens of 'en', 'xx'"):
        translator = make_whisperer(encoder=whisper()).fit(X.assign(language="yy"), Y)
    assert translator.predict(X.assign(language="yy")).shape == (len(X),)
    # Where no language is named, there is nothing to warn of.
    make_whisperer(encoder=whisper()).fit(X["audio"].tolist(), Y)


def test_texts_that_are_too_long_for_whisper():
    y = np.where(np.arange(len(X)) == 0, "na " * 100, Y)
    make_whisperer(encoder=whisper(), max_length=1000).fit(X, y)


# An encoder that hears characters


def test_it_hears_characters_of_each_language():
    losses = heard().history_["train_loss"]
    assert losses.iloc[-1] < 0.3 * losses.iloc[0]
    letters = [set("".join(texts)) for texts in SAID.values()]
    found = heard().predict(BOTH)
    assert found.dtype == object
    assert set("".join(found[: len(X)])) <= letters[0]
    assert set("".join(found[len(X) :])) <= letters[1]
    assert heard().target_languages_ == ["en", "xx"]


def test_score_is_one_minus_the_word_error_rate():
    found = heard().predict(BOTH)
    assert heard().score(BOTH, Y_BOTH) == 1 - word_error_rate(Y_BOTH, found)
    assert heard().score(BOTH, ["q"] * len(BOTH)) < 0.1
    # In another language, it is chrF.
    translator = make_recognizer(target_language="de", **LEARNING).fit(X, Y)
    assert translator.target_languages_ == ["de"]
    assert 0 < translator.score(X, Y) <= 1


@pytest.mark.parametrize("wrap", [lambda each: each, FrozenEstimator], ids=["plain", "frozen"])
def test_it_goes_on_from_a_source(wrap):
    y = np.where(Y_OTHER == SAID["xx"][0], "oz", "mi")
    rows = X_OTHER.assign(language="yy")
    translator = make_recognizer(source=wrap(heard()), **LEARNING).fit(rows, y)
    assert translator.target_languages_ == ["en", "xx", "yy"]
    characters = translator.net_.module_.characters
    known = heard().net_.module_.characters
    assert characters[: len(known)] == known and set(characters[len(known) :]) == {"z"}
    first = make_recognizer(source=heard()).fit(X, Y).history_["train_loss"][0]
    assert first < make_recognizer().fit(X, Y).history_["train_loss"][0]


ENCODERS = {
    "scratch": lambda: "scratch",
    "a config of waves": tiny_audio.make_wave_config,
    "the encoder of Whisper": lambda: (whisper()[0], whisper()[1].feature_extractor),
}


@pytest.mark.parametrize("make_encoder", ENCODERS.values(), ids=ENCODERS)
def test_any_encoder_of_recordings(make_encoder, tmp_path):
    translator = make_recognizer(encoder=make_encoder(), max_epochs=3, learning_rate=5e-3)
    losses = translator.fit(X, Y).history_["train_loss"]
    assert losses.iloc[-1] < losses.iloc[0]
    translator.save(tmp_path / "model")
    assert load(tmp_path / "model").predict(X).tolist() == translator.predict(X).tolist()


def test_low_rank_updates_of_an_encoder(tmp_path):
    model = transformers.Wav2Vec2Model(tiny_audio.make_wave_config())
    pair = model, transformers.Wav2Vec2FeatureExtractor()
    assert make_recognizer(encoder=pair).fit(X[:8], Y[:8]).learning_rate_ == 1e-4
    translator = make_recognizer(encoder=pair, trainable="lora").fit(X, Y)
    assert translator.learning_rate_ == 2e-3
    trained = dict(translator.net_.module_.named_parameters())
    for name, weight in trained.items():
        is_own = not name.startswith("backbone.encoder.") or "lora_" in name
        assert weight.requires_grad == is_own, name
    translator.save(tmp_path / "model")
    saved = load(tmp_path / "model")
    assert saved.predict(X).tolist() == translator.predict(X).tolist()
    assert not any("lora_" in name for name, _ in saved.net_.module_.named_parameters())


def test_texts_with_more_characters_than_a_recording_has_room_for():
    with pytest.warns(InputWarning, match="32 of 32 transcriptions have more characters than"):
        make_recognizer().fit(X, ["abcdefghij" * 4] * len(X))


def test_odd_texts():
    y = np.array(["", "  ", "\udcff", "é", "e\u0301", "😀", *Y[6:]], dtype=object)
    translator = make_recognizer().fit(X, y)
    assert all(isinstance(text, str) for text in translator.predict(X))
    assert "é" in translator.net_.module_.characters


# Both

BOTH_KINDS = {"characters": heard, "whisper": whisperer}


@pytest.mark.parametrize("fitted", BOTH_KINDS.values(), ids=BOTH_KINDS)
def test_cloning_pickling_and_saving(fitted, tmp_path):
    translator = fitted()
    expected = translator.predict(BOTH).tolist()
    assert not hasattr(clone(translator), "net_")
    translator.save(tmp_path / "model")
    assert not list((tmp_path / "model").rglob("*.pkl"))
    for other in (pickle.loads(pickle.dumps(translator)), load(tmp_path / "model")):
        assert other.predict(BOTH).tolist() == expected
        pd.testing.assert_frame_equal(other.history_, translator.history_)
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "transcriptions in en, xx" in card and "automatic-speech-recognition" in card


def test_a_saved_whisper_knows_its_languages(tmp_path):
    make_whisperer(encoder=whisper()).fit(X[:8], Y[:8]).save(tmp_path / "model")
    settings = load(tmp_path / "model").net_.module_.backbone.generation_config
    for name in ("lang_to_id", "task_to_id", "no_timestamps_token_id", "suppress_tokens"):
        assert getattr(settings, name) == getattr(whisper()[0].generation_config, name)


@pytest.mark.parametrize("fitted", BOTH_KINDS.values(), ids=BOTH_KINDS)
def test_threads_get_what_one_gets(fitted):
    expected = fitted().predict(BOTH).tolist()
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(fitted().predict, [BOTH] * 4):
            assert found.tolist() == expected


@pytest.mark.parametrize("fitted", BOTH_KINDS.values(), ids=BOTH_KINDS)
def test_forms_of_recordings(fitted, tmp_path):
    expected = fitted().predict(BOTH).tolist()
    recordings, language = BOTH["audio"].tolist(), BOTH["language"].tolist()
    assert fitted().predict(recordings, language=language).tolist() == expected
    halves = iter([BOTH[:20], BOTH[20:]])
    assert fitted().predict(halves).tolist() == expected
    dataset = datasets.Dataset.from_pandas(BOTH, preserve_index=False)
    assert fitted().predict(dataset).tolist() == expected


@pytest.mark.parametrize("fitted", BOTH_KINDS.values(), ids=BOTH_KINDS)
def test_recordings_are_read_some_at_a_time(fitted, monkeypatch):
    expected = fitted().predict(BOTH).tolist()
    monkeypatch.setattr(_predicting, "RECORDINGS_AT_A_TIME", 5)
    translator = pickle.loads(pickle.dumps(fitted())).set_params(batch_size=3)
    assert translator.predict(BOTH).tolist() == expected


def test_the_same_seed_gives_the_same_model():
    one, other = (make_recognizer(max_epochs=2).fit(X, Y) for _ in range(2))
    assert one.history_.equals(other.history_)


def test_rows_without_a_transcription_are_not_learnt_from():
    y = np.where(np.arange(len(Y)) < 24, Y, None)
    translator = make_recognizer().fit(X, y)
    assert translator.sample_counts_.loc["en"].tolist() == [24, 8]
    few = make_recognizer().fit(X[:24], Y[:24])
    assert translator.predict(X).tolist() == few.predict(X).tolist()


def test_scores_and_searches():
    folds = KFold(2, shuffle=True, random_state=0)
    scores = cross_val_score(make_recognizer(), X, Y, cv=folds, error_score="raise")
    assert scores.shape == (2,)
    rates = {"learning_rate": [0.0, 1e-2]}
    translator = make_whisperer(encoder=whisper(), max_epochs=6)
    grid = GridSearchCV(translator, rates, cv=folds, error_score="raise")
    assert grid.fit(X, Y).best_params_ == {"learning_rate": 1e-2}


def test_before_a_classifier():
    texts = FunctionTransformer(lambda rows: rows["text"].to_numpy())
    model = make_pipeline(
        FrozenEstimator(whisperer()),
        texts,
        TfidfVectorizer(token_pattern="[a-z]+"),
        LogisticRegression(),
    )
    model.fit(BOTH, Y_BOTH)
    assert model.predict(BOTH).shape == (len(BOTH),)
    changed = whisperer().transform(BOTH.assign(speaker="a"))
    assert list(changed) == ["language", "speaker", "text"]
    assert changed["language"].tolist() == BOTH["language"].tolist()
    found = whisperer().transform(BOTH["audio"].tolist(), language=BOTH["language"].tolist())
    assert found.tolist() == changed["text"].tolist()


SILENT = X.assign(audio=[{"array": np.zeros(0), "sampling_rate": 8000}, *X["audio"][1:]])
REFUSED = {
    "an empty recording": (SILENT, Y, "the column 'audio' of X .* in row 0 .*empty array"),
    "no such column": (X.rename(columns={"audio": "sound"}), Y, "one column 'audio'"),
    "numbers as y": (X, range(len(X)), "must be a string.*row 0: int"),
    "no transcription": (X, [None] * len(X), "y has no translation"),
}


@pytest.mark.parametrize("rows, y, message", REFUSED.values(), ids=REFUSED)
def test_what_fit_refuses(rows, y, message):
    translator = make_recognizer()
    with pytest.raises(ValueError, match=message):
        translator.fit(rows, y)
    with pytest.raises(NotFittedError):
        translator.predict(X)


def test_a_damaged_file(tmp_path):
    path = tmp_path / "broken.wav"
    path.write_bytes(b"RIFF")
    rows = X.assign(audio=[*X["audio"][:-1], path])
    message = r"broken.wav' in row 31 of the column 'audio' of X cannot be read"
    for call in (lambda: make_recognizer().fit(rows, Y), lambda: heard().predict(rows)):
        with pytest.raises(ValueError, match=message):
            call()


def test_what_predict_refuses():
    with pytest.raises(ValueError, match="no transcriptions in 'yy' in fit, which row 1 of X asks"):
        heard().predict(X[:2].assign(language=["en", "yy"]))
    with pytest.raises(ValueError, match="no translation in row 1; leave"):
        heard().score(X[:2], ["up", None])


WRONG = {
    "lora from scratch": ({"trainable": "lora"}, ValueError, "'lora' adapts pretrained weights"),
    "no seconds": ({"max_seconds": 0}, ValueError, "max_seconds"),
    "a folder that is none": ({"encoder": "no/such/folder"}, OSError, "needs no files"),
    "a number": ({"encoder": 3}, TypeError, "`encoder` must be 'scratch'"),
    "a source of texts": (
        {"source": make_quick().fit(*make_pairs())},
        ValueError,
        "`source` was fitted on texts, but X holds recordings",
    ),
}


@pytest.mark.parametrize("parameters, error, message", WRONG.values(), ids=WRONG)
def test_wrong_parameters(parameters, error, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(error, match=message):
        make_recognizer(**parameters).fit(X, Y)


def test_texts_need_a_target_language():
    with pytest.raises(ValueError, match="`target_language` is None, .* but X holds texts"):
        TransferTranslator(verbose=0).fit(["rumah"], ["omah"], language="ind")
    with pytest.raises(ValueError, match="`max_seconds` is about recordings"):
        make_quick(max_seconds=3.0).fit(*make_pairs())


def test_no_jiwer(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jiwer", None)
    with pytest.raises(ImportError, match="metaling_sk\\[audio\\]"):
        heard().score(X, Y)
