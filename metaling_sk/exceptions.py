"""Warnings of this package."""

__all__ = ["InputWarning", "SavedVersionWarning"]


class InputWarning(UserWarning):
    """X, y or the languages look like a mistake, and the result may not be what is wanted.

    Make it an error with ``warnings.simplefilter("error", InputWarning)``.

    Examples
    --------
    >>> import warnings
    >>> from metaling_sk.exceptions import InputWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", InputWarning)
    """


class SavedVersionWarning(UserWarning):
    """An estimator that is loaded was saved with other versions of scikit-learn, torch or the like.

    It is what :class:`sklearn.exceptions.InconsistentVersionWarning` is for pickles.

    Examples
    --------
    >>> import warnings
    >>> from metaling_sk.exceptions import SavedVersionWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SavedVersionWarning)
    """
