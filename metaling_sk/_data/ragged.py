"""Rows of different lengths that are stored one after another."""

from __future__ import annotations

import numpy as np


def take_rows(offsets: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the values of some rows.

    Parameters
    ----------
    offsets : ndarray of int64, shape (n_rows + 1,)
        The values of row i are ``values[offsets[i]:offsets[i + 1]]``.
    indices : ndarray of int, shape (n_selected,)
        Indices of rows.

    Returns
    -------
    chosen : ndarray of int, shape (n_values,)
        The indices of their values.
    new_offsets : ndarray of int64, shape (n_selected + 1,)
        Those of the selected rows.
    """
    lengths = offsets[indices + 1] - offsets[indices]  # those of all rows would take time
    new_offsets = np.concatenate([[0], np.cumsum(lengths)])
    shifts = np.repeat(offsets[indices] - new_offsets[:-1], lengths)
    return np.arange(new_offsets[-1]) + shifts, new_offsets
