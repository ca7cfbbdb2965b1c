#!/usr/bin/env python3
"""Runs four_leptons.toml with nets that see leptons, and with MLPs: four_leptons_nets.py [NETS...] [options]

Prints for each the parameters of the fit and, with --toys, what fits of as many toys of real events find.
"""
import argparse
import json
import re
import subprocess
import time
from pathlib import Path

from four_leptons import ANGLES, FEATURES, MOMENTA

MLP = "hidden = [64, 64]\n"
NETS = {  # features, [network]
    "momenta": (MOMENTA, MLP),
    "by_hand": (FEATURES, MLP),
    "gram": (None, MLP + "gram = 4\n"),
    "lorentz": (None, None),
    "angles": (FEATURES + ANGLES, MLP),
}


def campaign(name, options):
    """four_leptons.toml with other nets."""
    text = Path(__file__).with_name("four_leptons.toml").read_text()
    features, network = NETS[name]
    replacements = [] if features is None else [(r"^features = .*$", f"features = {json.dumps(features)}")]
    if network is not None:
        replacements.append((r"^\[network\]\n[\s\S]*?(?=^\[)", f"[network]\n{network}\n"))
    if options.nominal:
        replacements.append((r"^\[\[systematic\]\][\s\S]*?(?=^\[reference)", ""))
    replacements += [(rf"^{key} = .*$", f"{key} = {value}") for key in ("train", "batch", "seed") if (value := getattr(options, key))]
    for pattern, new in replacements:
        text = re.sub(pattern, new, text, count=1, flags=re.M)
    return text


def run(name, options):
    """A row of the table."""
    file = Path("_".join(map(str, filter(None, [name, options.nominal and "nominal", options.train, options.batch, options.seed]))) + ".toml")
    file.write_text(campaign(name, options))
    out, began = file.with_suffix(".run"), time.monotonic()
    common = [str(file), "--out", str(out), "-n", str(options.ranks), "--quiet"]
    subprocess.run(["ratiofarm", "run", *common], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    fit = json.loads((out / "fit.json").read_text())
    cells = [f"{p['name']} {p['value']:.3f} +- {p['error']:.3f}" for p in fit["parameters"]]
    if options.toys:
        subprocess.run(["ratiofarm", "toys", *common, "--unit-weight-samples", "--toys", str(options.toys), "--at",
                        "mu=1"], check=True, stdout=subprocess.DEVNULL)
        toys = json.loads((out / "toys.json").read_text())["points"][0]["parameters"]
        mu = next(p for p in toys if p["name"] == "mu")
        cells.append(f"toys: mean {mu['mean']:.3f}, rms {mu['width']:.3f}, rms pull {mu['pull_width']:.3f}")
    return f"{name:>8}  {'   '.join(cells)}   {seconds:.0f} s"


def main():
    parser = argparse.ArgumentParser(description="Nets of leptons and of features, for ratiofarm.")
    parser.add_argument("nets", nargs="*", help=f"some of {', '.join(NETS)}; all by default")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--toys", type=int, default=0)
    parser.add_argument("--train", type=float, default=0.0, help="share of the events that nets learn from, for 0.25")
    parser.add_argument("--batch", type=int, default=0, help="events in one step, for 128")
    parser.add_argument("--seed", type=int, default=0, help="of the campaign, for that of four_leptons.toml")
    parser.add_argument("--nominal", action="store_true", help="without systematics")
    options = parser.parse_args()
    if unknown := set(options.nets) - set(NETS):
        parser.error(f"no net {', '.join(sorted(unknown))}; there are {', '.join(NETS)}")
    for name in options.nets or NETS:
        print(run(name, options), flush=True)


if __name__ == "__main__":
    main()
