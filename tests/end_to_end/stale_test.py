#!/usr/bin/env python3
"""What happens after a key of the campaign was edited: a table with a row for every key.

    stale_test.py FOLDER_OF_PROGRAMS

The keys are those of docs/campaign.md, which another test holds to the parser: a key without a row
fails. A row is what is replaced in the campaign, and what the fit and one other command do then on
a run directory that was finished before:

    nothing  no result depends on it: they go on with what is there
    fit      applied at the fit: their results are those of a directory whose ratios are made anew
    ratios   refused, with the key: the ratios are made again without a training
    more     refused, with the key: nets are trained that the campaign did not have
    train    refused, with the key and --accept-change: nets are trained again
    select   refused, with the key: the events are selected again
    search   refused, with the key: the search is made again
    unfold   of [unfolding]: the resolved campaign, which the result keeps, differs by the key
"""
import concurrent.futures
import itertools
import json
import math
import pathlib
import re
import shutil
import sys
import tempfile

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import toy_campaign  # noqa: E402
from programs import ratiofarm, told  # noqa: E402

MORE = """
[parameters.kappa]
range = [0.2, 3.0]
start = 1.0
constraint = "gaussian"
observed = 1.0
width = 0.2
group = "norm"
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
yield = { B = { up = 1.05, down = 0.96 } }
[[systematic]]
name = "lumi"
shape = []
yield = { S = { up = 1.1, down = 0.9 } }
[[region]]
name = "SR"
type = "unbinned"
[[region]]
name = "CR"
type = "binned"
observed = [215.0, 338.0]
[[region.sample]]
name = "background"
contents = [200.0, 310.0]
coefficient = "kappa"
yields = [{ parameter = "alpha_lumi", up = 1.15, down = 0.9 }]
shapes = [{ parameter = "alpha_scale", up = [208.0, 300.0], down = [193.0, 322.0] }]
[labels.parameters]
mu = "signal"
[[simulate.systematic]]
name = "scale"
B = { shift = [0.3], up = 1.05, down = 0.96 }
"""
SELECTION = """
[preselection]
classes = { S = ["S"], B = ["B"] }
members = 1
[preselection.network]
hidden = [4]
[preselection.training]
epochs = 1
batch = 64
[search]
trials = 3
first_rung = 1
parallel = 2
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-3, 1e-2] }
[[region]]
name = "SR"
type = "unbinned"
where = { score = [-12.0, inf], x = [-1.0, inf] }
[[region]]
name = "CR"
type = "binned"
observable = "x"
edges = [-inf, -2.0, -1.0]
where = { x = [-inf, -1.0] }
"""
PLAIN, SELECTED, LISTS, UNFOLDED = "plain", "selected", "lists", "unfolded"
UNFOLDING = """
[campaign]
name = "unfolded"
[events]
file = "toy.h5"
features = ["x"]
[training]
batch = 64
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
[unfolding.variation]
up = { weight = "w_up" }
[[unfolding.observable]]
column = "t"
edges = [0.0, 1.0]
"""
LIST_NET = 'kind = "transformer"\nparticles = ["log_pt"]\nwidth = 8\nheads = 2\nblocks = 1\n'


def base(kind):
    if kind == UNFOLDED:
        return UNFOLDING
    changes = {"simulate.events": "800", "training.epochs": "1", "training.batch": "64", "process.S.yield": "60.0",
               "process.B.yield": "900.0", "systematics.halves": "false", "systematics.null_shapes": '"keep"',
               "network.hidden": "[4]", "data.asimov": '{ mu = 1.0, source = "samples" }'}
    if kind == SELECTED:
        changes.update({"training.epochs": "2", "campaign.name": '"selected"'})
    text = toy_campaign.campaign("signal", changes, SELECTION if kind == SELECTED else MORE, gates=False)
    return text.replace("\n[network]\n", "\n[network]\n" + LIST_NET) if kind == LISTS else text


def at(section, line):
    """A new line in a section."""
    return f"\n[{section}]\n", f"\n[{section}]\n{line}\n"


