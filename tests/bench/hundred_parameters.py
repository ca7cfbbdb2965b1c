#!/usr/bin/env python3
"""A whole campaign with 100 nuisance parameters x 3 processes, from plan to impacts, beside the fit
of the same events with exact ratios.

    hundred_parameters.py PROGRAMS [--parameters 100] [--events 40000] [--ranks 2] [--out DIR]

The interference model in three features. Every nuisance parameter moves the means of S and B along
random directions (an exponential tilt of each, exactly normalised) and their yields; SBI follows.
The first --moved parameters are shown by varied events, the others by weights of the nominal ones.
Prints a table in Markdown.
"""

import argparse
import json
import math
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

from closed_form import campaign as campaign_text, environment

CAMPAIGN = {
    "campaign.name": '"hundred"', "campaign.seed": "20261122", "events.file": '"events.h5"',
    "events.features": '["x", "y", "z"]', "split.train": "0.5", "split.inference": "0.4",
    "network.hidden": "[16, 16]", "training.learning_rate": "3e-3", "simulate.seed": "7",
    "simulate.S": "{ yield = 100.0, mean = [1.2, 0.6, 0.0], "
                  "covariance = [[1, 0, 0], [0, 1, 0], [0, 0, 1]] }",
    "simulate.B": "{ yield = 900.0, mean = [0.0, 0.0, 0.0], "
                  "covariance = [[2.25, 0, 0], [0, 2.25, 0], [0, 0, 2.25]] }",
}

SYSTEMATIC = """
[[systematic]]
name = "{name}"
shape.S = {{ {S} }}
shape.SBI = {{ {SBI} }}
shape.B = {{ {B} }}
[[simulate.systematic]]
name = "{name}"
S = {{ shift = {shift_S}, up = {up:.4f}, down = {down:.4f} }}
B = {{ shift = {shift_B}, up = {down:.4f}, down = {up:.4f} }}
"""


def direction(draw, length):
    vector = [draw.gauss(0, 1) for _ in range(3)]
    norm = math.sqrt(sum(x * x for x in vector))
    return [round(length * x / norm, 4) for x in vector]


def systematic(draw, number, moved):
    name = f"tilt_{number}"
    shape = {}
    for process in ("S", "SBI", "B"):
        shape[process] = (f'up = "{process}_{name}_up", down = "{process}_{name}_down"' if moved else
                          f'up_weight = "{name}_up", down_weight = "{name}_down"')
    size = draw.uniform(0.005, 0.02)
    return SYSTEMATIC.format(name=name, **shape, up=1 + size, down=1 - size,
                             shift_S=direction(draw, draw.uniform(0.02, 0.1)),
                             shift_B=direction(draw, 1.5 * draw.uniform(0.02, 0.1)))


class Campaign:
    """The programs in one folder; every command is timed."""

    def __init__(self, programs, folder, ranks):
        self.program = str(pathlib.Path(programs).resolve() / "ratiofarm")
        self.folder, self.ranks, self.seconds = folder, ranks, {}

    def run(self, step, *arguments, ranks=1):
        command = [self.program, *arguments]
        if ranks > 1:
            command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
        begin = time.monotonic()
        with open(self.folder / f"{step}.log", "w") as log:
            done = subprocess.run(command, cwd=self.folder, env=environment(), text=True,
                                  stdout=subprocess.PIPE, stderr=log)
        self.seconds[step] = time.monotonic() - begin
        if done.returncode != 0:
            log = (self.folder / f"{step}.log").read_text()
            sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{log[-3000:]}{done.stdout}")
        return done.stdout

    def fitted(self, out):
        text = (self.folder / out / "fit.json").read_text()
        return {p["name"]: p for p in json.loads(text)["parameters"]}, json.loads(text)


def compare(learned, exact):
    """Lines of the table: the learned fit beside the exact one."""
    (ours, fit), (theirs, _) = learned, exact
    nuisances = [name for name in ours if name != "mu"]
    ratios = [ours[name]["error"] / theirs[name]["error"] for name in nuisances]
    shifts = [(ours[name]["value"] - theirs[name]["value"]) / theirs[name]["error"]
              for name in nuisances]
    mu = {name: fitted["mu"] for name, fitted in (("learned", ours), ("exact", theirs))}
    yield "mu, learned ratios", f"{mu['learned']['value']:.4f} +- {mu['learned']['error']:.4f}"
    yield "mu, exact ratios", f"{mu['exact']['value']:.4f} +- {mu['exact']['error']:.4f}"
    yield "error of mu, learned / exact", f"{mu['learned']['error'] / mu['exact']['error']:.4f}"
    yield ("errors of the nuisance parameters, exact",
           f"{min(theirs[n]['error'] for n in nuisances):.3f} to "
           f"{max(theirs[n]['error'] for n in nuisances):.3f}")
    yield ("learned / exact error of a nuisance parameter",
           f"mean {statistics.mean(ratios):.4f}, least {min(ratios):.4f}, most {max(ratios):.4f}")
    yield "difference of values, in errors", (f"rms {statistics.mean(s * s for s in shifts) ** 0.5:.3f}, "
                                              f"largest {max(map(abs, shifts)):.3f}")
    yield "passes of the fit", str(fit["passes"])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("--parameters", type=int, default=100)
    parser.add_argument("--moved", type=int, default=10)
    parser.add_argument("--events", type=int, default=40000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--out")
    options = parser.parse_args()
    folder = pathlib.Path(options.out or tempfile.mkdtemp(prefix="hundred."))
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(1)
    text = campaign_text("interference", {
        **CAMPAIGN, "simulate.events": str(options.events), "training.epochs": str(options.epochs),
        "ensemble.members": str(options.members)})
    for number in range(options.parameters):
        text += systematic(draw, number, number < options.moved)
    (folder / "campaign.toml").write_text(text)

    campaign = Campaign(options.programs, folder, options.ranks)
    campaign.run("simulate", "simulate", "campaign.toml", "--ratios", "exact.h5")
    plan = campaign.run("plan", "plan", "campaign.toml", "--out", "run")
    for step in ("train", "gather", "infer", "fit", "impacts"):
        campaign.run(step, step, "campaign.toml", "--out", "run", ranks=options.ranks)
    campaign.run("fit with exact ratios", "fit", "campaign.toml", "--out", "exact",
                 "--ratios", "exact.h5", ranks=options.ranks)

    nets = re.search(r"nets +([\d,]+)", plan)
    print(f"| {options.parameters} nuisance parameters x 3 processes, {options.moved} of them by varied "
          f"events, {options.events} events a sample, {options.ranks} ranks | |\n| --- | --- |")
    if nets:
        print(f"| nets | {nets[1]} |")
    for step, seconds in campaign.seconds.items():
        print(f"| {step} | {seconds:.1f} s |")
    whole = sum(campaign.seconds[s] for s in ("plan", "train", "gather", "infer", "fit", "impacts"))
    print(f"| plan to impacts | {whole / 60:.1f} min |")
    for name, value in compare(campaign.fitted("run"), campaign.fitted("exact")):
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
