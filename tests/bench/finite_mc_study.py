#!/usr/bin/env python3
"""Do the estimates of the uncertainty from the finite number of simulated events cover?

    finite_mc_study.py --bin build/release/bin --out FOLDER [--sets 24] [--events 4000] [--peak]

A signal N(1, 1) over a background N(0, 1.5^2), or with --peak a signal N(2, 0.5^2) over an
exponential of slope 0.5, whose tail has ln r far below 0; lambda = mu S + B. Everything is simulated, trained
and fitted --sets times from independent simulated events and seeds, always to the same data: the
quantiles of the true mixture at mu = 1, an Asimov data set that does not know the simulation. The
scatter of mu-hat over the sets is the true uncertainty; it is compared with what [finite_mc]
estimates in each set. Then toys are drawn from the same quantiles and fitted with the ratios of
each set: how often do the intervals hold mu = 1? What is trained already stays, so the study may be
stopped and repeated.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess

import h5py
import numpy as np

from closed_form import campaign as campaign_text, environment

SIGNAL, BACKGROUND = (1.0, 1.0), (0.0, 1.5)  # mean, width; of an exponential only the slope
SHARE = 0.1  # of the signal in the data
POOL = 20000  # quantiles

CAMPAIGN = {
    "campaign.name": '"set"', "parameters.mu.range": "[-5.0, 10.0]",
    "process.S.yield": str(SHARE * POOL), "process.B.yield": str((1 - SHARE) * POOL),
    "network.hidden": "[16, 16]", "training.batch": "128", "training.learning_rate": "3e-3",
    "training.patience": "5", "ensemble.keep_members": "true", "data.asimov": None,
    "data.sample": '"data"', "inference.scan": "[1.0]", "simulate": None,
}


def density(x, shape):
    if len(shape) == 1:
        return shape[0] * np.exp(-shape[0] * x) * (x > 0)
    return np.exp(-0.5 * ((x - shape[0]) / shape[1]) ** 2) / (shape[1] * np.sqrt(2 * np.pi))


def quantiles():
    x = np.linspace(-12, 36, 800001)
    p = SHARE * density(x, SIGNAL) + (1 - SHARE) * density(x, BACKGROUND)
    cumulative = np.cumsum(p)
    return np.interp((np.arange(POOL) + 0.5) / POOL, cumulative / cumulative[-1], x)


def write_events(path, seed, events):
    random = np.random.default_rng(seed)
    background = (random.exponential(1 / BACKGROUND[0], events) if len(BACKGROUND) == 1 else
                  random.normal(*BACKGROUND, events))
    samples = {"S": random.normal(*SIGNAL, events), "B": background, "data": quantiles()}
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-events", np.uint64(1)
        for index, (name, x) in enumerate(samples.items()):
            group = file.create_group(name)
            group["features"] = x[:, None].astype("f4")
            group["features"].attrs.create("columns", ["x"], dtype=h5py.string_dtype())
            group["weight"] = np.ones(len(x))
            group["id"] = np.arange(len(x), dtype="u8") + (index << 40)


def run_set(options, number):
    """\\return name of the set, whose ratios and fit are made unless they are there"""
    name = options.out / f"set{number}"
    events, campaign = name.with_suffix(".h5"), name.with_suffix(".toml")
    def ratiofarm(folder, command, *arguments):
        with open(name.with_suffix(f".{command}.log"), "w") as log:
            subprocess.run([folder / "ratiofarm", command, *arguments], check=True,
                           env=environment(OMP_NUM_THREADS="1"), stdout=log, stderr=log)

    text = campaign_text("signal", {
        **CAMPAIGN, "campaign.seed": str(number + 1), "events.file": f'"{events.name}"',
        "split.train": str(options.train), "split.inference": str(round(0.9 - options.train, 6)),
        "training.epochs": str(options.epochs), "ensemble.members": str(options.members),
        "ensemble.replicas": str(options.replicas)}, gates=False)
    if not (name / "ratios.h5").exists():
        write_events(events, 1000 + number, options.events)
        campaign.write_text(text)
        for command in ("train", "gather", "infer"):
            ratiofarm(options.train_bin or options.bin, command, campaign, "--out", name)
    if not options.train_only and not (name / "fit" / "fit.json").exists():
        fitted = name.with_suffix(".fit.toml")
        fitted.write_text(text + '[finite_mc]\nmethod = "replicas"\n')
        ratiofarm(options.bin, "fit", fitted, "--ratios", name / "ratios.h5", "--out",
                  name / "fit")
    return name


class Set:
    """What one simulation says: estimates from fit.json, and ratios of the data."""

    def __init__(self, folder):
        fit = json.load(open(folder / "fit" / "fit.json"))
        found = fit["finite_mc"]
        self.mu, self.error = found["fit_value"], found["fit_error"]
        self.replicas, self.wifi = found["replicas"]["sigma"], found["wifi"]["sigma"]
        self.mean_of_replicas = found["replicas"]["mean"]
        self.training = found["members"]["sigma"] / np.sqrt(len(found["members"]["estimates"]))
        self.member = found["members"]["sigma"]
        self.newton = found["replicas"]["newton_difference"]
        self.wifi_mu, self.wifi_error = found["wifi"]["estimate"], found["wifi"]["error"]
        with h5py.File(folder / "ratios.h5") as file:
            events = file["events/data"]
            self.log_r = events["log_r"][:].T.astype(float)
            lines = events["member_log_r"][:].astype(float)
        sums = found["wifi"]["ratios"][0]
        n = len(lines) // 2
        self.wifi_log_r = np.array([np.array(sums["factor"][j]) @ lines[j * n:(j + 1) * n] +
                                    sums["constant"][j] for j in (0, 1)])


def fit_toys(log_r, counts, expected):
    """\\param counts [toys, events] \\return mu, error of every toy"""
    s, b = SHARE * expected * np.exp(log_r[0]), (1 - SHARE) * expected * np.exp(log_r[1])
    mu = np.ones(len(counts))
    for _ in range(30):
        share = s / np.maximum(mu[:, None] * s + b, 1e-3 * b)
        slope = (counts * share).sum(axis=1) - SHARE * expected
        bend = (counts * share ** 2).sum(axis=1)
        step = np.clip(slope / bend, -1.0, 1.0)
        mu += step
        if np.abs(step).max() < 1e-6:
            break
    return mu, bend ** -0.5


def exact_fit(counts, expected):
    x = quantiles()
    reference = 0.5 * (density(x, SIGNAL) + density(x, BACKGROUND))
    return fit_toys(np.log([density(x, SIGNAL) / reference, density(x, BACKGROUND) / reference]),
                    counts, expected)


def spread(values):
    sigma = np.std(values, ddof=1)
    return sigma, sigma / np.sqrt(2 * (len(values) - 1))


def print_scatter(sets):
    print(f"{len(sets)} sets; mu-hat of the same data, true mu = 1\n")
    print("| | mean of mu-hat - 1 | true sigma: scatter of mu-hat over the sets "
          "| mean estimate of sigma | estimate / true |")
    print("| --- | --- | --- | --- | --- |")
    replicas = np.sqrt(np.mean([s.replicas ** 2 for s in sets]))
    wifi = np.sqrt(np.mean([s.wifi ** 2 for s in sets]))
    less = np.sqrt(np.maximum(0, np.mean(
        [s.replicas ** 2 - s.member ** 2 + s.training ** 2 for s in sets])))
    for name, values, estimate in [
            ("mean of members, replicas", [s.mu for s in sets], replicas),
            ("mean of members, replicas less training noise", [s.mu for s in sets], less),
            ("mean of members, weighted members", [s.mu for s in sets], wifi),
            ("weighted members, weighted members", [s.wifi_mu for s in sets], wifi)]:
        sigma, error = spread(values)
        print(f"| {name} | {np.mean(values) - 1:+.4f} +- {sigma / np.sqrt(len(values)):.4f} "
              f"| {sigma:.4f} +- {error:.4f} | {estimate:.4f} | {estimate / sigma:.2f} |")
    print(f"\ntraining noise of the mean of the members: "
          f"{np.sqrt(np.mean([s.training ** 2 for s in sets])):.4f}; scatter of the estimates from "
          f"set to set: replicas {spread([s.replicas for s in sets])[0]:.4f}, weighted "
          f"members {spread([s.wifi for s in sets])[0]:.4f}; largest distance of one Newton "
          f"step from a full fit of a replica: {max(s.newton for s in sets):.5f}\n")


def print_coverage(options, sets):
    random = np.random.default_rng(7)
    kinds = {"exact ratios": [], "no uncertainty added": [], "replicas": [],
             "weighted members, mean of members": [],
             "weighted members, their own ratios": [], "true sigma": []}
    true = np.std([s.mu for s in sets], ddof=1)
    for one in sets:
        counts = random.poisson(options.toy_events / POOL, (options.toys, POOL)).astype(float)
        exact, exact_error = exact_fit(counts, options.toy_events)
        mu, error = fit_toys(one.log_r, counts, options.toy_events)
        own, own_error = fit_toys(one.wifi_log_r, counts, options.toy_events)
        for kind, value, sigma in [
                ("exact ratios", exact, exact_error), ("no uncertainty added", mu, error),
                ("replicas", mu, np.hypot(error, one.replicas)),
                ("weighted members, mean of members", mu, np.hypot(error, one.wifi)),
                ("weighted members, their own ratios", own, np.hypot(own_error, one.wifi)),
                ("true sigma", mu, np.hypot(error, true))]:
            kinds[kind].append([np.mean(np.abs(value - 1) < k * sigma) for k in (1.0, 1.96)] +
                               [np.mean(error)])
    print(f"{options.toys} toys of {options.toy_events} events for each set; "
          f"mean error of a toy fit {np.mean(kinds['exact ratios'], axis=0)[2]:.4f}\n")
    print("| interval | covers at 68.3 % | covers at 95 % |")
    print("| --- | --- | --- |")
    for kind, values in kinds.items():
        mean = 100 * np.mean(values, axis=0)
        error = 100 * np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
        print(f"| {kind} | {mean[0]:.1f} +- {error[0]:.1f} % | {mean[1]:.1f} +- {error[1]:.1f} % |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=lambda p: pathlib.Path(p).resolve(), required=True)
    parser.add_argument("--out", type=lambda p: pathlib.Path(p).resolve(), required=True)
    parser.add_argument("--train-bin", type=lambda p: pathlib.Path(p).resolve(),
                        help="programs for the trainings, if not those of --bin")
    parser.add_argument("--train-only", action="store_true", help="leave the fits for later")
    parser.add_argument("--sets", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="number of the first set")
    parser.add_argument("--events", type=int, default=4000, help="simulated, per process")
    parser.add_argument("--train", type=float, default=0.5,
                        help="share of the events for the nets; the rest but 0.1 for inference")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--replicas", type=int, default=10)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--toys", type=int, default=200)
    parser.add_argument("--toy-events", type=int, default=POOL)
    parser.add_argument("--peak", action="store_true", help="over a long tail")
    options = parser.parse_args()
    if options.peak:
        global SIGNAL, BACKGROUND
        SIGNAL, BACKGROUND = (2.0, 0.5), (0.5,)
    options.out.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        folders = list(pool.map(lambda number: run_set(options, number),
                                range(options.first, options.first + options.sets)))
    if options.train_only:
        return
    sets = [Set(folder) for folder in folders]
    print_scatter(sets)
    print_coverage(options, sets)


if __name__ == "__main__":
    main()
