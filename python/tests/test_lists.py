"""Nets of particle lists and of their pair products: a whole run against the evaluation in Python."""
import h5py
import numpy as np
import onnxruntime
import pytest
import toy_campaign
from conftest import program

import ratiofarm
import ratiofarm.bundle
import ratiofarm.onnx
from ratiofarm import Problem

#: Events are selected by a classifier of lists, the width of the nets is searched, with folds and replicas.
SELECTION = """
[preselection]
classes = { signal = ["S"], background = ["B"] }
network = { kind = "deep_sets", particles = ["log_pt", "eta"], width = 4 }
[search]
trials = 2
first_rung = 1
[search.parameters]
"network.width" = { choice = [4, 6] }
[[region]]
name = "SR"
type = "unbinned"
where = { score = [0.0, inf] }
[[region]]
name = "CR"
type = "binned"
where = { score = [-inf, 0.0] }
observable = "x"
edges = [-inf, inf]
"""
CHANGES = {"simulate.events": "400", "split": None, "split.folds": "2", "split.train": "0.8", "split.validation": "0.2",
           "training.batch": "64", "training.epochs": "2", "training.learning_rate": "0.02", "ensemble.members": "2"}


def add_lists(path):
    """Up to three particles in an event, of which the first knows x."""
    random = np.random.default_rng(1)
    with h5py.File(path, "a") as f:
        f.pop("metadata_crc", None)
        for sample in f.values():
            for old in [key for key in sample if key.endswith("_crc") or key == "log_density"]:
                del sample[old]
            number = random.integers(1, 4, size=len(sample["id"]))
            p = random.normal(size=(number.sum(), 3)) * [20.0, 20.0, 40.0]
            offsets = np.concatenate([[0], np.cumsum(number)])
            p[offsets[:-1], 0] += 10.0 * sample["features"][:, 0]
            energy = np.sqrt((p**2).sum(1) + 1.0)
            sample.create_dataset("particles", data=np.column_stack([energy, p]).astype("f4")).attrs["columns"] = ["E", "px", "py", "pz"]
            sample["particle_offsets"] = offsets.astype("u8")


def run_of(folder, changes, more=""):
    (folder / "c.toml").write_text(toy_campaign.campaign("signal", CHANGES | changes, more, gates=False))
    program("simulate", "c.toml", folder=folder)
    add_lists(folder / "toy.h5")
    return ratiofarm.run(folder / "c.toml", out=folder / "c.run")


def expect_equal(run, events_file):
    for sample in run.ratios:
        ratios, events = run.ratios[sample], ratiofarm.read_events(events_file, sample)
        rows = ratios.columns["row"].astype(int)
        found = run.evaluate(events, events.id)
        for j, process in enumerate(run.ratios.processes):
            assert np.ptp(found[process]) > 1e-3
            assert np.allclose(found[process][rows], ratios.log_r[:, j], rtol=0.0, atol=3e-5), (sample, process)


def expect_equal_onnx(run, events_file):
    events = ratiofarm.read_events(events_file, "S")
    for name in run.ratios.processes:
        ensemble = run.ensembles[name]
        path = ratiofarm.onnx.export(ensemble, run.path / "net.onnx", log_z=0.25)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (found,) = session.run(["log_ratio"], ratiofarm.onnx.inputs(ensemble, events))
        assert np.abs(found + 0.25 - ensemble.log_ratio(events)).max() < 2e-6


