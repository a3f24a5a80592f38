"The proposal network chooses before it computes: torchvision's numbers, from the same seed."

import pytest
import torch
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork

from dinofrcnn.detector.detector import Detector
from dinofrcnn.detector.proposals import SparseProposalNetwork, proposal_network

SIZE = (128, 192)
OBJECTS = torch.tensor([[10.0, 20.0, 60.0, 70.0], [100.0, 8.0, 180.0, 100.0]])
NOTHING = torch.zeros(0, 4)


@pytest.fixture(params=[True, False], ids=["light", "torchvision"])
def network(request):
    torch.manual_seed(0)
    sizes, ratios = [[16, 32], [32, 64], [64, 128]], [[0.5, 2]] * 3
    network = proposal_network([8, 16, 32], 32, sizes, ratios, light=request.param)
    for layer in network.head.modules():
        if hasattr(layer, "weight"):
            torch.nn.init.normal_(layer.weight, std=0.1)  # answers that differ, as trained ones do
    return network


def answer(network, forward, objects):
    "Proposals and losses of two images, by one of two ways."
    torch.manual_seed(1)
    maps = {f"p{n}": torch.randn(2, 32, SIZE[0] // 2**n, SIZE[1] // 2**n) for n in (3, 4, 5)}
    images = ImageList(maps["p3"], [SIZE] * 2)
    return forward(network, images, maps, [{"boxes": boxes} for boxes in objects])


@pytest.mark.parametrize("objects", [(OBJECTS, OBJECTS[:1]), (OBJECTS, NOTHING), (NOTHING,) * 2])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("most", [50, 5000])  # fewer, and more, than a level has anchors
def test_numbers_are_torchvisions(network, objects, training, most):
    network.train(training)
    network._pre_nms_top_n = dict.fromkeys(("training", "testing"), most)
    ours, losses = answer(network, SparseProposalNetwork.forward, objects)
    stock, stock_losses = answer(network, RegionProposalNetwork.forward, objects)
    assert [boxes.tolist() for boxes in ours] == [boxes.tolist() for boxes in stock]
    assert len(losses) == 2 and (losses == stock_losses or not training)
    assert all(len(boxes) for boxes in ours)


def test_gradients_are_torchvisions(network):
    gradients = []
    for forward in (SparseProposalNetwork.forward, RegionProposalNetwork.forward):
        network.zero_grad()
        _, losses = answer(network, forward, (OBJECTS, OBJECTS[:1]))
        sum(losses.values()).backward()
        gradients.append([p.grad.clone() for p in network.parameters()])
    for ours, stock in zip(*gradients, strict=True):
        assert torch.allclose(ours, stock, atol=1e-6)


def test_only_what_may_become_a_proposal_is_made_a_box(network, monkeypatch):
    decoded = []
    decode = network.box_coder.decode

    def counted(changes, starts):
        decoded.append(len(changes))
        return decode(changes, starts)

    monkeypatch.setattr(network.box_coder, "decode", counted)
    network._pre_nms_top_n = {"training": 20, "testing": 20}
    answer(network, SparseProposalNetwork.forward, (OBJECTS, OBJECTS))
    assert decoded == [2 * 3 * 20]


def test_the_detector_uses_it():
    detector = Detector({16: 8}, 1, [8, 16, 32], hidden_dim=32)
    assert type(detector.rpn) is SparseProposalNetwork
