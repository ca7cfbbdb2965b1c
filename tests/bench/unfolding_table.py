#!/usr/bin/env python3
"""Unfolding beside a public package, and what chains cost: unfolding_table.py --programs FOLDER PART [options]

    peer     the package omnifold of PyPI on the same events: histograms, and time for the same number of steps.
             Needs a Python with it: pip install tensorflow-cpu==2.21.0 matplotlib PyYAML h5py numpy xxhash
             and pip install --no-deps omnifold==0.1.36 (which asks for another name of TensorFlow)
    chains   200 chains of 8 steps of small nets beside 800 of 2 steps, which are the same trainings and wait for less:
             how busy two trainers are

Gaussian truth and resolution, and an efficiency that falls with t^2; the exact iterations are closed forms. Prints
tables in Markdown.
"""
import argparse
import ctypes
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python" / "src"))
import ratiofarm  # noqa: E402

CAMPAIGN = """
[campaign]
name = "unfold"
[events]
file = "events.h5"
features = ["x"]
[split]
train = {train}
validation = {validation}
inference = {inference}
[network]
hidden = {hidden}
activation = "relu"
[training]
epochs = {epochs}
batch = {batch}
learning_rate = {rate}
patience = {epochs}
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
iterations = {iterations}
members = {members}
misses = "{misses}"
replicas_data = {replicas}
[[unfolding.observable]]
column = "t"
edges = [-inf, -0.5, 0.0, 0.5, 1.0, 1.5, inf]
"""
EDGES = [-np.inf, -0.5, 0.0, 0.5, 1.0, 1.5, np.inf]


def detector(t, random):
    return t + 0.5 * random.normal(size=len(t)), random.uniform(size=len(t)) < 0.9 * np.exp(-t * t / 8)


def make_events(folder, events, seed):
    """Simulation N(0, 1) of 800 events, nature N(0.5, 0.8) of 1000."""
    random = np.random.default_rng(seed)
    t = random.normal(0.0, 1.0, events)
    x, seen = detector(t, random)
    mc = {"x": np.where(seen, x, np.nan), "t": t, "pass_reco": seen, "pass_truth": np.ones(events, bool),
          "weight": np.full(events, 800.0 / events), "id": np.arange(events)}
    measured, is_seen = detector(random.normal(0.5, 0.8**0.5, events), random)
    data = {"x": measured[is_seen], "weight": np.full(is_seen.sum(), 1000.0 / events), "id": np.arange(is_seen.sum()) + 10**9}
    ratiofarm.write_events(folder / "events.h5", {"mc": mc, "data": data}, features=["x"], id="id", truth=["t"])
    return mc, data


def exact(iterations, misses):
    """Yield, mean, variance after each iteration, on a grid."""
    t = x = np.arange(-7.0, 7.0, 0.05) + 0.025
    normal = lambda x, mean, variance: np.exp(-(x - mean) ** 2 / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    efficiency = 0.9 * np.exp(-t * t / 8)
    response = 0.05 * normal(x[:, None], t[None, :], 0.25) * efficiency
    prior, nature = 800 * 0.05 * normal(t, 0, 1), 1000 * 0.05 * normal(t, 0.5, 0.8)
    data, nu, rows = response @ nature, np.ones(len(t)), []
    for _ in range(iterations):
        omega = response.T @ (data / (response @ (prior * nu)))
        nu = nu * (omega / efficiency if misses == "extrapolate" else omega + 1 - efficiency)
        rows.append((*moments(t, prior * nu), np.histogram(t, EDGES, weights=prior * nu)[0]))
    return rows


def moments(t, w):
    mean = np.average(t, weights=w)
    return w.sum(), mean, np.average((t - mean) ** 2, weights=w)


def environment(folder):
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def children_seconds():
    """Processor time of all that was started, trainers among them, which outlive the process that began them."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_ratiofarm(options, folder, out, ranks=1, **settings):
    """Processor seconds of everything, and the lines of the journal."""
    (folder / "campaign.toml").write_text(CAMPAIGN.format(**settings))
    command = [str(options.programs / "ratiofarm"), "run", "campaign.toml", "--out", out]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *command]
    begin = children_seconds()
    subprocess.run(command, cwd=folder, env=environment(options.programs), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (folder / out / "journal.jsonl").read_text().splitlines()]
    return children_seconds() - begin, lines


def run_omnifold(mc, data, settings):
    """Weights of all simulated events after each iteration, as the package makes them, and its processor seconds."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1",
                      CUDA_VISIBLE_DEVICES="")
    import tensorflow as tf
    from omnifold import MLP, DataLoader, MultiFold
    from omnifold.net import weighted_binary_crossentropy

    # Keras 3 clones a compiled model only if it knows the loss by name.
    tf.keras.utils.get_custom_objects()["weighted_binary_crossentropy"] = weighted_binary_crossentropy
    tf.random.set_seed(1)
    np.random.seed(1)
    column = lambda values: np.nan_to_num(values).astype("f4")[:, None]
    measured = DataLoader(reco=column(data["x"]), weight=data["weight"].astype("f4"))
    simulated = DataLoader(reco=column(mc["x"]), gen=column(mc["t"]), pass_reco=mc["pass_reco"], pass_gen=mc["pass_truth"],
                           weight=mc["weight"].astype("f4"))
    # Raw sums of weights would be learned as a tiny loss at this rate; the ratio of the sums stays.
    scale = len(mc["weight"]) / mc["weight"].sum()
    measured.weight, simulated.weight = measured.weight * scale, simulated.weight * scale
    layers = settings["layers"]
    package = MultiFold("bench", MLP(1, layers, activation="relu"), MLP(1, layers, activation="relu"), measured, simulated,
                        weights_folder=settings["folder"], log_folder=settings["folder"], niter=settings["iterations"],
                        batch_size=settings["batch"], epochs=settings["epochs"], lr=settings["rate"], early_stop=settings["epochs"])
    after, step_2 = [], package.RunStep2

    def run_step_2(iteration):
        step_2(iteration)
        after.append(np.array(package.weights_push))

    package.RunStep2 = run_step_2
    begin = time.process_time()
    package.Unfold()
    updates = settings["iterations"] * settings["epochs"] * 0.8 * (package.num_steps_reco + package.num_steps_gen)
    return after, time.process_time() - begin, updates


