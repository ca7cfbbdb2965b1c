"""Binned models: our fit beside pyhf's, by pyhf_fit.py.

usage: pyhf_peer.py BINNED_BENCH PEERS WORKSPACE   one comparison, a line on stdout
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODELS = [  # name, (channels, bins, systematics), pyhf's backends and optimizers
    ("1 channel, 10 bins, 4 systematics", (1, 10, 4), "numpy+scipy numpy+minuit jax+scipy"),
    ("1 channel, 100 bins, 20 systematics", (1, 100, 20), "numpy+scipy jax+scipy"),
]


def compare_with_pyhf(programs, settings):
    """A model that takes longer than the limit is said to."""
    limit = 20 if settings.quick else 90
    program = programs.parts.parent / "binned_bench"
    workspaces = sorted((HERE.parent.parent / "fit" / "workspaces").glob("*.json"))
    models = [(f.stem, str(f), "numpy+scipy numpy+minuit") for f in workspaces
              if f.stem in ("shapesys_1bin", "two_channels", "all_modifiers")]
    models += [(name, ",".join(str(n) for n in sizes), peers) for name, sizes, peers in MODELS]
    blocks = []
    for name, workspace, peers in models[:1] if settings.quick else models:
        programs.note(f"pyhf: {name}")
        command = [sys.executable, __file__, str(program), peers, workspace]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            blocks.append(f"{name}: pyhf ({peers}) was not done after {limit} s")
            continue
        if done.returncode != 0:
            raise RuntimeError(f"pyhf_peer.py {name} ended with {done.returncode}")
        blocks.append(done.stdout.strip())
    return ("## Binned models: (f) pyhf\n\nOne thread each, fastest fit, milliseconds. Ours ends "
            "with the exact Hessian and all covariances, pyhf's computes no errors. Our minimum "
            "must not lie above pyhf's; 'short of' is how far theirs lies above ours.\n\n```\n" +
            "\n".join(blocks) + "\n```")


def main():
    import pyhf_fit
    program, peers, workspace = sys.argv[1:]
    pyhf_fit.PEERS = [tuple(peer.split("+")) for peer in peers.split()]
    header = f"{'model':26s} {'params':>6s} {'pass':>9s} {'passes':>7s} {'fit':>9s}" + "".join(
        f" {peer:>12s} {'ratio':>8s} {'short of':>9s}" for peer in peers.split())
    print(header)
    if workspace.endswith(".json"):
        spec, name = json.loads(Path(workspace).read_text()), Path(workspace).stem
    else:
        sizes = [int(n) for n in workspace.split(",")]
        spec, name = pyhf_fit.made(*sizes), f"{sizes[0]} x {sizes[1]} bins, {sizes[2]} systs"
    pyhf_fit.compare(name, spec, program)


if __name__ == "__main__":
    main()
