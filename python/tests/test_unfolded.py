"""Truth and flags of events, and the events of an unfolding."""
import json

import h5py
import numpy as np
import pytest

import ratiofarm
from ratiofarm import Problem
from ratiofarm.files import sealed


def table(**changes):
    rows = {"x": np.array([1.0, np.nan, 3.0]), "t": np.array([0.5, 1.5, np.nan]), "pass_reco": np.array([1, 0, 1]),
            "pass_truth": np.array([True, True, False]), "weight": np.ones(3), "id": np.arange(3)}
    return rows | changes


def write(path, mc, **options):
    return ratiofarm.write_events(path, {"mc": mc, "data": {"x": [1.0], "weight": [1.0], "id": [9]}}, features=["x"],
                                  id="id", truth=["t"], **options)


def test_values_of_a_level_that_an_event_does_not_pass_may_be_anything(tmp_path):
    write(tmp_path / "events.h5", table())

    with h5py.File(tmp_path / "events.h5") as file:
        assert list(file["mc/pass_reco"]) == [1, 0, 1]
        assert list(file["mc/pass_truth"]) == [1, 1, 0]
        assert file["mc/pass_truth"].dtype == np.uint8
        assert list(file["mc/truth"].attrs["columns"]) == ["t"]
        assert "truth" not in file["data"]


@pytest.mark.parametrize("changes, message", [
    ({"pass_reco": np.array([1, 2, 1])}, "'pass_reco' is 2 in row 1 (must be 0 or 1)"),
    ({"t": np.array([np.nan, 1.5, 0.0])}, "column 't' is nan in row 0, which passes 'pass_truth'"),
    ({"x": np.array([np.nan, 1.0, 1.0])}, "column 'x' is nan in row 0"),
    ({"t": np.array([0.5, 1.5])}, "column 't' has 2 rows, 'pass_reco' has 3"),
])
def test_wrong_levels_are_told(tmp_path, changes, message):
    with pytest.raises(Problem) as told:
        write(tmp_path / "events.h5", table(**changes))

    assert message in str(told.value)
    assert not (tmp_path / "events.h5").exists()


def test_a_histogram_in_new_bins_has_its_covariance(tmp_path):
    with h5py.File(tmp_path / "unfolded.h5", "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-unfolded", 1
        file.attrs["contains_mc_weight"] = 1
        file.create_dataset("truth", data=np.array([[0.5], [1.5], [9.0]], "f4")).attrs["columns"] = ["t"]
        file["id"], file["weight_mc"] = np.arange(3, dtype="u8"), np.ones(3)
        file["weights/nominal"] = np.array([2.0, 3.0, 1.0])
        for k, low in enumerate([1.0, 2.0, 3.0]):
            file[f"weights/bootstrap_data_{k}"] = np.array([low, 3.0, 1.0])
        file["weights/jes_up"], file["weights/jes_down"] = np.array([3.0, 3.0, 1.0]), np.array([0.0, 3.0, 1.0])
        file["iterations/1"] = np.ones(3)

    unfolded = ratiofarm.open_unfolded(tmp_path)
    result = unfolded.histogram("t", [0.0, 1.0, 2.0])

    assert list(result.contents) == [2.0, 3.0]
    assert result.covariances["data"][0, 0] == pytest.approx(1.0)
    assert result.covariances["jes"][0, 0] == pytest.approx((1 + 4) / 2)
    assert result.error[0] == pytest.approx(np.sqrt(3.5))
    assert list(unfolded.frame().columns)[:3] == ["t", "weight_mc", "weights_bootstrap_data_0"]
    unfolded.write(tmp_path / "public.h5")
    with h5py.File(tmp_path / "public.h5") as file:
        assert list(file["weights_jes_up"]) == [3.0, 3.0, 1.0]
        assert set(file) == set(unfolded.frame().columns)
        assert file.attrs["contains_mc_weight"] == 1
    with pytest.raises(Problem, match="must end with .h5 or .parquet"):
        unfolded.write(tmp_path / "public.root")
    with pytest.raises(Problem, match="no column 'u' of the truth"):
        unfolded.histogram("u", [0.0, 1.0])
    for wrong in ([3.0, 2.0, 1.0], [0.0, np.nan, 1.0], [0.0, 0.0, 1.0], [], [1.0]):
        with pytest.raises(Problem, match="two or more ascending"):
            unfolded.histogram("t", wrong)


def test_variations_by_another_sample_are_told_where_they_are_missing(tmp_path):
    with h5py.File(tmp_path / "unfolded.h5", "w") as file:
        file.attrs["format"], file.attrs["version"], file.attrs["variations_by_sample"] = "ratiofarm-unfolded", 1, "prior, jes_down"
        file.create_dataset("truth", data=np.array([[0.5], [1.5]], "f4")).attrs["columns"] = ["t"]
        file["id"], file["weight_mc"] = np.arange(2, dtype="u8"), np.ones(2)
        file["weights/nominal"], file["weights/jes_up"] = np.array([2.0, 3.0]), np.array([4.0, 3.0])
        file["iterations/1"] = np.ones(2)
    observable = {"column": "t", "edges": ["-inf", 1.0, 2.0], "covariances": [{"source": "prior", "rows": [[9.0, 0.0], [0.0, 1.0]]}]}
    (tmp_path / "unfold.json").write_bytes(sealed("unfold.json", json.dumps({"observables": [observable]})[:-1] + "\n}\n"))

    unfolded = ratiofarm.open_unfolded(tmp_path)
    declared = unfolded.histogram("t", [-np.inf, 1.0, 2.0])
    with pytest.warns(UserWarning, match="lack prior, jes_down"):
        other = unfolded.histogram("t", [0.0, 1.0, 2.0])

    assert list(declared.error) == [3.0, 1.0]
    assert declared.missing == ()
    assert other.missing == ("prior", "jes_down")
    assert other.covariances["jes"][0, 0] == pytest.approx(2.0)  # half, of which the other side is missing


def test_a_number_on_a_decimal_edge_is_in_the_bin_above(tmp_path):
    with h5py.File(tmp_path / "unfolded.h5", "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-unfolded", 1
        file.create_dataset("truth", data=np.array([[0.1], [0.7], [0.9]], "f4")).attrs["columns"] = ["t"]
        file["id"], file["weight_mc"], file["weights/nominal"], file["iterations/1"] = np.arange(3, dtype="u8"), np.ones(3), np.ones(3), np.ones(3)

    result = ratiofarm.open_unfolded(tmp_path).histogram("t", [0.0, 0.1, 0.7, 0.9, 1.0])

    assert list(result.contents) == [0.0, 1.0, 1.0, 1.0]
