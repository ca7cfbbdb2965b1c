"""A published likelihood, read by the package."""
import shutil

import pytest

import ratiofarm
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
