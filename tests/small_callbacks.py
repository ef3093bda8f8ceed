"""Callbacks of a training that several tests share, and what skorch notes of it."""

from skorch.callbacks import Callback


class Count(Callback):
    """Notes when a training calls it; the class is shared by copies."""

    calls = []

    def on_train_begin(self, net, **kwargs):
        self.calls.append("begin")

    def on_epoch_end(self, net, **kwargs):
        self.calls.append("epoch")

    def on_train_end(self, net, **kwargs):
        self.calls.append("end")


class NoDropout(Callback):
    def on_train_begin(self, net, **kwargs):
        net.module_.dropout.p = 0.0


def n_trained_on(model):
    """The number of samples that an epoch has trained on, as skorch counts them."""
    return sum(batch.get("train_batch_size", 0) for batch in model.net_.history[0, "batches"])


class Interrupt(Callback):
    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt
