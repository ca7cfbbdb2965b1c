#!/usr/bin/env python3
"""An unfolding from events to weights, whose exact answer is known: unfold_test.py FOLDER_OF_PROGRAMS

Gaussian truth and resolution and an efficiency that falls with t^2: the exact iterations are closed forms. Chains of
one seed are equal, the bits depend neither on the number of ranks nor on a kill -9 of everything. A second one has a
background, whose exact iterations are known, too, and variations that begin at the truth and must stay there.
"""
import json
import math
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import h5py
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
train = 0.6
validation = 0.15
inference = 0.25
[network]
hidden = [32, 32]
[training]
epochs = 10
batch = 512
learning_rate = 0.004
checkpoint_seconds = 0.2
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
iterations = 2
members = 1
replicas_data = 2
variation = { same = { weight = "same" } }
[[unfolding.observable]]
column = "t"
edges = [-inf, -0.5, 0.5, 1.5, inf]
"""
BACKGROUND = """
[campaign]
name = "background"
[events]
file = "background.h5"
features = ["x"]
[split]
train = 0.5
validation = 0.1
inference = 0.4
[network]
hidden = [16, 16]
[training]
epochs = 8
batch = 256
learning_rate = 0.004
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
background = ["other"]
iterations = 2
members = 2
ensemble = "step"
variation = { by_weight = { weight = "true" }, by_sample = { simulation = "true_mc" } }
[[unfolding.observable]]
column = "t"
reco = "x"
edges = [-inf, -0.5, 0.5, 1.5, inf]
"""
SIMULATED, TRUE = 40000, 50000  # events of weight 0.02, 800 in all, and of weight 1/50: 1000


def detector(t, random):
    return t + 0.5 * random.normal(size=len(t)), random.uniform(size=len(t)) < 0.9 * np.exp(-t * t / 8)


def write_events(folder):
    random = np.random.default_rng(5)
    t = random.normal(0.0, 1.0, SIMULATED)
    x, seen = detector(t, random)
    weight = np.full(SIMULATED, 800.0 / SIMULATED)
    mc = {"x": np.where(seen, x, np.nan), "t": t, "pass_reco": seen, "pass_truth": np.ones(SIMULATED, bool),
          "weight": weight, "same": weight, "id": np.arange(SIMULATED)}
    measured, is_seen = detector(random.normal(0.5, 0.8**0.5, TRUE), random)
    data = {"x": measured[is_seen], "weight": np.full(is_seen.sum(), 1000.0 / TRUE), "id": np.arange(is_seen.sum()) + 10**9}
    ratiofarm.write_events(folder / "events.h5", {"mc": mc, "data": data}, features=["x"], id="id",
                           weights={"same": "same"}, truth=["t"])


def command(ranks, out):
    run = ["ratiofarm", "run", "campaign.toml", "--out", out]
    return run if ranks == 1 else ["mpirun", "--oversubscribe", "-n", str(ranks), *run]


def unfold(folder, ranks, out):
    done = subprocess.run(command(ranks, out), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exit code {done.returncode} of {command(ranks, out)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def weights(folder, out):
    with h5py.File(folder / out / "unfolded.h5") as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: value for name, value in found.items() if value.dtype.kind in "fu" and "crc" not in name}


def results(folder, out):
    return {path.name: path.read_bytes() for path in (folder / out / "tasks").rglob("*.ckpt")}


def expect_exact(folder):
    """Closed forms of iterations 1 and 2, within what nets and events of this number allow."""
    found = weights(folder, "one")
    t = found["truth"][:, 0]
    for name, exact in [("iterations/1", (997.80, 0.3875, 0.8819)), ("iterations/2", (1000.86, 0.4730, 0.8364))]:
        w = found[name]
        mean = np.average(t, weights=w)
        numbers = w.sum(), mean, np.average((t - mean) ** 2, weights=w)
        print(name, *numbers)
        for what, value, wanted, allowed in zip(("yield", "mean", "variance"), numbers, exact, (20.0, 0.035, 0.035)):
            assert abs(value - wanted) < allowed, f"{name}: {what} {value} instead of {wanted}"
    return found


def expect_equal(folder, out, wanted):
    found = weights(folder, out)
    assert found.keys() == wanted.keys(), f"{out}: {sorted(found)} instead of {sorted(wanted)}"
    for name, value in wanted.items():
        assert np.array_equal(found[name], value, equal_nan=True), f"{out}: other bits in {name}"
    assert results(folder, out) == results(folder, "one"), f"{out}: other results of tasks"


def killed(folder):
    """kill -9 of mpirun with all that it started, twice, each time after some more tasks were done."""
    journal = folder / "killed" / "journal.jsonl"
    lines = lambda: journal.read_bytes().count(b"\n") if journal.exists() else 0
    for _ in range(2):
        before = lines()
        farm = subprocess.Popen(command(2, "killed"), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                start_new_session=True)
        while farm.poll() is None and lines() < before + 4:
            time.sleep(0.01)
        assert farm.poll() is None, "the farm ended before it could be killed"
        os.killpg(farm.pid, signal.SIGKILL)
        farm.wait()
        time.sleep(1.0)  # until the ranks have seen that it is gone
    said = unfold(folder, 2, "killed")
    assert "up to date" not in said, said


def joined(folder):
    """Jobs that share the chains: one is killed after its first task, one begins late."""
    out = folder / "joined"
    slow = ";".join(f"*:step@{step}=slow" for step in range(10, 110, 10))  # half a second in each task
    environment = {**os.environ, "RATIOFARM_FAILPOINT": slow}

    def job():
        return subprocess.Popen([*command(1, "joined"), "--join", "--lease", "2"], cwd=folder, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True)

    def lines(event):
        texts = [path.read_text() for path in out.glob("journal.job-*")]
        return [[line for line in text.splitlines() if f'"{event}"' in line] for text in texts]

    jobs = [job(), job()]
    while jobs[0].poll() is None and sum(map(bool, lines("task_committed"))) < 2:
        time.sleep(0.05)
    os.killpg(jobs[1].pid, signal.SIGKILL)
    jobs[1].communicate()
    jobs[1] = job()
    for one in jobs:
        said = one.communicate()[0]
        assert one.returncode == 0, said
    done = [json.loads(line)["task"] for journal in lines("task_committed") for line in journal]
    print("tasks of the jobs that shared the chains:", [len(journal) for journal in lines("task_committed")])
    assert len(set(done)) == len(done), "a task was committed twice"
    said = unfold(folder, 1, "joined")
    assert "up to date" in said, said
    assert not list(out.rglob("*.state*")) and not (out / "claims").exists()


def write_background(folder):
    """Simulation N(0.4, 1), nature N(0, 1), resolution 0.5; a tenth of N(0.5, 2) at the reconstruction."""
    random = np.random.default_rng(8)
    events = 20000
    measured = lambda t: t + 0.5 * random.normal(size=len(t))
    columns = lambda t: {"x": measured(t), "t": t, "pass_reco": np.ones(len(t), bool), "pass_truth": np.ones(len(t), bool),
                         "weight": np.ones(len(t)), "id": np.arange(len(t))}
    mc = columns(random.normal(0.4, 1.0, events))
    mc["true"] = np.exp(0.08 - 0.4 * mc["t"])  # of N(0, 1)
    other = lambda first: {"x": random.normal(0.5, 2**0.5, events // 10), "weight": np.ones(events // 10), "id": first + np.arange(events // 10)}
    data, fakes = columns(random.normal(0.0, 1.0, events)), other(10**6)
    data = {name: np.concatenate([data[name], fakes[name]]) for name in fakes}
    true_mc = columns(random.normal(0.0, 1.0, events))
    ratiofarm.write_events(folder / "background.h5", {"mc": mc, "true_mc": true_mc, "data": data, "other": other(0)}, features=["x"],
                           id="id", weights={"true": "true"}, truth=["t"])
    return events


def exact_with_background(iterations):
    """Yield, mean and variance after each iteration, on a grid of t and x."""
    t = x = np.arange(-7.0, 7.0, 0.05) + 0.025
    normal = lambda x, mean, variance: np.exp(-(x - mean) ** 2 / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    response = 0.05 * normal(x[:, None], t[None, :], 0.25)
    nature, prior, background = (0.05 * normal(t, *shape) for shape in [(0, 1), (0.4, 1), (0.5, 2)])
    data = response @ nature + 0.1 * background
    nu = np.ones(len(t))
    for _ in range(iterations):
        omega = data / (response @ (prior * nu) + 0.1 * background)
        nu *= response.T @ omega / response.sum(axis=0)
        w = prior * nu
        mean = np.average(t, weights=w)
        yield w.sum(), mean, np.average((t - mean) ** 2, weights=w)


def expect_background(folder):
    events = write_background(folder)
    (folder / "campaign.toml").write_text(BACKGROUND)
    unfold(folder, 2, "background")
    found = weights(folder, "background")
    t = found["truth"][:, 0]
    first, second = exact_with_background(2)
    exact = {"iterations/1": first, "iterations/2": second, "weights/by_weight": (1.0, 0.0, 1.0)}
    for name, wanted in exact.items():
        w = found[name]
        mean = np.average(t, weights=w)
        numbers = w.sum() / events, mean, np.average((t - mean) ** 2, weights=w)
        print(name, *numbers, "exact", *wanted)
        assert np.allclose(numbers, wanted, atol=0.05), f"{name}: {numbers} instead of {wanted}"
    record = json.loads((folder / "background" / "unfold.json").read_text())
    bins = record["observables"][0]
    rows = {source["source"]: np.array(source["rows"]) for source in bins["covariances"]}["by_sample"]
    below = lambda x: 0.5 * math.erfc(-x / 2**0.5)
    true = events * np.diff([0.0, below(-0.5), below(0.5), below(1.5), 1.0])
    difference = np.array(bins["unfolded"]) - true  # of which the covariance is the square
    print("by_sample", np.sqrt(np.diag(rows)), "instead of", abs(difference))
    assert np.allclose(np.sqrt(np.diag(rows)), abs(difference), atol=0.02 * events), (rows, difference)


def expect_failing_gate(folder):
    """A net that learns nothing closes with no seed: its chain ends, and nothing is published."""
    campaign = BACKGROUND.replace("learning_rate = 0.004", "learning_rate = 1e-9").replace("epochs = 8", "epochs = 1")
    (folder / "campaign.toml").write_text(campaign.replace("[network]", "[gates]\nexcess = 1e-9\n[network]"))
    for out, more in {"failing": [], "failing_job": ["--join", "--lease", "1"]}.items():
        done = subprocess.run([*command(1, out), *more], cwd=folder, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 3, said
        assert "none of 3 nets is good enough; the last one: closure" in said, said
        assert "not begun: it needs 'unfold/nominal/nominal/0/it1/step1', which failed" in said, said
        assert not (folder / out / "unfolded.h5").exists()


def main():
    os.environ.update(PATH=f"{sys.argv[1]}:{os.environ['PATH']}", OMP_NUM_THREADS="1",
                      OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    folder = pathlib.Path(tempfile.mkdtemp())
    print("kept if it fails:", folder)
    write_events(folder)
    (folder / "campaign.toml").write_text(CAMPAIGN)
    begin = time.monotonic()
    unfold(folder, 1, "one")
    print(f"one rank: {time.monotonic() - begin:.1f} s")
    found = expect_exact(folder)
    # A chain whose events weigh alike has the same nets, so two chains of one seed are equal.
    same = next(name for name in found if name.startswith("weights/") and "same" in name)
    assert np.array_equal(found[same], found["weights/nominal"]), "two chains of one seed differ"
    replica = next(name for name in found if "bootstrap_data" in name)
    assert not np.array_equal(found[replica], found["weights/nominal"]), "a replica is like the data"
    # Kept are both iterations of the nominal chain and the last one of the others.
    assert len(results(folder, "one")) == 2 + 2 + 1, sorted(results(folder, "one"))
    said = unfold(folder, 1, "one")
    assert "up to date" in said, said
    unfold(folder, 2, "two")
    expect_equal(folder, "two", found)
    killed(folder)
    expect_equal(folder, "killed", found)
    joined(folder)
    expect_equal(folder, "joined", found)
    expect_background(folder)
    expect_failing_gate(folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
