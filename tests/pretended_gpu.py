"""A GPU that is not there: the CPU computes, and every tensor says where it pretends to be.

`pretended_gpu()` is a torch function mode: every call of torch from Python comes through it. A call
that names a GPU is made on the CPU, and the memory of its result gets that GPU as its label, so
that views and parameters of it are there, too. The tensors of a call must carry the same label, or
it ends in CUDA's RuntimeError; `.numpy()` ends in its TypeError. As with CUDA, CPU numbers without
a dimension, CPU indices and copies are welcome anywhere. The numbers are real, so that whole
lessons run: proposals, non-maximum suppression, training, evaluation, pictures. Under autocast, in
bf16 or fp16, it is the CPU's. test_pretended_gpu.py compares the rules with torch's FakeTensorMode.

It cannot see: tensors of other threads and processes (they are the CPU's), what C++ does on its own
(a hook inside a backward pass), kernels that CUDA lacks or rounds otherwise, copies that are used
before they have arrived, memory that is too small, pinned memory, and files saved from a GPU that
are read without map_location.
"""

import contextlib
import re
import warnings
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)

# Names of torch's functions; those of properties are 'get grad' and 'set grad'.
ANYWHERE = "set data, _has_compatible_shallow_copy_type, is_same_size, is_set_to, result_type"
FIRST_DECIDES = "to, copy_, _foreach_copy_, type_as, tensor, as_tensor, new_tensor, __deepcopy__"
SHAPE_OF_THE_SECOND = "view_as, expand_as, reshape_as"
TO_NUMPY = "numpy, __array__, __dlpack__"
NUMBERS_TOO = "cat, concat, stack, hstack, vstack, equal"  # no exception for CPU numbers


@contextlib.contextmanager
def believed_in(count=1, capability=(7, 5)):
    "torch says that there are `count` GPUs, T4s by default; nothing may be computed on them."
    current = [0]
    said = {
        "is_available": True,
        "device_count": count,
        "get_device_capability": capability,
        "get_device_name": "pretended",
        "is_bf16_supported": capability >= (8, 0),
        "empty_cache": None,
        "synchronize": None,
    }
    answers = {name: lambda *a, v=value, **k: v for name, value in said.items()}
    answers["current_device"] = lambda: current[0]
    no_more = {"is_available": lambda: False, "current_accelerator": lambda *a, **k: None}
    set_device = mock.Mock(side_effect=lambda index: current.__setitem__(0, index))
    with (
        mock.patch.multiple(torch.cuda, **answers),
        mock.patch.object(torch._C, "_cuda_setDevice", set_device, create=True),
        mock.patch.multiple(torch.accelerator, **no_more),  # who asks here would start the driver
    ):
        yield


@contextlib.contextmanager
def pretended_gpu(count=1, capability=(7, 5)):
    "Inside, `count` GPUs take tensors and compute with them."
    begin, is_enabled = torch.autocast.__init__, torch.is_autocast_enabled

    def autocast(self, device_type, *args, **kwargs):
        begin(self, "cpu", *args, **kwargs)

    with (
        believed_in(count, capability),
        mock.patch.object(torch.autocast, "__init__", autocast),
        mock.patch.object(torch, "is_autocast_enabled", lambda *device_type: is_enabled("cpu")),
        warnings.catch_warnings(),
        Pretence(),
    ):
        warnings.filterwarnings("ignore", "'pin_memory' argument")
        yield


class Pretence(TorchFunctionMode):
    "Every call of torch passes here; inside, torch is itself and knows of no GPU."

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = name_of(func)
        if name in ANSWERS:
            return ANSWERS[name](*args)
        if among(name, ANYWHERE) or name.startswith("get "):  # a property: its memory has a label
            return func(*args, **kwargs)
        if among(name, TO_NUMPY) and place(args[0]) != CPU and not kwargs.get("force"):
            raise TypeError(
                f"can't convert {place(args[0])} device type tensor to numpy. "
                "Use Tensor.cpu() to copy the tensor to host memory first."
            )
        device = device_named(name, args, kwargs) or device_met(name, args, kwargs)
        if device is None:
            return func(*args, **kwargs)
        check_generator(device, kwargs.get("generator"))
        given = {memory(tensor)._cdata for tensor in tensors_in((args, kwargs))}
        if name == "cuda":
            func, args, kwargs = torch.Tensor.cpu, args[:1], {}
        args = [without_gpu(value) for value in args]
        kwargs = {key: without_gpu(value) for key, value in kwargs.items()}
        return placed(func(*args, **kwargs), device, given)


