#!/usr/bin/env python3
"""Every command on every kind of model, and on each after edits of the campaign.

    commands_test.py FOLDER_OF_PROGRAMS [MODEL...]

A cell ends with 0 and sane numbers, or with 2 and a message that REFUSALS names. Nothing else. The
likelihood of every fit is that of the independent reader in python/, which knows only the files.
"""
import concurrent.futures
import json
import math
import os
import pathlib
import re
import shutil
import sys
import tempfile

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "python" / "src")]
import toy_campaign  # noqa: E402
from programs import ratiofarm, told  # noqa: E402
from ratiofarm import write_events  # noqa: E402
from ratiofarm.likelihood import Likelihood  # noqa: E402

SHAPE = """
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
"""
SIMULATED = """
[[simulate.systematic]]
name = "scale"
B = { shift = [0.3], up = 1.05, down = 0.96 }
"""
COUNTED = """
[[region]]
name = "CR"
type = "binned"
observed = [215.0, 338.0]
[[region.sample]]
name = "background"
contents = [200.0, 310.0]
coefficient = "lumi"
"""
LUMI = """
[parameters.lumi]
range = [0.0, 3.0]
constraint = "gaussian"
observed = 1.0
width = 0.1
"""
SIGNAL = """
[[region.sample]]
name = "signal"
contents = [20.0, 60.0]
coefficient = "mu"
"""
UNFOLDED = """
[campaign]
name = "unfolded"
[events]
file = "unfolded.h5"
features = ["x"]
[split]
train = 0.6
validation = 0.15
inference = 0.25
[network]
hidden = [6]
[training]
epochs = 3
batch = 128
learning_rate = 1e-2
[gates]
""" + "".join(f"{gate} = 0\n" for gate in toy_campaign.GATES) + """
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
iterations = 1
members = 1
[[unfolding.observable]]
column = "t"
edges = [-inf, -0.5, 0.5, inf]
"""
UNBINNED = '[[region]]\nname = "SR"\ntype = "unbinned"\n'
SELECTED = """
[[region]]
name = "SR"
type = "unbinned"
where = { x = [-1.0, inf] }
[[region]]
name = "CR"
type = "binned"
observable = "x"
edges = [-inf, -2.0, -1.0]
"""
SEARCH = """
[search]
trials = 3
first_rung = 1
parallel = 2
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-3, 1e-2] }
"""
WORKSPACE = {
    "version": "1.0.0",
    "channels": [{"name": "c", "samples": [
        {"name": "s", "data": [12.0, 11.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
        {"name": "b", "data": [50.0, 52.0], "modifiers": [
            {"name": "uncorr", "type": "shapesys", "data": [3.0, 7.0]},
            {"name": "norm", "type": "normsys", "data": {"hi": 1.05, "lo": 0.95}}]}]}],
    "observations": [{"name": "c", "data": [60.0, 64.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}]}

SMALL = {"simulate.events": "1500", "training.epochs": "3", "training.batch": "128", "training.learning_rate": "1e-2",
         "network.hidden": "[6]", "systematics.halves": "false", "systematics.null_shapes": '"keep"',
         "process.S.yield": "60.0"}
BINS = {"data.asimov": None}
DATA = {"data.asimov": None, "data.sample": '"data"'}
REFERENCE = {"data.asimov": '{ mu = 1.0, source = "reference" }'}

NO_NETS = {section: None for section in ("events", "split", "reference", "network", "training", "ensemble", "gates", "simulate")}
SHAPES_OF_FILE = '[[systematic]]\nname = "scale"\n'

# name: model of toy_campaign.py, changes, further sections. Nets are trained unless the name says otherwise.
MODELS = {
    "plain": ("signal", {}, ""),
    "reference": ("signal", REFERENCE, ""),
    "data": ("signal", DATA, ""),
    "blind": ("signal", {"data.sample": '"data"', "data.blind": "true"}, ""),
    "shapes": ("signal", {}, SHAPE),
    "shapes_reference": ("signal", REFERENCE, SHAPE),
    "shapes_data": ("signal", DATA, SHAPE),
    "signed": ("interference", {"process.S.yield": None}, ""),
    "signed_reference": ("interference", {"process.S.yield": None, **REFERENCE}, ""),
    "joint": ("signal", {}, LUMI + SHAPE + UNBINNED + COUNTED),
    "selected": ("signal", {}, SHAPE + SELECTED),
    "searched": ("signal", {}, SEARCH),
    "foreign": ("signal", NO_NETS, SHAPES_OF_FILE),
    "foreign_reference": ("signal", {**NO_NETS, **REFERENCE}, SHAPES_OF_FILE),
    "counted": ("bins", {}, LUMI + COUNTED + SIGNAL),
    "observed": ("bins", BINS, LUMI + COUNTED + SIGNAL),
    "imported": None,
    "unfolded": None,
}
TRAINED = [name for name in MODELS
           if name not in ("foreign", "foreign_reference", "counted", "observed", "imported", "unfolded")]
COMMANDS = {
    "fit": ["--json"], "scan": ["--points", "5", "--json"], "impacts": ["--json"], "limits": ["--points", "3", "--json"],
    "toys": ["--toys", "4", "--neyman", "0.5", "--json"], "gof": ["--toys", "4", "--json"], "report": [], "export": [], "nets": [],
    "status": [], "explain": [], "verify": []}

FITS = ["fit", "scan", "impacts", "limits", "toys", "gof", "report"]

# What is done with the campaign, and which commands follow.
ROUNDS = {
    "first": list(COMMANDS),
    "edited, not fitted": ["report"],
    "edited": list(COMMANDS),
    "other nets": FITS,
}

# (models, commands, rounds): what the refusal says.
REFUSALS = [
    (["unfolded"], ["fit", "scan", "impacts", "limits", "toys", "gof"], ROUNDS, r"has \[unfolding\]: .* no likelihood to fit"),
    (["unfolded"], ["export"], ROUNDS, "no binned region"),
    (["unfolded"], ["explain"], ROUNDS, "there is no "),
    (["unfolded"], ["report"], ["edited, not fitted", "edited"], "unfold.json is of another campaign"),
    ([name for name in MODELS if name != "unfolded"], ["report"], ["edited, not fitted"],
     "is the fit of another campaign and left out"),
    ([name for name in TRAINED if name not in ("joint", "selected")], ["export"], ROUNDS, "no binned region"),
    (["foreign", "foreign_reference"], ["export"], ROUNDS, "no binned region"),
    ([name for name in MODELS if name not in TRAINED], ["nets"], ROUNDS, "it holds none yet"),
    ([name for name in MODELS if name not in TRAINED], ["explain"], ROUNDS, "there is no task 'S/member 0'"),
    (["selected"], ["export"], ROUNDS, "after 'ratiofarm select' export selected.toml of the run directory"),
    (["searched"], FITS, ["other nets"], r"run 'ratiofarm search' first .*\n  training.batch: 128 -> 64"),
    (TRAINED, FITS, ["other nets"], r"\n  training.batch: 128 -> 64\n.*'ratiofarm run .* --accept-change'"),
]


def refusal_of(model, command, stage):
    for models, commands, stages, text in REFUSALS:
        if model in models and command in commands and stage in stages:
            return text
    return None


def is_finite(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def poi_of(fit):
    return next(p for p in fit["parameters"] if p["name"] == fit["poi"])


def sane_fit(result, _):
    assert result["converged"], "not converged"
    for parameter in result["parameters"]:
        assert is_finite(parameter["value"]), parameter
        assert parameter["fixed"] or (is_finite(parameter["error"]) and parameter["error"] >= 0), parameter
    assert poi_of(result)["error"] > 0 or poi_of(result)["at_bound"], poi_of(result)
    assert result["made_from"], "it does not say what it was made from"


def sane_scan(result, _):
    assert len(result["scan"]) == 5
    for point in result["scan"]:
        assert is_finite(point["t"]) and point["t"] >= -1e-9 and is_finite(point["poi"]), point


def sane_impacts(result, _):
    sane_fit(result, _)
    for impact in result["impacts"]:
        assert is_finite(impact["refit_shift"]), impact
    assert is_finite(result["breakdown"]["total"])


def sane_limits(result, _):
    limits, mu = result["limits"], poi_of(result)
    known = [limit for limit in limits["expected"] if limit is not None]
    assert known == sorted(known) and len(known) >= 3, limits["expected"]
    if limits["observed"] is not None:
        assert limits["observed"] > mu["value"] - 2 * mu["error"] and limits["observed"] > 0, (limits["observed"], mu)
    for test in limits["tests"]:
        assert is_finite(test["q"]) and test["q"] >= 0, test
        assert all(0 <= cls <= 1 + 1e-9 for cls in [test["cls"], *test["expected_cls"]]), test
    assert limits["discovery"]["q0"] >= 0 and 0 <= limits["discovery"]["p_value"] <= 0.5 + 1e-9, limits["discovery"]


def sane_toys(result, _):
    assert result["made_from"], "it does not say what it was made from"
    (point,) = result["points"]
    assert point["toys"] == 4 and 0 < point["converged"]["value"] <= 1, point["converged"]
    for statistic in point["statistics"]:
        assert statistic["observed"] >= -1e-6, statistic
        assert 0 <= statistic["p_value"]["value"] <= 1, statistic


def sane_gof(result, _):
    assert result["made_from"], "it does not say what it was made from"
    for test in result["tests"]:
        assert is_finite(test["deviance"]) and test["deviance"] >= -1e-6, test
        assert 0 <= test["p_value"]["value"] <= 1 and 0 <= test["p_asymptotic"] <= 1, test


def sane_report(_, out):
    page = (out / "report.html").read_text()
    assert "mu = " in page or '<section id="unfolding">' in page, "no result in the report"
    assert "nan" not in re.findall(r"\w+", page), "NaN in the report"


SANE = {"fit": sane_fit, "scan": sane_scan, "impacts": sane_impacts, "limits": sane_limits, "toys": sane_toys, "gof": sane_gof,
        "report": sane_report}


class Models:
    def __init__(self, folder):
        self.folder = folder

    def write(self, name, stage="first"):
        """The campaign of a model. "edited": something that a fit applies by itself."""
        file = self.folder / f"{name}, {stage}.toml"
        if MODELS[name] is None:
            text = (self.folder / f"{name}.toml").read_text()
        else:
            model, changes, more = MODELS[name]
            changes = dict({} if model == "bins" else SMALL, **changes)
            if name.startswith("foreign"):
                changes = {key: value for key, value in changes.items()
                           if "." not in key or key.split(".")[0] in ("data", "process")}
            changes["campaign.name"] = f'"{name}"'
            if name in TRAINED and "scale" in more:
                more += SIMULATED
            text = toy_campaign.campaign(model, changes, more, gates=name not in TRAINED)
        if stage == "edited":
            for old, new in [("yield = 60.0", "yield = 70.0"), ("range = [0.0, 10.0]", "range = [0.0, 9.0]"),
                             ("-0.5, 0.5", "-0.4, 0.4")]:
                text = text.replace(old, new)
        elif stage == "other nets":
            text = text.replace("batch = 128", "batch = 64")
        file.write_text(text)
        return file.name

    def prepare(self):
        """Events for all, exact ratios for the foreign model, a workspace to import."""
        (self.folder / "events.toml").write_text(
            toy_campaign.campaign("signal", dict(SMALL, **{"process.S.yield": None}), SHAPE + SIMULATED, gates=False))
        done = ratiofarm("simulate", "events.toml", "--ratios", "exact.h5", folder=self.folder)
        assert done.returncode == 0, told(done)
        with h5py.File(self.folder / "toy.h5", "a") as f:
            f.pop("metadata_crc", None)
            f.copy("S", "data")
            half = len(f["data/id"]) // 20
            for key in ("features", "weight", "id"):
                values = np.concatenate([f[f"S/{key}"][:half], f[f"B/{key}"][:9 * half]])
                columns = f["S/features"].attrs["columns"]
                del f[f"data/{key}"]
                f.pop(f"data/{key}_crc", None)
                f[f"data/{key}"] = values
            f.pop("data/log_density", None)
            f.pop("data/log_density_crc", None)
            f["data/features"].attrs["columns"] = columns
            f["data/weight"][:] = 1.0
            f["data/id"][:] = np.arange(10 * half, dtype="u8") + np.uint64(1 << 60)
        random = np.random.default_rng(5)
        t = random.normal(0.0, 1.0, 3000)
        mc = {"x": t + 0.5 * random.normal(size=len(t)), "t": t, "pass_reco": np.ones(len(t), bool),
              "pass_truth": np.ones(len(t), bool), "weight": np.full(len(t), 0.2), "id": np.arange(len(t))}
        data = {"x": mc["x"][:2000] + 0.2, "weight": np.ones(2000), "id": np.arange(2000) + 10**9}
        write_events(self.folder / "unfolded.h5", {"mc": mc, "data": data}, features=["x"], id="id", truth=["t"])
        (self.folder / "unfolded.toml").write_text(UNFOLDED)
        (self.folder / "workspace.json").write_text(json.dumps(WORKSPACE))
        done = ratiofarm("import", "workspace.json", "--out", "imported.toml", folder=self.folder)
        assert done.returncode == 0, told(done)

    def words(self, command, campaign, name):
        ratios = ["--ratios", "exact.h5"] if name.startswith("foreign") else []
        if command == "export":
            return ["export", campaign]
        if command == "nets":
            return ["export", campaign, "--format", "safetensors", "--ensemble", "S", "--run", name, "--out", f"{name}.safetensors"]
        if command in ("status", "verify"):
            return [command, "--out", name]
        if command == "explain":
            return ["explain", "S/member 0", "--out", name]
        return [command, campaign, "--out", name, *ratios, *COMMANDS[command]]

    def check(self, name):
        """All cells of a model. \\return what is wrong"""
        campaigns = {"first": self.write(name)}
        if name in TRAINED or name == "unfolded":
            done = ratiofarm("run", campaigns["first"], "--out", name, folder=self.folder)
            if done.returncode != 0:
                return [f"{name} run:{told(done)}"]
        if name in TRAINED:
            campaigns["other nets"] = self.write(name, "other nets")
        campaigns["edited, not fitted"] = campaigns["edited"] = self.write(name, "edited")
        problems = []
        for stage, commands in ROUNDS.items():
            for command in commands if stage in campaigns else []:
                problem = self.cell(name, command, campaigns[stage], stage)
                if problem:
                    problems.append(f"{name} | {command} | {stage}: {problem}")
        return problems

    def expect_likelihood(self, name, campaign, fit):
        """The minimum of the fit by the reader of python/; what is selected is fitted by selected.toml."""
        selected, own = self.folder / name / "selected.toml", self.folder / name / "ratios.h5"
        likelihood = Likelihood(selected if selected.exists() else self.folder / campaign,
                                own if own.exists() else self.folder / "exact.h5")
        for minimum in fit["minima"]:
            nll = likelihood.nll(dict(zip(likelihood.parameters, minimum["parameters"])))
            assert abs(nll - minimum["nll"]) < 1e-9, f"NLL {nll} by python/, {minimum['nll']} by the fit"

    def expect_doubts(self, name, done):
        """What uses the ratios of a fit tells what the fit warns of."""
        text = (self.folder / name / "fit.json").read_text()
        for warning in json.JSONDecoder().raw_decode(text)[0]["warnings"]:
            assert f"fit: {warning[:60]}" in done.stderr, f"it does not tell of '{warning}'"

    def cell(self, name, command, campaign, stage):
        done = ratiofarm(*self.words(command, campaign, name), folder=self.folder)
        refusal = refusal_of(name, command, stage)
        if refusal:
            page = self.folder / name / "report.html"
            shows = command == "report"  # what is left, and why the rest is not
            if done.returncode != (0 if shows else 2) or not re.search(refusal, done.stderr):
                return f"no refusal '{refusal}'{told(done)}"
            if shows and re.search('<section id="(result|unfolding)">', page.read_text()):
                return "the page shows a result that is not the campaign's"
            return None
        if done.returncode != 0:
            return told(done)
        try:
            result = json.loads(done.stdout) if "--json" in done.args else None
            if command in SANE:
                SANE[command](result, self.folder / name)
            if command in ("toys", "gof"):
                self.expect_doubts(name, done)
            if command == "fit" and (name != "selected" or stage == "first"):  # selected.toml is of the first round
                self.expect_likelihood(name, campaign, result)
        except (AssertionError, KeyError, TypeError, ValueError, OSError) as problem:
            return f"{problem!r}{told(done)}"
        return None


def main():
    names = sys.argv[2:] or list(MODELS)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        models = Models(pathlib.Path(folder))
        models.prepare()
        problems = [problem for found in pool.map(models.check, names) for problem in found]
        if os.environ.get("KEEP"):
            shutil.copytree(folder, os.environ["KEEP"], dirs_exist_ok=True)
    for problem in problems:
        print(f"FAILED: {problem}")
    print(f"{len(names)} models, {sum(map(len, ROUNDS.values()))} cells each, {len(problems)} failures")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
