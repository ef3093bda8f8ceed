"""What crosses to the target language, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from skorch.callbacks import Callback
from tiny import DICTIONARY, make_classifier, make_config, make_learner, make_pair, make_reviews
from transfer_cases import CHINESE, ENGLISH, FEW_SHOT, SWAPPED, UNLABELLED, fit

from metaling_sk import LinearTransferClassifier

# What crosses to the target language


def test_labels_of_the_target_language_are_learnt():
    english_alone = make_learner(target_languages="zh").fit(*ENGLISH)
    few_shot = make_learner(target_languages="zh").fit(*FEW_SHOT)
    assert few_shot.transfer_ == ["labels"]
    assert few_shot.score(*CHINESE) > 0.9 > english_alone.score(*CHINESE)


def test_zero_shot_without_a_target_row():
    model = make_learner(target_languages="zh").fit(*ENGLISH)
    assert model.transfer_ == []
    assert model.target_languages_ == ["zh"]
    assert set(model.history_["stage"]) == {"source"}
    assert model.source_model_.net_ is model.net_
    assert model.predict(CHINESE[0]).shape == (100,)
    assert model.score(*make_reviews(50, "en", seed=3, joiner=" ")) > 0.9


def test_code_switched_text_carries_the_labels():
    switched = make_learner(transfer="code_switch", dictionary=DICTIONARY).fit(*UNLABELLED)
    assert switched.score(*CHINESE) > 0.9


def test_a_linear_teacher_carries_the_labels():
    model = make_learner(source="linear", dictionary=DICTIONARY, self_training=0).fit(*UNLABELLED)
    assert model.transfer_ == ["distill"]
    assert model.history_["stage"].unique().tolist() == ["target"]
    assert model.source_model_.score(*CHINESE) > 0.9
    assert model.score(*CHINESE) > 0.9


def test_a_linear_teacher_of_our_own():
    teacher = LinearTransferClassifier(dictionary=DICTIONARY, n_topics=1, random_state=0)
    model = make_learner(source=teacher.fit(*UNLABELLED)).fit(*UNLABELLED)
    assert model.source_model_ is teacher
    assert model.score(*CHINESE) > 0.9


def test_a_dictionary_in_a_file(tmp_path):
    path = tmp_path / "dictionary.tsv"
    path.write_text("".join(f"{word}\t{found}\n" for word, (found,) in DICTIONARY.items()))
    from_file = make_classifier(source="linear", dictionary=str(path)).fit(*UNLABELLED)
    from_mapping = make_classifier(source="linear", dictionary=DICTIONARY).fit(*UNLABELLED)
    np.testing.assert_array_equal(
        from_file.predict_proba(CHINESE[0]), from_mapping.predict_proba(CHINESE[0])
    )


def test_rows_in_other_languages_are_not_learnt_from():
    X, y = FEW_SHOT
    french = X.assign(language="fr", text="bon " + X["text"])
    both = pd.concat([X, french], ignore_index=True)
    parameters = {"source_languages": "en", "target_languages": "zh"}
    with_french = make_classifier(**parameters).fit(both, np.concatenate([y, 5 + y]))
    without = make_classifier(**parameters).fit(X, y)
    assert with_french.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(
        with_french.predict_proba(CHINESE[0]), without.predict_proba(CHINESE[0])
    )


def test_several_sources_and_targets():
    X, y = FEW_SHOT
    shifted = X.assign(language=X["language"].map({"en": "de", "zh": "ja"}))
    both = pd.concat([X, shifted], ignore_index=True)
    model = make_classifier(source_languages=["en", "de"]).fit(both, np.concatenate([y, y]))
    assert model.source_languages_ == ["de", "en"]
    assert model.target_languages_ == ["ja", "zh"]
    assert model.languages_ == ["de", "en", "ja", "zh"]


def test_self_training_of_the_network():
    X, y = FEW_SHOT
    model = make_learner(self_training=2, target_languages="zh", max_epochs=5).fit(X, y)
    stages = ["source", "target", "self-training 1", "self-training 2"]
    assert model.history_["stage"].unique().tolist() == stages
    assert model.transfer_ == ["labels"]
    assert model.score(*CHINESE) > 0.9


class Starts(Callback):
    heads = []

    def on_train_begin(self, net, **kwargs):
        self.heads.append(net.module_.head.weight.detach().clone())


def test_every_round_of_self_training_begins_where_the_target_network_began():
    Starts.heads.clear()
    make_classifier(self_training=2, target_languages="zh", callbacks=[Starts()]).fit(*FEW_SHOT)
    source, target, *rounds = Starts.heads
    assert len(rounds) == 2 and not torch.equal(source, target)
    assert all(torch.equal(head, target) for head in rounds)


def test_pseudo_labels_are_a_term_beside_the_labels():
    model = make_classifier(self_training=2, n_topics=1, target_languages="zh").fit(*FEW_SHOT)
    values = model.history_.groupby("stage")[["labels", "pseudo_labels"]].count() > 0
    assert values.loc["target"].tolist() == [True, False]
    assert values.loc["self-training 2"].tolist() == [True, True]


def test_self_training_without_unlabelled_rows_trains_nothing_more():
    X, y = make_pair(20, 20, n_labelled=20)
    model = make_classifier(self_training=2, target_languages="zh").fit(X, y)
    assert model.history_["stage"].unique().tolist() == ["source", "target"]


def test_representations_are_what_goes_into_the_head():
    model = fit({"trainable": "head", "transfer": "coral"})
    vectors = model.transform(CHINESE[0])
    assert vectors.shape[1] == len(model.get_feature_names_out())
    head = model.net_.module_.head
    logits = vectors @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    expected = model.decision_function(CHINESE[0])
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], expected, atol=1e-5)


# Refusals

WRONG_PARAMETERS = {
    "max_length": (0, r"'max_length' parameter .* must be an int in the range \[1, inf\). Got 0"),
    "batch_size": (2.5, r"'batch_size' parameter .* must be an int in .*\[1, inf\). Got 2.5"),
    "max_epochs": (True, r"'max_epochs' parameter .* an int in .*\[1, inf\). Got True"),
    "patience": (0, r"'patience' parameter .* must be an int in the range \[1, inf\)"),
    "weight_decay": (-1, r"'weight_decay' parameter .* must be a float in .*\[0.0, inf\). Got -1"),
    "warmup": (2, r"'warmup' parameter .* must be a float in the range \[0.0, 1.0\]. Got 2"),
    "validation_fraction that leaves nothing": (1.0, r"a float in the range \[0.0, 1.0\). Got 1.0"),
    "validation_fraction": (-0.1, r"'validation_fraction' parameter .* must be a float in"),
    "learning_rate": ("fast", r"'learning_rate' parameter .*\[0.0, inf\). Got 'fast'"),
    "trainable": ("tail", "'trainable' parameter .* must be a str among .*'head'.* Got 'tail'"),
    "transfer_weight": (-1, r"'transfer_weight' parameter .* must be a float in .*\[0.0, inf\)"),
    "temperature": (0, r"'temperature' parameter .* must be a float in the range \(0.0, inf\)"),
    "self_training": (-1, r"'self_training' parameter .* an int in the range \[0, inf\)"),
    "transfer": (["coral", "magic"], r"`transfer` must be 'auto' or some of .* got \['magic'\]"),
    "transfer with a list of auto": (["auto"], r"must be 'auto' or some of .* got \['auto'\]"),
    "source": ("cubic", "'source' parameter .* must be .*'linear'.* or None. Got 'cubic'"),
    "device": ("abacus", "`device` must be 'auto' or a device of torch .* got 'abacus'"),
    "device that is not here": ("cuda:99", "that this machine has, got 'cuda:99'"),
    "dtype": ("int8", "'dtype' parameter .* must be a str among .*'float32'.* Got 'int8'"),
    "source_languages": ("fr", r"X has no row in \['fr'\]; its languages are \['en', 'zh'\]"),
    "source_languages of another type": (3, "'source_languages' parameter .* must be"),
    "source_languages of numbers": ([3], "`source_languages` and `target_languages` must be"),
    "target_languages": (["en"], None),
}


@pytest.mark.parametrize("name", [name for name in WRONG_PARAMETERS if name != "target_languages"])
def test_wrong_parameters(name):
    value, message = WRONG_PARAMETERS[name]
    with pytest.raises(ValueError, match=message):
        fit({name.split()[0]: value})


def test_a_language_in_both_roles():
    with pytest.raises(ValueError, match=r"\['en'\] stand in `source_languages` and in"):
        fit({"source_languages": "en", "target_languages": ["en", "zh"]})


@pytest.mark.parametrize("source", [None, "linear", LogisticRegression()])
def test_source_languages_without_a_label(source):
    with pytest.raises(ValueError, match=r"No row in the source languages \['zh'\] has a label"):
        fit({"source": source} | SWAPPED, *UNLABELLED)


def test_unlabelled_rows_without_a_language_are_no_target_rows():
    X, y = UNLABELLED
    with pytest.raises(ValueError, match=r"names \['zh'\], but X has rows without .* `language`"):
        fit({"target_languages": "zh"}, X["text"], y)
    fit({"target_languages": "zh"}, ENGLISH[0]["text"], ENGLISH[1])  # zero-shot


def test_a_dictionary_needs_one_target_language():
    X, y = FEW_SHOT
    with pytest.raises(ValueError, match=r"there are 2 target languages: \['fr', 'zh'\]"):
        fit({"dictionary": DICTIONARY, "target_languages": ["fr", "zh"]}, X, y)


def test_a_config_and_its_estimator_are_not_changed():
    config = make_config()
    before = config.to_dict()
    make_classifier(encoder=config, layer=1).fit(*ENGLISH)
    assert config.to_dict() == before