def peer(options):
    settings = {"hidden": "[32, 32]", "iterations": 4, "epochs": options.epochs, "batch": 512, "rate": 0.004, "members": options.members, "replicas": options.replicas,
                "train": 0.64, "validation": 0.16, "inference": 0.2}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        mc, data = make_events(folder, options.events, 1)
        columns, errors = {}, None
        for misses in ("extrapolate", "keep"):
            columns[f"exact, {misses}"] = exact(4, misses)
            replicas = {"replicas": options.replicas if misses == "extrapolate" else 0}
            run_ratiofarm(options, folder, misses, misses=misses, **(settings | replicas))
            found = ratiofarm.open_unfolded(folder / misses)
            t = found.column("t")
            columns[f"ratiofarm, {misses}"] = [(*moments(t, w), np.histogram(t, EDGES, weights=w)[0]) for w in found.iterations.values()]
            if misses == "extrapolate":
                errors = found.histogram("t", EDGES).covariances
        one, _ = run_ratiofarm(options, folder, "one", misses="extrapolate", **(settings | {"members": 1, "replicas": 0}))
        after, public, updates = run_omnifold(mc, data, {"layers": [32, 32], "folder": name, "iterations": 4, "epochs": options.epochs,
                                                                 "batch": 512, "rate": 0.004})
        columns["omnifold"] = [(*moments(mc["t"], mc["weight"] * w), np.histogram(mc["t"], EDGES, weights=mc["weight"] * w)[0]) for w in after]
    print(f"{options.events} simulated events, {len(data['x'])} data events, nets of 2 x 32, {options.epochs} epochs, batches of 512\n")
    print("| iteration | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 1))
    for n in range(4):
        print(f"| {n + 1} | " + " | ".join("{:.1f}, {:.4f}, {:.4f}".format(*rows[n][:3]) for rows in columns.values()) + " |")
    print("\nyield, mean and variance. Bins after the last iteration:\n\n| bin | error (data) | error (nets) | "
          + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 3))
    for k in range(len(EDGES) - 1):
        sigma = [np.sqrt(errors[source][k, k]) if source in errors else np.nan for source in ("data", "members")]
        print(f"| {EDGES[k]} to {EDGES[k + 1]} | {sigma[0]:.2f} | {sigma[1]:.2f} | " + " | ".join(f"{rows[3][3][k]:.2f}" for rows in columns.values()) + " |")
    seen = mc["pass_reco"].mean()
    own = 4 * options.epochs * (0.64 * 2 * seen * options.events + 0.8 * len(data["x"])) / settings["batch"]
    print("\n| 8 steps of one chain, everything included | processor seconds | updates |\n| --- | --- | --- |\n"
          f"| ratiofarm | {one:.1f} | {own:.0f} |\n| omnifold | {public:.1f} | {updates:.0f} |")


def chains(options):
    settings = {"hidden": "[16, 16]", "epochs": options.epochs, "batch": 512, "rate": 0.003, "members": 4,
                "misses": "extrapolate", "train": 0.6, "validation": 0.15, "inference": 0.25}
    print("| chains | steps | seconds of training | seconds of the farm x 2 | busy | processor seconds of everything |\n|" + " --- |" * 6)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_events(folder, options.events, 1)
        for iterations, replicas in [(4, 49), (1, 199)]:
            processor, lines = run_ratiofarm(options, folder, f"run{iterations}", ranks=2, iterations=iterations, replicas=replicas, **settings)
            done = [line for line in lines if line.get("event") == "task_committed"]
            end = next(line for line in lines if line.get("event") == "farm_ended")
            print(f"| {4 * (1 + replicas)} | {2 * iterations} | {sum(line['seconds'] for line in done):.1f} | {2 * end['seconds']:.1f} | "
                  f"{100 * end['busy_seconds'] / (2 * end['seconds']):.2f} % | {processor:.1f} |", flush=True)


def main():
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: trainers without a parent become ours
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["peer", "chains"])
    parser.add_argument("--programs", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--events", type=int, default=60000, help="of the simulation and of nature")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--replicas", type=int, default=12)
    options = parser.parse_args()
    {"peer": peer, "chains": chains}[options.part](options)


if __name__ == "__main__":
    main()
