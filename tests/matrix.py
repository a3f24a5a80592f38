"""The same weights and image through several versions of transformers: `make matrix`.

Each version gets an environment of its own (.venv-matrix-N, files shared by hard links), computes the features of the
same snapshots, and is compared with the first. Exits 1 if any feature differs by more than 1e-5 or a fingerprint differs."""

import subprocess
import sys
import tempfile
from pathlib import Path

VERSIONS = ["==4.56.0", "==4.57.1", ">=4.57.2,<5", ">=5"]
ROOT = Path(__file__).resolve().parent.parent


def snapshots(folder: Path) -> dict:
    from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot

    dinov2 = dict(
        hidden_size=64, num_hidden_layers=4, num_attention_heads=1, patch_size=14, image_size=56
    )
    return {
        "ViT": make_tiny_snapshot(folder / "vit"),
        "ViT gated": make_tiny_snapshot(
            folder / "gated",
            use_gated_mlp=True,
            hidden_act="silu",
            query_bias=False,
            value_bias=False,
        ),
        "ConvNeXt": random_snapshot(
            folder / "convnext",
            dict(model_type="dinov3_convnext", depths=[1, 1, 2, 1], hidden_sizes=[8, 16, 24, 32]),
        ),
        "DINOv2": random_snapshot(folder / "dinov2", dict(model_type="dinov2", **dinov2)),
        "DINOv2 registers": random_snapshot(
            folder / "registers",
            dict(model_type="dinov2_with_registers", num_register_tokens=4, **dinov2),
        ),
    }


def dump(folder: Path, out: Path):
    "Runs inside one environment: features and fingerprints of all snapshots, and what `hidden_states[-1]` would have given."
    import torch
    import transformers

    from dinofrcnn.backbone.backbone import load_backbone

    generator, result = torch.Generator().manual_seed(0), {"version": transformers.__version__}
    for name in sorted(p.name for p in folder.iterdir() if p.is_dir()):
        backbone = load_backbone(folder / name, device="cpu", precision="fp32")
        image = torch.rand(
            3, 14 * backbone.patch_size, 10 * backbone.patch_size, generator=generator
        )
        result[name] = backbone.fingerprint(), backbone([image])[0]
        if name == "vit":
            with torch.no_grad():
                result["hidden_states[-1]"] = backbone.model(
                    (image[None] - backbone.mean) / backbone.std, output_hidden_states=True
                ).hidden_states[-1]
    torch.save(result, out)


def main():
    import torch

    with tempfile.TemporaryDirectory() as d:
        folder, results = Path(d) / "snapshots", []
        snapshots(folder)
        for i, version in enumerate(VERSIONS):
            python, out = ROOT / f".venv-matrix-{i}/bin/python", Path(d) / f"{i}.pt"
            uv = [sys.executable, "-m", "uv"]
            if not python.exists():
                subprocess.run(
                    [*uv, "venv", "--quiet", "--python", sys.executable, python.parent.parent],
                    check=True,
                )
            subprocess.run(
                [
                    *uv,
                    "pip",
                    "install",
                    "--quiet",
                    "--link-mode",
                    "hardlink",
                    "--python",
                    python,
                    f"torch=={torch.__version__.split('+')[0]}",
                    f"transformers{version}",
                    "numpy",
                ],
                check=True,
            )
            subprocess.run(
                [python, __file__, folder, out],
                check=True,
                cwd=ROOT,
                env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"},
            )
            results.append(torch.load(out, weights_only=False))
    first, bad = results[0], False
    for r in results:
        line = []
        for name in [n for n in first if isinstance(first[n], tuple)]:
            (print0, maps0), (print1, maps1) = first[name], r[name]
            gap = max((maps0[s] - maps1[s]).abs().max().item() for s in maps0)
            bad |= gap > 1e-5 or print0 != print1
            line.append(f"{name} {gap:.1e}{'' if print0 == print1 else ' OTHER FINGERPRINT'}")
        raw = (first["hidden_states[-1]"] - r["hidden_states[-1]"]).abs().max().item()
        print(
            f"transformers {r['version']:8} {'  '.join(line)}  | transformers' own hidden_states[-1]: {raw:.1e}"
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(dump(Path(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) == 3 else main())
