"""The models of all languages on fixed inputs: solved for instead of trained.

On fixed inputs every part has a convex objective: the head of all languages, the offset of each
language from it, and the factors that the offsets share [1]_. What is not known beforehand, the
penalties and the number of factors of each language, is chosen by cross-validation.

References
----------
.. [1] Ando & Zhang (2005). A framework for learning predictive structures from multiple tasks and
   unlabeled data. JMLR.
"""

from __future__ import annotations

from dataclasses import dataclass

from metaling_sk._utils.progress import Progress
from metaling_sk._utils.threads import one_blas_thread
from metaling_sk.meta_net._choosing import Choices, choose
from metaling_sk.meta_net._factors import Factors, factor
from metaling_sk.meta_net._labelled_features import LabelledFeatures
from metaling_sk.meta_net._residual_head import ResidualHead

N_STEPS = 5
"""Number of steps on the progress bar."""


@dataclass(frozen=True)
class Solution:
    """The models of all languages.

    Attributes
    ----------
    head : ResidualHead
        The model of all languages together.
    factors : Factors
        What is added to it for each language.
    choices : Choices
    """

    head: ResidualHead
    factors: Factors
    choices: Choices


@one_blas_thread()
def solve(samples: LabelledFeatures, progress: Progress) -> Solution:
    """Solve for the models of all languages.

    Parameters
    ----------
    samples : LabelledFeatures
    progress : Progress
        Shows how many steps are done.
    """
    progress.start("solve", N_STEPS)
    choices = choose(samples, progress)
    head = samples.fit_head(choices.head_penalty)
    logits = samples.logits(head)
    offsets = {
        index: samples.take(members).problem(logits[members]).fit(choices.offset_penalty)
        for index, members in samples.members.items()
    }
    progress.advance()
    return Solution(head, factor(offsets).gated(choices.n_factors), choices)
