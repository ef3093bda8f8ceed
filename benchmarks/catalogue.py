"""The benchmarks with records: their commands, and what the documentation shows of them.

A new benchmark is one more line of `BENCHMARKS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import figures
import pandas as pd
import tables

CORPORA = {
    "nusax": "IndoNLP/nusax",
    "sib200": "dadelani/sib-200",
    "afrisenti": "afrisenti-semeval/afrisent-semeval-2023",
    "fonts": "Debian's package fonts-noto-core",
    "gemma": "gemma-3-270m, as the user guide makes it of a GGUF file",
    "features": "nusax.npz, the vectors of NusaX of a frozen gemma-3-270m",
}
"""The corpora, by the names that stand for their folders in a command."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark with records.

    Attributes
    ----------
    commands : tuple of str
        Scripts of this folder with their arguments. The names of `CORPORA`, such as ``{nusax}``,
        stand for copies of the corpora, ``{kept}`` for a folder of what several runs need.
    table : callable
        Makes the table from the folder of the records.
    draw : callable
        Draws the table; it returns a figure of matplotlib.
    quick : tuple of str
        The commands of a smoke run; most of its time goes into encoding texts.
    on_gpu : bool, default=False
        Whether it is for a GPU. Its records have a file of their own, beside those of a CPU.
    quoted : tuple of callable, default=()
        Make further tables, which are not shown. The text of the documentation may quote what is
        in them.
    """

    commands: tuple[str, ...]
    table: Callable[[Path], pd.DataFrame]
    draw: Callable
    quick: tuple[str, ...]
    on_gpu: bool = False
    quoted: tuple[Callable[[Path], pd.DataFrame], ...] = ()

    @property
    def file(self) -> str:
        """The file of its records, which is named after the script."""
        return f"{Path(self.commands[0].split()[0]).stem}{'_gpu' if self.on_gpu else ''}.json"


LABELS = "Chinese labels"
PARTS = '--methods alone pooled averaged meta-net "no residual" --vectors {kept}'
FEW_LABELS = (
    "--tasks nusax-10 nusax-20 nusax-60 nusax-200 --representations vectors both "
    "--methods alone pooled averaged meta-net"
)
TRAINED = {"accuracy (%)": ["sources", "others"], "seconds of a fit": ["fit, s"]}
TWEETS = {"weighted F1 (%), 12 languages": ["mean of 12"], "Oromo, Tigrinya": ["orm", "tir"]}
FITS = {
    "macro-F1 (NusaX), accuracy (SIB-200)": ["NusaX (%)", "SIB-200 (%)"],
    "seconds of a fit": ["seconds"],
}
SINGLE = ["one, ms", "one (99th percentile), ms"]
SPEED = {"seconds": ["median, s"], "accuracy (%)": ["accuracy (%)"]}
FEW = "--rows 100 --texts 20 --test-rows 20 --seeds 0 --methods head logistic-regression"
MANY = (
    "encoders.py {sib200} --languages many --rows 40 --texts 20 --test-rows 50 --seeds 0 "
    "--methods head all union vote logistic-regression trainer setfit",
)
IN_FAMILIES = [
    f"``{name}``" for name in ("vote", "union", "logistic-regression", "all", "trainer", "setfit")
]
QUICK_MANY = (
    "encoders.py {sib200} --languages many --rows 4 --texts 2 --test-rows 2 --seeds 0 "
    "--methods logistic-regression",
)

TUNING = "fine_tuning.py {nusax} {sib200} {afrisenti} --kept {kept}"
IDEAS = (
    "'no validation' 'no validation, averaged weights' 'no validation, logistic regression' "
    "'plain, logistic regression' 'plain, interpolated 1' 'plain, interpolated 0.8' "
    "'plain, interpolated 0.6' 'rate 4e-5' 'rate 4e-5, rate of layers 0.85' 'frozen embeddings' "
    "'frozen layers 4' R-Drop 'masked words' contrast 'one round, one topic'"
)

DEFAULTS = "transfer_defaults.py {nusax} {sib200} {afrisenti}"
ON_TASKS = tables.TASKS.values()
PENALTIES = "'penalty 0.3' 'penalty 2' 'penalty 1, no self-training' 'penalty 1, half the weight'"
SOFT = (
    "'self-training, no validation, half the weight' "
    "'self-training, no validation, 15 epochs, half the weight' "
    "'self-training, no validation, 20 epochs, half the weight'"
)

BENCHMARKS = {
    "reviews": Benchmark(
        ("reviews.py",),
        tables.reviews,
        partial(figures.lines, xlabel=LABELS, ylabel="accuracy on Chinese reviews (%)"),
        ("reviews.py --quick --labels 0 64 --seeds 0",),
        quoted=(tables.reviews_in_english,),
    ),
    "transfer-defaults": Benchmark(
        (
            f"{DEFAULTS} --seeds 2 3 4 --methods default 'default, no language norm' {PENALTIES} "
            "'penalty 0.1' 'penalty 0.3, no self-training' 'penalty 1, one topic'",
            f"{DEFAULTS} --seeds 2 3 4 --methods plain '30 epochs' 'learning rate 5e-4' "
            f"'no validation' self-training {SOFT}",
            f"{DEFAULTS} --seeds 2 3 4 --tasks sib200 nusax reviews --methods "
            "'self-training, 20 epochs, half the weight' "
            "'self-training, no validation, 20 epochs' 'self-training, no validation, 30 epochs'",
            f"{DEFAULTS} --seeds 2 3 4 --tasks sib200 nusax --methods "
            "'self-training, learning rate 2.5e-4' 'self-training, no validation'",
            f"{DEFAULTS} --seeds 2 3 4 --tasks sib200 nusax afrisenti --methods "
            "'30 epochs, no validation' 'self-training, learning rate 5e-4'",
            f"{DEFAULTS} --seeds 2 --tasks afrisenti --methods "
            "'self-training, 20 epochs, half the weight' 'self-training, no validation, 20 epochs'",
        ),
        partial(tables.transfer_defaults, seeds=[2, 3, 4]),
        partial(
            figures.complete_dots,
            panels={name: [f"{name} (%)"] for name in ON_TASKS},
            rows="plain|default|penalty",
        ),
        (f"{DEFAULTS} --tasks reviews --seeds 2 --reviews 100 --methods plain self-training",),
    ),
    "transfer-defaults-again": Benchmark(
        (
            f"{DEFAULTS} --seeds 5 6 7 --methods default plain {PENALTIES}",
            f"{DEFAULTS} --seeds 5 6 7 --tasks sib200 nusax reviews --methods plain {SOFT} "
            "self-training "
            "'30 epochs, no validation'",
        ),
        partial(tables.transfer_defaults, seeds=[5, 6, 7]),
        partial(figures.complete_dots, panels={name: [f"{name} (%)"] for name in ON_TASKS}),
        (f"{DEFAULTS} --tasks reviews --seeds 5 --reviews 100 --methods plain",),
    ),
    "encoders": Benchmark(
        (
            "encoders.py {sib200} --methods head lora adapter half all logistic-regression "
            "--seeds 0 1",
        ),
        partial(tables.encoders, languages="seven", labels=0),
        partial(figures.dots, panels=TRAINED),
        (f"encoders.py {{sib200}} {FEW}",),
    ),
    "encoders-16-labels": Benchmark(
        (
            "encoders.py {sib200} --labels 16 --methods head logistic-regression union --seeds 0 1",
            "encoders.py {sib200} --labels 16 --methods all half vote setfit --seeds 0",
        ),
        partial(tables.encoders, languages="seven", labels=16),
        partial(figures.dots, panels=TRAINED),
        (f"encoders.py {{sib200}} --labels 16 {FEW}",),
    ),
    "encoders-many": Benchmark(
        MANY,
        partial(tables.encoders, languages="many", labels=0),
        partial(figures.dots, panels=TRAINED),
        QUICK_MANY,
    ),
    "encoders-families": Benchmark(
        MANY,
        tables.families,
        partial(figures.dots, panels={"accuracy (%) in new languages": IN_FAMILIES}),
        QUICK_MANY,
    ),
    "descriptions": Benchmark(
        ("descriptions.py {sib200}",),
        tables.descriptions,
        partial(
            figures.lines, xlabel="English labels of each class", ylabel="accuracy, 8 languages (%)"
        ),
        ("descriptions.py {sib200} --labels 0 --seeds 0",),
    ),
    "several-labels": Benchmark(
        ("several_labels.py {sib200}",),
        tables.several_labels,
        partial(
            figures.dots,
            panels={
                "macro-F1 (%)": ["English, F1", "others, F1"],
                "all labels right (%)": ["rows", "rows of others"],
            },
        ),
        ("several_labels.py {sib200} --labels 20 --seeds 0 --methods default",),
    ),
    "several-labels-everywhere": Benchmark(
        ("several_labels_everywhere.py {sib200}",),
        tables.several_labels_everywhere,
        partial(
            figures.dots,
            panels={"percent": ["F1", "rows", "labels"], "log-loss": ["log-loss"]},
        ),
        ("several_labels_everywhere.py {sib200} --labels 20 --seeds 0",),
    ),
    "sentence-pairs": Benchmark(
        (
            "sentence_pairs.py {sib200} --seeds 0 --methods cosine logistic-regression compared "
            "cosine-by-language compared-by-language all head",
        ),
        tables.sentence_pairs,
        partial(
            figures.dots, panels={"accuracy (%)": ["3 pairs", "6 unseen pairs", "worst of them"]}
        ),
        ("sentence_pairs.py {sib200} --rows 20 --seeds 0 --methods cosine",),
        quoted=(tables.pairs_of_languages,),
    ),
    "prediction": Benchmark(
        ("prediction.py",),
        tables.prediction,
        partial(figures.dots, panels={"seconds for all": ["all, s"], "ms for one text": SINGLE}),
        ("prediction.py --rows 32 --seeds 0",),
    ),
    "encoders-gpu": Benchmark(
        ("encoders.py {sib200} --methods all trainer",),
        partial(tables.encoders, languages="seven", labels=0, name="encoders_gpu"),
        partial(figures.dots, panels=TRAINED),
        (f"encoders.py {{sib200}} {FEW}",),
        on_gpu=True,
    ),
    "encoders-16-labels-gpu": Benchmark(
        (
            "encoders.py {sib200} --labels 16 --methods union trainer",
            "encoders.py {sib200} --labels 16 --methods all --seeds 0",
        ),
        partial(tables.encoders, languages="seven", labels=16, name="encoders_gpu"),
        partial(figures.dots, panels=TRAINED),
        (f"encoders.py {{sib200}} --labels 16 {FEW}",),
        on_gpu=True,
    ),
    "fine-tuning": Benchmark(
        (
            f"{TUNING} --tasks sib200 --methods plain {IDEAS}",
            f"{TUNING} --tasks sib200 --seeds 0 1 --methods union 'plain, with union'",
            f"{TUNING} --tasks sib200 --seeds 0 --methods 'rate 1e-5' 'plain, seeds' "
            "'frozen layers 4, seeds'",
            f"{TUNING} --tasks sib200-16 --methods plain 'plain, logistic regression'",
            f"{TUNING} --tasks sib200-16 --seeds 0 1 --methods union R-Drop 'plain, with union'",
            f"{TUNING} --split test --tasks sib200 --methods plain 'frozen layers 4'",
            f"{TUNING} --split test --tasks sib200-16 --methods plain",
            f"{TUNING} --split test --tasks sib200-16 --seeds 0 1 --methods union "
            "'plain, with union'",
        ),
        tables.fine_tuning,
        partial(figures.dots, panels={"accuracy on validation rows": ["SIB-200 (%)"]}),
        (f"{TUNING} --tasks sib200 --methods plain --seeds 0",),
        on_gpu=True,
    ),
    "meta-param": Benchmark(
        ("meta_param.py --tasks frozen trained --seeds 0 1",),
        tables.meta_param,
        partial(
            figures.dots,
            panels={"log-loss": ["our loss", "their loss"]},
        ),
        ("meta_param.py --tasks frozen --seeds 0 --rows 30 --max-epochs 2 --n-iter 2",),
    ),
    "rows": Benchmark(
        ("rows.py", "rows.py --rows 1000000 --methods scratch linear"),
        tables.rows,
        partial(figures.dots, panels={"MB at the height of the call": ["fit, MB", "predict, MB"]}),
        ("rows.py --rows 500 1000",),
    ),
    "fit": Benchmark(
        ("fit.py",),
        partial(tables.speed, name="fit", reference="metaling_sk", by="encoder"),
        partial(figures.dots, panels=SPEED),
        ("fit.py --rows 20 --test-rows 20 --seeds 0",),
    ),
    "frozen": Benchmark(
        ("frozen.py",),
        partial(tables.speed, name="frozen", reference="metaling_sk"),
        partial(figures.dots, panels=SPEED),
        ("frozen.py --rows 40 --seeds 0",),
    ),
    "few-shot": Benchmark(
        ("few_shot.py",),
        partial(tables.speed, name="few_shot", reference="head"),
        partial(figures.dots, panels=SPEED),
        ("few_shot.py --labels 3 --test-rows 20 --seeds 0",),
    ),
    "adapt": Benchmark(
        ("adapt.py {sib200} --models {kept}",),
        partial(tables.speed, name="adapt", reference="adapt"),
        partial(figures.dots, panels=SPEED),
        ("adapt.py {sib200} --models {kept} --rows 16 --test-rows 20 --seeds 0",),
    ),
    "imports": Benchmark(
        (
            "imports.py --methods metaling_sk LinearTransferClassifier TransferClassifier "
            "'LogisticRegression of sklearn' torch 'Trainer of transformers'",
        ),
        tables.imports,
        partial(figures.dots, panels={"milliseconds": ["median, ms"]}),
        ("imports.py --seeds 0",),
    ),
    "meta-net": Benchmark(
        (
            f"meta_net.py {{nusax}} {{sib200}} --tasks nusax --seeds 0 {PARTS}",
            f"meta_net.py {{nusax}} {{sib200}} --tasks sib200 {PARTS}",
        ),
        tables.meta_net,
        partial(figures.dots, panels={"macro-F1 (NusaX), accuracy (SIB-200), %": slice(None)}),
        (
            "meta_net.py {nusax} {sib200} --tasks sib200 --representations vectors --seeds 0 "
            "--methods alone pooled averaged --vectors {kept}",
        ),
    ),
    "few-labels": Benchmark(
        (f"meta_net.py {{nusax}} {{sib200}} {FEW_LABELS} --vectors {{kept}}",),
        tables.few_labels,
        partial(figures.dots, panels={"macro-F1, %": slice(None)}),
        (
            "meta_net.py {nusax} {sib200} --tasks nusax-10 --representations vectors --seeds 0 "
            "--methods alone pooled averaged --vectors {kept}",
        ),
    ),
    "trained-meta-net": Benchmark(
        ("trained_meta_net.py {nusax} {sib200}",),
        tables.trained_meta_net,
        partial(figures.dots, panels=FITS),
        (
            "trained_meta_net.py {nusax} {sib200} --tasks sib200 --seeds 0 --methods pooled "
            "meta-net --rows 2",
        ),
        on_gpu=True,
    ),
    "vote": Benchmark(
        tuple(
            f"{TUNING} --gemma {{gemma}} --tasks nusax --split {split} --seeds 0 --methods union "
            "'two encoders' '2 epochs, rate 4e-5' '2 epochs, rate 4e-5, vote 1' "
            "'2 epochs, rate 4e-5, vote 3'"
            for split in ("dev", "test")
        ),
        tables.vote,
        partial(figures.dots, panels={"macro-F1 on NusaX": ["validation (%)", "test (%)"]}),
        (f"{TUNING} --gemma {{gemma}} --tasks nusax --seeds 0 --methods union",),
    ),
    "nusax": Benchmark(
        ("nusax.py {nusax} --gemma {gemma} --vectors {kept}",),
        tables.nusax,
        partial(figures.lines, xlabel="labels in the new language", ylabel="macro-F1 (%)"),
        (
            "nusax.py {nusax} --vectors {kept} --languages buginese --labels 0 16 --seeds 0 "
            "--methods adapt 'labels only' pooled 'own and pooled'",
        ),
    ),
    "sentiment-scores": Benchmark(
        (
            "sentiment_scores.py {nusax} --vectors {kept} --labels 0 16 64",
            "sentiment_scores.py {nusax} --vectors {kept} --labels 500 --seeds 0 "
            "--methods ridge 'ridge alone' 'ridge averaged' 'meta network' transfer",
        ),
        tables.sentiment_scores,
        partial(figures.dots, panels={"R² (%)": slice(None)}),
        (
            "sentiment_scores.py {nusax} --vectors {kept} --labels 0 16 --seeds 0 "
            "--methods ridge transfer",
        ),
    ),
    "afrisenti": Benchmark(
        ("afrisenti.py {afrisenti} --vectors {kept}/afrisenti.npy",),
        tables.afrisenti,
        partial(figures.dots, panels=TWEETS),
        ("afrisenti.py {afrisenti} --rows 50 --test-rows 20",),
    ),
    "digits": Benchmark(
        (
            "digits.py {fonts} --seeds 0 --tasks 'all scripts' 'new script'",
            "digits.py {fonts} --seeds 0 --tasks scikit-learn --methods pixels HOG",
        ),
        tables.digits,
        partial(figures.dots, panels={"images (%)": slice(None)}),
        ("digits.py {fonts} --seeds 0 --images 2 --tasks scikit-learn --methods pixels HOG",),
    ),
    "spoken-words": Benchmark(
        (
            "spoken_words.py --seeds 0 --methods MFCC 'MFCC, each alone' "
            "'MetaNetClassifier on MFCC' TransferClassifier",
        ),
        tables.spoken_words,
        partial(figures.dots, panels={"recordings (%)": slice(None)}),
        ("spoken_words.py --seeds 0 --recordings 1 --methods MFCC",),
    ),
    "spoken-phrases": Benchmark(
        ("spoken_phrases.py --seeds 0",),
        tables.spoken_phrases,
        partial(
            figures.dots,
            panels={
                "word error rate (%)": ["WER, es", "WER, id", "WER, nl"],
                "character error rate (%)": ["CER, es", "CER, id", "CER, nl"],
            },
        ),
        ("spoken_phrases.py --seeds 0 --phrases 4 --languages nl --methods MFCC",),
    ),
    "translation": Benchmark(
        (
            "translation.py {nusax} --seeds 0 --sentences 100",
            "translation.py {nusax} --seeds 1 --sentences 100 --methods alone transfer",
        ),
        tables.translation,
        partial(figures.dots, panels={"chrF (%)": slice(None)}),
        ("translation.py {nusax} --seeds 0 --languages banjarese --methods copy 'word for word'",),
    ),
    "source-languages": Benchmark(
        ("source_languages.py {nusax} {sib200}",),
        tables.source_languages,
        partial(figures.dots, panels={"rank correlation with the truth": slice(None)}),
        ("source_languages.py {nusax} {sib200} --methods SIB-200",),
    ),
    "languages": Benchmark(
        ("languages.py {sib200}",),
        tables.languages,
        partial(
            figures.dots,
            panels={
                "seconds of a fit": ["5 languages, s", "205 languages, s", "twice the rows, s"]
            },
        ),
        ("languages.py {sib200} --rows 410 --seeds 0",),
    ),
    "priors": Benchmark(
        ("priors.py {nusax} --vectors {kept}",),
        tables.priors,
        partial(
            figures.dots,
            panels={"fits (%)": ["fits (%)"], "loss": ["loss without", "loss with"]},
        ),
        (
            "priors.py {nusax} --vectors {kept} --candidates 2 --seeds 0 --languages acehnese "
            "balinese",
        ),
    ),
    "unsupervised-scores": Benchmark(
        ("unsupervised_scores.py {features}/nusax.npz",),
        tables.unsupervised_scores,
        partial(
            figures.dots,
            panels={"accuracy (%)": ["reviews, chosen (%)", "NusaX, chosen (%)"]},
        ),
        ("unsupervised_scores.py {features}/nusax.npz --candidates 2 --seeds 0",),
    ),
    "language-identification": Benchmark(
        ("language_identification.py {nusax} {sib200} {afrisenti}",),
        tables.language_identification,
        partial(figures.dots, panels={"texts (%)": slice(None)}),
        ("language_identification.py {nusax} {sib200} {afrisenti} --rows 5",),
    ),
}
"""The benchmarks by the names of their tables and figures."""


def recorded(results: Path) -> dict[str, Benchmark]:
    """Return the benchmarks that have a file of records in a folder."""
    return {name: one for name, one in BENCHMARKS.items() if (results / one.file).exists()}
