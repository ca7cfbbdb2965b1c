#!/usr/bin/env python3
"""What a search by successive halving finds and costs, beside all of its trials at all epochs.

    search_study.py --bin build/release/bin --out FOLDER [--events N] [--trials N] [--epochs N]
                    [--first-rung N] [--ranks N] [--seeds 1 2 3] [--sampler tpe]

On the interference model, whose exact ratios are known: for each seed the same random settings are
searched by successive halving, and all trained to the end (a search whose first rung is all
epochs, so that a trial's net is the same to the last bit). Prints cost, wall time, the best
validation loss that either found, the place of the search's best among all settings, and how far
both are above the loss of the exact ratios on the same validation events.

With --sampler: that sampler against random settings at equal planned work, 60 trainings of the
campaign's own setting; five keys, two rungs.
"""
import argparse
import json
import pathlib
import subprocess
import time

import h5py
import numpy as np

from closed_form import campaign, environment

CAMPAIGN = {
    "campaign.name": '"search"', "events.file": '"search.h5"', "events.features": '["x0", "x1"]',
    "split.train": "0.5", "split.validation": "0.4", "split.inference": "0.1",
    "network.hidden": "[16, 16]", "training.learning_rate": None, "ensemble": None,
    "search.parallel": "4", "search.processes": '["S"]',
    "simulate.seed": "1",
    "simulate.S": "{ yield = 100.0, mean = [1.5, 0.5], covariance = [[1.0, 0.2], [0.2, 1.0]] }",
    "simulate.B": "{ yield = 900.0, mean = [0.0, 0.0], covariance = [[2.25, 0.0], [0.0, 1.5]] }",
}
PARAMETERS = """
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-5, 0.1] }
"training.batch" = { choice = [128, 512, 2048] }
"network.hidden" = { choice = [[4], [16, 16], [32, 32]] }
"training.optimizer" = { choice = ["adam", "nadam"] }
"""


FIVE_PARAMETERS = """
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-5, 0.3] }
"training.batch" = { log_integer = [16, 2048] }
"training.clip_norm" = { uniform = [0.05, 5.0] }
"network.hidden" = { choice = [[4], [16, 16], [32, 32]] }
"network.activation" = { choice = ["relu", "silu", "tanh"] }
"""


def command(arguments, words, ranks=1):
    program = [str(arguments.bin / "ratiofarm")]
    if ranks > 1:
        program = ["mpirun", "--oversubscribe", "-n", str(ranks)] + program
    begin = time.monotonic()
    subprocess.run(program + words, check=True, cwd=arguments.out,
                   env=environment(OMP_NUM_THREADS="1"),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin


def exact_loss(arguments):
    """Mean loss of ln(p_S / p_ref) over all events: the least that any net can reach, but for the
    fluctuation of its validation events, which is the same for all settings."""
    terms, weights = [], []
    with h5py.File(arguments.out / "search.h5") as file:
        samples = {name: file[name] for name in ("S", "SBI", "B")}
        order = [name.decode() if isinstance(name, bytes) else name
                 for name in samples["S"]["log_density"].attrs["processes"]]
        column = {name: order.index(name) for name in samples}
        for name, group in samples.items():
            density = np.exp(group["log_density"][:])
            reference = sum(density[:, column[other]] for other in samples) / 3.0
            logit = np.log(density[:, column["S"]] / reference)
            weight = group["weight"][:] / group["weight"][:].sum()
            a = weight if name == "S" else 0.0 * weight
            b = weight / 3.0
            terms.append((a * np.logaddexp(0.0, -logit) + b * np.logaddexp(0.0, logit)).sum())
            weights.append((a + b).sum())
    return sum(terms) / sum(weights)


def search(arguments, seed, first_rung, keys={}, parameters=PARAMETERS):
    name = f"{seed}-{first_rung}-{keys.get('search.sampler', 'random')}".replace('"', "")
    (arguments.out / f"{name}.toml").write_text(campaign("interference", {
        **CAMPAIGN, "campaign.seed": str(seed), "training.epochs": str(arguments.epochs),
        "search.trials": str(arguments.trials), "search.first_rung": str(first_rung),
        "simulate.events": str(arguments.events), **keys}, parameters))
    if not (arguments.out / "search.h5").exists():
        command(arguments, ["simulate", f"{name}.toml"])
    seconds = command(arguments, ["search", f"{name}.toml", "--out", f"{name}.run"], arguments.ranks)
    result = json.loads((arguments.out / f"{name}.run" / "search.json").read_text())
    return result, seconds


def against_random(arguments):
    keys = {"search.trials": "250", "search.cost_limit": "60.0", "training.epochs": "9"}
    gains = []
    for seed in arguments.seeds:
        found = {sampler: search(arguments, seed, 3, {**keys, "search.sampler": f'"{sampler}"'},
                                 FIVE_PARAMETERS)[0]["best"]["objective"]
                 for sampler in ("random", arguments.sampler)}
        gains.append(found["random"] - found[arguments.sampler])
        print(f"seed {seed}: {found}", flush=True)
    print(f"{arguments.sampler}: smaller loss in {sum(gain > 0 for gain in gains)} of {len(gains)}, by "
          f"{np.mean(gains):.2e} in the mean, scatter {np.std(gains, ddof=1):.1e}; exact ratios on all "
          f"events {exact_loss(arguments):.6f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--events", type=int, default=20000)
    parser.add_argument("--trials", type=int, default=27)
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument("--first-rung", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--sampler")
    arguments = parser.parse_args()
    arguments.bin = arguments.bin.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.sampler:
        return against_random(arguments)
    worst = 0
    for seed in arguments.seeds:
        halving, seconds = search(arguments, seed, arguments.first_rung)
        grid, all_seconds = search(arguments, seed, arguments.epochs)
        exact = exact_loss(arguments)
        losses = [trial["rungs"][0]["objective"] for trial in grid["trials"]]
        losses = sorted(float("inf") if loss is None else loss for loss in losses)
        found, best = halving["best"]["objective"], losses[0]
        place = losses.index(found) + 1  # to the last bit one of them
        worst = max(worst, place)
        print(f"seed {seed}: {100 * halving['flop'] / halving['grid_flop']:.1f} % of the FLOP, "
              f"{seconds:.1f} s instead of {all_seconds:.1f} s; loss {found:.6f}, place {place} of "
              f"{len(losses)} (best {best:.6f}, median {losses[len(losses) // 2]:.6f}, exact ratios "
              f"on all events {exact:.6f})", flush=True)
    print(f"worst place {worst}")


if __name__ == "__main__":
    main()
