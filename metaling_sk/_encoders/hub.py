"""What the Hugging Face hub is asked for, and what is said where a checkpoint is not to be had."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from huggingface_hub import constants, hf_hub_url, is_offline_mode
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import http_backoff

from metaling_sk.datasets._encoders import WRITERS

N_RETRIES = 2
"""How often the hub is asked again before it counts as out of reach."""


def find_hub_problem(name: str) -> str | None:
    """Return why the hub cannot be asked for a checkpoint, or None where it can be.

    transformers asks for one file after the other, and huggingface_hub for each of them six times
    in 23 seconds. So whether there is a hub at all is asked beforehand, and once.

    Parameters
    ----------
    name : str
        A folder, a file or a name on the hub.
    """
    if is_offline_mode():
        return "HF_HUB_OFFLINE says not to ask the Hugging Face hub"
    if os.path.exists(name):
        return None
    try:
        http_backoff(
            "HEAD",
            hf_hub_url(name, "config.json"),
            max_retries=N_RETRIES,
            retry_on_status_codes=(),  # Whatever it answers, it can be asked.
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
            follow_redirects=False,
        )
    except HFValidationError:
        return None  # transformers says what is wrong with the name.
    except Exception as error:  # Of httpx or httpx2, by the version of huggingface_hub.
        return (
            f"the Hugging Face hub does not answer ({error}; HF_HUB_OFFLINE=1 says not to ask it)"
        )
    return None


def not_found(name: str, wanted: str, problem: str | None, error: Exception) -> OSError:
    """Return the error for a checkpoint that transformers has not loaded.

    Parameters
    ----------
    name : str
        A folder, a file or a name on the hub.
    wanted : str
        What it should be.
    problem : str or None
        What `find_hub_problem` has returned.
    error : exception
        What transformers has raised.
    """
    place = ""
    if not os.path.exists(name):
        place = f", and {problem or 'it could not be had from the Hugging Face hub'}"
    near = _near_names(name)
    question = f" Did you mean {' or '.join(near)}?" if near else ""
    return OSError(
        f"`encoder`: {name!r} is no {wanted}{place}.{question} encoder='scratch' needs no files. "
        f"({error})"
    )


def _near_names(name: str) -> list[str]:
    """Calls of `load_encoder` and existing folders and files whose names are nearly this one."""
    path = Path(name)
    if os.path.exists(path):
        return []
    packaged = get_close_matches(path.name, WRITERS, n=1)
    siblings = [each.name for each in path.parent.iterdir()] if os.path.isdir(path.parent) else []
    return [
        *(f"metaling_sk.datasets.load_encoder({each!r})" for each in packaged),
        *(repr(str(path.parent / each)) for each in get_close_matches(path.name, siblings)),
    ]
