"""Parts of error messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_NAMED_ROWS = 5


def name_rows(indices: Sequence[int] | np.ndarray) -> str:
    """Name rows of the user's table.

    Parameters
    ----------
    indices : sequence or ndarray of int
        The positions of the rows; at least one.

    Returns
    -------
    str
        For example "row 3" or "rows 3, 5, 8, 9, 10, ... (12 in all)".
    """
    if len(indices) == 1:
        return f"row {indices[0]}"
    named = ", ".join(str(index) for index in indices[:MAX_NAMED_ROWS])
    rest = f", ... ({len(indices)} in all)" if len(indices) > MAX_NAMED_ROWS else ""
    return f"rows {named}{rest}"