def table():
    """key: (what happens, base, replacements...)."""
    rows = {}

    def add(keys, happens, *replacements, kind=PLAIN):
        for key in keys.split():
            rows[key.replace("~", " ")] = (happens, kind, replacements)

    add("campaign.name", "fit", ('name = "toy"', 'name = "other"'))
    add("campaign.seed", "train", ("seed = 5", "seed = 6"))
    add("events.file", "nothing", ('file = "toy.h5"', 'file = "copy/toy.h5"'))
    add("events.features", "train", ('features = ["x"]', 'features = ["y"]'))
    add("split.train split.validation", "train", ("train = 0.45", "train = 0.4"))
    add("split.inference", "train", ("inference = 0.45", "inference = 0.4"))
    add("split.folds", "train", ("inference = 0.45", "folds = 2"))
    kappa = "[parameters.kappa]\nrange = [0.2, 3.0]\n"
    add("parameters.NAME.start", "fit", ("start = 1.0", "start = 1.1"))
    add("parameters.NAME.range", "fit", ("[0.2, 3.0]", "[0.5, 3.0]"))
    add("parameters.NAME.fixed", "fit", (kappa, kappa + "fixed = true\n"))
    add("parameters.NAME.constraint", "fit", ('constraint = "gaussian"', 'constraint = "poisson"'))
    add("parameters.NAME.observed", "fit", ("observed = 1.0", "observed = 1.1"))
    add("parameters.NAME.width", "fit", ("width = 0.2", "width = 0.1"))
    add("parameters.NAME.group", "fit", ('group = "norm"', 'group = "other"'))
    add("process.name", "more", ('name = "B"\n', 'name = "Z"\nsample = "B"\n'),
        ("shape = { B", "shape = { Z"), ("yield = { B", "yield = { Z"), ("B = 1 }", "Z = 1 }"))
    add("process.sample", "train", ('name = "S"\n', 'name = "S"\nsample = "SBI"\n'))
    add("process.weight", "train", ('name = "B"\n', 'name = "B"\nweight = "w_up"\n'),
        ('up = "B_up", down = "B_down"', 'up_weight = "w_up", down_weight = "w_down"'))
    add("process.coefficient", "fit", ('coefficient = "mu"', 'coefficient = "1.1 * mu"'))
    add("process.yield", "fit", ("yield = 60.0", "yield = 40.0"))
    add("reference.mixture", "train", ("{ S = 1, B = 1 }", "{ S = 1, B = 2 }"))
    add("reference.mixture.NAME.cap", "train", ("{ S = 1, B = 1 }", "{ S = { cap = 4 }, B = 1 }"))
    add("reference.max_ratio", "select", at("reference", "max_ratio = 5.0"), kind=SELECTED)
    add("morphing.amplitude morphing.terms morphing.anchors", "fit", ('coefficient = "mu"\n', ""), ('coefficient = "1"\n', ""),
        ("\n[reference]", '\n[[morphing]]\nterms = ["mu", "1"]\nanchors = { S = { mu = 2.0 }, B = { mu = 0.0 } }\n[reference]'))
    scale = '[[systematic]]\nname = "scale"\n'
    add("systematic.name", "more", (scale, '[[systematic]]\nname = "shift"\nparameter = "alpha_scale"\n'))
    add("systematic.parameter", "ratios", (scale, scale + 'parameter = "alpha_x"\n'), ('parameter = "alpha_scale"', 'parameter = "alpha_x"'))
    add("systematic.shape systematic.shape.up systematic.shape.down", "train", ('up = "B_up"', 'up = "B_down"'), ('down = "B_down"', 'down = "B_up"'))
    add("systematic.shape.up_weight systematic.shape.down_weight", "train", ('up = "B_up", down = "B_down"', 'up_weight = "w_up", down_weight = "w_down"'))
    add("systematic.yield systematic.yield.up systematic.yield.down", "fit", ("up = 1.05, down = 0.96 } }\n[[systematic]]", "up = 1.2, down = 0.8 } }\n[[systematic]]"))
    add("systematic.shape_code", "fit", (scale, scale + 'shape_code = "code1"\n'))
    add("systematic.yield_code", "fit", (scale, scale + 'yield_code = "code1"\n'))
    lumi = 'name = "lumi"\n'
    add("systematic.constraint systematic.fixed", "fit", (lumi, lumi + "fixed = true\n"))
    add("systematic.observed", "fit", (lumi, lumi + "observed = 0.5\n"))
    add("systematic.width", "fit", (lumi, lumi + "width = 0.5\n"))
    add("systematic.group", "fit", (lumi, lumi + 'group = "luminosity"\n'))
    add("systematic.start", "fit", (lumi, lumi + "start = 0.5\n"))
    add("systematic.range", "fit", (lumi, lumi + "range = [-1.0, 1.0]\n"))
    add("systematics.members", "more", at("systematics", "members = 2"))
    add("systematics.warm_start", "train", at("systematics", "warm_start = true"))
    add("systematics.rate_factor", "train", at("systematics", "rate_factor = 0.5"))
    add("systematics.halves", "train", ("halves = false", "halves = true"))
    add("systematics.null_shapes", "fit", ('null_shapes = "keep"', 'null_shapes = "norm_only"'))
    add("systematics.null_level", "ratios", at("systematics", "null_level = 2.0"))
    add("region~(unbinned).name", "fit", ('name = "SR"', 'name = "SR1"'))
    add("region~(unbinned).type region~(binned).type", "fit", ('type = "unbinned"\n', ""))
    add("region~(unbinned).ratios", "fit", ('type = "unbinned"\n', 'type = "unbinned"\nratios = "foreign.h5"\n'))
    add("region~(unbinned).yield", "fit", ('type = "unbinned"\n', 'type = "unbinned"\nyield = { S = 50.0 }\n'))
    add("region~(unbinned).shape_norm", "fit", ('type = "unbinned"\n', 'type = "unbinned"\nshape_norm = "none"\n'))
    add("region~(unbinned).where", "select", ("x = [-1.0, inf]", "x = [-0.9, inf]"), kind=SELECTED)
    add("region~(binned).name", "fit", ('name = "CR"', 'name = "CR1"'))
    add("region~(binned).observed", "fit", ("[215.0, 338.0]", "[225.0, 338.0]"))
    add("region~(binned).edges region~(binned).observable", "select", ("[-inf, -2.0, -1.0]", "[-inf, -1.8, -1.0]"), kind=SELECTED)
    add("region~(binned).where", "select", ("where = { x = [-inf, -1.0] }", "where = { x = [-9.0, -1.0] }"), kind=SELECTED)
    add("region~(binned).mc_stat", "fit", ("edges = [-inf", "mc_stat = false\nedges = [-inf"), kind=SELECTED)
    add("region~(binned).sample region.sample.name", "fit", ('name = "background"', 'name = "other"'))
    add("region.sample.contents", "fit", ("contents = [200.0", "contents = [220.0"))
    add("region.sample.coefficient", "fit", ('coefficient = "kappa"', 'coefficient = "1.1 * kappa"'))
    add("region.sample.yields region.sample.yields.up region.sample.yields.down", "fit", ("up = 1.15, down = 0.9", "up = 1.2, down = 0.8"))
    add("region.sample.yields.parameter region.sample.shapes.parameter", "fit", ('yields = [{ parameter = "alpha_lumi"', 'yields = [{ parameter = "alpha_scale"'))
    add("region.sample.yields.code", "fit", ("up = 1.15, down = 0.9", 'up = 1.15, down = 0.9, code = "code1"'))
    add("region.sample.shapes region.sample.shapes.up region.sample.shapes.down", "fit", ("[208.0, 300.0]", "[218.0, 300.0]"))
    add("region.sample.shapes.code", "fit", ("down = [193.0, 322.0]", 'down = [193.0, 322.0], code = "code0"'))
    add("region.sample.factors", "fit", ('coefficient = "kappa"', 'factors = [["kappa", "kappa"]]'))
    add("labels.parameters labels.regions labels.samples labels.features", "nothing", ('mu = "signal"', 'mu = "strength"'))
    add("preselection.classes", "select", ('{ S = ["S"], B = ["B"] }', '{ S = ["S"], Z = ["B"] }'), kind=SELECTED)
    add("preselection.signal", "select", at("preselection", 'signal = ["B"]'), kind=SELECTED)
    add("preselection.weights", "select", at("preselection", "weights = { B = 2.0 }"), kind=SELECTED)
    add("preselection.features", "select", at("preselection", 'features = ["y"]'), kind=SELECTED)
    add("preselection.members", "select", ("members = 1\n[preselection.network]", "members = 2\n[preselection.network]"), kind=SELECTED)
    add("preselection.network", "select", ("hidden = [4]\n[preselection.training]", "hidden = [5]\n[preselection.training]"), kind=SELECTED)
    add("preselection.training", "select", ("[preselection.training]\nepochs = 1", "[preselection.training]\nepochs = 2"), kind=SELECTED)
    add("network.kind", "train", at("network", 'kind = "residual_mlp"'))
    add("network.hidden", "train", ("hidden = [4]", "hidden = [5]"))
    add("network.activation", "train", at("network", 'activation = "relu"'))
    add("network.layer_norm", "train", at("network", "layer_norm = true"))
    add("network.gram", "train", at("network", "gram = 2"))
    add("network.log_features", "train", at("network", "log_features = true"))
    add("training.average", "train", at("training", 'average = "ema"'))
    add("training.average_decay", "train", at("training", 'average = "ema"\naverage_decay = 0.9'))
    add("training.average_from", "train", at("training", 'average = "swa"\naverage_from = 0.5'))
    add("training.dropout", "train", at("training", "dropout = 0.1"))
    for key, old, new in [
            ("particles", 'particles = ["log_pt"]', 'particles = ["log_pt", "eta"]'), ("width", "width = 8", "width = 4"),
            ("blocks", "blocks = 1", "blocks = 2"), ("heads", "heads = 2", "heads = 4"),
            ("max_particles", "blocks = 1", "blocks = 1\nmax_particles = 1"), ("beams", "blocks = 1", "blocks = 1\nbeams = true"),
            ("neighbours", 'kind = "transformer"', 'kind = "graph"\nneighbours = 1')]:
        without_heads = [("heads = 2\n", "")] if key == "neighbours" else []
        add(f"network.{key}", "train", (old, new), *without_heads, kind=LISTS)
    for key, old, new in [
            ("epochs", "1", "2"), ("batch", "64", "32"), ("learning_rate", "2e-3", "1e-3"), ("patience", "0", "5")]:
        add(f"training.{key}", "train", (f"\n{key} = {old}\n", f"\n{key} = {new}\n"))
    for key, value in [
            ("optimizer", '"adam"'), ("schedule", '"constant"'), ("warmup_epochs", "0.5"), ("clip_norm", "1.0"),
            ("keep", '"last"'), ("scaling", '"min_max"'), ("negative_weights", '"refuse"'),
            ("calibration", '"isotonic"'), ("precision", '"bf16"'), ("engine", '"autograd"'), ("threads", "2")]:
        add(f"training.{key}", "train", at("training", f"{key} = {value}"))
    add("training.weight_decay", "train", at("training", 'optimizer = "adamw"\nweight_decay = 0.1'))
    add("training.schedule_factor training.schedule_epochs", "train", at("training", 'schedule = "step"\nschedule_factor = 0.2\nschedule_epochs = 3'))
    add("training.pack", "more", ("\nmembers = 1\n", "\nmembers = 2\n"), at("training", "pack = 2"))
    add("training.checkpoint_seconds", "nothing", at("training", "checkpoint_seconds = 7.0"))
    add("ensemble.members", "more", ("\nmembers = 1\n", "\nmembers = 2\n"))
    add("ensemble.combine", "ratios", at("ensemble", 'combine = "mean_ratio"'))
    add("ensemble.keep_members", "ratios", at("ensemble", "keep_members = true"))
    add("ensemble.until_spread ensemble.max_members", "more", at("ensemble", "until_spread = 0.001\nmax_members = 3"), ("\nmembers = 1\n", "\nmembers = 2\n"))
    add("ensemble.replacements", "ratios", at("ensemble", "replacements = 1"))
    add("ensemble.replicas", "more", at("ensemble", "replicas = 2"))
    limits = {"saturated": 1.0, "overtraining": 1.0, "constant": 1e-9}
    for gate in toy_campaign.GATES:
        add(f"gates.{gate}", "ratios", (f"\n{gate} = 0\n", f"\n{gate} = {limits.get(gate, 1e5)}\n"))
    add("search.trials", "search", ("trials = 3", "trials = 4"), kind=SELECTED)
    add("search.reduction", "search", at("search", "reduction = 2"), kind=SELECTED)
    add("search.first_rung", "search", ("first_rung = 1", "first_rung = 2"), kind=SELECTED)
    add("search.parallel", "search", ("parallel = 2", "parallel = 1"), kind=SELECTED)
    add("search.objective", "search", at("search", 'objective = "sigma"'), kind=SELECTED)
    add("search.processes", "search", at("search", 'processes = ["S"]'), kind=SELECTED)
    add("search.members", "search", at("search", "members = 2"), kind=SELECTED)
    add("search.first_members", "search", at("search", "members = 2\nfirst_members = 1"), kind=SELECTED)
    add("search.second_objective", "search", at("search", 'second_objective = "cost"'), kind=SELECTED)
    add("search.sampler", "search", at("search", 'sampler = "tpe"'), kind=SELECTED)
    add("search.command search.generation search.timeout_seconds", "search",
        at("search", 'sampler = "external"\ncommand = "true %OUT"\ngeneration = 2\ntimeout_seconds = 9.0'), kind=SELECTED)
    add("search.cost_limit", "search", at("search", "cost_limit = 2.0"), kind=SELECTED)
    add("search.points", "search", at("search", 'points = [{ "training.learning_rate" = 2e-3 }]'), kind=SELECTED)
    rate = '"training.learning_rate" = { log_uniform = [1e-3, 1e-2] }'
    add("search.parameters.KEY search.parameters.KEY.log_uniform", "search", (rate, rate.replace("1e-2", "2e-2")), kind=SELECTED)
    add("search.parameters.KEY.uniform", "search", (rate, rate.replace("log_uniform", "uniform")), kind=SELECTED)
    add("search.parameters.KEY.integer", "search", (rate, '"training.batch" = { integer = [32, 64] }'), kind=SELECTED)
    add("search.parameters.KEY.log_integer", "search", (rate, '"training.batch" = { log_integer = [32, 64] }'), kind=SELECTED)
    add("search.parameters.KEY.when", "search", (rate, rate[:-2] + ', when = { "training.schedule" = ["cosine"] } }\n"training.schedule" = { choice = ["constant", "cosine"] }'), kind=SELECTED)
    add("search.parameters.KEY.choice", "search", (rate, '"training.batch" = { choice = [32, 64] }'), kind=SELECTED)
    asimov = 'asimov = { mu = 1.0, source = "samples" }'
    add("data.asimov", "fit", (asimov, asimov.replace("1.0", "2.0")))
    add("data.asimov.source", "fit", ('source = "samples"', 'source = "reference"'))
    add("data.sample data.observed", "ratios", (asimov, 'sample = "data"'))
    add("data.outside", "select", at("data", 'outside = "drop"'), kind=SELECTED)
    add("data.blind", "fit", at("data", 'sample = "data"\nblind = true'))
    add("data.injections data.injections.name", "fit", at("data", "injections = [{ mu = 2.0 }]"))
    add("data.injections.sample", "ratios", at("data", 'injections = [{ mu = 2.0, sample = "data" }]'))
    add("inference.poi", "fit", ('poi = "mu"', 'poi = "kappa"'))
    add("inference.shape_norm", "ratios", at("inference", 'shape_norm = "none"'))
    add("inference.negative_mixture", "fit", at("inference", 'negative_mixture = "refuse"'))
    add("inference.extreme_anchors", "fit", at("inference", 'extreme_anchors = "refuse"'))
    add("inference.scan", "fit", at("inference", "scan = [0.5, 1.5]"))
    add("finite_mc.method finite_mc.use", "more", ("\n[inference]\n", '\n[finite_mc]\nmethod = "replicas"\nuse = "inflation"\n[inference]\n'), at("ensemble", "replicas = 2"))
    for key, old, new in [
            ("data", '"data"', '"other"'), ("simulation", '"mc"', '"other"'), ("truth", '["t"]', '["t", "u"]'),
            ("variation", "up = {", "plus = {"), ("variation.NAME.weight", '"w_up"', '"w"'),
            ("variation.NAME.simulation", 'weight = "w_up"', 'simulation = "other"'),
            ("observable unfolding.observable.column", 'column = "t"', 'column = "u"'),
            ("observable.reco", 'column = "t"', 'column = "t"\nreco = "x"'), ("observable.edges", "[0.0, 1.0]", "[0.0, 2.0]")]:
        add(f"unfolding.{key}", "unfold", (old, new), kind=UNFOLDED)
    for key, value in [
            ("background", '["other"]'), ("iterations", "3"), ("misses", '"keep"'), ("fakes", '"fixed"'), ("members", "2"),
            ("ensemble", '"step"'), ("replicas_data", "5"), ("replicas_mc", "5"), ("warm_start", "true"), ("pretraining", '"other"'),
            ("background_as", '"density"\nbackground = ["other"]'),
            ("network", "{ hidden = [3] }"), ("training", "{ epochs = 3 }"), ("compare", '["other"]')]:
        add(f"unfolding.{key}", "unfold", at("unfolding", f"{key} = {value}"), kind=UNFOLDED)
    add("simulate.model simulate.events", "nothing", ("\nevents = 800\n", "\nevents = 900\n"))
    add("simulate.seed", "nothing", ("\nseed = 3\n", "\nseed = 4\n"))
    add("simulate.interference", "nothing", ("interference = 0.0", "interference = 0.1"))
    add("simulate.S.yield simulate.S.mean simulate.S.covariance simulate.B.yield simulate.B.mean simulate.B.covariance", "nothing", ("yield = 100.0, mean = [1.5]", "yield = 110.0, mean = [1.6]"))
    add("simulate.systematic.name simulate.systematic.S.shift simulate.systematic.B.shift simulate.systematic.S.up simulate.systematic.S.down "
        "simulate.systematic.B.up simulate.systematic.B.down", "nothing", ("shift = [0.3]", "shift = [0.4]"))
    add("simulate.tilts.count simulate.tilts.name simulate.tilts.size", "nothing", ("\n[simulate]\n", "\n[simulate.tilts]\ncount = 2\n[simulate]\n"))
    return rows


