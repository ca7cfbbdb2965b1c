#!/usr/bin/env python3
"""An unfolding from events to weights, whose exact answer is known: unfold_test.py FOLDER_OF_PROGRAMS

Gaussian truth and resolution and an efficiency that falls with t^2: the exact iterations are closed forms. Chains of
one seed are equal, the bits depend neither on the number of ranks nor on a kill -9 of everything. A second one has a
background, whose exact iterations are known, too, and variations that begin at the truth and must stay there; a third
one nets that were pretrained with another simulation, likewise with equal bits.
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
import pandas

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
SLOW = ";".join(f"*:step@{step}=slow" for step in range(10, 110, 10))  # half a second in each task
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


def said(folder, *words, code=0):
    """What a command says of a run directory."""
    done = subprocess.run(["ratiofarm", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"exit code {done.returncode} of {words}:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def status(folder, out):
    return json.loads(said(folder, "status", "campaign.toml", "--out", out, "--json"))["unfolding"]


def expect_in(wanted, text):
    assert wanted in text, f"not '{wanted}':\n{text}"


def expect_told(folder):
    """All commands that look know the chains of a finished unfolding."""
    found = status(folder, "one")
    assert (found["chains"], found["chains_done"], found["tasks"], found["tasks_done"]) == (4, 4, 16, 16), found
    expect_in("chains     4 of 4 done; 16 of 16 nets trained", said(folder, "status", "campaign.toml", "--out", "one"))
    expect_in("0 damaged, 0 missing", said(folder, "verify", "--out", "one", "campaign.toml"))
    expect_in("collected  5 of 5 results of chains that stay", said(folder, "collect", "campaign.toml", "--out", "one"))
    read = said(folder, "explain", "unfold/nominal/data 1/0/it2/step1", "campaign.toml", "--out", "one")
    expect_in("reads        unfold/nominal/data 1/0/it1/step2, which is done", read)
    expect_in("done, and its result went when all that read it were done", read)
    assert "files  " not in read, f"a file that is gone is named:\n{read}"
    expect_in("files        ", said(folder, "explain", "unfold/nominal/nominal/0/it2/step2", "campaign.toml", "--out", "one"))
    expect_in("net          attempt 1, ", said(folder, "explain", "unfold/nominal/nominal/0/it2/step2", "campaign.toml", "--out", "one"))
    shutil.copytree(folder / "one", folder / "copied")  # is still of the same campaign
    assert "another campaign" not in said(folder, "report", "campaign.toml", "--out", "copied")
    expect_in("has no stage 'infer'", said(folder, "infer", "campaign.toml", "--out", "one", code=2))
    expect_in("and no likelihood to fit", said(folder, "fit", "campaign.toml", "--out", "one", code=2))
    plan = json.loads(said(folder, "plan", "campaign.toml", "--out", "one", "--json"))
    size = lambda *paths: sum(path.stat().st_size for path in paths)
    kept, table = size(*(folder / "one" / "tasks").rglob("*.ckpt")), size(folder / "one" / "unfolded.h5")
    assert 0.9 * kept < plan["kept_bytes"] <= 1.005 * kept and 0.9 * table < plan["table_bytes"] <= 1.005 * table, (plan, kept, table)
    assert plan["kept_done"] == plan["kept"] == 5, plan


def expect_mended(folder, wanted):
    """A result that should stay is missed, and made again."""
    lost = next(path for path in sorted((folder / "one" / "tasks").rglob("*.ckpt")))
    lost.unlink()
    expect_in("0 damaged, 1 missing", said(folder, "verify", "campaign.toml", "--out", "one"))
    expect_in("collected  4 of 5 results", said(folder, "collect", "campaign.toml", "--out", "one", code=75))
    unfold(folder, 1, "one")
    assert lost.exists()
    expect_equal(folder, "one", wanted)


def expect_changed(folder):
    """A changed campaign asks before it trains again, and nobody takes the result of the other one for its own."""
    shutil.copytree(folder / "one", folder / "changed")
    (folder / "changed.toml").write_text(CAMPAIGN.replace("epochs = 10", "epochs = 9"))
    told = said(folder, "run", "changed.toml", "--out", "changed", code=2)
    for wanted in ("holds 16 trained nets of another campaign", "training.epochs: 10 -> 9", "--accept-change"):
        expect_in(wanted, told)
    exported = subprocess.run(["ratiofarm", "export", "changed.toml", "--format", "omnifold", "--run", "changed", "--out", "e.h5"],
                              cwd=folder, capture_output=True, text=True, check=False)
    assert exported.returncode != 0 and not (folder / "e.h5").exists(), exported
    expect_in("training.epochs: 10 -> 9", exported.stderr)
    assert status(folder, "changed")["tasks_done"] == 16, "what was refused has changed the run directory"
    farm = subprocess.Popen(["ratiofarm", "run", "changed.toml", "--out", "changed", "--accept-change"], cwd=folder, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, env={**os.environ, "RATIOFARM_FAILPOINT": SLOW}, start_new_session=True)
    begun = lambda: sum('"farm_started"' in line or '"task_committed"' in line for line in (folder / "changed" / "journal.jsonl").read_text().splitlines())
    before = begun()
    while farm.poll() is None and begun() < before + 3:
        time.sleep(0.01)
    os.killpg(farm.pid, signal.SIGKILL)
    farm.wait()
    time.sleep(1.0)
    found = status(folder, "changed")
    assert 0 < found["tasks_done"] < 16 and found["chains_done"] == 0 and not found["unfolded"], found
    expect_in("unfolded.h5 and unfold.json are of another campaign", said(folder, "status", "changed.toml", "--out", "changed"))
    said(folder, "run", "changed.toml", "--out", "changed")  # it was let once
    expect_in("chains     4 of 4 done", said(folder, "status", "changed.toml", "--out", "changed"))


def expect_public(folder):
    """The file for others, from the program and from Python, and as Parquet."""
    said(folder, "export", "--format", "omnifold", "campaign.toml", "--run", "one", "--out", "public.h5")
    ratiofarm.open_unfolded(folder / "one").write(folder / "python.h5")
    ratiofarm.open_unfolded(folder / "one").write(folder / "python.parquet")
    parquet = pandas.read_parquet(folder / "python.parquet")
    with h5py.File(folder / "public.h5") as program, h5py.File(folder / "python.h5") as python:
        names = ["t", "weight_mc", "weights_bootstrap_data_0", "weights_bootstrap_data_1", "weights_nominal", "weights_same"]
        assert sorted(program) == sorted(python) == sorted(parquet.columns) == names, (list(program), list(python))
        for name in names:
            assert program[name].dtype == python[name].dtype == parquet[name].dtype, name
            assert np.array_equal(program[name][()], python[name][()]) and np.array_equal(program[name][()], parquet[name]), name
            assert dict(program[name].attrs) == dict(python[name].attrs), name
        assert dict(program.attrs) == dict(python.attrs), (dict(program.attrs), dict(python.attrs))
        assert program.attrs["contains_mc_weight"] == 1 and program.attrs["misses"] == "extrapolate"
        assert np.array_equal(program["weights_nominal"][()], weights(folder, "one")["weights/nominal"])
    expect_in("needs --out", said(folder, "export", "--format", "omnifold", "campaign.toml", "--run", "one", code=2))


def expect_shards(folder, wanted):
    """Chains divided among farms, by either command; then one that finds them done."""
    for command, shard in [("unfold", "0/2"), ("train", "1/2")]:
        before = status(folder, "shards")["tasks_done"] if shard == "1/2" else 0
        said(folder, command, "campaign.toml", "--out", "shards", "--shard", shard)
        assert 0 < status(folder, "shards")["tasks_done"] - before < 16, "all chains are in one shard"
    expect_in("collected  5 of 5 results", said(folder, "collect", "campaign.toml", "--out", "shards"))
    expect_in("up to date", unfold(folder, 1, "shards"))
    expect_equal(folder, "shards", wanted)


def expect_space(folder):
    """Refused before anything is trained where the disk is certain to become full."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1000k", "ratiofarm", disk], capture_output=True, check=False)
    if mounted.returncode != 0:
        assert os.environ.get("CI") != "true", mounted.stderr
        print("no permission to mount a small disk:", mounted.stderr)
        return
    try:
        refused = said(folder, "run", "campaign.toml", "--out", "disk/run", code=2)
        expect_in(" for 5 results of chains, ", refused)
        expect_in(" for unfolded.h5. Make room", refused)
        assert not list(disk.rglob("*.ckpt"))
    finally:
        subprocess.run(["umount", disk], check=True)


