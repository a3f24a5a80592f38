"""A GPU that is not there: torch believes in one and nothing is computed on it.

torch's FakeTensorMode gives tensors a device and a shape but no numbers. What depends on numbers
(proposals, non-maximum suppression) cannot run in it; its inputs can be looked at.
"""

import contextlib
import warnings
from unittest import mock

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

GPU = torch.device("cuda", 0)


@contextlib.contextmanager
def believed_in(count=1, capability=(7, 5)):
    "torch says that there are `count` GPUs; nothing may be computed on them."
    with contextlib.ExitStack() as stack:
        for name, value in {
            "is_available": True,
            "device_count": count,
            "current_device": 0,
            "get_device_capability": capability,
            "get_device_name": "pretended",
        }.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, lambda *a, v=value: v))
        yield


@contextlib.contextmanager
def pretended_gpu():
    """Inside, tensors on cuda:0 have shapes and dtypes.

    torch must not believe in the GPU here, or it would start its driver. Autocast stays off.
    """
    mode = FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv())
    with warnings.catch_warnings(), mode:
        warnings.filterwarnings("ignore", "CUDA is not available")
        yield


def moved(module, device=GPU):
    "The module with empty parameters and buffers on a pretended device."
    for part in module.modules():
        for key, p in part._parameters.items():
            if p is not None:
                empty = torch.empty(p.shape, dtype=p.dtype, device=device)
                part._parameters[key] = torch.nn.Parameter(empty, requires_grad=p.requires_grad)
        for key, b in part._buffers.items():
            if b is not None:
                part._buffers[key] = torch.empty(b.shape, dtype=b.dtype, device=device)
    return module
