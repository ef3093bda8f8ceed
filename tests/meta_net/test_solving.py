"""The models of languages on fixed inputs, which are solved for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meta_net_cases import make_numbers, make_texts
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import make_config, make_meta_net

from metaling_sk import MetaNetClassifier, load
from metaling_sk._utils.progress import Progress
from metaling_sk.meta_net._choosing import choose, climb, n_factors_of
from metaling_sk.meta_net._factors import factor, place
from metaling_sk.meta_net._labelled_features import LabelledFeatures
from metaling_sk.meta_net._linear_loss import LOG_LOSS, SquaredErrors
from metaling_sk.meta_net._residual_head import ResidualHead

AGREE = [f"as is {number}" for number in range(4)]
OPPOSITE = [f"opposite {number}" for number in range(4)]
UNRELATED = ["unrelated 1", "unrelated 2"]


def make_groups(n_rows=60, seed=0):
    """Languages whose labels agree, contradict each other, and have nothing to do with X."""
    X, y, language = make_numbers([*AGREE, *OPPOSITE, *UNRELATED], n_rows, seed)
    unrelated = np.isin(language, UNRELATED)
    y[unrelated] = np.random.default_rng(seed).integers(0, 2, unrelated.sum())
    return X, y, language


def new_model(**parameters):
    return MetaNetClassifier(verbose=0, random_state=0, **parameters)


def distance(model, some, others):
    """The mean distance of the embeddings of languages."""
    embeddings = model.embeddings_
    return np.mean(
        [
            np.linalg.norm(embeddings.loc[one] - embeddings.loc[other])
            for one in some
            for other in others
            if one != other
        ]
    )


@pytest.mark.parametrize("as_kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_embeddings_and_architectures_are_learnt_from_labels(as_kind):
    X, y, language = make_groups()
    X = as_kind(X)
    model = new_model().fit(X, y, language=language)
    assert distance(model, AGREE, OPPOSITE) > 5 * distance(model, AGREE, AGREE)
    assert distance(model, AGREE, OPPOSITE) > 5 * distance(model, OPPOSITE, OPPOSITE)
    heads = {name: adapters["head"] for name, adapters in model.architecture_.items()}
    assert min(heads[name] for name in (*AGREE, *OPPOSITE)) == 1
    assert [heads[name] for name in UNRELATED] == [0, 0]

    shuffled = np.random.default_rng(0).permutation(y)
    other = new_model().fit(X, shuffled, language=language)
    assert distance(other, AGREE, OPPOSITE) < distance(model, AGREE, OPPOSITE) / 3


def test_embeddings_of_a_trained_encoder_are_learnt_from_labels():
    languages = ["as is 1", "as is 2", "opposite 1", "opposite 2"]
    texts, y, language = make_texts(languages, n_rows=80)
    model = make_meta_net(
        encoder=make_config(), learning_rate=0.01, max_epochs=15, batch_size=16, patience=15
    ).fit(texts, y, language=language)
    assert distance(model, languages[:2], languages[2:]) > 1.5 * max(
        distance(model, languages[:2], languages[:2]), distance(model, languages[2:], languages[2:])
    )


def test_the_generated_model_is_worth_as_much_as_the_languages_need():
    """Without residual heads: few samples of a language are enough where others have the rest."""
    X, y, language = make_groups(n_rows=15)
    X_test, y_test, test_language = make_groups(n_rows=300, seed=7)
    related = ~np.isin(test_language, UNRELATED)
    test = X_test[related], y_test[related]
    model = new_model(residual_penalty=None, language_norm=False).fit(X, y, language=language)
    found = model.score(*test, language=test_language[related])
    pooled = LogisticRegression().fit(X, y).score(*test)
    alone = np.mean(
        [
            LogisticRegression()
            .fit(X[language == name], y[language == name])
            .score(X_test[test_language == name], y_test[test_language == name])
            for name in (*AGREE, *OPPOSITE)
        ]
    )
    assert found > alone + 0.02 > pooled + 0.2


def test_it_is_no_worse_than_a_model_for_all_or_one_for_each():
    """Languages that agree, each with a part of its own, with few samples and with many."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=20)
    own = {f"l{number}": common + 0.8 * rng.normal(size=20) for number in range(6)}

    def draw(n_rows):
        X = rng.normal(size=(6 * n_rows, 20))
        language = np.repeat(np.array(list(own), dtype=object), n_rows)
        weights = np.array([own[name] for name in language])
        return X, ((X * weights).sum(axis=1) > 0).astype(int), language

    X_test, y_test, test_language = draw(500)
    for n_rows in (10, 50, 400):
        X, y, language = draw(n_rows)
        pooled = LogisticRegression().fit(X, y).score(X_test, y_test)
        alone = np.mean(
            [
                LogisticRegression()
                .fit(X[language == name], y[language == name])
                .score(X_test[test_language == name], y_test[test_language == name])
                for name in own
            ]
        )
        model = new_model(language_norm=False).fit(X, y, language=language)
        assert model.score(X_test, y_test, language=test_language) > max(pooled, alone) - 0.01


