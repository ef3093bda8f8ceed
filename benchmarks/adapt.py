"""How long it takes to learn a new language from 64 labels, beside a fine-tuning with LoRA.

    python benchmarks/adapt.py FOLDER_OF_SIB200 --models FOLDER

Models of topics (SIB-200) are fitted once on eight languages and kept in `--models`. Each
repetition is another language, which they have not seen; 64 of its training rows have labels.

- adapt: MetaNetClassifier.adapt, where all weights of the encoder were trained in `fit`
- adapt, frozen: the same with trainable="head"
- LoRA: ten epochs of a loop of PyTorch, which trains low-rank updates (peft) of the encoder and the
  head of a TransferClassifier that has been trained on the rows of all eight languages. It needs
  `peft`.

The encoder is multilingual-e5-small, and all read 64 tokens and compute in bfloat16 where the
hardware does. The seconds are those from the fitted model and the texts to the adapted model.
Figures: these, and the accuracy on the test rows of the language before and afterwards.
"""

import argparse
import copy
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import peers
import torch
import torch.nn.functional as F
from encoders import COLUMNS, MAX_LENGTH

from metaling_sk import MetaNetClassifier, TransferClassifier, load
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk._utils.device import autocast_dtype
from metaling_sk.datasets import load_encoder

SOURCES = "eng_Latn arb_Arab deu_Latn hin_Deva ind_Latn rus_Cyrl spa_Latn zho_Hans"
SOURCES = SOURCES.split()
NEW = ["swh_Latn", "tur_Latn", "yor_Latn", "tam_Taml", "hau_Latn"]
"""The language of each repetition."""
N_ROWS, N_EPOCHS = 100, 4
"""The rows of each language and the epochs of the fits; a frozen encoder needs no epochs."""
N_LABELS = 64
RANK, LORA_EPOCHS, LORA_BATCH_SIZE, LORA_LEARNING_RATE = 8, 10, 16, 1e-3
"""They are not tuned."""
NEEDS = {"LoRA": "peft"}
RESULT = Path(__file__).parent / "results" / "adapt.json"


@cache
def read(folder: Path, language: str, split: str) -> pd.DataFrame:
    """Read the rows of a language."""
    path = folder / f"data/annotated/{language}/{split}.tsv"
    rows = pd.read_csv(path, sep="\t", quoting=3).rename(columns={"category": "label"})
    return rows.assign(language=language)


@cache
def fitted(folder: Path, kept: Path, name: str, n_rows: int):
    """Load a fitted model; fit it where there is none yet."""
    path = kept / f"{name}-{n_rows}"
    if not path.exists():
        classifier, trainable, epochs = {
            "meta-net": (MetaNetClassifier, "all", N_EPOCHS),
            "meta-net-head": (MetaNetClassifier, "head", N_EPOCHS),
            "pooled": (partial(TransferClassifier, source_languages=SOURCES), "all", N_EPOCHS),
        }[name]
        train = pd.concat(
            read(folder, language, "train").sample(n_rows, random_state=number)
            for number, language in enumerate(SOURCES)
        )
        classifier(
            encoder=load_encoder("multilingual-e5-small"),
            trainable=trainable,
            max_length=MAX_LENGTH,
            max_epochs=epochs,
            device="cpu",
            verbose=0,
            random_state=0,
        ).fit(train[COLUMNS], train["label"].to_numpy(str)).save(path)
    return load(path).set_params(device="cpu", verbose=0)


def accuracy(model, test: pd.DataFrame) -> float:
    """Return the percentage of the rows that a classifier predicts."""
    return 100 * model.score(test[COLUMNS], test["label"].to_numpy(str))


def adapt(model: MetaNetClassifier, few: pd.DataFrame, test: pd.DataFrame, seed: int):
    """Return the seconds to adapt a MetaNetClassifier, and its accuracy then."""
    seconds, _ = peers.timed(model.adapt, few[COLUMNS], few["label"].to_numpy(str))
    found = accuracy(model, test)
    model.forget(few["language"].iloc[0])
    return seconds, found


def fine_tune(model: TransferClassifier, few: pd.DataFrame, test: pd.DataFrame, seed: int):
    """Return the seconds to fine-tune a copy of a TransferClassifier, and its accuracy then."""
    copied = copy.deepcopy(model)
    seconds, _ = peers.timed(train_lora, copied, few, seed)
    return seconds, accuracy(copied, test)


def train_lora(model: TransferClassifier, few: pd.DataFrame, seed: int) -> None:
    """Train low-rank updates of the encoder of a TransferClassifier, and its head."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    network = model.net_.module_
    encoder, dtype = network.encoder, autocast_dtype("auto", torch.device("cpu"))
    encoder.backbone = get_peft_model(
        encoder.backbone, LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear")
    )
    network.head.requires_grad_(True)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LORA_LEARNING_RATE, fused=True)
    tokenizer, prompt = encoder.tokenizer, encoder.text_tokenizer.prompt
    ids = tokenizer((prompt + few["text"]).tolist(), truncation=True, max_length=MAX_LENGTH)
    y = torch.from_numpy(np.searchsorted(model.classes_, few["label"].to_numpy(str)))
    network.train()
    for _ in range(LORA_EPOCHS):
        for rows in torch.randperm(len(few)).split(LORA_BATCH_SIZE):
            batch = tokenizer.pad(
                {"input_ids": [ids["input_ids"][row] for row in rows]}, return_tensors="pt"
            )
            language_index = torch.zeros(len(rows), dtype=torch.int64)  # one that it does not know
            with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
                logits = network(dict(batch), language_index).logits
            F.cross_entropy(logits.float(), y[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
    network.eval()


METHODS = {
    "adapt": ("meta-net", adapt),
    "adapt, frozen": ("meta-net-head", adapt),
    "LoRA": ("pooled", fine_tune),
}


def measure(
    folder: Path, kept: Path, method: str, seed: int, rows: int, test_rows: int | None
) -> dict[str, float]:
    """Return the figures of a method."""
    language = NEW[seed % len(NEW)]
    few = read(folder, language, "train").sample(N_LABELS, random_state=seed)
    test = read(folder, language, "test")[:test_rows]
    name, learn = METHODS[method]
    model = fitted(folder, kept, name, rows)
    before = accuracy(model, test)
    CACHE.clear()
    seconds, after = learn(model, few, test, seed)
    return {"seconds": seconds, "accuracy": after, "accuracy before": before}


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of dadelani/sib-200")
    peers.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder to keep them")
    parser.add_argument("--rows", type=int, default=N_ROWS, help="of each language to fit on")
    parser.add_argument("--test-rows", type=int, help="of each new language; default all")
    args = parser.parse_args()
    if args.folder is None and not args.report:
        parser.error("the copy of dadelani/sib-200 is missing")
    settings = [{"rows": args.rows, "test_rows": args.test_rows}]
    peers.run(args, settings, partial(measure, args.folder, args.models), NEEDS)


if __name__ == "__main__":
    main()