def killed(folder, out="killed", tasks=16):
    """kill -9 of mpirun with all that it started, twice, each time after some more tasks were done: slowly, or all would be."""
    journal = folder / out / "journal.jsonl"
    lines = lambda: journal.read_bytes().count(b"\n") if journal.exists() else 0
    for _ in range(2):
        before = lines()
        farm = subprocess.Popen(command(2, out), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env={**os.environ, "RATIOFARM_FAILPOINT": SLOW}, start_new_session=True)
        while farm.poll() is None and lines() < before + 4:
            time.sleep(0.01)
        assert farm.poll() is None, "the farm ended before it could be killed"
        running = status(folder, out)
        os.killpg(farm.pid, signal.SIGKILL)
        farm.wait()
        time.sleep(1.0)  # until the ranks have seen that it is gone
        found = status(folder, out)
        assert 0 < running["tasks_done"] <= found["tasks_done"] < tasks and not found["unfolded"], (running, found)
        expect_in("0 damaged, 0 missing", said(folder, "verify", "campaign.toml", "--out", out))
    assert "up to date" not in unfold(folder, 2, out)


def joined(folder):
    """Jobs that share the chains: one is killed after its first task, one begins late."""
    out = folder / "joined"
    lease = "6"  # seconds: longer than any rank of a busy machine is silent, so no task is done twice
    environment = {**os.environ, "RATIOFARM_FAILPOINT": SLOW}

    def job():
        return subprocess.Popen([*command(1, "joined"), "--join", "--lease", lease], cwd=folder, stdout=subprocess.PIPE,
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
    text = BACKGROUND.replace('ensemble = "step"', 'background_as = "density"').replace("iterations = 2", "iterations = 1")
    (folder / "campaign.toml").write_text(text)
    unfold(folder, 2, "density")  # exact: as if there had never been a background
    assert status(folder, "density")["tasks_done"] == 2 + 2 * 2 * 3, status(folder, "density")
    found = weights(folder, "density")
    w, t = found["iterations/1"], found["truth"][:, 0]
    mean = np.average(t, weights=w)
    numbers = w.sum() / events, mean, np.average((t - mean) ** 2, weights=w)
    print("density", *numbers, "exact", 1.0, 0.08, 1.0)
    assert np.allclose(numbers, (1.0, 0.08, 1.0), atol=0.05), numbers
    record = json.loads((folder / "background" / "unfold.json").read_text())
    bins = record["observables"][0]
    rows = {source["source"]: np.array(source["rows"]) for source in bins["covariances"]}["by_sample"]
    below = lambda x: 0.5 * math.erfc(-x / 2**0.5)
    true = events * np.diff([0.0, below(-0.5), below(0.5), below(1.5), 1.0])
    difference = np.array(bins["unfolded"]) - true  # of which the covariance is the square
    print("by_sample", np.sqrt(np.diag(rows)), "instead of", abs(difference))
    assert np.allclose(np.sqrt(np.diag(rows)), abs(difference), atol=0.02 * events), (rows, difference)


def expect_pretraining(folder):
    """Nets that learned from another simulation are where all chains begin, with the same bits whatever happens."""
    text = BACKGROUND.replace("members = 2", 'members = 2\npretraining = "true_mc"').replace("iterations = 2", "iterations = 1")
    text = text.replace('ensemble = "step"', "replicas_data = 2").replace("[training]", "[training]\ncheckpoint_seconds = 0.2")
    (folder / "campaign.toml").write_text(text)
    unfold(folder, 1, "pretrained")
    found, reference = weights(folder, "pretrained"), results(folder, "pretrained")
    assert status(folder, "pretrained")["tasks_done"] == 4 + 2 * 2 * 5, status(folder, "pretrained")
    assert len(reference) == 2 * 5, "pretrained nets stay"
    expect_in("reads        unfold/nominal/nominal/1/pretraining/step1, which is done",
              said(folder, "explain", "unfold/by_weight/nominal/1/it1/step1", "campaign.toml", "--out", "pretrained"))
    expect_in("done, and its result went when all that read it were done",
              said(folder, "explain", "unfold/nominal/nominal/0/pretraining/step2", "campaign.toml", "--out", "pretrained"))
    w, (wanted, *_) = found["iterations/1"], exact_with_background(1)
    mean = np.average(found["truth"][:, 0], weights=w)
    print("pretrained", w.sum() / 20000, mean, "exact", wanted)
    assert abs(mean - wanted[1]) < 0.05, (mean, wanted)
    killed(folder, "pretrained_killed", 24)
    again = weights(folder, "pretrained_killed")
    assert all(np.array_equal(again[name], value) for name, value in found.items()), "other weights after kill -9"
    assert results(folder, "pretrained_killed") == reference
    said(folder, "unfold", "campaign.toml", "--out", "pretrained_shards", "--shard", "0/2")
    said(folder, "unfold", "campaign.toml", "--out", "pretrained_shards", "--shard", "1/2")
    assert results(folder, "pretrained_shards") == reference
    (folder / "campaign.toml").write_text(text.replace("true_mc\"\n", "mc\"\n", 1))
    expect_in("is the simulation or the data itself", said(folder, "check", "campaign.toml", code=2))


def expect_failing_gate(folder):
    """A net that learns nothing closes with no seed: its chain ends, and nothing is published."""
    campaign = BACKGROUND.replace("learning_rate = 0.004", "learning_rate = 1e-9").replace("epochs = 8", "epochs = 1")
    (folder / "campaign.toml").write_text(campaign.replace("[network]", "[gates]\nexcess = 1e-9\n[network]"))
    for out, more in {"failing": [], "failing_job": ["--join", "--lease", "1"]}.items():
        done = subprocess.run([*command(1, out), *more], cwd=folder, capture_output=True, text=True, check=False)
        told = done.stdout + done.stderr
        assert done.returncode == 3, told
        expect_in("none of 3 nets is good enough; the last one: closure", told)
        expect_in("were not begun: they need results of those that failed", told)
        assert "not begun" not in done.stdout.replace("were not begun:", ""), f"one cause is told several times:\n{done.stdout}"
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
    expect_in("up to date", unfold(folder, 1, "one"))
    expect_told(folder)
    expect_changed(folder)
    expect_public(folder)
    expect_mended(folder, found)
    expect_shards(folder, found)
    expect_space(folder)
    unfold(folder, 2, "two")
    expect_equal(folder, "two", found)
    killed(folder)
    expect_equal(folder, "killed", found)
    joined(folder)
    expect_equal(folder, "joined", found)
    expect_background(folder)
    expect_pretraining(folder)
    expect_failing_gate(folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
