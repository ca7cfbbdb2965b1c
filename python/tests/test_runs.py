"""Run directories: tables are what the files say, damage is noticed, plots and HEPData tables show the same numbers."""
import json
import shutil

import numpy as np
import pytest
import toy_campaign
import yaml
from conftest import ROOT, program
from hepdata_validator.full_submission_validator import FullSubmissionValidator

import ratiofarm
import ratiofarm.hepdata
from ratiofarm import Problem, Table, plots


@pytest.fixture(scope="module")
def results(run, work):
    """The run of the notebook with all that commands can add."""
    for words in (["impacts", "--refit"], ["limits", "--points", "5"], ["toys", "--toys", "12", "--neyman", "0.68"], ["gof", "--toys", "6"]):
        program(words[0], "peak.toml", "--out", "peak.run", *words[1:], folder=work)
    return ratiofarm.open_run(work / "peak.run")


def raw(run, name):
    return json.loads((run.path / name).read_text())


def test_tables_hold_what_the_files_say(results):
    fit, toys, gof = raw(results, "fit.json"), raw(results, "toys.json"), raw(results, "gof.json")

    assert results.best == {p["name"]: p["value"] for p in fit["parameters"]}
    assert np.isnan(results.parameters["pull"][0]) and results.parameters["pull"][1] == fit["parameters"][1]["pull"]
    assert (results.scan["t"] == [point["t"] for point in fit["scan"]]).all()
    assert (results.scan["alpha_scale"] == [point["parameters"][1] for point in fit["scan"]]).all()
    assert list(results.impacts["parameter"]) == ["alpha_scale"]
    assert results.impacts["refit_up"][0] == fit["impacts"][0]["refit_up"]
    assert results.limits["expected_cls_-2"][1] == fit["limits"]["tests"][1]["expected_cls"][0]
    assert results.toy_thresholds["value"][0] == toys["points"][0]["statistics"][0]["thresholds"][0]["value"]
    assert list(results.toy_parameters["name"]) == ["mu", "alpha_scale"]
    assert results.gof["p_value"][0] == gof["tests"][0]["p_value"]["value"]
    deviation = np.sqrt(np.diag(results.covariance))
    assert np.allclose(results.correlation, results.covariance / np.outer(deviation, deviation))
    assert len(results.injections) == 0
    assert list(results.impacts.frame(index="parameter").index) == ["alpha_scale"]


def test_ratios_are_a_mapping_of_samples(run):
    assert list(run.ratios) == ["signal", "background"] == run.ratios.samples
    frame = run.ratios["signal"].frame()

    assert abs(frame["weight"].sum() - 60.0) < 1e-9
    assert {"id", "row", "log_r_signal", "spread_background", "log_g_up_signal_alpha_scale"} <= set(frame)
    with pytest.raises(Problem, match="no sample 'S'"):
        run.ratios["S"]


def test_a_table_keeps_what_is_missing_apart():
    table = Table.of([{"a": 1, "b": True, "c": "x"}, {"a": None, "b": False}])

    assert table["a"].dtype == float and np.isnan(table["a"][1]) and table["b"].dtype == bool
    assert list(table["c"]) == ["x", None]
    with pytest.raises(Problem, match="no column 'aa'; did you mean 'a'"):
        table["aa"]


def test_missing_and_damaged_files_are_one_clear_error(run, tmp_path):
    with pytest.raises(Problem, match="is not a run directory"):
        ratiofarm.open_run(tmp_path / "none")
    with pytest.raises(Problem, match="holds no files of a run"):
        ratiofarm.open_run(tmp_path)
    copy = tmp_path / "copy.run"
    copy.mkdir()
    for name in ("fit.json", "campaign.toml"):
        shutil.copy(run.path / name, copy)
    other = ratiofarm.open_run(copy)
    for ask, message in [(lambda: other.toys, "no toys.json; 'ratiofarm toys' makes it"), (lambda: other.gof, "'ratiofarm gof' makes it"),
                         (lambda: other.ratios, "'ratiofarm infer' makes it"), (lambda: other.likelihood(), "needs a ratio file")]:
        with pytest.raises(Problem, match=message):
            ask()
    assert other.fit["converged"]
    for name, property_ in [("fit.json", "fit"), ("campaign.toml", "campaign")]:
        (copy / name).write_text((copy / name).read_text().replace("mu", "nu", 1))
        with pytest.raises(Problem, match=f"{name}' does not match the checksum at its end"):
            getattr(ratiofarm.open_run(copy), property_)


