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


def test_a_bundle_of_nets_evaluates_events(bundle, run, work):
    with pytest.raises(ratiofarm.Problem, match="has no nets, only their ratios"):
        ratiofarm.open_bundle(bundle).evaluate({"mass": np.zeros(3)})
    shutil.copytree(bundle, work / "nets.rfb")
    stale = ratiofarm.open_bundle(work / "nets.rfb")
    ratiofarm.bundle.add_nets(stale, run)
    left_out = ratiofarm.open_bundle(work / "nets.rfb").record["left_out"]
    assert any("definition of the feature" in one for one in left_out)
    assert ratiofarm.bundle.add_events(stale, run).record["left_out"] == left_out  # whatever the object has seen

    sample = run.ratios.reference[0][1]
    events = ratiofarm.read_events(run.path / run.campaign["events"]["file"], sample).at(np.arange(1000))
    here, there = ratiofarm.open_bundle(work / "nets.rfb").evaluate(events), run.evaluate(events)
    assert set(here) == set(there)
    for name in there:
        assert np.abs(here[name] - there[name]).max() < 1e-5
    with pytest.raises(ratiofarm.Problem, match="has no ensembles: run 'ratiofarm gather'"):
        ratiofarm.open_run(work / "nets.rfb" / "run").evaluate(events)


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
    for add in (ratiofarm.bundle.add_nets, ratiofarm.bundle.add_events):
        with pytest.raises(ratiofarm.Problem, match="is there already"):
            add(more, run)
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


def test_a_thinned_bundle_is_smaller_and_says_what_that_costs(run, work):
    with pytest.raises(ratiofarm.Problem, match="so none can be left out for error = 0.005; allow more than 0.01"):
        ratiofarm.thin_bundle(run, work / "thin.rfb")
    bundle = ratiofarm.thin_bundle(run, work / "thin.rfb", error=0.03)
    program("bundle", "--verify", "thin.rfb", folder=work)
    assert bundle.golden_difference() < 1e-9 and not list(work.glob("*.partial"))
    full, few = run.ratios, bundle.ratios
    assert bundle.ratios.attributes["reference_events"] == sum(len(few[name]) for name in few)
    for name in full:
        kept = np.isin(full[name].columns["id"], few[name].columns["id"])
        assert 0.1 < kept.mean() < 0.4
        assert few[name].weight.sum() == pytest.approx(full[name].weight.sum(), rel=1e-12)
        assert np.array_equal(few[name].log_r, full[name].log_r[kept])
        assert np.array_equal(few[name].lines["log_g_up"], full[name].lines["log_g_up"][:, kept])
    (said,) = bundle.record["left_out"]
    kept, of = (sum(len(one[name]) for name in full) for one in (few, full))
    assert said.startswith(f"{of - kept} of {of} simulated events: with {kept} of them the information on alpha_scale is known to ")


def test_events_that_are_data_stay_and_their_checksums_match(run, tmp_path):
    kept, of = ratiofarm.thin.write_thinned(run.ratios, tmp_path / "r.h5", {"signal"}, 0.25)
    few = ratiofarm.Ratios(tmp_path / "r.h5")  # compares checksums
    assert len(few["signal"]) == kept == pytest.approx(of / 4, rel=0.1) and of == len(run.ratios["signal"])
    assert np.array_equal(few["background"].weight, run.ratios["background"].weight)
    with pytest.raises(ratiofarm.Problem, match="the 0 events of /events/signal that would stay"):
        ratiofarm.thin.write_thinned(run.ratios, tmp_path / "none.h5", {"signal"}, 1e-12)
    assert not (tmp_path / "none.h5").exists() and not list(tmp_path.glob("*.partial"))


def test_the_error_of_a_mean_falls_with_the_number_of_events():
    """r of N(1.5, 1) to the half-and-half reference of it and N(0, 1.5): E[r^2] by quadrature."""
    x = np.linspace(-12.0, 12.0, 20001)
    s, b = (np.exp(-0.5 * ((x - m) / d) ** 2) / (d * np.sqrt(2.0 * np.pi)) for m, d in ((1.5, 1.0), (0.0, 1.5)))
    reference = 0.5 * (s + b)
    square = (s**2 / reference).sum() * (x[1] - x[0])
    rng = np.random.default_rng(1)
    events = np.concatenate([rng.normal(1.5, 1.0, 20000), rng.normal(0.0, 1.5, 20000)])
    r = np.interp(events, x, s / reference)
    found = ratiofarm.thin._relative(np.full(40000, 1.0 / 40000), r, 0.0)
    assert found == pytest.approx(np.sqrt((square - 1.0) / 40000), rel=0.01)
