"Tensors of the Hub under the names of Meta's own .pth files, stated a second time, the other way."

import torch

KINDS = ("weight", "bias")


def meta_vit(hub, gated):
    "Hub names to Meta's, for a ViT."
    meta = {
        "cls_token": hub["embeddings.cls_token"],
        "storage_tokens": hub["embeddings.register_tokens"],
        "mask_token": hub["embeddings.mask_token"][0],
        "rope_embed.periods": 100 ** (torch.arange(16) / 16),
    }
    for kind in KINDS:
        meta[f"patch_embed.proj.{kind}"] = hub[f"embeddings.patch_embeddings.{kind}"]
        meta[f"norm.{kind}"] = hub[f"norm.{kind}"]
    layers = 1 + max(int(name.split(".")[1]) for name in hub if name.startswith("layer."))
    for i in range(layers):
        meta |= fused_attention(hub, f"layer.{i}.", f"blocks.{i}.")
        meta |= rest_of_block(hub, f"layer.{i}.", f"blocks.{i}.", gated)
    return meta


def fused_attention(hub, layer, block):
    "Query, key and value as one matrix; the key's bias is there, and masked away by Meta's code."
    weights = [hub[f"{layer}attention.{part}_proj.weight"] for part in "qkv"]
    meta = {f"{block}attn.qkv.weight": torch.cat(weights)}
    if f"{layer}attention.q_proj.bias" in hub:
        q = hub[f"{layer}attention.q_proj.bias"]
        v = hub[f"{layer}attention.v_proj.bias"]
        ones = torch.ones_like(q)
        meta[f"{block}attn.qkv.bias"] = torch.cat([q, 9 * ones, v])
        meta[f"{block}attn.qkv.bias_mask"] = torch.cat([ones, 0 * ones, ones])
    return meta


def rest_of_block(hub, layer, block, gated):
    "Projection, norms, MLP and layer scales of one block."
    meta = {}
    mlp = {"up_proj": "fc1", "down_proj": "fc2"}
    if gated:
        mlp = {"gate_proj": "w1", "up_proj": "w2", "down_proj": "w3"}
    for kind in KINDS:
        meta[f"{block}attn.proj.{kind}"] = hub[f"{layer}attention.o_proj.{kind}"]
        for norm in ("norm1", "norm2"):
            meta[f"{block}{norm}.{kind}"] = hub[f"{layer}{norm}.{kind}"]
        for hub_name, name in mlp.items():
            meta[f"{block}mlp.{name}.{kind}"] = hub[f"{layer}mlp.{hub_name}.{kind}"]
    for j in "12":
        meta[f"{block}ls{j}.gamma"] = hub[f"{layer}layer_scale{j}.lambda1"]
    return meta


def meta_convnext(hub):
    "Hub names to Meta's, for a ConvNeXt; the last norm is there twice."
    meta = {}
    for name, tensor in hub.items():
        parts = name.split(".")
        if name.startswith("layer_norm"):
            meta[name.replace("layer_norm", "norm")] = tensor
            meta[name.replace("layer_norm", "norms.3")] = tensor
        elif parts[2] == "downsample_layers":
            meta[".".join(["downsample_layers", parts[1], *parts[3:]])] = tensor
        else:
            name = ".".join(["stages", parts[1], parts[3], *parts[4:]])
            name = name.replace("depthwise_conv", "dwconv").replace("pointwise_conv", "pwconv")
            meta[name.replace("layer_norm", "norm")] = tensor
    return meta
