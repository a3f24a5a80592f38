"Small random snapshots for the tests, and ways to change and to damage them."

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from dinofrcnn.backbone.sources import load_weights
from dinofrcnn.runtime import UserError

SMALL = dict(hidden_size=64, layers=2, heads=1)  # for make_tiny_snapshot
CONVNEXT = dict(model_type="dinov3_convnext", depths=[1, 1, 2, 1], hidden_sizes=[8, 16, 24, 32])
DINOV2 = dict(
    model_type="dinov2",
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=1,
    patch_size=14,
    image_size=56,
)
REGISTERS = {**DINOV2, "model_type": "dinov2_with_registers", "num_register_tokens": 4}
each_dinov2 = pytest.mark.parametrize("config", [DINOV2, REGISTERS], ids=["plain", "registers"])


def edit_tensors(folder, edit):
    "Rewrite the tensors of a snapshot after `edit(tensors)`."
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / "model.safetensors")


def edit_json(path, **changes):
    "Rewrite some keys of a JSON file."
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def drop_key(path, key):
    "Rewrite a JSON file without one of its keys."
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))


def split_into_shards(folder, shard_of):
    "The tensors of a snapshot in several files: `shard_of` is {tensor name: file name}."
    tensors = load_file(folder / "model.safetensors")
    for shard in set(shard_of.values()):
        inside = {name: t for name, t in tensors.items() if shard_of[name] == shard}
        save_file(inside, folder / shard)
    write_index(folder, shard_of)


def write_index(folder, shard_of):
    "The file that says which tensor is in which shard."
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shard_of}))


def why_refused(source):
    "What the reader is told when weights are not loaded: one line."
    with pytest.raises(UserError) as e:
        load_weights(source)
    assert "\n" not in str(e.value)
    return str(e.value)


def picture(height, width, seed=0):
    "A random image (3, height, width)."
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def normalised(image):
    "The image as ImageNet models want it."
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return (image - mean) / std
