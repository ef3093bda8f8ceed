import json
import pickle
import shutil
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from encoder_cases import BagOfTokens
from input_kinds import KINDS, outputs
from marks import predicts_unseen_languages
from safetensors.torch import load_file
from saved_cases import LANGUAGE, NUMBERS, X, Y, fit, fit_meta, named
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from small_callbacks import Count
from tiny import DICTIONARY, make_config
from transformers import AutoModel, AutoTokenizer, Qwen2Config, T5Config, T5Model

from metaling_sk import EncoderVectorizer, TransferClassifier, load
from metaling_sk._saving.description import FORMAT
from metaling_sk.exceptions import InputWarning

SPARSE = sparse.csr_array(np.where(NUMBERS > 1, NUMBERS, 0))
ALLOWED = (".json", ".md", ".safetensors", ".jinja", ".txt", ".model")
FRENCH = ["bon hotel", "mal hotel", "bon lit", "mal lit"]
QWEN = Qwen2Config(
    vocab_size=300,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
    intermediate_size=32,
    max_position_embeddings=64,
)


MODELS = {
    "scratch": lambda bert, decoder: (fit(), X, None),
    "the default encoder": lambda bert, decoder: (fit(encoder="scratch", max_epochs=1), X, None),
    "one language": lambda bert, decoder: (fit(X[:30], Y[:30], target_languages=None), X, None),
    "without a norm": lambda bert, decoder: (fit(language_norm=False), X, None),
    "every term": lambda bert, decoder: (
        fit(transfer=["coral", "mmd", "adversarial", "code_switch"], dictionary=DICTIONARY),
        X,
        None,
    ),
    "a teacher": lambda bert, decoder: (fit(source="linear", dictionary=DICTIONARY), X, None),
    "a frozen checkpoint": lambda bert, decoder: (fit(encoder=bert, trainable="head"), X, None),
    "a frozen decoder at half depth": lambda bert, decoder: (
        fit(encoder=decoder, trainable="head", layer=0.5, pooling="last"),
        X,
        None,
    ),
    "a frozen encoder and a hidden layer": lambda bert, decoder: (
        fit(encoder=bert, trainable="head", transfer="coral"),
        X,
        None,
    ),
    "a frozen encoder in low precision": lambda bert, decoder: (
        fit(encoder=bert, trainable="head", dtype="bfloat16"),
        X,
        None,
    ),
    "a trained checkpoint at half depth": lambda bert, decoder: (
        fit(encoder=bert, layer=0.5),
        X,
        None,
    ),
    "a config for which transformers has a tokenizer": lambda bert, decoder: (
        fit(encoder=QWEN),
        X,
        None,
    ),
    "a trained decoder": lambda bert, decoder: (fit(encoder=decoder, max_length=7), X, None),
    "a module": lambda bert, decoder: (
        fit(encoder=(AutoModel.from_pretrained(bert), AutoTokenizer.from_pretrained(bert))),
        X,
        None,
    ),
    "numbers": lambda bert, decoder: (fit(NUMBERS, Y, LANGUAGE), NUMBERS, LANGUAGE),
    "strings": lambda bert, decoder: (fit(y=named(["negative", "ποsitive"])), X, None),
    "bools": lambda bert, decoder: (fit(y=named([False, True])), X, None),
    "ints": lambda bert, decoder: (fit(y=named([-1, 2**40])), X, None),
    "texts beside their language": lambda bert, decoder: (
        fit(X["text"].tolist(), Y, LANGUAGE),
        X["text"].tolist(),
        LANGUAGE,
    ),
    "a language registered later": lambda bert, decoder: (
        fit().register_language(X["text"].tolist(), language="fr"),
        X["text"].tolist(),
        "fr",
    ),
    "a language of numbers registered later": lambda bert, decoder: (
        fit(NUMBERS, Y, LANGUAGE).register_language(NUMBERS + 1, language="fr"),
        NUMBERS,
        "fr",
    ),
    "adapters": lambda bert, decoder: (fit(encoder=bert, trainable="adapter"), X, None),
    "a frozen encoder with adapters": lambda bert, decoder: (
        fit(encoder=fit(encoder=bert, trainable="adapter"), trainable="head"),
        X,
        None,
    ),
    "a meta network": lambda bert, decoder: (fit_meta(encoder=bert), X, None),
    "a meta network without a norm": lambda bert, decoder: (fit_meta(language_norm=False), X, None),
    "a meta network that generates adapters": lambda bert, decoder: (
        fit_meta(encoder=decoder, trainable="adapter", layer=0.5),
        X,
        None,
    ),
    "a frozen meta network": lambda bert, decoder: (
        fit_meta(encoder=bert, trainable="head"),
        X,
        None,
    ),
    "a meta network of episodes": lambda bert, decoder: (
        fit_meta(meta_algorithm="reptile"),
        X,
        None,
    ),
    "a meta network with features": lambda bert, decoder: (
        fit_meta(language_features=pd.DataFrame({"a": [0, 1, 2]}, index=["en", "zh", "sv"])),
        X["text"].tolist(),
        ["en", "sv", "zh"] * 20,
    ),
    "an adapted meta network": lambda bert, decoder: (
        fit_meta().adapt(FRENCH, [1, 0, 1, 0], language="fr"),
        X["text"].tolist(),
        ["en", "fr"] * 30,
    ),
    "a meta network adapted to numbers": lambda bert, decoder: (
        fit_meta(NUMBERS, Y, LANGUAGE).adapt(NUMBERS[:4], [1, 0, 1, 0], language="fr"),
        NUMBERS,
        ["en", "fr"] * 30,
    ),
    "a meta network adapted to sparse numbers": lambda bert, decoder: (
        fit_meta(SPARSE, Y, LANGUAGE).adapt(SPARSE[:4], [1, 0, 1, 0], language="f.r"),
        SPARSE,
        ["en", "f.r"] * 30,
    ),
}
ATTRIBUTES = (
    "languages_",
    "source_languages_",
    "target_languages_",
    "transfer_",
    "architecture_",
    "n_features_in_",
)


