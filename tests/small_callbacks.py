"""Callbacks of a training that several tests share."""

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


class Interrupt(Callback):
    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt
