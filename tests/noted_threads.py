"""How many threads torch has where a network is computed; workers import this."""

import torch
from skorch.callbacks import Callback

from metaling_sk._utils.threads import threads_for


def n_threads_of_a_large_network():
    """The number of threads that a network of four million weights is computed in."""
    with threads_for(torch.nn.Linear(2000, 2000)):
        return torch.get_num_threads()


class NotedThreads(Callback):
    """Notes the numbers of threads, as a callback of a training or a hook on a module."""

    def __init__(self):
        self.seen = set()

    def __call__(self, *args):
        self.seen.add(torch.get_num_threads())

    def on_batch_begin(self, net, **kwargs):
        self()