@pytest.fixture(scope="module", params=MODELS)
def saved(request, bert, decoder, tmp_path_factory):
    model, X, language = MODELS[request.param](bert, decoder)
    folder = tmp_path_factory.mktemp("saved")
    model.save(folder)
    return model, X, language, folder


def test_what_is_loaded_predicts_the_same(saved):
    model, X, language, folder = saved
    loaded = load(str(folder))
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(
        loaded.predict_proba(X, language=language), model.predict_proba(X, language=language)
    )
    predicted = loaded.predict(X, language=language)
    np.testing.assert_array_equal(predicted, model.predict(X, language=language))
    assert predicted.dtype == model.classes_.dtype
    for name in ATTRIBUTES:
        assert getattr(loaded, name, None) == getattr(model, name, None)
    np.testing.assert_array_equal(loaded.classes_, model.classes_)
    assert hasattr(loaded, "feature_names_in_") == hasattr(model, "feature_names_in_")
    assert loaded.history_.shape == model.history_.shape
    np.testing.assert_allclose(loaded.history_["train_loss"], model.history_["train_loss"])
    for name, value in loaded.get_params(deep=False).items():
        if name in json.loads((folder / "estimator.json").read_text())["parameters"]:
            expected = model.get_params(deep=False)[name]
            if isinstance(expected, pd.DataFrame):
                pd.testing.assert_frame_equal(value, expected)
            else:
                assert value == expected


def test_the_folder_holds_no_pickle(saved):
    *_, folder = saved
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in folder.iterdir()} <= {
        "README.md",
        "estimator.json",
        "weights.safetensors",
        "encoder",
    }
    for path in files:
        assert path.name.endswith(ALLOWED)
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".safetensors":
            load_file(path)


def test_saved_again(saved, tmp_path):
    model, X, language, folder = saved
    load(folder).save(tmp_path / "further" / "folder")
    again = load(tmp_path / "further" / "folder")
    np.testing.assert_array_equal(
        again.predict_proba(X, language=language), model.predict_proba(X, language=language)
    )


PREDICT = """
import json, sys
import joblib
X, *models = map(joblib.load, sys.argv[1].split())
from metaling_sk import load
for model in [*models, *map(load, sys.argv[2].split())]:
    predict = getattr(model, "predict_proba", model.predict)
    print(json.dumps(predict(X).tolist()))
"""