def test_plots_draw_the_numbers_of_the_tables(results):
    line = plots.scan(results).lines[0]
    assert (np.sort(line.get_ydata()) == np.sort(results.scan["t"])).all()
    bars = plots.ranking(results).patches
    assert {bar.get_width() for bar in bars} == {results.impacts["refit_up"][0], results.impacts["refit_down"][0]}
    assert (plots.correlation(results).images[0].get_array() == results.correlation).all()
    assert (plots.limits(results).lines[1].get_ydata() == results.limits["cls"]).all()
    assert len(plots.training(results.ensembles["signal"]).lines) == 4
    assert len(plots.calibration(results.ensembles["signal"]).containers) == 2
    observed = next(o for o, name in zip(results.gof["observed"], results.gof["observable"]) if name == "mass")
    assert (plots.gof(results, "mass").containers[0].lines[0].get_ydata() == observed).all()
    with pytest.raises(Problem, match="no test in bins of 'mas'; did you mean 'mass'"):
        plots.gof(results, "mas")
    with pytest.raises(Problem, match="no column 'mas'; did you mean 'mass'"):
        plots.distribution(results, "mas")


def test_the_distribution_of_a_feature_is_data_and_model(run):
    axes = plots.distribution(run, "angle", bins=np.linspace(-20.0, 20.0, 41), at={"mu": 1.0})
    data = axes.containers[0].lines[0].get_ydata()
    model, signal, background = (patch.get_data().values for patch in axes.patches)

    assert abs(data.sum() - 960.0) < 1e-6 and abs(model.sum() - 960.0) < 1e-6  # Asimov data at mu = 1
    assert np.allclose(model, signal + background) and abs(signal.sum() - 60.0) < 1e-6
    assert np.abs(model - data).max() < 5.0 * np.sqrt(data.max() * 960.0 / 16000.0)  # the error of the simulated events
    axes.figure.savefig(run.path.parent / "angle.png")


def test_hepdata_tables_are_a_valid_submission(results, tmp_path):
    folder = ratiofarm.hepdata.write(results, tmp_path / "hepdata", comment="What was found")

    validator = FullSubmissionValidator()
    assert validator.validate(directory=str(folder)), validator.get_messages()
    submission = list(yaml.safe_load_all((folder / "submission.yaml").read_text()))
    assert [document.get("name") for document in submission[1:]] == ["Parameters", "Correlation", "Covariance", "Scan", "Impacts", "CLs"]
    scan = yaml.safe_load((folder / "scan.yaml").read_text())
    assert [cell["value"] for cell in scan["dependent_variables"][0]["values"]] == list(results.scan["t"])
    mu = yaml.safe_load((folder / "parameters.yaml").read_text())["dependent_variables"][0]["values"][0]
    assert mu["value"] == results.best["mu"] and mu["errors"][0]["asymerror"]["plus"] == results.parameters["error_high"][0]
    with pytest.raises(Problem, match="is not empty"):
        ratiofarm.hepdata.write(results, folder)


def test_the_likelihood_of_selected_regions_is_that_of_the_fit(tmp_path):
    """A run whose campaign.toml is not what was fitted, but selected.toml."""
    (tmp_path / "c.toml").write_text(toy_campaign.campaign("signal", {
        "simulate.events": "1500", "training.batch": "128", "systematics.halves": "false"}, """
[[region]]
name = "SR"
type = "unbinned"
where = { x = [-1.0, inf] }
[[region]]
name = "CR"
type = "binned"
observable = "x"
edges = [-inf, -2.0, -1.0]
""", gates=False))
    program("simulate", "c.toml", folder=tmp_path)
    run = ratiofarm.run(tmp_path / "c.toml", out=tmp_path / "c.run")

    assert abs(run.likelihood().nll(run.best) - run.fit["nll"]) < 1e-9
    assert [region.name for region in run.likelihood().regions] == ["SR", "CR"]

    (tmp_path / "c.toml").write_text((tmp_path / "c.toml").read_text().replace("range = [0.0, 10.0]", "range = [0.0, 9.0]"))
    program("fit", "c.toml", "--out", "c.run", folder=tmp_path)
    with pytest.raises(Problem, match=r"fit of another campaign .* parameters.mu.range is \[0.0, 9.0\] there and \[0.0, 10.0\] here"):
        ratiofarm.open_run(tmp_path / "c.run").likelihood()


def test_every_documented_example_campaign_is_read():
    """The models of examples/, as far as they need no events: parameters, and coefficients that are formulas."""
    for path in sorted((ROOT / "examples").glob("*/*.toml")):
        campaign = ratiofarm.files.read_toml(path)
        for process in campaign.get("process", []):
            if "coefficient" in process:
                ratiofarm.likelihood.coefficient(process["coefficient"])
