#!/usr/bin/env python3
"""Unfolding with trained nets where the exact answer is known: unfolding_cases.py --programs FOLDER PART [options]

    moments      yield, mean and variance after each iteration beside the closed forms: Gaussians, misses, fakes of
                 both kinds with each treatment of them, and a response that depends on two columns
    covariance   the spread of replicas of the data beside the error that theory says

Prints tables in Markdown. Independent simulations are averaged; in brackets the scatter of one.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python" / "src"))
import ratiofarm  # noqa: E402

CAMPAIGN = """
[campaign]
name = "unfold"
[events]
file = "events.h5"
features = {features}
[split]
train = 0.5
validation = 0.1
inference = 0.4
[network]
hidden = [32, 32]
[training]
epochs = {epochs}
batch = 512
learning_rate = 0.004
[unfolding]
data = "data"
simulation = "mc"
truth = {truth}
iterations = {iterations}
members = {members}
replicas_data = {replicas}
{more}
[[unfolding.observable]]
column = "t"
edges = [-inf, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, inf]
"""
#: mean 0.03, variance 0.025 and yield 1.5 % are allowed for 60,000 simulated and as many measured events
ALLOWED = {"yield": 0.015, "mean": 0.03, "variance": 0.025}


def detector(t, random, variance):
    return t + variance**0.5 * random.normal(size=t.shape)


def levels(x, t, seen, true):
    """Columns of a simulation; what an event does not have is NaN."""
    columns = {"pass_reco": seen, "pass_truth": true, "weight": np.full(len(seen), 1.0 / true.sum()), "id": np.arange(len(seen))}
    for prefix, level, values in [("x", seen, x), ("t", true, t)]:
        for k, column in enumerate(np.atleast_2d(values.T)):
            columns[prefix + ("2" if k else "")] = np.where(level, column, np.nan)
    return columns


def measured(x, total):
    columns = {"x" + ("2" if k else ""): column for k, column in enumerate(np.atleast_2d(x.T))}
    return columns | {"weight": np.full(len(x), total / len(x)), "id": np.arange(len(x)) + 10**9}


def gaussians(variance, simulated, nature):
    """\\param simulated, nature  mean and variance of the truth"""
    def make(events, random):
        normal = lambda mean, variance: random.normal(mean, variance**0.5, events)
        t, yes = normal(*simulated), np.ones(events, bool)
        return levels(detector(t, random, variance), t, yes, yes), measured(detector(normal(*nature), random, variance), 1.0)
    return make


def inefficient(events, random):
    """A fifth of misses; the yields are 800 and 1000, here over 1000."""
    seen = lambda t: random.uniform(size=events) < 0.9 * np.exp(-t * t / 8)
    t, nature = random.normal(0, 1, events), random.normal(0.5, 0.8**0.5, events)
    mc = levels(detector(t, random, 0.25), t, seen(t), np.ones(events, bool))
    mc["weight"] = np.full(events, 0.8 / events)
    passed = seen(nature)
    return mc, measured(detector(nature, random, 0.25)[passed], passed.sum() / events)


def with_background(events, random):
    """A tenth of events at the reconstruction that are the same in nature and in the simulation."""
    fakes = events // 10
    t, nature = random.normal(1, 1, events), random.normal(0, 1, events)
    x = np.concatenate([detector(t, random, 0.25), random.normal(0.5, 2**0.5, fakes)])
    true = np.arange(events + fakes) < events
    mc = levels(x, np.concatenate([t, np.zeros(fakes)]), np.ones(events + fakes, bool), true)
    return mc, measured(np.concatenate([detector(nature, random, 0.25), random.normal(0.5, 2**0.5, fakes)]), 1.1)


def migrating(events, random):
    """Each measured event has no truth with probability 0.1."""
    t, nature = random.normal(1, 1, events), random.normal(0, 1, events)
    mc = levels(detector(t, random, 0.25), t, np.ones(events, bool), random.uniform(size=events) < 0.9)
    return mc, measured(detector(nature, random, 0.25), 1.0 / 0.9)


def two_columns(events, random):
    """The response of x depends on t2, too."""
    t = random.normal(size=(events, 2))
    nature = random.multivariate_normal([0.3, 0.5], [[1, 0.2], [0.2, 0.8]], events)
    response = np.array([[1, 0.3], [0, 1]])
    see = lambda t: detector(t @ response.T, random, 0.25)
    yes = np.ones(events, bool)
    return levels(see(t), t, yes, yes), measured(see(nature), 1.0)


#: name, events, keys of [unfolding], columns at both levels, exact rows of iteration, yield, mean, variance
CASES = [
    ("A1", gaussians(0.25, (1, 1), (0, 1)), "", 1, {1: (1, 0.2, 1), 2: (1, 0.04, 1), 3: (1, 0.008, 1)}),
    ("A2", gaussians(0.25, (0, 1), (1, 2.25)), "", 1, {1: (1, 0.8, 1.8), 2: (1, 0.97561, 2.14694), 3: (1, 0.99746, 2.22962)}),
    ("A3", gaussians(1.0, (0, 1), (0.5, 0.64)), "", 1, {1: (1, 0.25, 0.91), 3: (1, 0.42920, 0.80472)}),
    ("B, extrapolate", inefficient, "", 1,
     {1: (0.99780, 0.38745, 0.88192), 2: (1.00086, 0.47296, 0.83636), 3: (1.00098, 0.49359, 0.81667)}),
    ("B, keep", inefficient, 'misses = "keep"', 1,
     {1: (0.95648, 0.26568, 0.91626), 2: (0.98606, 0.37885, 0.86591), 3: (0.99387, 0.43311, 0.83751)}),
    ("D, fixed", with_background, 'fakes = "fixed"', 1,
     {1: (0.95201, 0.32362, 0.97365), 2: (0.99593, 0.10356, 0.98481), 3: (1.00139, 0.03375, 0.99555)}),
    ("D, follow", with_background, 'fakes = "follow"', 1,
     {1: (0.95201, 0.32362, None), 2: (0.95201, 0.18928, None), 3: (0.95201, 0.16175, None)}),
    ("D', follow", migrating, 'fakes = "follow"', 1, {1: (1, 0.2, 1), 2: (1, 0.04, 1), 3: (1, 0.008, 1)}),
    ("D', fixed", migrating, 'fakes = "fixed"', 1, {1: (None, 0.2, None), 2: (None, -0.01206, None), 3: (None, -0.07169, None)}),
    ("E, both columns", two_columns, "", 2, {1: (1, 0.26025, 1.01448), 2: (1, 0.29776, 1.01448), 3: (1, 0.30091, 1.01025)}),
    ("E, one column", two_columns, "", 1, {1: (1, 0.33582, None), 2: (1, 0.42221, None), 3: (1, 0.44336, None)}),
]


def moments(t, w):
    mean = np.average(t, weights=w)
    return w.sum(), mean, np.average((t - mean) ** 2, weights=w)


def environment(folder):
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def unfold(options, folder, events, keys):
    """The run directory of one unfolding."""
    (mc, data), columns = events, keys["columns"]
    names = lambda letter: [letter, letter + "2"][:columns]
    ratiofarm.write_events(folder / "events.h5", {"mc": mc, "data": data}, features=names("x"), id="id",
                           truth=[name for name in ("t", "t2") if name in mc])
    quoted = lambda letter: json.dumps(names(letter))
    (folder / "campaign.toml").write_text(CAMPAIGN.format(
        features=quoted("x"), truth=quoted("t"), epochs=options.epochs, members=options.members,
        iterations=keys["iterations"], replicas=keys["replicas"], more=keys["more"]))
    done = subprocess.run([str(options.programs / "ratiofarm"), "run", "campaign.toml", "--out", "run"], cwd=folder,
                          env=environment(options.programs), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    return folder / "run"


def found_moments(options, case, seed):
    name, make, more, columns, exact = case
    with tempfile.TemporaryDirectory() as folder:
        keys = {"columns": columns, "iterations": max(exact), "replicas": 0, "more": more}
        run = unfold(options, pathlib.Path(folder), make(options.events, np.random.default_rng(seed)), keys)
        result = ratiofarm.open_unfolded(run)
        t = result.column("t")
        return [moments(t, w) for w in result.iterations.values()]


def print_moments(options):
    print(f"{options.events} events, nets of 2 x 32, {options.epochs} epochs, members: {options.members}, simulations: {options.simulations}\n")
    print("| case | iteration | yield | exact | mean | exact | variance | exact | within |\n|" + " --- |" * 9)
    for case in CASES:
        if options.only and not case[0].startswith(options.only):
            continue
        found = np.array([found_moments(options, case, seed) for seed in range(1, 1 + options.simulations)])
        for iteration, exact in case[4].items():
            values, scatter = found[:, iteration - 1].mean(axis=0), found[:, iteration - 1].std(axis=0, ddof=1)
            cells, good = [], True
            for value, spread, wanted, allowed in zip(values, scatter, exact, ALLOWED.values()):
                cells.append(f"{value:.4f} ({spread:.4f}) | {'' if wanted is None else format(wanted, '.4f')}")
                good &= wanted is None or abs(value - wanted) <= allowed
            print(f"| {case[0]} | {iteration} | {' | '.join(cells)} | {'yes' if good else 'no'} |", flush=True)


#: iterations: sigma of the mean, of bins 4, 5, 6, correlations of 5 with 6 and 7; times the root of the number of data
THEORY = {1: (0.89443, 0.19544, 0.23685, 0.25021, 0.7802, 0.3703), 3: (1.10922, 0.31168, 0.34800, 0.34447, 0.5513, -0.0949),
          5: (1.11768, 0.37002, 0.41312, 0.40912, 0.4199, -0.2869)}


def spread(t, families, events):
    """The row of THEORY from weights of replicas."""
    edges = np.arange(-2.0, 2.1, 0.5)
    bins = np.array([np.bincount(np.searchsorted(edges, t), weights=w, minlength=10) for w in families])
    means = np.array([np.average(t, weights=w) for w in families])
    covariance, root = np.cov(bins.T), np.sqrt(events)
    sigma = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sigma, sigma)
    return [means.std(ddof=1) * root, *(sigma[3:6] * root), correlation[4, 5], correlation[4, 6]]


def print_covariance(options):
    events = options.events // 6
    print(f"{options.replicas} replicas of {events} data, {options.events} simulated events, nets of 2 x 32, {options.epochs} epochs, "
          f"members: {options.members}; errors of the replicas {100 / np.sqrt(2 * (options.replicas - 1)):.1f} %\n")
    print("| iterations | | mean | bin 4 | bin 5 | bin 6 | corr 5, 6 | corr 5, 7 |\n|" + " --- |" * 8)
    for iterations in options.iterations:
        with tempfile.TemporaryDirectory() as folder:
            mc, data = gaussians(0.25, (1, 1), (0, 1))(options.events, np.random.default_rng(1))
            data = {name: values[:events] for name, values in data.items()}
            data["weight"] = np.full(events, 1.0 / events)
            keys = {"columns": 1, "iterations": iterations, "replicas": options.replicas, "more": ""}
            result = ratiofarm.open_unfolded(unfold(options, pathlib.Path(folder), (mc, data), keys))
            found = spread(result.column("t"), [w for name, w in result.weights.items() if name.startswith("bootstrap_data_")], events)
        print(f"| {iterations} | theory | " + " | ".join(f"{value:.3f}" for value in THEORY[iterations]) + " |")
        print(f"| | replicas | " + " | ".join(f"{value:.3f}" for value in found) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["moments", "covariance"])
    parser.add_argument("--programs", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--events", type=int, default=60000, help="of the simulation and of nature")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--simulations", type=int, default=4)
    parser.add_argument("--replicas", type=int, default=200)
    parser.add_argument("--iterations", type=int, nargs="+", default=[1, 3], choices=list(THEORY))
    parser.add_argument("--only", default="", help="moments: cases whose name begins so")
    options = parser.parse_args()
    {"moments": print_moments, "covariance": print_covariance}[options.part](options)


if __name__ == "__main__":
    main()
