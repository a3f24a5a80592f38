"The pretence itself: what CUDA refuses is refused, what it takes is taken, and where results are."

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pretended_gpu import CPU, GPU, pretended_gpu
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.ops import box_iou, nms, roi_align

REFUSED = {  # with three numbers on the GPU (g) and on the CPU (c)
    "a sum": lambda g, c: g + c,
    "a GPU's number for the CPU": lambda g, c: c + g[0],
    "in place on the CPU": lambda g, c: c[0].add_(g[0]),
    "a layer that stayed behind": lambda g, c: nn.Linear(3, 2)(g),
    "a target that stayed behind": lambda g, c: F.cross_entropy(g, c.softmax(0)),
    "joined": lambda g, c: torch.cat([g, c]),
    "chosen by a mask": lambda g, c: torch.where(c > 0, g, g),
    "gathered": lambda g, c: g.gather(0, torch.tensor([0])),
    "written at indices": lambda g, c: g.__setitem__(torch.tensor([0, 1]), c[:2]),
    "a result elsewhere": lambda g, c: torch.add(g, g, out=c),
    "a gradient elsewhere": lambda g, c: setattr(nn.Parameter(g), "grad", c),
    "many at once": lambda g, c: torch._foreach_add([g], [c]),
    "boxes": lambda g, c: box_iou(g.repeat(4)[None, :4], c.repeat(4)[None, :4]),
    "pooled": lambda g, c: roi_align(g.repeat(3)[None, None, None], [c.repeat(2)[None, :4]], 2),
}
FAKE_TENSORS_TAKE_IT = {
    "numbers joined": lambda g, c: torch.stack([g[0], c[0]]),
    "CPU by the GPU's indices": lambda g, c: c[torch.tensor([0, 1], device=GPU)],
    "compared": lambda g, c: torch.equal(g, c),
    "suppressed": lambda g, c: nms(g.repeat(4).reshape(3, 4), c, 0.5),
    "random numbers": lambda g, c: torch.rand(3, generator=torch.Generator(), device="cuda"),
}
TAKEN = {
    "a CPU number": (GPU, lambda g, c: c[0] + g),
    "a CPU number as limit": (GPU, lambda g, c: g.clamp(max=c[0])),
    "CPU indices": (GPU, lambda g, c: g[torch.tensor([0, 1])]),
    "copied over": (GPU, lambda g, c: g.copy_(c)),
    "copied back": (CPU, lambda g, c: c.copy_(g)),
    "written to a slice": (None, lambda g, c: g.__setitem__(slice(2), c[:2])),
    "moved": (GPU, lambda g, c: c.to("cuda", torch.float64) + g),
    "moved to another": (GPU, lambda g, c: c.to(g) + g),
    "moved back": (CPU, lambda g, c: g.to("cpu") + g.cpu() + c),
    "made there": (GPU, lambda g, c: torch.full((3,), 2.0, device="cuda") + g),
    "made like another": (GPU, lambda g, c: torch.zeros_like(c, device=GPU) + g.new_zeros(3)),
    "a parameter of it": (GPU, lambda g, c: nn.Parameter(g) + g),
    "views of it": (GPU, lambda g, c: g.view(3, 1)[1:].T.detach()),
    "the largest": (GPU, lambda g, c: g.topk(2).values),
    "read as another tensor": (GPU, lambda g, c: torch.as_tensor(g) + g),
    "a layer made there": (GPU, lambda g, c: nn.Linear(3, 2, device="cuda")(g)),
}
FAKE_TENSORS_LACK_THE_NUMBERS = {
    "a CPU mask": (GPU, lambda g, c: g[c > 0]),
    "a GPU number as index": (CPU, lambda g, c: c[torch.tensor(1, device="cuda")]),
}
taken = {**TAKEN, **FAKE_TENSORS_LACK_THE_NUMBERS}
refused = {**REFUSED, **FAKE_TENSORS_TAKE_IT}


def gpu_and_cpu():
    return torch.ones(3, device=GPU), torch.ones(3)


def place(result):
    return result.device if isinstance(result, torch.Tensor) else None


@pytest.mark.parametrize("call", refused)
def test_what_cuda_refuses_is_refused(call):
    with pretended_gpu(), pytest.raises(RuntimeError, match="same device|device type for gen"):
        refused[call](*gpu_and_cpu())


@pytest.mark.parametrize("call", REFUSED)
def test_torchs_own_fake_tensors_refuse_it_too(call):
    with FakeTensorMode(), pytest.raises(RuntimeError):
        REFUSED[call](*gpu_and_cpu())


@pytest.mark.parametrize("call", taken)
def test_what_cuda_takes_is_taken_and_is_where_it_should_be(call):
    device, function = taken[call]
    with pretended_gpu():
        assert place(function(*gpu_and_cpu())) == device


@pytest.mark.parametrize("call", TAKEN)
def test_torchs_own_fake_tensors_take_it_too(call):
    device, function = TAKEN[call]
    with FakeTensorMode():
        assert place(function(*gpu_and_cpu())) == device


@pytest.mark.parametrize("read", [torch.Tensor.numpy, np.asarray, lambda t: np.array([t])])
def test_numpy_reads_the_cpu_only(read):
    with pretended_gpu():
        with pytest.raises(TypeError, match="cuda:0 device type tensor to numpy"):
            read(torch.ones(3, device=GPU))
        assert read(torch.ones(3, device=GPU).cpu()).sum() == 3


def test_modules_gradients_and_optimizers_go_along():
    with pretended_gpu():
        layer = copy.deepcopy(nn.Linear(3, 2).to("cuda"))
        layer(torch.ones(1, 3, device=GPU)).sum().backward()
        optimizer = torch.optim.AdamW(layer.parameters())
        optimizer.step()
        assert {p.device for p in layer.parameters()} == {GPU}
        assert {p.grad.device for p in layer.parameters()} == {GPU}
        moments = [state["exp_avg"] for state in optimizer.state.values()]
        assert {moment.device for moment in moments} == {GPU}
        assert {p.device for p in layer.cpu().parameters()} == {CPU}


def test_two_gpus_are_two_devices():
    with pretended_gpu(2):
        one, other = torch.ones(3, device="cuda:0"), torch.ones(3, device="cuda:1")
        with pytest.raises(RuntimeError, match="cuda:1 and cuda:0"):
            one + other
        torch.cuda.set_device(1)
        assert torch.ones(3, device="cuda").device == other.device


def test_afterwards_nothing_is_pretended():
    with pretended_gpu():
        there = torch.ones(3, device=GPU)
    assert there.device == CPU
    assert torch.cuda.is_available() == (torch.cuda.device_count() > 0)
