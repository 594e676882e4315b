import numpy as np
import pytest
import torch

from cropxai.errors import DeviceMissing
from cropxai.model.engine import scorer
from cropxai.model.inputs import Inputs
from cropxai.model.transformer import Architecture, CropTransformer


def inputs(parcels=10, dates=7):
    rng = np.random.default_rng(0)
    valid = rng.random((parcels, dates)) < 0.6
    values = np.where(valid[..., None], rng.normal(size=(parcels, dates, 3)), 0).astype(np.float32)
    return Inputs(values, valid, np.linspace(0, 300, dates, dtype=np.float32))


def network(**kinds):
    torch.manual_seed(0)
    return CropTransformer(Architecture(3, 4, width=16, hidden=24, **kinds)).requires_grad_(False)


@pytest.mark.parametrize("kinds", [{}, {"pooling": "max"}, {"norm": "post", "activation": "relu"}], ids=str)
@pytest.mark.parametrize("batch_size", [1, 3, 512])
def test_scores_are_those_of_the_network(kinds, batch_size):
    net, given = network(**kinds), inputs()
    expected = net.eval()(*given.tensors()).numpy()
    np.testing.assert_allclose(scorer(net, batch_size=batch_size)(given), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kinds", [{}, {"pooling": "max"}], ids=str)
def test_bfloat16_is_near_by_either_way(kinds):
    net, given = network(**kinds), inputs()
    found = scorer(net, dtype="bfloat16")(given)
    np.testing.assert_allclose(found, net.eval()(*given.tensors()).numpy(), atol=0.05)
    assert found.dtype == np.float32


@pytest.mark.parametrize("kinds", [{}, {"pooling": "max"}], ids=str)
def test_no_parcels_at_all(kinds):
    assert scorer(network(**kinds))(inputs(0)).shape == (0, 4)


@pytest.mark.parametrize("choice", [{"dtype": "int8"}, {"device": "tpu"}])
def test_what_is_unknown_is_refused(choice):
    with pytest.raises(ValueError, match="is none of"):
        scorer(network(), **choice)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there():
    with pytest.raises(DeviceMissing):
        scorer(network(), device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gives_the_same_and_leaves_the_network_where_it_is():
    net, given = network(), inputs()
    np.testing.assert_allclose(scorer(net, device="cuda")(given), scorer(net)(given), rtol=1e-3, atol=1e-3)
    assert net.mean.device.type == "cpu"