def test_in_another_process(bert, decoder, tmp_path):
    """What joblib has dumped, and saved folders, one of them of a checkpoint that has gone."""
    kinds = KINDS["texts"], KINDS["numbers of texts"]
    dumped = [kind.fitted(name) for kind in kinds for name in kind.models]
    saved = [
        MODELS[name](bert, decoder)[0]
        for name in ("scratch", "a frozen decoder at half depth", "a trained decoder", "strings")
    ]
    checkpoint = shutil.copytree(bert, tmp_path / "checkpoint")
    union = make_union(TfidfVectorizer(), EncoderVectorizer(checkpoint, prompt="query: "))
    saved.append(fit_meta(encoder=union))
    files = [str(tmp_path / f"{number}.joblib") for number in range(len(dumped) + 1)]
    for path, content in zip(files, [X, *dumped], strict=True):
        joblib.dump(content, path)
    folders = [str(tmp_path / str(number)) for number in range(len(saved))]
    for model, folder in zip(saved, folders, strict=True):
        model.save(folder)
    shutil.rmtree(checkpoint)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PREDICT, " ".join(files), " ".join(folders)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for model, there in zip([*dumped, *saved], done.stdout.splitlines(), strict=True):
        np.testing.assert_allclose(json.loads(there), outputs(model, X), rtol=1e-6)


def test_a_later_save_replaces_an_earlier_one(tmp_path, bert):
    fit(encoder=bert, trainable="head").save(tmp_path)
    model = fit(NUMBERS, Y, LANGUAGE)
    model.save(tmp_path)
    np.testing.assert_array_equal(
        load(tmp_path).predict_proba(NUMBERS, language=LANGUAGE),
        model.predict_proba(NUMBERS, language=LANGUAGE),
    )


def test_a_loaded_estimator_lives_on(tmp_path):
    model = fit()
    model.save(tmp_path)
    loaded = load(tmp_path)
    loaded.register_language(["bon hotel", "mal hotel"], language="fr")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    loaded.set_params(encoder=make_config()).fit(X, Y)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


NEW = FRENCH[:2], [1, 0]


@pytest.mark.parametrize("trainable", ["all", "lora", "adapter", "head"])
@predicts_unseen_languages
def test_a_loaded_meta_network_lives_on(bert, trainable, tmp_path):
    meta = fit_meta(encoder=bert, trainable=trainable).adapt(FRENCH, [1, 0, 1, 0], language="fr")
    meta.save(tmp_path)
    loaded = load(tmp_path)
    before = loaded.predict_proba(FRENCH, language="fr")
    loaded.adapt(*NEW, language="sv")
    meta.adapt(*NEW, language="sv")
    np.testing.assert_allclose(
        loaded.predict_proba(FRENCH, language="sv"),
        meta.predict_proba(FRENCH, language="sv"),
        rtol=1e-3,
    )
    loaded.forget("sv")
    np.testing.assert_array_equal(
        loaded.predict_proba(FRENCH, language="sv"), loaded.predict_proba(FRENCH, language="xx")
    )
    np.testing.assert_array_equal(loaded.predict_proba(FRENCH, language="fr"), before)
    with pytest.raises(ValueError, match="'sv' has not been adapted"):
        loaded.forget("sv")


@pytest.mark.parametrize("kind", ["texts", "numbers", "sparse numbers"])
def test_a_language_adapted_before_saving(kind, tmp_path):
    rows = {"texts": X["text"].tolist(), "numbers": NUMBERS, "sparse numbers": SPARSE}[kind]
    few, labels = rows[:4], [1, 0, 1, 0]
    fit_meta(rows, Y, LANGUAGE).adapt(few, labels, language="fr").save(tmp_path)
    loaded = load(tmp_path)
    with pytest.raises(ValueError, match="'fr' has not .* before `save` cannot be undone"):
        loaded.forget("fr")
    before = loaded.predict_proba(rows, language="fr")
    loaded.set_params(residual_penalty=1e-3).adapt(few, labels, language="fr")
    after = loaded.predict_proba(rows, language="fr")
    truth = np.arange(4), labels
    assert (after[:4][truth] > before[:4][truth]).all()
    # It starts from what has been saved, and goes back there.
    loaded.forget("fr")
    np.testing.assert_array_equal(loaded.predict_proba(rows, language="fr"), before)


def test_language_features_are_kept(tmp_path):
    features = pd.DataFrame({"a": [0, np.nan], "b": [1, 2]}, index=["en", "sv"])
    fit_meta(language_features=features).save(tmp_path)
    pd.testing.assert_frame_equal(load(tmp_path).language_features, features)


def test_loading_leaves_the_random_state_alone(saved):
    before = torch.get_rng_state()
    load(saved[-1])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_config_as_encoder_is_kept(tmp_path):
    model = fit()
    model.save(tmp_path)
    loaded = load(tmp_path)
    assert loaded.encoder.to_dict() == model.encoder.to_dict()
    again = clone(loaded).fit(X, Y)
    np.testing.assert_array_equal(again.predict_proba(X), clone(model).fit(X, Y).predict_proba(X))


