#!/usr/bin/env python3
"""What is wrong with the input of an unfolding is one clear error each, before anything is trained:
unfold_mistakes_test.py FOLDER_OF_PROGRAMS

Each row of the table changes sound events, or the campaign, and says what `check` and `run` must answer; what is no
mistake but should be known is a warning of `check`.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

CAMPAIGN = """
[campaign]
name = "mistakes"
[events]
file = "events.h5"
features = ["x"]
[training]
batch = 16
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
iterations = 2
variation = { up = { weight = "up" } }
[[unfolding.observable]]
column = "t"
reco = "x"
edges = [-inf, 0.0, inf]
"""
EVENTS = 400


def sound():
    """Columns by path; the first events are misses whose features are never read."""
    random = np.random.default_rng(3)
    t = random.normal(0.0, 1.0, EVENTS)
    x = t + 0.3 * random.normal(size=EVENTS)
    x[:10] = np.nan
    reco = np.ones(EVENTS, "u1")
    reco[:10] = 0
    return {"mc/features": x[:, None].astype("f4"), "mc/weight": np.ones(EVENTS), "mc/id": np.arange(EVENTS, dtype="u8"),
            "mc/truth": t[:, None].astype("f4"), "mc/pass_reco": reco, "mc/pass_truth": np.ones(EVENTS, "u1"),
            "mc/weights/up": np.ones(EVENTS), "data/features": (0.5 * x[10:310, None]).astype("f4"), "data/weight": np.ones(300),
            "data/id": np.arange(300, dtype="u8")}


def write(path, columns):
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-events", np.uint64(1)
        for name, values in columns.items():
            if values is not None:
                file[name] = values
        for name, level in [("mc/features", "x"), ("data/features", "x"), ("other/features", "x"), ("mc/truth", "t"), ("data/truth", "t")]:
            if name in file:
                file[name].attrs.create("columns", [level], dtype=h5py.string_dtype())


def put(path, row, value):
    """Changes one value."""
    def change(columns):
        columns[path] = columns[path].copy()
        columns[path][row] = value
    return change


def set_to(path, values):
    def change(columns):
        columns[path] = values
    return change


def levels_of_data(columns):
    columns["data/truth"] = columns["data/features"]
    columns["data/pass_truth"] = np.ones(300, "u1")
    columns["data/pass_reco"] = np.ones(300, "u1")
    columns["data/pass_reco"][7] = 0


def without_truth(columns):
    columns.update({name.replace("data", "other"): values for name, values in columns.items() if name.startswith("data/")})


def replaced(before, now):
    return lambda toml: toml.replace(before, now)


same = lambda toml: toml
#: what is wrong, events, campaign, what is said
MISTAKES = [
    ("NaN in a feature that passed", put("mc/features", 20, np.nan), same, "/mc/features row 20: 'x' is nan"),
    ("NaN in a truth that passed", put("mc/truth", 3, np.nan), same, "'t' is nan, but the event passes pass_truth"),
    ("NaN in the data", put("data/features", 5, np.nan), same, "/data/features row 5: 'x' is nan"),
    ("a flag that is no flag", put("mc/pass_reco", 30, 2), same, "/mc/pass_reco row 30: is 2, must be 0 or 1"),
    ("a flag of the truth that is no flag", put("mc/pass_truth", 30, 7), same, "/mc/pass_truth row 30: is 7, must be 0 or 1"),
    ("an id of the simulation twice", put("mc/id", 30, 31), same, "/mc/id row 31: id 31 is in row 30 as well"),
    ("an id of the data twice", put("data/id", 30, 31), same, "/data/id row 31: id 31 is in row 30 as well"),
    ("no ids of the data, which replicas need", set_to("data/id", None), same, "/data/id: is missing"),
    ("weights of the data that sum to less than 0", set_to("data/weight", -np.ones(300)), same, "/data/weight: the weights sum to -300"),
    ("matched events that weigh less than 0", set_to("mc/weight", np.where(np.arange(EVENTS) < 10, 1000.0, -1.0)), same,
     "the weights of events that pass both levels sum to -390"),
    ("weights of a variation that sum to less than 0", set_to("mc/weights/up", -np.ones(EVENTS)), same,
     "/mc/weights/up: the weights sum to -400"),
    ("no event that passes both levels", set_to("mc/pass_reco", np.zeros(EVENTS, "u1")), same, "no event that passes both"),
    ("fakes, and nothing said of them", put("mc/pass_truth", slice(20, 30), 0), same, "say how they weigh with unfolding.fakes"),
    ("fewer rows of truth", set_to("mc/truth", np.zeros((EVENTS - 1, 1), "f4")), same, "/mc/truth: has 399 rows, but features has 400"),
    ("fewer flags", set_to("mc/pass_reco", np.ones(EVENTS - 1, "u1")), same, "/mc/pass_reco: has 399 rows, but features has 400"),
    ("no truth", set_to("mc/truth", None), same, "/mc/truth: is missing"),
    ("no flags", set_to("mc/pass_truth", None), same, "/mc/pass_truth: is missing"),
    ("data of which some were not reconstructed", levels_of_data, same, "/data/pass_reco row 7: is 0, as in 1 rows"),
    ("truth that is not there", lambda columns: None, replaced('truth = ["t"]', 'truth = ["tt"]'), "has no column 'tt'; did you mean 't'?"),
    ("no iteration", lambda columns: None, replaced("iterations = 2", "iterations = 0"), "unfolding.iterations = 0 (must be a whole number from 1 to 100)"),
    ("data unfolded with themselves", lambda columns: None, replaced('simulation = "mc"', 'simulation = "data"'),
     "is the sample of the data; they must be different events"),
    ("truth of the data shown that have none", lambda columns: None, replaced('truth = ["t"]', 'truth = ["t"]\ncompare = ["data"]'),
     "/data/truth: is missing"),
    ("edges that do not ascend", lambda columns: None, replaced("0.0, inf", "inf, 0.0"), "must be two or more ascending numbers"),
    ("one replica", lambda columns: None, replaced("iterations = 2", "iterations = 2\nreplicas_data = 1"), "one replica has no spread"),
    ("weights that are not there", lambda columns: None, replaced('weight = "up"', 'weight = "upp"'), "/mc/weights/upp: is missing; did you mean 'up'?"),
    ("the same variation twice", lambda columns: None, replaced('"up" } }', '"up" }, again = { weight = "up" } }'), "(another variation has the same)"),
    ("fewer events than a batch", lambda columns: None, replaced("batch = 16", "batch = 4096"), "fewer than training.batch = 4096"),
    ("fewer events that were seen than a batch", set_to("mc/pass_reco", (np.arange(EVENTS) // 20 == 1).astype("u1")), replaced("batch = 16", "batch = 32"),
     "step 2 of the unfolding with sample 'mc' has 10 training events, fewer than unfolding.training.batch = 32"),
    ("pretraining with the simulation itself", lambda columns: None, replaced("iterations = 2", 'iterations = 2\npretraining = "mc"'),
     "nets are pretrained with another simulation"),
    ("pretraining with a sample without truth", without_truth, replaced("iterations = 2", 'iterations = 2\npretraining = "other"'),
     "/other/truth: is missing"),
]
#: what should be known, events, campaign, warning
WARNINGS = [
    ("data beyond the simulation", put("data/features", slice(0, 50), 50.0), same, "feature 'x' of sample 'data' goes from "),
    ("events that pass nothing", put("mc/pass_truth", slice(0, 5), 0), same, "5 events that pass neither level"),
    ("misses that are kept", lambda columns: None, replaced("iterations = 2", 'iterations = 2\nmisses = "keep"'), "misses: with unfolding.misses"),
    ("fakes that are not there", lambda columns: None, replaced("iterations = 2", 'iterations = 2\nfakes = "follow"'), "has no fakes"),
]


def ended(folder, *words):
    done = subprocess.run(["ratiofarm", *words, "campaign.toml"], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    os.environ.update(PATH=f"{sys.argv[1]}:{os.environ['PATH']}", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    folder = pathlib.Path(tempfile.mkdtemp())

    def prepare(events, campaign):
        columns = sound()
        events(columns)
        write(folder / "events.h5", columns)
        toml = campaign(CAMPAIGN)
        (folder / "campaign.toml").write_text(toml)

    prepare(lambda columns: None, same)
    code, said = ended(folder, "check")
    assert code == 0 and "warning" not in said, said
    for kind in ("pyhf", "hs3"):
        code, said = ended(folder, "export", "--format", kind)
        assert code == 2 and "'--format omnifold' exports the unfolded events" in said, said
    wrong = []
    for what, events, campaign, expected in MISTAKES:
        prepare(events, campaign)
        for command in ("check", "run"):
            code, said = ended(folder, command)
            begun = list(folder.rglob("*.ckpt")) + list(folder.rglob("*.state"))
            if code != 2 or expected not in said or begun:
                wrong.append(f"{what}: {command} ends with {code}, expected '{expected}':\n{said[:1000]}")
            shutil.rmtree(folder / "mistakes.run", ignore_errors=True)
    for what, events, campaign, expected in WARNINGS:
        prepare(events, campaign)
        code, said = ended(folder, "check")
        if code != 0 or expected not in said:
            wrong.append(f"{what}: check ends with {code}, expected '{expected}':\n{said[:1000]}")
    assert not wrong, "\n\n".join(wrong)
    print(f"{len(MISTAKES)} mistakes and {len(WARNINGS)} warnings, each told")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
