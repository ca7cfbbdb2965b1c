"""The nets in Python against ratios.h5 and selected.h5 of the program, and as ONNX."""
import json

import h5py
import numpy as np
import onnxruntime
import pytest
import toy_campaign
from conftest import program

import ratiofarm
import ratiofarm.onnx
from ratiofarm import Problem

#: Everything that decides how nets are evaluated: folds, members, arithmetic mean, calibration, residual layers.
MORE = """
[preselection]
classes = { signal = ["S"], background = ["B"] }
[[systematic]]
name = "scale"
shape = { B = { up_weight = "up", down_weight = "down" } }
[[simulate.systematic]]
name = "scale"
B = { shift = [0.3], up = 1.05, down = 0.96 }
[[region]]
name = "SR"
type = "unbinned"
where = { score = [-2.5, inf] }
[[region]]
name = "CR"
type = "binned"
where = { score = [-inf, -2.5] }
observable = "x"
edges = [-inf, inf]
"""
CHANGES = {"simulate.events": "1500", "split": None, "split.folds": "2", "split.train": "0.8", "split.validation": "0.2",
           "training.batch": "128", "training.calibration": '"isotonic"', "network.kind": '"residual_mlp"', "network.hidden": "[8, 8]",
           "network.activation": '"gelu"', "ensemble.members": "2", "ensemble.combine": '"mean_ratio"', "systematics.halves": "false"}


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    (folder / "c.toml").write_text(toy_campaign.campaign("signal", CHANGES, MORE, gates=False))
    program("simulate", "c.toml", folder=folder)
    return ratiofarm.run(folder / "c.toml", out=folder / "c.run")


def rows_of(run, sample, events_file):
    """The ratios of a sample, and its events in the same order."""
    ratios, events = run.ratios[sample], ratiofarm.read_events(events_file, sample)
    rows = ratios.columns["row"].astype(int)
    assert (events.id[rows] == ratios.columns["id"]).all()
    return ratios, events.features[rows], events.id[rows]


def compare(run, events_file, parameter, tolerance):
    """tolerance: of the program's arithmetic in 32 bits, for ln r of 1"""
    def close(found, wanted):
        off = np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted))
        return np.quantile(off, 0.99) < tolerance and off.max() < 3.0 * tolerance

    for sample in run.ratios:
        ratios, features, ids = rows_of(run, sample, events_file)
        found = run.evaluate(features[:, :len(run.campaign["events"]["features"])], ids)
        for j, process in enumerate(run.ratios.processes):
            assert close(found[process], ratios.log_r[:, j]), (sample, process)
        for line, (process, name) in enumerate(run.ratios.shapes):
            assert name == parameter
            for side in ("up", "down"):
                wanted = ratios.lines[f"log_g_{side}"][line]
                assert close(found[f"{process}/scale/{side}"], wanted), (sample, process, side)


def test_events_written_from_python_have_the_ratios_that_python_gives(run, work):
    compare(run, work / "events.h5", "alpha_scale", 1e-6)


def test_folds_calibration_and_arithmetic_means_are_those_of_the_program(folds):
    ensemble = folds.ensembles["S"]
    assert len(ensemble) == 4 and ensemble.combine == "mean_ratio" and ensemble.nets[0].knots.shape[1] > 0
    assert ensemble.nets[0].adds(1)

    compare(folds, folds.path / "selected.h5", "alpha_scale", 5e-6)  # calibration has slopes above 1


def test_the_score_of_the_preselection_is_that_of_the_program(folds):
    ensemble = folds.ensembles["preselection"]
    for sample in ("S", "B"):
        events = ratiofarm.read_events(folds.path / "selected.h5", sample)
        log_s = ensemble.log_probabilities(events.frame(), events.id)

        assert np.allclose(np.exp(log_s).sum(axis=1), 1.0)
        assert np.abs(log_s[:, 0] - log_s[:, 1] - events.features[:, events.columns.index("score")]).max() < 1e-5


