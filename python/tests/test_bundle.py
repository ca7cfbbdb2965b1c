"""A published likelihood, read by the package."""
import shutil

import h5py
import numpy as np
import onnxruntime
import pytest

import ratiofarm
import ratiofarm.bundle
from conftest import program


@pytest.fixture(scope="module")
def bundle(run, work):
    program("bundle", run.path, "--out", "peak.rfb", folder=work)
    return work / "peak.rfb"


def test_a_bundle_of_learned_shapes_has_the_likelihood_of_its_run(bundle, run):
    opened = ratiofarm.open_bundle(bundle)
    assert opened.golden_difference() < 1e-9
    assert opened.fit == run.fit and opened.record["level"] == 1
    here, there = opened.likelihood(), run.likelihood()
    for point in opened.golden["points"]:
        values = dict(zip(opened.golden["parameters"], point["parameters"]))
        assert here.nll(values) == there.nll(values)


def test_gradients_and_curvatures_of_golden_values_are_those_of_the_likelihood(bundle):
    opened, step = ratiofarm.open_bundle(bundle), 1e-4
    likelihood, names = opened.likelihood(), opened.golden["parameters"]
    for point in opened.golden["points"]:
        for a, name in enumerate(names):
            def nll(change, name=name, values=dict(zip(names, point["parameters"]))):
                return likelihood.nll(values | {name: values[name] + change})

            up, here, down = nll(step), nll(0.0), nll(-step)
            curvature = point["hessian"][a][a]
            assert (up - down) / (2.0 * step) == pytest.approx(point["gradient"][a], abs=1e-5 * max(1.0, curvature))
            assert (up - 2.0 * here + down) / step**2 == pytest.approx(curvature, rel=1e-3)


@pytest.mark.parametrize("damage, words", [
    (lambda folder: (folder / "fit.json").write_text("x"), "fit.json' is not as it was published"),
    (lambda folder: (folder / "ratios.h5").unlink(), "ratios.h5' is missing"),
    (lambda folder: (folder / "bundle.json").unlink(), "is no bundle"),
])
def test_a_damaged_bundle_is_refused_with_the_file(bundle, tmp_path, damage, words):
    shutil.copytree(bundle, tmp_path / "copy.rfb")
    damage(tmp_path / "copy.rfb")
    with pytest.raises(ratiofarm.Problem, match=words):
        ratiofarm.open_bundle(tmp_path / "copy.rfb")


def test_nets_and_events_are_added_and_a_new_signal_is_trained_on_them(bundle, run, work):
    shutil.copytree(bundle, work / "more.rfb")
    more = ratiofarm.open_bundle(work / "more.rfb")
    with pytest.raises(ratiofarm.Problem, match="no net has a feature 'masse'"):
        ratiofarm.bundle.add_nets(more, run, {"masse": "?"})
    more = ratiofarm.bundle.add_nets(more, run, {"mass": "of both muons"})
    more = ratiofarm.bundle.add_events(more, run)

    table = (more.path / "features.md").read_text().splitlines()
    assert [line.split(" | ")[2] for line in table[2:]] == ["of both muons", "not described"]
    assert "the definition of the feature 'angle'" in more.record["left_out"]

    assert "preselection" not in run.ensembles and "data" not in run.ratios
    assert more.record["level"] == 3 and more.record["digest"] == ratiofarm.open_bundle(bundle).record["digest"]
    program("bundle", "--verify", "more.rfb", folder=work)
    with h5py.File(more.path / "nets" / "check.h5") as check:
        session = onnxruntime.InferenceSession(str(more.path / "nets" / "background" / "scale" / "up.onnx"))
        found = session.run(None, {"x": check["features"][()]})[0]
        assert found == pytest.approx(check["log_ratio/background%2Fscale%2Fup"][()], abs=1e-5)
    rng = np.random.default_rng(7)
    new = {"mass": rng.normal(3.0, 0.5, 3000), "angle": rng.normal(0.2, 0.8, 3000)}
    ratiofarm.write_events(work / "bsm.h5", {"BSM": new}, features=["mass", "angle"], weight=0.01, id=None)
    program("patch", "more.rfb/run", "--process", "BSM", "--events", "bsm.h5", "--coefficient", "mu_bsm", "--yield", 30,
            "--range", "mu_bsm=0:10", "--out", "bsm.run", "--bundle", "more.rfb", folder=work)
    program("fit", bundle, "--patch", "bsm.run/BSM.rfp", "--out", "both.run", folder=work)
    assert ratiofarm.open_run(work / "both.run").best == pytest.approx(ratiofarm.open_run(work / "bsm.run").best, abs=1e-8)


def test_nets_are_added_to_a_bundle_of_their_own_run_only(bundle, tmp_path, run):
    shutil.copytree(bundle, tmp_path / "copy.rfb")
    other = ratiofarm.open_bundle(tmp_path / "copy.rfb")
    other.ratios.attributes["inputs"] = "0" * 32

    with pytest.raises(ratiofarm.Problem, match="is not a bundle of"):
        ratiofarm.bundle.add_nets(other, run)