def test_lists_go_through_selection_search_folds_and_replicas(tmp_path):
    run = run_of(tmp_path, {"network.kind": '"lorentz"', "network.width": "4", "network.blocks": "1", "network.hidden": "[4]",
                            "network.max_particles": "3", "network.beams": "true", "ensemble.replicas": "2"}, SELECTION)

    expect_equal(run, run.path / "selected.h5")
    widths = {int(ensemble.network["width"]) for name, ensemble in run.ensembles.items() if name in ("S", "B")}
    assert len(widths) == 1 and widths <= {4, 6}
    for name, nets in [("S", 4), ("S/replicas", 4)]:  # of two folds
        assert len(run.ensembles[name]) == nets
    source = ratiofarm.read_events(tmp_path / "toy.h5", "S")
    kept = ratiofarm.read_events(run.path / "selected.h5", "S")
    assert 0 < len(kept.id) < len(source.id)
    for event in (0, len(kept.id) - 1):  # its own particles, not those of a neighbour
        before = int(np.flatnonzero(source.id == kept.id[event])[0])
        assert (kept.particles.of(event) == source.particles.of(before)).all()


LISTS_ONLY = """
[campaign]
name = "lists"
[events]
file = "lists.h5"
features = []
[parameters.mu]
range = [0.0, 10.0]
[[process]]
name = "S"
coefficient = "mu"
[[process]]
name = "B"
[reference]
mixture = { S = 1, B = 1 }
[network]
kind = "lorentz"
width = 4
blocks = 1
[training]
epochs = 4
batch = 32
learning_rate = 0.01
[ensemble]
members = 1
[gates]
excess = 0
"""


def test_lists_need_no_features(tmp_path):
    """Nets see nothing else, and reports show what is computed of the lists: three quantities of two or three particles."""
    random = np.random.default_rng(1)
    samples = {}
    for number, (name, mass) in enumerate([("S", 3.0), ("B", 2.0)]):
        columns = {c: [] for c in ("E", "px", "py", "pz")}
        for _ in range(400):
            p = random.normal(size=(random.integers(2, 4), 3)) * mass
            for c, values in zip(columns, [np.sqrt((p**2).sum(1)), *p.T]):
                columns[c].append(values)
        samples[name] = columns | {"weight": np.full(400, 0.1), "id": (number << 40) + np.arange(400)}
    ratiofarm.write_events(tmp_path / "lists.h5", samples, features=[], id="id", particles=["E", "px", "py", "pz"])
    (tmp_path / "c.toml").write_text(LISTS_ONLY)

    run = ratiofarm.run(tmp_path / "c.toml", out=tmp_path / "c.run")

    events = ratiofarm.read_events(tmp_path / "lists.h5", "S")
    assert events.columns == ["multiplicity"] and (events.features[:, 0] == np.diff(events.particles.offsets.astype(int))).all()
    expect_equal(run, tmp_path / "lists.h5")
    expect_equal_onnx(run, tmp_path / "lists.h5")
    report = (run.path / "report.html").read_text()
    for quantity in ("multiplicity", "leading_pt", "sum_mass"):
        assert quantity in report, quantity
    labels = [one["label"] for one in run.fit["comparisons"]]
    assert any("sum_mass" in label for label in labels)
    with pytest.raises(Problem, match="at least one column"):
        ratiofarm.write_events(tmp_path / "none.h5", samples, features=[], id="id")


def test_pair_products_are_those_of_python(tmp_path):
    run = run_of(tmp_path, {"network.gram": "3", "network.log_features": "true", "network.layer_norm": "true",
                            "network.activation": '"gelu"'})

    expect_equal(run, tmp_path / "toy.h5")
    expect_equal_onnx(run, tmp_path / "toy.h5")
    with pytest.raises(Problem, match="reads particle lists"):
        run.evaluate({"x": np.zeros(3)})