def test_parameters_that_json_cannot_hold_take_their_defaults(bert, tmp_path):
    pair = AutoModel.from_pretrained(bert), AutoTokenizer.from_pretrained(bert)
    fit(encoder=pair, patience=7, callbacks=[("count", Count())]).save(tmp_path / "one")
    load(tmp_path / "one").save(tmp_path / "two")
    loaded = load(tmp_path / "two")
    assert (loaded.patience, loaded.encoder, loaded.callbacks) == (7, "scratch", None)
    loaded.predict(X)
    for model in (loaded, clone(loaded), pickle.loads(pickle.dumps(loaded))):
        with pytest.warns(InputWarning) as caught:
            model.set_params(max_epochs=1).fit(X, Y)
        assert [str(each.message).split(".")[0] for each in caught] == [
            "`callbacks` was not saved with this TransferClassifier, and has its default since it "
            "was loaded: callbacks=None",
            "`encoder` was not saved with this TransferClassifier, and has its default since it "
            "was loaded: encoder='scratch'",
        ]
    clone(loaded).set_params(encoder=pair, callbacks=[]).fit(X, Y)


# Refusals


class ConfiguredBag(BagOfTokens):
    config = {"n_features": 7}


T5 = T5Config(vocab_size=300, d_model=16, num_layers=1, num_heads=2, d_ff=32, d_kv=8)
UNSAVEABLE = {
    "a module without a config": BagOfTokens,
    "a module with a config of its own": ConfiguredBag,
    "a part of a model": lambda: T5Model(T5).decoder,
}


@pytest.mark.parametrize("kind", UNSAVEABLE)
def test_what_cannot_be_saved(kind, bert, tmp_path):
    model = fit(encoder=(UNSAVEABLE[kind](), AutoTokenizer.from_pretrained(bert)))
    with pytest.raises(ValueError, match="`encoder` is a module that.* cannot be stored"):
        model.save(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_what_is_not_fitted(tmp_path):
    with pytest.raises(NotFittedError):
        TransferClassifier().save(tmp_path)


def remove(name):
    return lambda folder: (folder / name).unlink()


def truncate(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-50])


def edit(**changes):
    def change(folder):
        path = folder / "estimator.json"
        content = json.loads(path.read_text())
        for name, value in changes.items():
            content[name] = value
        path.write_text(json.dumps(content))

    return change


def lose(key):
    def change(folder):
        path = folder / "estimator.json"
        content = json.loads(path.read_text())
        del content["fitted"][key]
        path.write_text(json.dumps(content))

    return change


DAMAGES = {
    "no estimator.json": remove("estimator.json"),
    "no weights": remove("weights.safetensors"),
    "no config of the encoder": remove("encoder/config.json"),
    "no tokenizer": remove("encoder/tokenizer/tokenizer.json"),
    "truncated weights": truncate("weights.safetensors"),
    "truncated JSON": truncate("estimator.json"),
    "truncated config": truncate("encoder/config.json"),
    "truncated tokenizer": truncate("encoder/tokenizer/tokenizer.json"),
    "another format": edit(format=99),
    "another class": edit(**{"class": "os.system"}),
    "another parameter": edit(parameters={"speed": 3}),
    "no fitted part": edit(fitted={}),
    "a list": lambda folder: (folder / "estimator.json").write_text("[]"),
    "empty": lambda folder: (folder / "estimator.json").write_text(""),
    "no classes": lose("classes_"),
    "no history": lose("history_"),
    "not UTF-8": lambda folder: (folder / "estimator.json").write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("trainable", ["all", "head"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder(damage, trainable, tmp_path):
    fit(trainable=trainable).save(tmp_path)
    DAMAGES[damage](tmp_path)
    with pytest.raises(ValueError, match="does not hold a complete estimator"):
        load(tmp_path)


def test_the_damage_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder .*nowhere"):
        load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="does not hold a complete estimator: .*no estimator.json"):
        load(tmp_path)
    fit().save(tmp_path)
    edit(format=99)(tmp_path)
    with pytest.raises(ValueError, match=f"format 99 instead of {FORMAT}"):
        load(tmp_path)


def test_weights_of_another_model(tmp_path):
    fit().save(tmp_path / "one")
    fit(NUMBERS, Y, LANGUAGE).save(tmp_path / "other")
    (tmp_path / "one" / "weights.safetensors").write_bytes(
        (tmp_path / "other" / "weights.safetensors").read_bytes()
    )
    with pytest.raises(ValueError, match="does not hold a complete estimator"):
        load(tmp_path / "one")