def documented_keys():
    keys = []
    for line in (ROOT / "docs" / "campaign.md").read_text().splitlines():
        if line.startswith("| `"):
            keys += re.findall(r"`([^`]+)`", line.split(" | ")[0])
    return keys


# What asks for the fit, one after the other along the table.
OTHERS = [["scan", "--points", "5", "--json"], ["impacts", "--json"], ["limits", "--points", "0", "--json"],
          ["toys", "--toys", "3", "--neyman", "0.5", "--json"], ["gof", "--toys", "3", "--json"], ["report"]]


def expect(truth, what, done=None):
    if not truth:
        raise AssertionError(what + (told(done) if done else ""))


def succeeded(*words, folder):
    done = ratiofarm(*words, folder=folder)
    expect(done.returncode == 0, "failed", done)
    return done


def complete_events(path):
    """A second feature, columns of weights, lists of two particles, and a sample that nothing learns from."""
    random = np.random.default_rng(1)
    with h5py.File(path, "a") as f:
        f.pop("metadata_crc", None)
        f.copy("S", "data")
        for name, sample in f.items():
            n = len(sample["id"])
            x = sample["features"][:, :1]
            for old in [key for key in sample if key.endswith("_crc") or key in ("features", "log_density")]:
                del sample[old]
            y = random.normal(size=(n, 1)).astype("f4")
            sample.create_dataset("features", data=np.hstack([x, y])).attrs["columns"] = ["x", "y"]
            p = random.normal(size=(2 * n, 3)) * [20, 20, 40]
            sample.create_dataset("particles", data=np.column_stack([np.sqrt((p**2).sum(1) + 1), p]).astype("f4"))
            sample["particles"].attrs["columns"] = ["E", "px", "py", "pz"]
            sample["particle_offsets"] = np.arange(0, 2 * n + 1, 2, dtype="u8")
        del f["data/id"], f["data/weight"]
        n = len(f["data/features"])
        f["data/id"] = np.arange(n, dtype="u8") + np.uint64(1 << 60)
        f["data/weight"] = np.ones(n)
        for side, factor in [("up", 1.1), ("down", 0.9)]:
            f[f"B/weights/w_{side}"] = f["B/weight"][:] * factor
        for name in ("mc", "other"):
            f.copy("data", name)
            if name == "other":  # a background weighs less than the data
                f[f"{name}/weight"][:] *= 0.1
            n = len(f[name]["id"])
            t = f[name]["features"][:, :1] + random.normal(size=(n, 1)).astype("f4")
            f[name].create_dataset("truth", data=np.hstack([t, t])).attrs["columns"] = ["t", "u"]
            f[name]["pass_reco"] = f[name]["pass_truth"] = np.ones(n, dtype="u1")
            for column in ("w", "w_up"):
                f[name][f"weights/{column}"] = f[name]["weight"][:]
    (path.parent / "copy").mkdir()
    shutil.copy(path, path.parent / "copy")


