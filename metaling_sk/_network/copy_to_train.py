"""Training goes on with a copy of a network, so that nobody meets a half-trained one."""

from __future__ import annotations

import copy

from metaling_sk._network.nets import SkorchNet
from metaling_sk._utils.all_or_nothing import shallow_copy


def copy_to_train(net: SkorchNet) -> SkorchNet:
    """Return a net that goes on from where another one is, and leaves that as it is.

    Weights that are not trained are shared, and so are callbacks.
    """
    copied = shallow_copy(net)
    fixed = [weight for weight in net.module_.parameters() if not weight.requires_grad]
    names = ("module_", "criterion_", "optimizer_", "history_")
    parts = copy.deepcopy([getattr(net, name) for name in names], {id(w): w for w in fixed})
    vars(copied).update(zip(names, parts, strict=True), module=parts[0])
    return copied
