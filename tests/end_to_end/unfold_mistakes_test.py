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
        for sample in file.values():
            for name, levels in [("features", ["x", "y"]), ("truth", ["t"])]:
                if name in sample:
                    names = levels[:sample[name].shape[1]]
                    swap = sample.name == "/data" and len(names) == 2
                    sample[name].attrs.create("columns", names[::-1] if swap else names, dtype=h5py.string_dtype())


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


def dead_rows(sample):
    """Of a sample with truth some events were not reconstructed, and have no features."""
    def change(columns):
        levels_of_data(columns)
        columns["data/features"] = columns["data/features"].copy()
        columns["data/features"][7] = np.nan
        if sample == "data":
            return
        columns.update({name.replace("data", sample): values for name, values in columns.items() if name.startswith("data/")})
        for name in ("data/truth", "data/pass_truth", "data/pass_reco"):
            del columns[name]
        columns["data/features"] = np.nan_to_num(columns["data/features"])
        columns[sample + "/weight"] = np.full(300, 0.1)
    return change


def dead_truth(columns):
    dead_rows("other")(columns)
    columns["other/truth"] = np.nan_to_num(columns["other/truth"])


def dead_data(columns):
    dead_rows("data")(columns)
    columns["data/truth"] = np.nan_to_num(columns["data/truth"])


def twice_weighted(columns):
    columns["mc/weights/a"] = columns["mc/weights/b"] = columns["mc/weight"]


def heavy_background(columns):
    without_truth(columns)
    columns["other/weight"] = np.full(300, 3.0)


def swapped(columns):
    """Two features each, the second of which is the first with another sign; those of the data the other way round."""
    columns["mc/features"] = np.hstack([columns["mc/features"], -columns["mc/features"]])
    columns["data/features"] = np.hstack([-columns["data/features"], columns["data/features"]])


def constant_feature(columns):
    columns["mc/features"] = np.ones((EVENTS, 1), "f4")
    columns["data/features"] = np.ones((300, 1), "f4")


def without_levels(columns):
    for name in ("mc/truth", "mc/pass_truth", "mc/pass_reco"):
        del columns[name]


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
    ("background that was not reconstructed, whose truth is shown", dead_truth,
     replaced("iterations = 2", 'iterations = 2\nbackground = ["other"]\ncompare = ["other"]'), "sample 'other' has 1 events with pass_reco = 0"),
    ("data that were not reconstructed, whose truth is shown", dead_data, replaced("iterations = 2", 'iterations = 2\ncompare = ["data"]'),
     "sample 'data' has 1 events with pass_reco = 0"),
    ("a name that files have for checksums", lambda columns: None, replaced("up =", "nominal_crc ="), "unfolding.variation.nominal_crc (must be a name"),
    ("a name of another source of errors", lambda columns: None, replaced("up =", "data ="), "unfolding.variation.data (must be a name"),
    ("a variation with the name of both sides of another", twice_weighted,
     replaced('"up" } }', '"up" }, up_up = { weight = "a" }, up_down = { weight = "b" } }'), "unfolding.variation.up (is what its sides up_up and up_down"),
    ("matched events of a variation that weigh less than 0", set_to("mc/weights/up", np.where(np.arange(EVENTS) < 10, 1000.0, -1.0)), same,
     "/mc/weights/up: the weights of events that pass both levels sum to -390"),
    ("more background than data", heavy_background, replaced("iterations = 2", 'iterations = 2\nbackground = ["other"]'),
     "unfolding.background weighs 900 in all, the data 300"),
    ("data whose columns are in another order", swapped, replaced('features = ["x"]', 'features = ["x", "y"]'),
     "store the features in different columns"),
    ("a constant feature", constant_feature, same, "feature 'x' is 1 for every event of 'data' and 'mc'"),
    ("a constant truth", set_to("mc/truth", np.ones((EVENTS, 1), "f4")), same,
     "/mc/truth: 't' is 1.000000 for every event that passes pass_truth"),
    ("a process in an unfolding", lambda columns: None, replaced("[training]", '[[process]]\nname = "S"\n[training]'),
     "process (a campaign with [unfolding] has no likelihood"),
    ("no level at all", without_levels, same, "/mc/truth: is missing, and so are pass_reco and pass_truth"),
]
#: a sample that is not there: campaign, and the place that `check` names
NO_SAMPLE = [
    (replaced('data = "data"', 'data = "none"'), "campaign.toml:10:8: unfolding.data"),
    (replaced('simulation = "mc"', 'simulation = "none"'), "campaign.toml:11:14: unfolding.simulation"),
    (replaced("iterations = 2", 'background = ["none"]'), "campaign.toml:13:15: unfolding.background"),
    (replaced("iterations = 2", 'compare = ["none"]'), "campaign.toml:13:12: unfolding.compare"),
    (replaced("iterations = 2", 'pretraining = "none"'), "campaign.toml:13:15: unfolding.pretraining"),
    (replaced('weight = "up"', 'simulation = "none"'), "campaign.toml:14:35: unfolding.variation.up.simulation"),
]
MISTAKES += [("a sample that does not exist: " + place, lambda columns: None, campaign, "none") for campaign, place in NO_SAMPLE]
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
            if sum(" info " not in line for line in said.strip().splitlines()) != 1:
                wrong.append(f"{what}: {command} tells one mistake in several lines:\n{said[:1000]}")
            if code != 2 or expected not in said or begun:
                wrong.append(f"{what}: {command} ends with {code}, expected '{expected}':\n{said[:1000]}")
            shutil.rmtree(folder / "mistakes.run", ignore_errors=True)
    for campaign, place in NO_SAMPLE:
        prepare(lambda columns: None, campaign)
        code, said = ended(folder, "check")
        if f'{place} = "none": ' not in said:
            wrong.append(f"'{place}' is not named by check:\n{said}")
    prepare(put("data/features", 0, 4.0), same)  # one event further out than all simulated ones
    code, said = ended(folder, "check")
    if code != 0 or "warning" in said:
        wrong.append(f"the outermost event of the data is told:\n{said}")
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
