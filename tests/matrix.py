"""The same weights and image through several versions of transformers: `make matrix`.

Each version gets an environment of its own (.venv-matrix-N, files shared by hard links), computes
the features of the same snapshots, and is compared with the first. Exits 1 if any feature differs
by more than 1e-5 or a fingerprint differs.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

VERSIONS = ["==4.56.0", "==4.57.1", ">=4.57.2,<5", ">=5"]
ROOT = Path(__file__).resolve().parent.parent
SEVEN_B = dict(use_gated_mlp=True, hidden_act="silu", query_bias=False, value_bias=False)
CONVNEXT = dict(model_type="dinov3_convnext", depths=[1, 1, 2, 1], hidden_sizes=[8, 16, 24, 32])
DINOV2 = dict(
    model_type="dinov2",
    hidden_size=64,
    num_hidden_layers=4,
    num_attention_heads=1,
    patch_size=14,
    image_size=56,
)
REGISTERS = {**DINOV2, "model_type": "dinov2_with_registers", "num_register_tokens": 4}
THEIRS = "hidden_states[-1]"  # how transformers itself gives features of the last layer


def write_snapshots(folder: Path) -> None:
    "A snapshot of every kind of backbone."
    from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot

    make_tiny_snapshot(folder / "vit")
    make_tiny_snapshot(folder / "gated", **SEVEN_B)
    random_snapshot(folder / "convnext", CONVNEXT)
    random_snapshot(folder / "dinov2", DINOV2)
    random_snapshot(folder / "registers", REGISTERS)


def dump(folder: Path, out: Path) -> None:
    """Runs inside one environment: features and fingerprints of all snapshots.

    And what `hidden_states[-1]` would have given.
    """
    import torch
    import transformers

    from dinofrcnn.backbone.backbone import load_backbone

    generator = torch.Generator().manual_seed(0)
    result = {"version": transformers.__version__}
    for name in sorted(p.name for p in folder.iterdir() if p.is_dir()):
        backbone = load_backbone(folder / name, device="cpu", precision="fp32")
        patch = backbone.patch_size
        image = torch.rand(3, 14 * patch, 10 * patch, generator=generator)
        result[name] = backbone.fingerprint(), backbone([image])[0]
        if name == "vit":
            pixels = (image[None] - backbone.mean) / backbone.std
            with torch.no_grad():
                output = backbone.model(pixels, output_hidden_states=True)
            result[THEIRS] = output.hidden_states[-1]
    torch.save(result, out)


def environment(number: int) -> Path:
    "The Python of an environment with one version of transformers; made if it is not there."
    import torch

    python = ROOT / f".venv-matrix-{number}/bin/python"
    uv = [sys.executable, "-m", "uv"]
    if not python.exists():
        make = [*uv, "venv", "--quiet", "--python", sys.executable, python.parent.parent]
        subprocess.run(make, check=True)
    same_torch = f"torch=={torch.__version__.split('+')[0]}"
    packages = [same_torch, f"transformers{VERSIONS[number]}", "numpy"]
    install = [*uv, "pip", "install", "--quiet", "--link-mode", "hardlink", "--python", python]
    subprocess.run([*install, *packages], check=True)
    return python


def results() -> list[dict]:
    "What `dump` found in each environment."
    import torch

    found = []
    with tempfile.TemporaryDirectory() as d:
        folder = Path(d) / "snapshots"
        write_snapshots(folder)
        for i in range(len(VERSIONS)):
            python, out = environment(i), Path(d) / f"{i}.pt"
            env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"}
            subprocess.run([python, __file__, folder, out], check=True, cwd=ROOT, env=env)
            found.append(torch.load(out, weights_only=False))
    return found


def gap(maps: dict, others: dict) -> float:
    "The largest difference of two sets of maps."
    return max((maps[stride] - others[stride]).abs().max().item() for stride in maps)


def main() -> int:
    first, *rest = results()
    names = [name for name, value in first.items() if isinstance(value, tuple)]
    bad = False
    for result in [first, *rest]:
        line = []
        for name in names:
            (fingerprint, maps), (other_fingerprint, other_maps) = first[name], result[name]
            difference = gap(maps, other_maps)
            note = "" if fingerprint == other_fingerprint else " OTHER FINGERPRINT"
            bad |= difference > 1e-5 or note != ""
            line.append(f"{name} {difference:.1e}{note}")
        theirs = (first[THEIRS] - result[THEIRS]).abs().max().item()
        line.append(f"| transformers' own {THEIRS}: {theirs:.1e}")
        print(f"transformers {result['version']:8}", "  ".join(line))
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        dump(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        sys.exit(main())
