"""Search spaces of several kinds."""

from scipy.stats import loguniform, norm, poisson, randint, rv_discrete, uniform

DISTRIBUTIONS = [
    uniform(-2, 5),
    loguniform(1e-4, 1e3),
    norm(3, 2),
    randint(1000, 1007),
    poisson(4),
    rv_discrete(values=([1, 4, 9], [0.2, 0.5, 0.3])),
]
SPACE = {
    "C": loguniform(1e-3, 1e3),
    "depth": randint(1, 20),
    "kernel": ["rbf", "linear", None],
}


class Coin:
    """Has nothing but rvs."""

    def rvs(self, random_state=None):
        return ["head", "tail"][random_state.randint(2)]