def test_a_new_language_is_placed_by_a_few_labels():
    X, y, language = make_groups()
    model = new_model(residual_penalty=None).fit(X, y, language=language)
    for name in ("as is 9", "opposite 9"):
        few, labels, _ = make_numbers([name], 6, seed=3)
        X_test, y_test, _ = make_numbers([name], 200, seed=4)
        model.register_language(X_test, language=name)
        assert 0.3 < model.score(X_test, y_test, language=name) < 0.7
        model.adapt(few, labels, language=name)
        assert model.score(X_test, y_test, language=name) > 0.9


def test_saved_and_loaded(tmp_path):
    X, y, language = make_numbers()
    model = new_model().fit(X, y, language=language)
    model.save(tmp_path / "model")
    models = [model, load(tmp_path / "model")]
    assert models[1].architecture_ == model.architecture_
    for name in ("as is 1", "new"):
        probabilities = [
            model.adapt(X[:8], y[:8], language=name).predict_proba(X, language=language)
            for model in models
        ]
        np.testing.assert_array_equal(*probabilities)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_a_handful_of_samples(n_rows):
    X = np.eye(4)[np.arange(2 * n_rows) % 4]
    y = np.arange(2 * n_rows) % 2
    model = new_model(language_norm=False).fit(X, y, language="en")
    assert np.isfinite(model.predict_proba(X, language="en")).all()
    assert model.predict(X[:2], language="en").tolist() == [0, 1]


@pytest.mark.parametrize("penalty", ["auto", None])
def test_class_weights_count(penalty):
    X, y, language = make_numbers(AGREE, 60)
    y[::5] = 1 - y[::5]  # Classes that can be told apart surely need no weights.
    plain, weighted = (
        new_model(class_weight=weight, residual_penalty=penalty)
        .fit(X, y, language=language)
        .predict(X, language=language)
        for weight in (None, {0: 1, 1: 20})
    )
    assert weighted.mean() > plain.mean() + 0.1


# The parts


def test_translations_in_the_same_order_are_in_the_same_fold():
    y = np.array([0, 1, 1, 0, 0, 1, 1, 1])
    samples = LabelledFeatures(
        np.zeros((16, 2)), np.tile(y, 2), np.repeat([1, 2], 8), 2, np.ones((16, 1))
    )
    fold = samples.folds()
    np.testing.assert_array_equal(fold[:8], fold[8:])
    assert set(fold) == {0, 1, 2}


