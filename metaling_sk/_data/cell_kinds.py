"""The kinds of cells, and the one that an estimator reads."""

from __future__ import annotations

from metaling_sk._data.cells import CellKind
from metaling_sk._data.images import IMAGES

CELL_KINDS: tuple[CellKind, ...] = (IMAGES,)


def cell_kind_of(estimator) -> CellKind | None:
    """Return the kind of cells that an estimator reads; None for texts and numbers.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    CellKind or None

    Raises
    ------
    ValueError
        If its parameters name columns of several kinds.
    """
    kinds = [kind for kind in CELL_KINDS if kind.column_of(estimator) is not None]
    if len(kinds) > 1:
        names = " and ".join(f"`{kind.parameter}`" for kind in kinds)
        raise ValueError(f"{names} are both set; samples are of one kind, so leave one None.")
    return kinds[0] if kinds else None
