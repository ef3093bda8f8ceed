import torch
from scipy import sparse
from torch import nn

from metaling_sk._data.sparse_features import SparseFeatures


def test_products_and_their_gradient_are_those_of_dense_features():
    torch.manual_seed(0)
    layer, dense = nn.Linear(9, 3, bias=False), torch.randn(7, 9).relu()
    features = SparseFeatures(sparse.csr_array(dense.numpy()))
    for rows in (slice(0, 7), slice(2, 5)):
        outputs = [features[rows].times(layer.weight), layer(dense[rows])]
        gradients = [torch.autograd.grad(each.sin().sum(), layer.weight)[0] for each in outputs]
        torch.testing.assert_close(*outputs)
        torch.testing.assert_close(*gradients)
        assert gradients[0].abs().max() > 0.1
