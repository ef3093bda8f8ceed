"""What a test of several processes sends to each of them."""

from __future__ import annotations

import io
import multiprocessing
import warnings
from contextlib import redirect_stderr

import numpy as np
import torch.distributed as dist
from small_callbacks import NoDropout
from tiny import DICTIONARY, make_classifier, make_config, make_meta_net, make_pair

from metaling_sk._utils import progress
from metaling_sk._utils.messages import warn_user

X, Y = make_pair(61, 43, n_labelled=21)
"""Batches of odd sizes; the last one of an epoch has fewer samples than there are processes."""

WITHOUT_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
"""Masks are drawn for the samples that a process encodes: other ones than in one process."""


def make(name: str):
    """An estimator that computes the same in one process and in several."""
    common = {
        "encoder": make_config(**WITHOUT_DROPOUT),
        "callbacks": [NoDropout()],
        "max_epochs": 2,
        "batch_size": 6,
        "validation_fraction": 0.3,
        "device": "cpu",  # The group is one of CPUs.
    }
    if name == "every term":
        terms = ["labels", "coral", "mmd", "adversarial", "l2sp", "code_switch"]
        return make_classifier(
            target_languages="zh",
            transfer=terms,
            dictionary=DICTIONARY,
            class_weight="balanced",
            **common,
        )
    if name == "frozen encoder":
        return make_classifier(**common | {"trainable": "head"})
    if name == "without a seed":
        return make_classifier(**common | {"random_state": None})
    if name == "accumulated":
        return make_classifier(gradient_accumulation_steps=2, **common)
    if name == "meta network":
        return make_meta_net(residual_penalty=None, **common)
    return make_classifier(**common)


NAMES = [
    "one term",
    "every term",
    "accumulated",
    "meta network",
    "frozen encoder",
    "without a seed",
]


def do_all(folder: str) -> dict:
    """The fits of each estimator, the refusals, the warnings and the output of this process."""
    messages = fail()
    fits = {name: fit(name) for name in NAMES}
    warned, output = warn_and_save(folder)
    return {"fits": fits, "messages": messages, "warnings": warned, "output": output}


def fit(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The losses of every epoch, and the probabilities that are predicted after the fit."""
    model = make(name).fit(X, Y)
    losses = model.history_.drop(columns="stage", errors="ignore").to_numpy(dtype=float)
    return losses, model.predict_proba(X)


def in_group(rank: int, size: int, store: str, job, argument, results) -> None:
    """Do a job as one of several processes; its result, or its error, goes to a queue."""
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
    try:
        results.put((rank, job(argument)))
    except Exception as error:
        results.put((rank, error))
    finally:
        dist.destroy_process_group()


def fail() -> list[str]:
    """The messages of fits that are refused: on parts of the samples, and on episodes."""
    part = slice(dist.get_rank(), 60, 2)
    messages = []
    for model, rows in [
        (make("one term"), part),
        (make_meta_net(meta_algorithm="maml"), slice(None)),
    ]:
        try:
            model.fit(X[rows], Y[rows])
        except ValueError as error:
            messages.append(str(error))
    return messages


def warn_and_save(folder: str) -> tuple[list[str], str]:
    """The warnings and the printed progress of this process; it saves to a folder of its own."""
    progress.DELAY = 0.0
    # Processes that torchrun or accelerate start are no workers of a pool.
    multiprocessing.current_process().name = "MainProcess"
    with warnings.catch_warnings(record=True) as caught, redirect_stderr(io.StringIO()) as output:
        warnings.simplefilter("always")
        warn_user("A row is empty.")
        model = make("one term").set_params(verbose=1).fit(X, Y)
        model.save(f"{folder}/{dist.get_rank()}")
    return [str(warning.message) for warning in caught], output.getvalue()
