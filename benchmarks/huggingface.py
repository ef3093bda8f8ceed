"""The Trainer of Hugging Face transformers, as several benchmarks use it; it needs `accelerate`."""

import tempfile

import torch
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainingArguments

from metaling_sk._utils.device import autocast_dtype


def tokenized(tokenizer, texts, max_length: int, labels=None) -> list[dict]:
    """Return texts as the rows of a dataset of the Trainer, which pads each batch."""
    ids = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
    rows = [{"input_ids": row, "attention_mask": [1] * len(row)} for row in ids]
    if labels is not None:
        rows = [row | {"labels": int(label)} for row, label in zip(rows, labels, strict=True)]
    return rows


def new_trainer(
    model: PreTrainedModel, tokenizer, rows: list[dict] | None, device: torch.device, **options
) -> Trainer:
    """Make a Trainer that groups rows by length, computes in bfloat16 and saves nothing.

    Parameters
    ----------
    model : PreTrainedModel
    tokenizer : transformers tokenizer
    rows : list of dict or None
        What `tokenized` returns, to train on.
    device : torch.device
        Where it computes. It computes in bfloat16 where the hardware does.
    **options
        Further arguments of TrainingArguments.
    """
    arguments = TrainingArguments(
        output_dir=tempfile.gettempdir(),
        train_sampling_strategy="group_by_length",
        bf16=autocast_dtype("auto", device) is torch.bfloat16,
        use_cpu=device.type == "cpu",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **options,
    )
    trainer = Trainer(model, arguments, train_dataset=rows, processing_class=tokenizer)
    trainer.remove_callback(PrinterCallback)
    return trainer


def predicted(trainer: Trainer, rows: list[dict]):
    """Return the predicted class of each row."""
    # Otherwise the rows would be grouped too, and returned in another order.
    trainer.args.train_sampling_strategy = "random"
    return trainer.predict(rows).predictions.argmax(axis=1)