def test_labels_do_not_decide_the_folds_even_if_they_come_in_turns():
    zeros, ones, index = np.zeros((60, 2)), np.ones((60, 1)), np.repeat([1, 2], 30)
    folds = [
        LabelledFeatures(zeros, y, index, 3, ones).folds()
        for y in (np.arange(60) % 3, np.arange(60) // 20)
    ]
    np.testing.assert_array_equal(*folds)
    for number in range(3):
        assert set(np.flatnonzero(folds[0] == number) % 3) == {0, 1, 2}
    sizes = np.bincount(folds[0][:30])
    assert sizes.max() - sizes.min() <= 1


def test_chance_shares_of_classes_do_not_outweigh_what_languages_share():
    """Each language has ten rows, which have more of one class by chance."""
    gains = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(8 * 210, 20))
        y = (X[:, :5].sum(axis=1) + rng.normal(size=len(X)) > 0).astype(int)
        language = np.repeat([f"l{number}" for number in range(8)], 210)
        train = np.tile(np.arange(210) < 10, 8)
        model = new_model().fit(X[train], y[train], language=language[train])
        pooled = LogisticRegression(C=0.1).fit(X[train], y[train])
        score = model.score(X[~train], y[~train], language=language[~train])
        gains.append(score - pooled.score(X[~train], y[~train]))
    assert np.mean(gains) > -0.02


def test_translations_are_in_the_same_fold_though_some_have_no_label():
    position = np.array([0, 1, 2, 3, 4, 5, 1, 2, 5])
    index = np.repeat([1, 2], [6, 3])
    zeros, ones = np.zeros((9, 1)), np.ones((9, 1))
    samples = LabelledFeatures(
        zeros, np.arange(9.0), index, 1, ones, loss=SquaredErrors(), position=position
    )
    np.testing.assert_array_equal(samples.folds()[6:], samples.folds()[[1, 2, 5]])


