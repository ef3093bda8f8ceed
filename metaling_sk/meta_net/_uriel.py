"""Features of languages from URIEL, a database of typology, geography and families."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import hadamard
from sklearn.decomposition import PCA

from metaling_sk._utils.messages import name_some, warn_user
from metaling_sk.datasets._packages import packaged_file

N_COLUMNS = 32
"""Number of columns of the table, a power of 2."""

NO_LANGUAGES = ["mis", "mul", "und", "zxx"]
"""Codes of ISO 639 for an uncoded, several, an undetermined and no language."""

WAY_OUT = "Name languages by codes such as 'jv', 'jav', 'pt-BR' or 'jav_Latn'."


def uriel_features(languages: Iterable[str], estimator=None) -> pd.DataFrame:
    """Return the features of languages that URIEL [1]_ [2]_ has.

    They are the main components of five sets of features over all languages of URIEL: syntax,
    phonology and inventory of sounds, with missing values imputed there; distances to points of
    the globe; families. Each set has the same weight.

    Parameters
    ----------
    languages : iterable of str
        Codes of ISO 639-1 or ISO 639-3, alone or with a script or region as in BCP-47 and FLORES.
    estimator : estimator, optional
        What is fitted. It does not warn of the same languages twice.

    Returns
    -------
    DataFrame of shape (n_known_languages, 32)
        The index holds the languages as they were named. The distance of two rows tells how
        different the languages are.

    Raises
    ------
    ValueError
        If URIEL has none of the languages.
    ModuleNotFoundError
        If the packages of the extra `uriel` are not installed.

    Warns
    -----
    InputWarning
        If URIEL does not have some of the languages.

    References
    ----------
    .. [1] Littell et al. (2017). URIEL and lang2vec: representing languages as typological,
       geographical, and phylogenetic vectors. EACL.
    .. [2] Malaviya, Neubig & Littell (2017). Learning language representations for typology
       prediction. EMNLP.
    """
    try:
        table = _read_table()
        codes = {language: find_code(language) for language in languages}
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'language_features="uriel" needs lang2vec and langcodes: '
            'pip install "metaling_sk[uriel]"'
        ) from error
    known = {language: code for language, code in codes.items() if code in table.index}
    unknown = name_some(language for language in codes if language not in known)
    if not known:
        raise ValueError(
            f'language_features="uriel" has no features of any language of X: {unknown}. {WAY_OUT}'
        )
    if unknown:
        warn_user(
            f'language_features="uriel" has no features of the languages {unknown}, which start '
            f"from the mean of the others. {WAY_OUT}",
            estimator,
        )
    return table.loc[list(known.values())].set_axis(list(known))


def find_code(language: str) -> str | None:
    """Return the code of a language in URIEL, a code of ISO 639-3; None if there is none.

    An individual language that stands for its macrolanguage, such as Standard Arabic for Arabic,
    gets the code of the macrolanguage, of which URIEL has more values that are not imputed.
    """
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    try:
        return Language.get(language).prefer_macrolanguage().to_alpha3()
    except (LanguageTagError, LookupError):
        return None


def read_families() -> pd.DataFrame:
    """Return the members of each family in URIEL, large or small: 1 for a language that is one.

    Returns
    -------
    DataFrame of shape (n_languages, n_families)
        The index holds codes of ISO 639-3.
    """
    return _read("family_features")


@lru_cache(maxsize=1)
def _read_table() -> pd.DataFrame:
    """Return the features of all languages of URIEL; the index holds codes of ISO 639-3."""
    typology = _read("feature_predictions")
    family = sparse.csr_array(read_families().to_numpy())
    blocks = [
        *(typology.filter(regex=f"^{kind}_").to_numpy() for kind in ("S", "P", "INV")),
        _read("geocoord_features").to_numpy(),
        _find_components(family, "arpack"),
    ]
    scaled = [block / np.sqrt(block.var(axis=0).sum()) for block in blocks]
    components = _find_components(np.hstack(scaled), "covariance_eigh")
    # The rotation gives all columns the same variance. Without it the columns would count as much
    # as each other after they are standardised, the last component as much as the first.
    rotation = hadamard(N_COLUMNS) / np.sqrt(N_COLUMNS)
    return pd.DataFrame(components @ rotation, index=typology.index)


def _read(name: str) -> pd.DataFrame:
    """Read a set of features: a row for each language, sorted by their codes."""
    with np.load(packaged_file("lang2vec", f"lang2vec/data/{name}.npz")) as content:
        table = pd.DataFrame(content["data"][:, :, 0], content["langs"], content["feats"])
    return table.drop(index=NO_LANGUAGES).sort_index()


def _find_components(features, solver: str) -> np.ndarray:
    pca = PCA(N_COLUMNS, svd_solver=solver, random_state=0).set_output(transform="default")
    return pca.fit_transform(features)
