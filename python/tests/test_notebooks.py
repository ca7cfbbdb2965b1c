"""The notebooks run as they are, and what they show is right."""
import warnings

import numpy as np
import pytest
import yaml
from conftest import execute


def test_events_become_a_signal_strength(notebook):
    mu = notebook["mu"]

    assert abs(mu["value"] - 1.0) < mu["error"]  # Asimov data at mu = 1
    inside = notebook["run"].evaluate(np.array([[5.0, 0.0]] * 3)).frame()
    assert inside.shape == (3, 6)


def test_events_that_the_reference_does_not_reach_are_told(notebook):
    run = notebook["run"]
    outside = {"mass": np.array([5.0, 1e6, -1e6]), "angle": np.zeros(3)}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.evaluate({name: values[:1] for name, values in outside.items()})
    with pytest.warns(UserWarning, match="only extrapolate there: mass: 2 of 3 outside"):
        run.evaluate(outside)
    with pytest.warns(UserWarning, match="mass: 2 of 3 outside"):
        run.evaluate(np.stack([outside["mass"], outside["angle"]], axis=1))


def test_results_are_read_and_restyled(run, work):
    names = execute("results.ipynb", work)

    assert abs(names["likelihood"].nll(run.best) - run.fit["nll"]) < 1e-9 * abs(run.fit["nll"])
    assert (work / "peak.pdf").stat().st_size > 5000 and (work / "signal.onnx").exists()
    assert len(list(yaml.safe_load_all((work / "hepdata" / "submission.yaml").read_text()))) >= 5