def test_nets_of_lists_are_published(tmp_path):
    run_of(tmp_path, {"network.kind": '"deep_sets"', "network.width": "4", "network.particles": '["log_pt"]'})
    program("bundle", "c.run", "--out", "c.rfb", folder=tmp_path)

    bundle = ratiofarm.bundle.add_nets(ratiofarm.open_bundle(tmp_path / "c.rfb"), ratiofarm.open_run(tmp_path / "c.run"))

    assert bundle.record["level"] == 2
    with h5py.File(bundle.path / "nets" / "check.h5") as check:
        session = onnxruntime.InferenceSession(bundle.path / "nets" / "S.onnx", providers=["CPUExecutionProvider"])
        given = {"x": check["features"][()], "multiplicity": check["multiplicity"][()], "particles": check["particles"][()]}
        assert np.abs(session.run(None, given)[0] - check["log_ratio/S"][()]).max() < 1e-5
    events = ratiofarm.read_events(tmp_path / "toy.h5", "B").at(np.arange(100))  # which need nothing but the bundle
    found, wanted = bundle.evaluate(events), ratiofarm.open_run(tmp_path / "c.run").evaluate(events)
    assert all(np.abs(found[name] - wanted[name]).max() < 1e-5 for name in wanted) and set(found) == set(wanted)


@pytest.mark.parametrize("kind, options", [
    ("deep_sets", {"network.activation": '"gelu"', "network.log_features": "true"}),
    ("lorentz", {"network.blocks": "2", "network.beams": "true"}),
    ("graph", {"network.neighbours": "2", "training.calibration": '"isotonic"'}),
    ("transformer", {"network.heads": "2", "network.beams": "true", "ensemble.combine": '"mean_ratio"'}),
    ("pelican", {"network.activation": '"tanh"'})])
def test_each_kind_of_lists_is_that_of_python_and_of_onnx(kind, options, tmp_path):
    columns = '["log_pt", "eta", "dphi", "E"]' if kind != "pelican" else None
    run = run_of(tmp_path, {"network.kind": f'"{kind}"', "network.width": "4", "network.blocks": "1", "network.hidden": "[4]",
                            "network.max_particles": "4", "network.particles": columns} | options)

    expect_equal(run, tmp_path / "toy.h5")
    expect_equal_onnx(run, tmp_path / "toy.h5")


UNFOLDING = """
[campaign]
name = "unfold"
[events]
file = "u.h5"
features = ["coin"]
[split]
train = 0.6
validation = 0.15
inference = 0.25
[network]
kind = "deep_sets"
particles = ["x"]
width = 16
max_particles = 1
[training]
epochs = 8
batch = 256
learning_rate = 0.005
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
iterations = 1
members = 1
network = { kind = "mlp", hidden = [16, 16] }
[[unfolding.observable]]
column = "t"
edges = [-inf, 0.5, inf]
"""


def test_an_unfolding_reads_lists_at_the_reconstruction(tmp_path):
    """What is measured stands in a list, and in no feature: t ~ N(0, 1), in nature N(0.5, 0.8), measured with N(0, 0.5^2)."""
    random = np.random.default_rng(1)

    def sample(mean, width, n, first):
        t = random.normal(mean, width, n)
        lists = [[x] for x in t + random.normal(0.0, 0.5, n)]
        return {"t": t, "x": lists, "coin": random.choice([-1.0, 1.0], n), "pass_reco": np.ones(n, bool), "pass_truth": np.ones(n, bool),
                "weight": np.full(n, 1000.0 / n), "id": first + np.arange(n)}

    samples = {"mc": sample(0.0, 1.0, 16000, 0), "data": sample(0.5, 0.8**0.5, 16000, 10**9)}
    for name in ("t", "pass_reco", "pass_truth"):
        del samples["data"][name]
    ratiofarm.write_events(tmp_path / "u.h5", samples, features=["coin"], id="id", particles=["x"], truth=["t"])
    (tmp_path / "u.toml").write_text(UNFOLDING)

    program("run", "u.toml", "--out", "u.run", folder=tmp_path)

    with h5py.File(tmp_path / "u.run" / "unfolded.h5") as file:
        t, w = file["truth"][:, 0], file["iterations/1"][()]
    # One iteration: t is drawn from its posterior in the simulation, N(0.8 x, 0.2), with x as in nature, N(0.5, 1.05).
    mean = np.average(t, weights=w)
    assert abs(mean - 0.4) < 0.06 and abs(np.average((t - mean) ** 2, weights=w) - 0.872) < 0.08