def numbers_of(value, place=""):
    """All numbers of a result with their places; digests, counts of passes and words differ."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("made_from", "pass_counts", "passes", "edm", "nll", "xxh3", "comparisons"):
                yield from numbers_of(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from numbers_of(inner, f"{place}/{i}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield place, value


def expect_same(found, wanted, what):
    expect(found.returncode == wanted.returncode, f"{what}: a new directory ends with {wanted.returncode}", found)
    if found.returncode == 2:
        return  # the edited campaign asks for what there is not
    expect(found.returncode in (0, 3), f"{what}: failed", found)  # 3: a fit did not converge
    if not found.stdout.startswith("{"):
        return
    old, new = (dict(numbers_of(json.loads(done.stdout))) for done in (found, wanted))
    expect(old.keys() == new.keys(), f"{what}: other numbers: {sorted(old.keys() ^ new.keys())[:5]}")
    for place, number in old.items():
        close = math.isclose(number, new[place], rel_tol=2e-4, abs_tol=2e-5)
        expect(close, f"{what}: {place} = {number}, on a new directory {new[place]}")


class Table:
    def __init__(self, folder):
        self.folder = folder
        self.texts = {kind: base(kind) for kind in (PLAIN, SELECTED, LISTS, UNFOLDED)}

    def prepare(self):
        for kind, text in self.texts.items():
            (self.folder / f"{kind}.toml").write_text(text)
        succeeded("simulate", "plain.toml", folder=self.folder)
        complete_events(self.folder / "toy.h5")
        for kind in (PLAIN, SELECTED, LISTS):
            succeeded("run", f"{kind}.toml", "--out", kind, folder=self.folder)
        shutil.copy(self.folder / PLAIN / "ratios.h5", self.folder / "foreign.h5")

    def copy(self, kind, name, without=()):
        out = self.folder / name
        shutil.copytree(self.folder / kind, out, ignore=shutil.ignore_patterns("lock", *without))
        return out

    def edited(self, kind, replacements, name):
        text = self.texts[kind]
        for old, new in replacements:
            if old not in text and old.startswith("\n["):  # a section that is not there
                text, old = text + old, old
            expect(old in text, f"'{old}' is not in the campaign")
            text = text.replace(old, new, 1)
        (self.folder / name).write_text(text)
        return name

    def check(self, number, happens, kind, replacements):
        """One row; \\param number distinct, and what chooses the other command."""
        campaign = self.edited(kind, replacements, f"{number}.toml")
        if happens == "unfold":
            old, new = (succeeded("check", name, "--print-config", folder=self.folder).stdout for name in (f"{kind}.toml", campaign))
            return expect(old != new, "the key is in no result")
        out = self.copy(kind, f"{number}.run")
        name, *options = OTHERS[number % len(OTHERS)]
        ask = [name, campaign, "--out", out.name, *options]
        other = ratiofarm(*ask, folder=self.folder)
        fit = ratiofarm("fit", campaign, "--out", out.name, "--json", folder=self.folder)
        if happens == "nothing":
            expect(other.returncode == 0, "refused", other)
            expect("fit.json is up to date" in fit.stderr, "fitted again", fit)
        elif happens == "fit":
            if name == "report":
                expect(other.returncode == 0 and "is the fit of another campaign and left out" in other.stderr, "reported", other)
                other = succeeded("report", campaign, "--out", out.name, folder=self.folder)
            new = self.copy(kind, f"{number}.new", ("ratios.h5", "ensembles", "fit.json", "report.html"))
            made = ratiofarm("run", campaign, "--out", new.name, folder=self.folder)
            expect(made.returncode in (0, 3), "failed", made)
            expect_same(other, ratiofarm(name, campaign, "--out", new.name, *options, folder=self.folder), name)
            expect_same(fit, ratiofarm("fit", campaign, "--out", new.name, "--json", folder=self.folder), "fit")
        else:
            for done in (other, fit):
                self.check_refusal(happens, done, campaign, out)
        for path in self.folder.glob(f"{number}.*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def check_refusal(self, happens, done, campaign, out):
        if "report" in done.args:  # shows what is left, and says what is not and why
            expect(done.returncode == 0 and '<section id="result">' not in (out / "report.html").read_text(), "reported", done)
        else:
            expect(done.returncode == 2, "not refused", done)
        if happens in ("select", "search"):
            expect(f"run 'ratiofarm {happens}' first" in done.stderr, "another reason", done)
            expect(re.search(r"\n  \S+.*: .* -> ", done.stderr), "no difference is shown", done)
            return
        expect(re.search(r"not those of the campaign:\n  \S+.*: .* -> ", done.stderr), "no difference is shown", done)
        command = re.search(r"'ratiofarm ([^']*)'", done.stderr)
        expect(command, "no command is named", done)
        expect(("--accept-change" in command[1]) == (happens == "train"), "another command", done)
        if happens == "train" or not (out / "fit.json").exists():
            return
        made = succeeded(*command[1].split(), folder=self.folder)
        expect(happens == "more" or not re.search("task done.*member", made.stderr), "trained", made)
        succeeded("fit", campaign, "--out", out.name, folder=self.folder)
        (out / "fit.json").unlink()  # the second command was refused before


def main():
    rows = table()
    keys = documented_keys()
    missing = [key for key in keys if key not in rows]
    expect(len(keys) > 150 and not missing, f"keys of docs/campaign.md without a row: {missing}")
    expect(not rows.keys() - set(keys), f"rows of no key: {rows.keys() - set(keys)}")
    chosen = sys.argv[2:] or list(rows)
    edits = {}
    for key in chosen:
        edits.setdefault(rows[key], []).append(key)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        work = Table(pathlib.Path(folder))
        work.prepare()
        numbers = itertools.count()
        running = {pool.submit(work.check, next(numbers), *row): names for row, names in edits.items()}
        failures = 0
        for done in concurrent.futures.as_completed(running):
            if problem := done.exception():
                failures += 1
                print(f"FAILED: {', '.join(running[done])}: {problem!r}"[:3000].replace("\\n", "\n"))
    print(f"{len(chosen)} keys, {len(edits)} edits, {failures} failures")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
