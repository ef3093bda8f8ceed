"""The kinds of cells, and the one that an estimator reads."""

from __future__ import annotations

from metaling_sk._data.audio import RECORDINGS
from metaling_sk._data.cells import CellKind, set_parameters
from metaling_sk._data.images import IMAGES

CELL_KINDS: tuple[CellKind, ...] = (IMAGES, RECORDINGS)


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


def refuse_parameters(estimator, kind: CellKind | None) -> None:
    """Raise a ValueError if a parameter is set that says nothing about samples of this kind.

    Parameters
    ----------
    estimator : estimator
    kind : CellKind or None
        What `cell_kind_of` returned.

    Raises
    ------
    ValueError
        The sentence names the parameter.
    """
    if kind is not None:
        kind.refuse_text_parameters(estimator)
    for other in CELL_KINDS:
        for name in set_parameters(estimator, other.own_parameters) if other is not kind else ():
            raise ValueError(
                f"`{name}` is about {other.name}, but `{other.parameter}` is None; leave {name} at "
                f"its default, or name the column of {other.name}."
            )
