import json
import os
import stat
import threading

import numpy as np
import pytest
from full_disk import full_disk
from saved_cases import LANGUAGE, NUMBERS, Y, fit, named, weights_of

from metaling_sk import load
from metaling_sk._saving import writing


def fit_numbers(y=Y, **parameters):
    return fit(NUMBERS, y, LANGUAGE, **parameters)


def predict(model):
    return model.predict_proba(NUMBERS, language=LANGUAGE)


@pytest.fixture(scope="module")
def old():
    return fit_numbers()


@pytest.fixture(scope="module")
def new():
    return fit_numbers(y=named(["x", "y"]), random_state=1, max_epochs=4)


def test_a_failed_save_leaves_the_old_one(old, new, tmp_path, monkeypatch):
    old.save(tmp_path)
    monkeypatch.setattr(new, "learning_rate_", object(), raising=False)
    with pytest.raises(TypeError, match="fitted.learning_rate_.*cannot be stored"):
        new.save(tmp_path)
    np.testing.assert_array_equal(predict(load(tmp_path)), predict(old))
    assert load(tmp_path).classes_.tolist() == old.classes_.tolist()
    names = {"README.md", "estimator.json", "weights.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_a_failed_save_leaves_no_folder(old, tmp_path, monkeypatch):
    monkeypatch.setattr(old, "learning_rate_", object())
    with pytest.raises(TypeError):
        old.save(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("step", ["os.replace", "os.fsync", "os.mkdir", "os.chmod", "os.unlink"])
def test_a_disk_that_fails(step, old, new, tmp_path, monkeypatch):
    old.save(tmp_path)
    new.save(tmp_path)

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        try:
            old.save(tmp_path)
        except OSError:
            expected = new
        else:
            expected = old
    np.testing.assert_array_equal(predict(load(tmp_path)), predict(expected))
    old.save(tmp_path)
    np.testing.assert_array_equal(predict(load(tmp_path)), predict(old))


def test_files_of_the_user_stay(old, new, tmp_path):
    (tmp_path / "encoder").mkdir()
    mine = [tmp_path / "notes.txt", tmp_path / "encoder" / "mine.json", tmp_path / ".hidden"]
    for path in mine:
        path.write_text("mine")
    for model in (old, new, fit(), old):
        model.save(tmp_path)
        assert [path.read_text() for path in mine] == ["mine"] * 3
    np.testing.assert_array_equal(predict(load(tmp_path)), predict(old))
    # Of the earlier ones, nothing is left.
    assert len(list(tmp_path.rglob("weights.safetensors"))) == 1
    assert len(list(tmp_path.iterdir())) == 6


def test_what_killed_saves_left_is_removed(old, tmp_path):
    old.save(tmp_path)
    leftover = tmp_path / f"files-{'0' * 32}"
    leftover.mkdir()
    (leftover / "weights.safetensors").write_text("half")
    np.testing.assert_array_equal(predict(load(tmp_path)), predict(old))
    old.save(tmp_path)
    assert not leftover.exists()


def test_what_a_kill_before_the_end_left_is_removed(old, new, tmp_path, monkeypatch):
    old.save(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_remove_files", lambda *args: None)
        new.save(tmp_path)
    assert len(list(tmp_path.rglob("weights.safetensors"))) == 2
    old.save(tmp_path)
    assert len(list(tmp_path.rglob("weights.safetensors"))) == 1
    np.testing.assert_array_equal(predict(load(tmp_path)), predict(old))


def test_the_home_folder(old, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    old.save("~/models/old")
    assert (tmp_path / "models" / "old" / "estimator.json").is_file()
    assert load("~/models/old").languages_ == old.languages_


def test_usual_modes(old, tmp_path):
    (tmp_path / "file").touch()
    usual = stat.S_IMODE((tmp_path / "file").stat().st_mode)
    for _ in range(2):
        old.save(tmp_path / "model")
        files = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {usual}


def test_a_reader_beside_a_writer(old, new, tmp_path):
    old.save(tmp_path)
    expected = [predict(old), predict(new)]
    stop = threading.Event()
    failures = []

    def write():
        while not stop.is_set():
            for model in (new, old):
                model.save(tmp_path)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(30):
            probabilities = predict(load(tmp_path))
            failures.append(not any(np.array_equal(probabilities, each) for each in expected))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert not any(failures)


def test_a_truncated_file_does_not_change_what_is_loaded(old, tmp_path):
    old.save(tmp_path)
    loaded = load(tmp_path)
    os.truncate(weights_of(tmp_path), 0)
    np.testing.assert_array_equal(predict(loaded), predict(old))


def test_without_locks(old, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "fcntl", None)
    for _ in range(2):
        old.save(tmp_path)
    np.testing.assert_array_equal(predict(load(tmp_path)), predict(old))


def test_every_file_has_a_digest(tmp_path):
    for _ in range(2):
        fit().save(tmp_path)
        content = json.loads((tmp_path / "estimator.json").read_text())
        root = tmp_path / content["place"]
        files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        assert files - {"README.md", "estimator.json"} == {*content["files"]}
        assert all(len(record["sha256"]) == 64 for record in content["files"].values())


def test_a_full_disk(old, new, tmp_path):
    folder = tmp_path / "model"
    message = f"^`folder`: '{folder}' cannot be written: .* Name another folder"
    for _ in range(2):
        with pytest.raises(OSError, match=message), full_disk(500):
            new.save(folder)
        assert not folder.exists()
    old.save(folder)
    with pytest.raises(OSError, match=message), full_disk(500):
        new.save(folder)
    np.testing.assert_array_equal(predict(load(folder)), predict(old))
