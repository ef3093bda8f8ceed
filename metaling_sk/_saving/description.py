"""The description of a saved folder: one JSON file, with a digest of itself and of all files."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from metaling_sk._saving.errors import SavedFileError

FORMAT = 9
"""Version of the format; a folder of another version is refused."""

ESTIMATOR = "estimator.json"
"""The file of the description."""


def encode_description(content: dict[str, Any]) -> bytes:
    """Return the bytes of the file that holds a description."""
    content = {"format": FORMAT, "digest": _digest(content)} | content
    return json.dumps(content, indent=1).encode("ascii")


def decode_description(data: bytes) -> dict[str, Any]:
    """Return the description that a file holds.

    Raises
    ------
    ValueError
        If the file is damaged or of another format.
    """
    content = json.loads(data.decode("utf-8"))
    if content["format"] != FORMAT:
        raise SavedFileError(f"{ESTIMATOR}: format {content['format']} instead of {FORMAT}")
    digest = content["digest"]
    content = {name: item for name, item in content.items() if name not in ("format", "digest")}
    if digest != _digest(content):
        raise SavedFileError(f"{ESTIMATOR} is damaged or was edited: its digest is another one")
    return content


def _digest(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