@pytest.mark.parametrize("as_kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_factors_of_offsets_with_two_directions_are_two(as_kind):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(2, 3, 5))
    offsets = np.einsum("lj,jkf->lkf", rng.normal(size=(6, 2)), directions)
    factors = factor(
        {index: ResidualHead(as_kind(m), m.sum(axis=1)) for index, m in enumerate(offsets)}
    )
    assert len(factors.coef) == 2
    embeddings = np.array(list(factors.embeddings.values()))
    np.testing.assert_allclose((embeddings**2).mean(axis=0), 1)
    np.testing.assert_allclose(np.einsum("lj,jkf->lkf", embeddings, factors.coef), offsets)
    np.testing.assert_allclose(embeddings @ factors.intercept, offsets.sum(axis=2))


def test_no_more_factors_are_kept_than_there_are():
    head = ResidualHead(np.ones((2, 3)), np.zeros(2))
    opposite = ResidualHead(-head.coef, head.intercept)
    factors = factor({1: head, 2: opposite, 3: head}).gated({1: 2, 2: 1, 3: 0})
    assert len(factors.coef) == len(factors.intercept) == 1
    np.testing.assert_allclose(list(factors.embeddings.values()), [[1], [-1], [0]])


def test_a_factor_has_to_be_surely_better():
    rng = np.random.default_rng(0)
    without = rng.normal(size=200)
    noise = 0.3 * rng.normal(size=200)
    assert n_factors_of(np.stack([without, without - 0.01 + noise], axis=1), 2.0) == 0
    assert n_factors_of(np.stack([without, without - 0.5 + noise], axis=1), 2.0) == 1
    assert n_factors_of(np.stack([without, without - 0.5, without - 0.5], axis=1), 2.0) == 1


def test_few_samples_are_never_sure():
    """However alike they are: their standard error would be 0."""
    better = np.stack([np.ones(100), np.full(100, 0.5)], axis=1)
    assert [n_factors_of(better[:n_samples], 2.0) for n_samples in (2, 4, 5, 100)] == [0, 0, 1, 1]


def test_the_penalty_of_all_languages_is_that_of_strong_features():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = order[:150], order[150:]
    language = np.where(np.arange(len(X)) % 2, "a", "b")
    model = new_model(residual_penalty=None).fit(X[train], y[train], language=language[train])
    pooled = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    pooled.fit(X[train], y[train])
    score = model.score(X[test], y[test], language=language[test])
    assert score > pooled.score(X[test], y[test]) - 0.01


@given(best=st.integers(0, 6), start=st.integers(0, 6))
def test_climbing_finds_the_only_minimum(best, start):
    grid = tuple(float(number) for number in range(7))
    assert climb(grid, grid[start], lambda value: abs(value - best)) == best


def test_climbing_ends_where_losses_are_no_numbers():
    assert climb((1.0, 2.0, 3.0), 2.0, lambda value: np.nan) == 2.0


def test_a_place_follows_the_labels_as_far_as_there_are_any():
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    factor_logits = np.stack([x, -x], axis=1)[:, None]
    targets = np.eye(2)[(x < 0).astype(int)]
    none, few, many = (
        place(np.zeros((n, 2)), factor_logits[:n], targets[:n], np.ones((n, 1)))[0]
        for n in (0, 4, 40)
    )
    assert none == 0 < few < many


@pytest.mark.parametrize("counts", [(30, 3), (20, 20)])
def test_each_language_counts_the_same_in_what_is_chosen(counts):
    language_index = np.repeat([1, 2], counts)
    y = np.arange(len(language_index)) % 2
    weight = np.ones((len(y), 1))
    samples = LabelledFeatures(np.zeros((len(y), 1)), y, language_index, 2, weight)
    balanced = samples.balanced().weight
    sums = [balanced[language_index == index].sum() for index in (1, 2)]
    assert sums == pytest.approx([len(y) / 2] * 2)
    if len(set(counts)) == 1:
        np.testing.assert_array_equal(balanced, weight)


def test_languages_choose_with_those_of_their_size():
    """Many rows of a language contradict the rest, and few rows of the others do not."""
    languages = ["opposite 0", "opposite 1", *AGREE, "as is 4", "as is 5"]
    counts = [400, 400, *[40] * 6]
    X, y, language = make_numbers(languages, 400, seed=2)
    kept = np.concatenate(
        [np.flatnonzero(language == name)[:n] for name, n in zip(languages, counts, strict=True)]
    )
    index = np.array([languages.index(name) + 1 for name in language])
    weight = np.ones((len(y), 1))
    samples = LabelledFeatures(sparse.csr_array(X), y, index, 2, weight).take(kept)
    settings = choose(samples, Progress(0, "test")).residual
    assert settings[1] == settings[2] != settings[3]
    assert all(settings[number] == settings[3] for number in range(4, 9))


def test_on_sparse_features_more_rows_of_each_class_have_a_larger_penalty():
    penalties = [LOG_LOSS.sparse_head_penalties(n, 2, 1.0)[0] for n in (20, 1000, 2000, 9000)]
    few, some, many, more = penalties
    assert 0 < few < some < many == more
    assert few < LOG_LOSS.sparse_head_penalties(1000, 4, 1.0)[0] < some


def test_where_one_language_has_most_rows_the_penalty_of_a_union_is_larger():
    """The n-grams are scaled down there. Without vectors beside them nothing is."""
    rng = np.random.default_rng(0)
    n_grams, y = rng.random((120, 5)), rng.integers(0, 2, 120)
    weight = np.ones((120, 1))
    even, uneven = np.repeat([1, 2, 3], 40), np.repeat([1, 2, 3], [100, 10, 10])

    def penalty(X, language_index):
        samples = LabelledFeatures(sparse.csr_array(X), y, language_index, 2, weight)
        return samples.head_penalties[0]

    union = np.hstack([n_grams, rng.normal(size=(120, 3))])
    small = penalty(n_grams, even)
    assert penalty(n_grams, uneven) == small == pytest.approx(penalty(union, even))
    assert small < penalty(union, uneven) < 1


def test_the_penalty_on_sparse_features_is_that_of_all_rows_beyond_those_of_cross_validation():
    rng = np.random.default_rng(0)
    X, y = sparse.csr_array(rng.random((3000, 3))), rng.integers(0, 3, 3000)
    samples = LabelledFeatures(X, y, np.ones(3000, int), 3, np.ones((3000, 1)))
    assert len(samples.subsample()) < len(samples)
    assert choose(samples, Progress(0, "test")).head_penalty == samples.head_penalties[0]


def test_intercepts_alone_do_not_replace_the_meta_model():
    """Few rows, of which most in a language have the same label: that label is no model."""

    def settings(seed):
        rng = np.random.default_rng(seed)
        index = np.repeat([1, 2, 3, 4], 8)
        y = np.where(rng.random(len(index)) < 0.75, index % 2, 1 - index % 2)
        X = (rng.random((len(y), 60)) < 0.2).astype(float)
        X[np.arange(len(y)), y] += rng.random(len(y)) < 0.3
        samples = LabelledFeatures(sparse.csr_array(X), y, index, 2, np.ones((len(y), 1)))
        return choose(samples, Progress(0, "test")).residual[1]

    largest = LOG_LOSS.penalties[-1]
    shares = [found.share for found in map(settings, range(6)) if found.penalty == largest]
    assert shares and set(shares) == {1.0}


@pytest.mark.parametrize("as_kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_the_spread_of_features_over_languages(as_kind):
    index = np.repeat([1, 2, 3, 4], [5, 1, 7, 3])
    features = np.stack([index > 0, index > 2, index == 2, index == 9], axis=1).astype(float)
    samples = LabelledFeatures(as_kind(features), index % 2, index, 2, np.ones((len(index), 1)))
    assert samples.spread == pytest.approx([1, 0.5, 0.25, 1])


def test_languages_without_labels_are_predicted_by_what_all_share():
    """n-grams of the largest language explain its labels, but say nothing about other languages."""

    def lost(seed):
        rng = np.random.default_rng(seed)
        names = np.repeat(["large", "small", "new"], [600, 30, 1000])
        y = rng.integers(0, 3, len(names))
        shared = np.eye(3)[y] + rng.normal(size=(len(y), 3))
        n_grams = np.zeros((len(y), 60))
        n_grams[np.arange(len(y)), 20 * y + rng.integers(0, 20, len(y))] = 6
        n_grams[names != "large"] = 0
        known, new = names != "new", names == "new"

        def accuracy(X):
            model = new_model(language_norm=False).fit(X[known], y[known], language=names[known])
            return model.score(X[new], y[new], language=names[new])

        return accuracy(shared) - accuracy(sparse.csr_array(np.hstack([shared, n_grams])))

    assert np.mean([lost(seed) for seed in range(3)]) < 0.1


@pytest.mark.parametrize("counts", [(60, 60), (60, 6)])
@pytest.mark.parametrize("kind", ["n-grams", "union", "vectors"])
def test_only_beside_vectors_n_grams_of_a_large_language_count_less(kind, counts):
    rng = np.random.default_rng(0)
    language_index = np.repeat([1, 2], counts)
    n_rows = len(language_index)
    n_grams = rng.integers(0, 2, (n_rows, 4)).astype(float)
    n_grams[language_index == 2, :2] = 0
    vectors = rng.normal(size=(n_rows, 2))
    parts = {"n-grams": [n_grams], "union": [n_grams, vectors], "vectors": [vectors]}
    features = np.hstack(parts[kind])
    if kind != "vectors":
        features = sparse.csr_array(features)
    y = rng.integers(0, 2, n_rows)
    samples = LabelledFeatures(features, y, language_index, 2, np.ones((n_rows, 1)))
    if kind == "union" and counts == (60, 6):
        assert samples.scale[:2].max() < 0.8 < 0.95 < samples.scale[2:].min()
    else:
        assert samples.scale == pytest.approx(1)
