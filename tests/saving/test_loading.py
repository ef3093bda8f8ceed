import importlib
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from saved_cases import LANGUAGE, NUMBERS, X, Y, fit, fit_meta, forge, weights_of

from metaling_sk import load
from metaling_sk._saving.reading import record_file
from metaling_sk._saving.values import to_json
from metaling_sk.exceptions import SavedVersionWarning


def refused(file):
    return pytest.raises(ValueError, match=f"does not hold a complete estimator .*{file}")


# Parameters and labels


def test_parameters_keep_value_and_type(tmp_path):
    parameters = {
        "learning_rate": np.float32(0.01),
        "batch_size": np.int64(16),
        "target_languages": ("zh",),
        "class_weight": {0: 1.0, 1: np.float64(2)},
        "random_state": np.int32(0),
    }
    model = fit(**parameters)
    model.set_params(encoder=Path("some") / "encoder")
    model.save(tmp_path)
    loaded = load(tmp_path)
    for name, value in (parameters | {"encoder": model.encoder}).items():
        assert getattr(loaded, name) == value
        assert type(getattr(loaded, name)) is type(value)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


LABELS = {
    "dates": np.array(["2020-01-01", "2021-05-05"], dtype="datetime64[s]"),
    "times": np.array([5, 7], dtype="timedelta64[h]"),
    "small integers": np.array([3, 200], dtype=np.uint8),
    "floats": np.array([1, 2], dtype=np.float32),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_keep_value_and_type(name, tmp_path):
    y = pd.Series(LABELS[name][np.nan_to_num(Y[:30]).astype(int)])
    model = fit(X[:30], y, target_languages=None)
    model.save(tmp_path)
    predicted = load(tmp_path).predict(X[:30])
    assert predicted.dtype == model.classes_.dtype
    np.testing.assert_array_equal(predicted, model.predict(X[:30]))


# Devices and versions


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", torch.device("cuda")])
def test_a_device_that_is_not_there(device, tmp_path):
    model = fit()
    expected = model.predict_proba(X)
    model.set_params(device=device).save(tmp_path)
    with pytest.warns(UserWarning, match="was saved with device=.*load.folder, device="):
        loaded = load(tmp_path)
    assert loaded.device == "auto"
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    assert load(tmp_path, device="cpu").device == "cpu"
    with pytest.raises(ValueError, match="`device` must be 'auto' or a device of torch"):
        load(tmp_path, device="cuda")


def test_versions(tmp_path):
    fit().save(tmp_path)
    forge(tmp_path, lambda content: content["versions"].update(metaling_sk="99.0"))
    load(tmp_path)
    forge(tmp_path, lambda content: content["versions"].update(torch="1.0"))
    with pytest.warns(SavedVersionWarning, match=r"other versions of packages: torch 1.0 \(now "):
        load(tmp_path)


# Refusals


def test_weights_that_are_not_finite(tmp_path):
    fit().save(tmp_path)
    path = weights_of(tmp_path)
    weights = load_file(path)
    weights["fitted.network.weights.head.bias"][0] = float("inf")
    save_file(weights, path)
    record = {path.name: record_file(path)}
    with refused("weights.safetensors is damaged|weights.safetensors has"):
        load(tmp_path)
    forge(tmp_path, lambda content: content["files"].update(record))
    with refused("weights.safetensors: 'fitted.network.weights.head.bias' holds NaN or infinite"):
        load(tmp_path)


def drop_language(content):
    content["fitted"]["languages_"] = ["en"]


def repeat_language(content):
    content["fitted"]["languages_"] = ["en", "en"]


def drop_statistics(content):
    content["fitted"]["front_end"]["statistics"]["languages"] = ["en"]


def rename_statistics(content):
    content["fitted"]["front_end"]["statistics"]["languages"] = ["en", "sv"]


def add_class(content):
    content["fitted"]["classes_"] = to_json(np.array(["a", "b", "c"]), "classes_", {})


def repeat_class(content):
    content["fitted"]["classes_"] = to_json(np.array(["a", "a"]), "classes_", {})


def enlarge_network(content):
    content["fitted"]["network"]["n_hidden"] = 10**9


def leave_the_folder(content):
    content["place"] = "../elsewhere"


def name_a_file_outside(content):
    content["files"]["/etc/hostname"] = {"size": 1, "sha256": "0"}


def nest_deeply(content):
    for _ in range(2000):
        content["parameters"] = {"a": content["parameters"]}


def lose_versions(content):
    del content["versions"]["torch"]


def name_no_weights(content):
    content["files"].popitem()


def give_a_tensor_as_device(content):
    content["parameters"]["device"] = {"$array": "fitted.network.weights.head.weight"}


def refer_to_no_tensor(content):
    content["fitted"]["classes_"] = {"$array": "nowhere"}


FORGED = {
    "trained": [drop_language, repeat_language, add_class, repeat_class, enlarge_network],
    "frozen": [drop_statistics, rename_statistics, drop_language, add_class],
    "numbers": [drop_statistics, rename_statistics, add_class, enlarge_network],
    "meta": [drop_language, add_class, repeat_class],
}
ANYWHERE = [
    give_a_tensor_as_device,
    leave_the_folder,
    name_a_file_outside,
    lose_versions,
    name_no_weights,
    refer_to_no_tensor,
]


@pytest.fixture(scope="module")
def models():
    return {
        "trained": fit(),
        "frozen": fit(trainable="head"),
        "numbers": fit(NUMBERS, Y, LANGUAGE),
        "meta": fit_meta(),
    }


@pytest.mark.parametrize(
    ("kind", "forgery"), [(kind, each) for kind in FORGED for each in FORGED[kind] + ANYWHERE]
)
def test_parts_that_do_not_fit_together(kind, forgery, models, tmp_path):
    models[kind].save(tmp_path)
    forge(tmp_path, forgery)
    with refused("(estimator.json|weights.safetensors)"):
        load(tmp_path)


def test_deeply_nested_json(models, tmp_path):
    models["numbers"].save(tmp_path)
    path = tmp_path / "estimator.json"
    path.write_text("[" * 100_000 + "]" * 100_000)
    with refused("estimator.json: RecursionError"):
        load(tmp_path)


def become_fifo(path):
    path.unlink()
    os.mkfifo(path)


def become_link(path):
    outside = path.parent.parent.parent / "outside"
    path.rename(outside)
    path.symlink_to(outside)


def become_link_to_itself(path):
    path.unlink()
    path.symlink_to(path)


def become_folder(path):
    path.unlink()
    path.mkdir()


def become_huge(path):
    os.truncate(path, 2**40)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("name", ["estimator.json", "weights.safetensors", "encoder/config.json"])
@pytest.mark.parametrize(
    "change", [become_fifo, become_link, become_link_to_itself, become_folder, become_huge]
)
def test_what_is_not_an_ordinary_file(change, name, models, tmp_path):
    folder = tmp_path / "a" / "b"
    models["trained"].save(folder)
    change(folder / name)
    with refused(name):
        load(folder)


def test_a_folder_that_is_a_link(models, tmp_path):
    models["numbers"].save(tmp_path / "folder")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    models["numbers"].save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    np.testing.assert_array_equal(
        load(tmp_path / "link").predict_proba(NUMBERS, language=LANGUAGE),
        models["numbers"].predict_proba(NUMBERS, language=LANGUAGE),
    )


def test_what_is_no_saved_folder(models, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="no estimator.json in it.* a checkpoint of transformers"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="it is a file, and .* joblib.load reads"):
        load(tmp_path / "config.json")
    with pytest.raises(FileExistsError, match="config.json' is a file; name a folder"):
        models["numbers"].save(tmp_path / "config.json")


# Small campaigns


@pytest.fixture
def campaign(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("damage")


def test_random_damages(campaign):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts = campaign.run_damages(60, seed=1)
    assert set(counts) <= {"refused", "same"}, counts


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_random_kills(campaign):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts = campaign.run_kills(2, seed=1)
    counts.pop("left subfolders")
    assert {name for name in counts if counts[name]} <= {"right", "right after a kill"}, counts
