"""The notebooks run as they are, and what they show is right."""
import numpy as np
import yaml
from conftest import execute


def test_events_become_a_signal_strength(notebook):
    mu = notebook["mu"]

    assert abs(mu["value"] - 1.0) < mu["error"]  # Asimov data at mu = 1
    assert notebook["run"].evaluate(np.zeros((3, 2))).frame().shape == (3, 6)


def test_results_are_read_and_restyled(run, work):
    names = execute("results.ipynb", work)

    assert abs(names["likelihood"].nll(run.best) - run.fit["nll"]) < 1e-9 * abs(run.fit["nll"])
    assert (work / "peak.pdf").stat().st_size > 5000 and (work / "signal.onnx").exists()
    assert len(list(yaml.safe_load_all((work / "hepdata" / "submission.yaml").read_text()))) >= 5