def among(name, names):
    return name in names.split(", ")


def name_of(func):
    if func.__name__ in ("__get__", "__set__"):
        return f"{func.__name__.strip('_')} {func.__self__.__name__}"
    return func.__name__


def memory(tensor):
    return tensor.untyped_storage()


def place(tensor):
    "Where a tensor pretends to be."
    return getattr(memory(tensor), "pretended", None) or tensor.device


def placed(result, device, given):
    "The tensors of a result on `device`: labelled where their memory is new, else copied."
    if isinstance(result, torch.Tensor) and place(result) != device:
        if memory(result)._cdata in given:
            result = result.clone()
        memory(result).pretended = device
    elif isinstance(result, (list, tuple)):
        for value in result:
            placed(value, device, given)
    return result


def grad_of(tensor):
    "C++ has made the gradient, so it gets its label here."
    if tensor.grad is not None:
        memory(tensor.grad).pretended = place(tensor)
    return tensor.grad


ANSWERS = {
    "get device": place,
    "get is_cuda": lambda tensor: place(tensor).type == "cuda",
    "get is_cpu": lambda tensor: place(tensor).type == "cpu",
    "get_device": lambda tensor: -1 if place(tensor).index is None else place(tensor).index,
    "get grad": grad_of,
    "is_pinned": lambda tensor, *device: False,
    "pin_memory": lambda tensor, *device: tensor.clone(),
}


def tensors_in(value):
    "All tensors in lists, tuples and dicts."
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors_in(part)


def without_gpu(value):
    "The argument of a call, a GPU exchanged for the CPU."
    named = isinstance(value, (str, torch.device)) and str(value).startswith("cuda")
    return CPU if named else value


def device_named(name, args, kwargs):
    "The device, with its number, that a call asks for; None if it asks for none."
    asked = kwargs.get("device")
    if name in ("cpu", "cuda"):
        asked = next(filter(None, args[1:]), asked or name)
    if name in ("to", "type_as"):
        for value in (*args[1:], *kwargs.values()):
            if isinstance(value, torch.Tensor):
                asked = place(value)
            elif isinstance(value, (str, torch.device)):
                asked = value
    if asked is None:
        return None
    device = torch.device(asked)
    numbered = device.type != "cuda" or device.index is not None
    return device if numbered else torch.device("cuda", torch.cuda.current_device())


def device_met(name, args, kwargs):
    "The GPU on which the tensors of a call are, None for none. Raises where they do not meet."
    places = {place(tensor) for tensor in that_must_meet(name, args, kwargs)}
    gpus = [device for device in places if device.type == "cuda"]
    if gpus and len(places) > 1:
        first, second, *_ = sorted(map(str, places), reverse=True)
        raise RuntimeError(
            "Expected all tensors to be on the same device, "
            f"but found at least two devices, {first} and {second}! (in {name})"
        )
    return gpus[0] if gpus else None


def that_must_meet(name, args, kwargs):
    "The tensors of a call that CUDA wants on one device."
    if among(name, FIRST_DECIDES) or among(name, SHAPE_OF_THE_SECOND):
        return [value for value in args[:1] if isinstance(value, torch.Tensor)]
    if name in ("__getitem__", "__setitem__"):
        indices = [index for index in tensors_in(args[1]) if index.dim()]
        written = list(tensors_in(args[2:])) if indices else []  # without indices it is a copy
        from_gpu = [index for index in indices if place(index) != CPU]
        return [args[0], *from_gpu, *(value for value in written if value.dim())]
    tensors = list(tensors_in((args, kwargs)))
    if among(name, NUMBERS_TOO):
        return tensors
    changed = list(tensors_in(kwargs.get("out")))
    if re.fullmatch(r"__i\w+__|[a-z]\w*_", name):
        changed += tensors[:1]
    numbers = {id(t) for t in tensors if t.dim() == 0 and place(t) == CPU}
    numbers -= {id(t) for t in changed}
    return [t for t in tensors if id(t) not in numbers]


def check_generator(device, generator):
    "Random numbers are drawn where they are wanted."
    if generator is not None and generator.device.type != device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator "
            f"but found '{generator.device.type}'"
        )