def test_the_events_for_inference_are_those_of_the_split(run, work):
    for sample in run.ratios:
        ids = ratiofarm.read_events(work / "events.h5", sample).id
        wanted = ids[ratiofarm.split_part(ids, run.campaign["split"]) == 2]

        assert (np.sort(run.ratios[sample].columns["id"]) == np.sort(wanted)).all()


@pytest.mark.parametrize("one", [None, 0])
def test_onnx_gives_the_same_ratios_with_the_scaling_inside(one, run, folds, work, tmp_path):
    for source, events_file, names in [(run, work / "events.h5", ["signal", "background/scale/up"]),
                                       (folds, folds.path / "selected.h5", ["S", "B", "B/scale/down"])]:
        for name in names:
            ensemble = source.ensembles[name]
            sample = next(iter(source.ratios))
            x = ensemble.columns(ratiofarm.read_events(events_file, sample).frame()).astype("f4")
            ratiofarm.onnx.export(ensemble, tmp_path / "net.onnx", net=one, log_z=0.25)

            session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
            (found,) = session.run(["log_ratio"], {"x": x})
            wanted = ensemble.log_ratio(x) if one is None else ensemble.log_ratios(x)[one]
            assert found.shape == (len(x),) and np.abs(found + 0.25 - wanted).max() < 1e-5
            properties = session.get_modelmeta().custom_metadata_map
            assert json.loads(properties["features"]) == ensemble.features and properties["digest"] == ensemble.digest


def test_what_cannot_be_evaluated_or_exported_is_one_clear_error(folds, tmp_path):
    ensemble = folds.ensembles["S"]
    for events, message in [(np.zeros((2, 3)), "needs an array .events, 1. of x, not .2, 3."), ({"y": np.zeros(2)}, "needs the columns x"),
                            (np.array([[1.0], [np.nan]]), "x is nan in row 1"), ([[1.0], [2.0]], "needs the columns x"),
                            (np.ma.MaskedArray([[1.0], [2.0]], [[False], [True]]), "missing values or no numbers"),
                            (np.array([["a"]]), "missing values or no numbers .type <U1")]:
        with pytest.raises(Problem, match=message):
            ensemble.log_ratio(events)
    with pytest.raises(Problem, match="no ensemble 'T'"):
        folds.ensembles["T"]
    with pytest.raises(Problem, match="has 2 outputs"):
        ratiofarm.onnx.export(folds.ensembles["preselection"], tmp_path / "p.onnx")
    with pytest.raises(Problem, match="has the nets 0 to 3, not 4"):
        ratiofarm.onnx.export(ensemble, tmp_path / "p.onnx", net=4)
    with pytest.raises(Problem, match="log_z is nan"):
        ratiofarm.onnx.export(ensemble, tmp_path / "p.onnx", log_z=np.nan)


def test_a_damaged_net_is_noticed(folds, tmp_path):
    path = folds.ensembles["S"].path
    with h5py.File(path) as file:
        place = file["nets/weights"].id.get_offset()
    bytes_ = bytearray(path.read_bytes())
    bytes_[place + 6] ^= 1
    (tmp_path / "S.h5").write_bytes(bytes_)

    with pytest.raises(Problem, match="weights of net 'S/fold 0/member 0' do not match their checksum"):
        ratiofarm.Ensemble(tmp_path / "S.h5")


def test_damage_of_the_structure_is_said(folds, tmp_path):
    path = tmp_path / "S.h5"
    bytes_ = bytearray(folds.ensembles["S"].path.read_bytes())
    for place in range(len(bytes_) - 4):  # of every group's messages
        if bytes_[place:place + 4] == b"OHDR":
            bytes_[place + 30] ^= 4
    path.write_bytes(bytes_)

    with pytest.raises(Problem, match="S.h5' is .*damaged"):
        ratiofarm.Ensemble(path)
