"""A callback that counts how often a training calls it."""

from skorch.callbacks import Callback


class Count(Callback):
    calls = []

    def on_train_begin(self, net, **kwargs):
        self.calls.append("begin")

    def on_epoch_end(self, net, **kwargs):
        self.calls.append("epoch")

    def on_train_end(self, net, **kwargs):
        self.calls.append("end")
