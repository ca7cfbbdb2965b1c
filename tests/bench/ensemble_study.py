#!/usr/bin/env python3
"""What averaging the members of an ensemble gains, against exact ratios.

    ensemble_study.py --bin build/release/bin --out FOLDER [--events N] [--members 8 32]

Trains the ensembles of a closed-form model, in one run directory that grows from the first number of
members to the last, and prints for each number of members M how far the mean of M log-ratios is
from the exact one, split into what M members share (training events, shape of the net) and what
each adds (initialisation, order of the events), which has to fall as 1/M; and the fitted mu. Also
an ensemble trained in bf16 on the same events.
"""
import argparse
import json
import os
import pathlib
import subprocess

import h5py
import numpy as np

from closed_form import campaign, environment

CAMPAIGN = {
    "campaign.name": '"study"', "campaign.seed": "7", "events.file": '"study.h5"',
    "split.train": "0.5", "split.inference": "0.4", "network.hidden": "[64, 64]",
    "training.batch": "1024", "ensemble.keep_members": "true", "simulate.seed": "1",
}

MODELS = {
    "1 feature, other widths": {},
    "3 features, equal covariance": {
        "events.features": '["x0", "x1", "x2"]',
        "simulate.S": "{ yield = 100.0, mean = [0.8, 0.4, 0.0], "
                      "covariance = [[1.0, 0.3, 0.0], [0.3, 1.0, 0.0], [0.0, 0.0, 1.0]] }",
        "simulate.B": "{ yield = 900.0, mean = [0.0, 0.0, 0.0], "
                      "covariance = [[1.0, 0.3, 0.0], [0.3, 1.0, 0.0], [0.0, 0.0, 1.0]] }"},
}


def run(arguments, *command):
    subprocess.run([str(part) for part in command], cwd=arguments.out, check=True,
                   env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ratiofarm(arguments, name, model, members, precision="fp32"):
    """Runs the campaign up to its fit; what is trained already stays. \\return the run directory"""
    file = arguments.out / f"{name}.toml"
    file.write_text(campaign("interference", {
        **CAMPAIGN, **model, "ensemble.members": str(members), "training.precision": f'"{precision}"',
        "training.epochs": str(arguments.epochs), "simulate.events": str(arguments.events)}))
    program = arguments.bin / "ratiofarm"
    if not (arguments.out / "study.h5").exists():
        run(arguments, program, "simulate", file)
    folder = arguments.out / f"{name}.run"
    run(arguments, "mpirun", "--oversubscribe", "-n", arguments.ranks, program, "run", file,
        "--out", folder, "--accept-change")
    return folder


def exact_log_ratio(arguments, rows, sample, process):
    with h5py.File(arguments.out / "study.h5") as events:
        exact = events[sample]["log_density"]
        names = [str(name) for name in exact.attrs["processes"]]
        values = exact[:][rows]
    return values[:, names.index(process)] - np.logaddexp.reduce(values, axis=1) + np.log(3.0)


def member_errors(arguments, folder, process="S"):
    """[members, events] errors of the members' ln r on the reference events, and the weights."""
    errors, weights = [], []
    with h5py.File(folder / "ratios.h5") as ratios:
        names = [str(name) for name in ratios.attrs["processes"]]
        counts = [int(count) for count in ratios.attrs["members"]]
        first = sum(counts[:names.index(process)])
        lines = slice(first, first + counts[names.index(process)])
        for sample in names:
            events = ratios["events"][sample]
            truth = exact_log_ratio(arguments, events["row"][:], sample, process)
            errors.append(events["member_log_r"][lines] - truth)
            weight = events["weight"][:]
            weights.append(weight / weight.sum())
    return np.concatenate(errors, axis=1).astype(float), np.concatenate(weights) / len(names)


def ensemble_errors(errors, weights, sizes):
    """Per M: mean square error of the mean of M members, over disjoint groups, and the part of it
    that differs from group to group (unbiased)."""
    for size in sizes:
        groups = len(errors) // size
        means = errors[:groups * size].reshape(groups, size, -1).mean(axis=1)
        total = (means**2 @ weights).mean()
        yield size, total, (means.var(axis=0, ddof=1) @ weights) if groups > 1 else None


def fitted(folder):
    fit = json.loads((folder / "fit.json").read_text())
    exact = next(entry for entry in fit["comparisons"] if entry["label"] == "exact ratios")
    return [number for result in (fit, exact) for entry in result["parameters"]
            if entry["name"] == "mu" for number in (entry["value"], entry["error"])]


def excluded(folder):
    """Nets that gates excluded, over all ensembles."""
    count = 0
    for path in (folder / "ensembles").glob("*.h5"):
        with h5py.File(path) as ensemble:
            count += int((ensemble["nets/attempts"][:] - 1).sum())
    return count


def study(arguments, label, model):
    (arguments.out / "study.h5").unlink(missing_ok=True)
    print(f"\n{label}\n\n| members | mu +- sigma | exact ratios, same events | excluded nets |\n"
          "| --- | --- | --- | --- |")
    name = label.split(",")[0].replace(" ", "_")
    for members in arguments.members:
        folder = ratiofarm(arguments, name, model, members)
        print("| {} | {:.4f} +- {:.4f} | {:.4f} +- {:.4f} | {} |".format(
            members, *fitted(folder), excluded(folder)), flush=True)

    errors, weights = member_errors(arguments, folder)
    sizes = [2**k for k in range(20) if 2**k <= len(errors) // 2]
    print("\n| M | rms error of ln r | part of M members' own | times sqrt(M), of M = 1 |\n"
          "| --- | --- | --- | --- |")
    single = None
    for size, total, own in ensemble_errors(errors, weights, sizes):
        single = single or own
        print(f"| {size} | {total**0.5:.4f} | {own**0.5:.4f} | {(own * size / single)**0.5:.3f} |")

    members = arguments.members[0]
    folder = ratiofarm(arguments, name + "_bf16", model, members, "bf16")
    bf16, _ = member_errors(arguments, folder)
    print("\nbf16, {} members: mu = {:.4f} +- {:.4f}, excluded nets: {}".format(
        members, *fitted(folder)[:2], excluded(folder)))
    print("rms error of a member's ln r: fp32 {:.4f}, bf16 {:.4f}".format(
        (errors[:members]**2 @ weights).mean()**0.5, (bf16**2 @ weights).mean()**0.5), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--events", type=int, default=200000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--members", type=int, nargs="+", default=[8, 32])
    arguments = parser.parse_args()
    arguments.bin = arguments.bin.absolute()
    arguments.out = arguments.out.absolute()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for label, model in MODELS.items():
        study(arguments, label, model)


if __name__ == "__main__":
    main()
