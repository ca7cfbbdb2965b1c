"""Files of MadMiner become events and campaigns, and the information of their quadratic models is that of the closed form.

sigma(x|th) = f0 + th f1 + th^2 f2 pb, with f0 = 2 N(0, 1), f1 = 0.5 N(0.75, 1), f2 = 0.3 N(1.5, 1). The events lie on a grid,
so that sums over them are integrals. Numbers of the closed form: quadrature, for 100/pb.
"""
import subprocess
import sys

import h5py
import numpy as np
import pytest
from conftest import ROOT, program

from ratiofarm import Problem, fisher, open_run, read_events, write_events
from ratiofarm.files import read_toml
from ratiofarm.fisher import Information
from ratiofarm.likelihood import campaign_coefficients, coefficient

BENCHMARKS = {"sm": 0.0, "plus": 1.0, "minus": -2.0}
GRID = np.linspace(-7.0, 9.0, 4001)
STEP = GRID[1] - GRID[0]


def gauss(x, mean, variance=1.0):
    return np.exp(-0.5 * (x - mean) ** 2 / variance) / np.sqrt(2.0 * np.pi * variance)


def dsigma(x, th, variance=1.0):
    return 2.0 * gauss(x, 0.0, variance) + 0.5 * th * gauss(x, 0.75, variance) + 0.3 * th**2 * gauss(x, 1.5, variance)


def write_file(path, **changes):
    """A file of MadMiner as its version 0.9.6 writes it; changes replace or, if None, remove datasets."""
    theta = np.array(list(BENCHMARKS.values()))[:, None]
    components = np.array([[0], [1], [2]])
    weights = np.stack([STEP * dsigma(GRID, th) for th in BENCHMARKS.values()], axis=1)
    data = {"parameters/names": [b"th"], "parameters/lha_blocks": [b"any"], "parameters/lha_ids": [1],
            "parameters/max_power": [[2]], "parameters/val_ranges": [[-3.0, 3.0]], "parameters/transforms": [b"_"],
            "benchmarks/names": [name.encode() for name in BENCHMARKS], "benchmarks/values": theta, "benchmarks/is_nuisance": [0, 0, 0],
            "benchmarks/is_reference": [1, 0, 0], "morphing/components": components,
            "morphing/morphing_matrix": np.linalg.inv(theta ** components.T), "observables/names": [b"x"],
            "observables/definitions": [b"j[0].pt"], "samples/observations": GRID[:, None], "samples/weights": weights,
            "samples/sampling_benchmarks": np.zeros(len(GRID), int), "sample_summary/signal_events": [len(GRID), 0, 0],
            "sample_summary/background_events": 0}
    for name, value in {**data, **changes}.items():
        data[name] = value
    with h5py.File(path, "w") as file:
        for name, value in data.items():
            if value is not None:
                value = np.asarray(value)
                file.create_dataset(name, data=value.astype("S256") if value.dtype.kind == "S" else value)


def nuisance(w):
    """Datasets of a nuisance parameter that tilts x, one that only scales, and one of one side."""
    w0 = w[:, :1]
    columns = [w0 * np.exp(0.1 * GRID + 0.02)[:, None], w0 * np.exp(-0.1 * GRID + 0.02)[:, None], 1.2 * w0, 0.85 * w0,
               w0 * np.exp(0.05 * GRID)[:, None]]
    names = ["t_up", "t_down", "n_up", "n_down", "o_up"]
    return {"samples/weights": np.concatenate([w, *columns], axis=1),
            "benchmarks/names": [name.encode() for name in [*BENCHMARKS, *names]],
            "benchmarks/values": np.array([*BENCHMARKS.values(), *[0.0] * 5])[:, None],
            "benchmarks/is_nuisance": [0] * 3 + [1] * 5, "benchmarks/is_reference": [1] + [0] * 7,
            "nuisance_parameters/names": [b"tilt", b"norm", b"one"], "nuisance_parameters/systematics": [b"a", b"b", b"c"],
            "nuisance_parameters/benchmark_positive": [b"t_up", b"n_up", b"o_up"],
            "nuisance_parameters/benchmark_negative": [b"t_down", b"n_down", b"None"]}


WEIGHTS = np.stack([STEP * dsigma(GRID, th) for th in BENCHMARKS.values()], axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("madminer")
    write_file(folder / "m.h5")
    program("import", "--python", sys.executable, "--madminer", "m.h5", "--out", "e.h5", "--campaign", "eft.toml", "--lumi", "100",
            folder=folder)
    return folder


def test_the_campaign_of_a_file_has_its_morphing_and_is_valid(folder):
    campaign = read_toml(folder / "eft.toml")
    weights = {name: coefficient(text) for name, text in campaign_coefficients(campaign).items()}
    events = read_events(folder / "e.h5", "pool@plus")

    assert "is valid" in program("check", "eft.toml", folder=folder)
    for th, wanted in ((0.5, [0.625, 0.4166667, -0.0416667]), (-1.0, [1.0, -0.3333333, 0.3333333]), (3.0, [-5.0, 5.0, 1.0])):
        assert np.allclose([f({"th": th}) for f in weights.values()], wanted, atol=1e-7)
    assert np.isclose(events.weight.sum(), 280.0) and np.array_equal(events.features[:, 0], GRID.astype("f4"))
    assert np.isclose(sum(f({"th": 0.5}) * read_events(folder / "e.h5", f"pool@{b}").weight.sum() for b, f in weights.items()), 232.5)


@pytest.mark.parametrize("th, full, rate", [(0.0, 21.93818321, 12.5), (1.0, 72.68106273, 43.21428571)])
def test_the_information_of_events_is_that_of_the_closed_form(folder, th, full, rate):
    found = fisher(folder / "eft.toml", at={"th": th}, bins=np.linspace(-5.0, 7.0, 200))

    assert found["truth"].matrix[0, 0] == pytest.approx(full, rel=1e-8)
    assert found["rate"].matrix[0, 0] == pytest.approx(rate, rel=1e-8)
    assert rate < found["histogram"].matrix[0, 0] < full and found["histogram"].matrix[0, 0] == pytest.approx(full, rel=1e-3)
    assert found["truth"].sigma("th") == pytest.approx(full**-0.5, rel=1e-8)


@pytest.mark.parametrize("th, detector", [(0.0, 16.55980948), (1.0, 58.90066212)])
def test_ratios_give_the_information_of_what_the_detector_sees(folder, tmp_path, th, detector):
    """x = z + N(0, 1), and its exact ratios."""
    densities = np.stack([dsigma(GRID, one, 2.0) for one in BENCHMARKS.values()], axis=1)
    densities /= densities.sum(axis=0)
    reference = densities.mean(axis=1)
    campaign = (folder / "eft.toml").read_text().replace("[events]", "[exact]")
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file.attrs.update({"format": "ratiofarm-ratios", "version": 1, "processes": list(BENCHMARKS),
                           "yields": [200.0, 280.0, 220.0], "shape_norm": "none"})
        file.create_group("reference").attrs.update({"processes": list(BENCHMARKS), "samples": ["grid"] * 3, "fractions": [1 / 3] * 3})
        group = file.create_group("events/grid")
        group["weight"], group["log_r"] = reference, np.log(densities / reference[:, None]).astype("f4")
    (tmp_path / "c.toml").write_text(campaign)

    information = fisher(tmp_path / "c.toml", tmp_path / "r.h5", at={"th": th})["ratios"]

    assert information.matrix[0, 0] == pytest.approx(detector, rel=2e-6)  # log_r has 24 bits


def test_trained_ratios_have_the_information_of_what_the_detector_sees(tmp_path):
    """Events drawn at each benchmark, weights of z, nets that see x = z + N(0, 1)."""
    n, rng = 50_000, np.random.default_rng(3)
    z, weights = [], []
    for th, sigma in zip(BENCHMARKS.values(), (2.0, 2.8, 2.2)):
        tried = rng.uniform(-7.0, 9.0, 14 * n)
        z.append(tried[rng.uniform(0.0, 1.2, 14 * n) < dsigma(tried, th)][:n])
        weights.append(np.stack([sigma / n * dsigma(z[-1], other) / dsigma(z[-1], th) for other in BENCHMARKS.values()], axis=1))
    write_file(tmp_path / "m.h5", **{
        "samples/observations": np.concatenate(z)[:, None] + rng.normal(size=(3 * n, 1)), "samples/weights": np.concatenate(weights),
        "samples/sampling_benchmarks": np.repeat([0, 1, 2], n), "sample_summary/signal_events": [n] * 3})
    program("import", "--python", sys.executable, "--madminer", "m.h5", "--campaign", "c.toml", "--lumi", "100", folder=tmp_path)
    with open(tmp_path / "c.toml", "a") as file:
        file.write("[network]\nhidden = [32, 32]\n[training]\nepochs = 12\nbatch = 1024\nlearning_rate = 3e-3\n[ensemble]\nmembers = 2\n")
    program("run", "c.toml", "--out", "c.run", folder=tmp_path)

    sigma = fisher(tmp_path / "c.toml", tmp_path / "c.run" / "ratios.h5", at={"th": 0.0})["ratios"].sigma("th")
    run = open_run(tmp_path / "c.run")
    (th,) = run.fit["parameters"]
    log_r = run.evaluate(np.array([[-1.0], [0.0], [1.0], [2.5]]))

    assert sigma == pytest.approx(0.24573801, rel=0.02) and th["error"] == pytest.approx(0.24573801, rel=0.02)
    assert abs(th["value"]) < 0.05  # Asimov data at 0
    assert np.exp(log_r["plus"] - log_r["sm"]) == pytest.approx([0.8497526933, 0.9304794198, 1.0692601067, 1.5085477520], rel=0.04)


def test_weights_of_what_is_not_seen_train_the_ratio_of_what_is(tmp_path):
    """z of N(0, 2) with weights of N(1, 2), x = z + N(0, 1): ln r(x) = (2 x - 1) / 10."""
    rng, n = np.random.default_rng(4), 150_000
    z = rng.normal(0.0, 2.0, n)
    table = {"x": z + rng.normal(size=n), "weight": np.full(n, 1000.0 / n), "one": np.exp((2.0 * z - 1.0) / 8.0) * 1000.0 / n, "id": np.arange(n)}
    write_events(tmp_path / "events.h5", {"pool": table}, features=["x"], id="id", weights={"zero": "weight", "one": "one"})
    (tmp_path / "c.toml").write_text("""
[campaign]
name = "latent"
[events]
file = "events.h5"
features = ["x"]
[parameters]
mu = { range = [0.0, 5.0] }
[[process]]
name = "one"
sample = "pool"
weight = "one"
coefficient = "mu"
[[process]]
name = "zero"
sample = "pool"
weight = "zero"
[reference]
mixture = { one = 1, zero = 1 }
[network]
hidden = [32, 32]
[training]
epochs = 10
batch = 1024
learning_rate = 3e-3
[ensemble]
members = 2
""")
    program("run", "c.toml", "--out", "c.run", folder=tmp_path)

    log_r = open_run(tmp_path / "c.run").evaluate(np.array([[-1.0], [0.5], [2.0], [4.0]]))

    assert log_r["one"] - log_r["zero"] == pytest.approx([-0.3, 0.0, 0.3, 0.7], abs=0.04)


@pytest.mark.parametrize("header", [True, False])
def test_events_drawn_at_several_benchmarks_are_averaged(header, tmp_path):
    """Each drawing alone has the whole cross section, as LHEReader and combine_and_shuffle leave it; MadMiner 0.9.6 finds this
    information in this file."""
    n = len(GRID)
    changes = {"samples/observations": np.concatenate([GRID] * 4)[:, None], "sample_summary/signal_events": [2 * n, n, 0],
               "samples/weights": np.concatenate([0.5 * WEIGHTS, 0.5 * WEIGHTS, WEIGHTS, 0.1 * WEIGHTS[:, :1] * np.ones(3)]),
               "samples/sampling_benchmarks": np.repeat([0, 1, -1], [2 * n, n, n]), "sample_summary/background_events": n,
               "parameters/transforms": [b"16.52*theta"]}
    write_file(tmp_path / "m.h5", **{name: value if header or "summary" not in name else None for name, value in changes.items()})
    said = program("import", "--python", sys.executable, "--madminer", "m.h5", "--lumi", "100", folder=tmp_path)

    assert "3 benchmarks, 4001 of background, for 100/pb; signal of 'sm': 2 pb" in said
    assert read_events(tmp_path / "events.h5", "pool@plus").weight.sum() == pytest.approx(280.0)
    assert read_events(tmp_path / "events.h5", "background").weight.sum() == pytest.approx(20.0)
    assert fisher(tmp_path / "campaign.toml", at={"th": 0.0})["truth"].matrix[0, 0] == pytest.approx(21.93818321, rel=1e-8)


def test_two_parameters_have_the_morphing_of_their_six_benchmarks():
    anchors = {f"b{k}": {"a": a, "b": b} for k, (a, b) in enumerate([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1)])}
    basis = {"terms": ["1", "b", "b^2", "a", "a*b", "a^2"], "anchors": anchors}

    weights = campaign_coefficients({"morphing": [basis]})

    found = [coefficient(text)({"a": 0.5, "b": -0.3}) for text in weights.values()]
    assert np.allclose(found, [0.51, 0.525, -0.125, 0.045, 0.195, -0.15], atol=1e-12)


def test_nuisance_benchmarks_become_columns_and_yields(tmp_path):
    write_file(tmp_path / "n.h5", **nuisance(WEIGHTS))
    program("import", "--python", sys.executable, "--madminer", "n.h5", "--campaign", "n.toml", folder=tmp_path)
    campaign = read_toml(tmp_path / "n.toml")
    tilt, norm, one = campaign["systematic"]
    events = read_events(tmp_path / "events.h5", "pool")

    assert "is valid" in program("check", "n.toml", folder=tmp_path)
    for name, values in {"plus_tilt_up": np.exp(0.1 * GRID + 0.02), "minus_tilt_down": np.exp(-0.1 * GRID + 0.02),
                         "plus_one_up": np.exp(0.05 * GRID), "plus_one_down": np.exp(-0.05 * GRID)}.items():
        assert np.allclose(events.weights[name], events.weights[name.split("_")[0]] * values, rtol=1e-9), name
    assert tilt["shape"]["plus"]["up_weight"] == "plus_tilt_up" and one["shape"]["sm"]["down_weight"] == "sm_one_down"
    assert norm["shape"] == [] and norm["yield"]["plus"] == pytest.approx({"up": 1.2, "down": 0.85})

    found = fisher(tmp_path / "n.toml")["truth"]  # the nuisance block is sum w a_k a_l, here of 1/pb
    a = {"tilt": 0.1 * GRID, "norm": np.full_like(GRID, 0.5 * np.log(1.2 / 0.85))}
    w = STEP * dsigma(GRID, 0.0)
    for name in ("tilt", "norm"):  # code4 has the slope of its polynomial at 0
        slope = a[name] if name == "tilt" else np.full_like(GRID, 0.1724202431)
        k = found.names.index(name)
        assert found.matrix[k, k] == pytest.approx((w * slope**2).sum(), rel=0.02)
    assert found.sigma("th") > found.sigma("th", fixed=True)


def test_profiling_is_the_schur_complement():
    matrix = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, 0.1], [0.5, 0.1, 0.0]])
    information = Information("any", ["mu", "a", "b"], matrix, np.diag([0.0, 0.0, 1.0]), np.zeros(3))

    assert information.sigma("mu") == pytest.approx(np.linalg.inv(matrix + information.prior)[0, 0] ** 0.5)
    assert information.sigma("mu", fixed=True) == 0.5
    assert np.allclose(np.linalg.inv(information.profiled(["mu", "a"])), np.linalg.inv(matrix + information.prior)[:2, :2])


BAD = {"it is a setup file": {"samples/weights": None},
       "no file of MadMiner": {"benchmarks/names": None, "benchmarks/values": None, "benchmarks/is_nuisance": None, "benchmarks/is_reference": None},
       "is transformed by 'exp(theta)'": {"parameters/transforms": [b"exp(theta)"]},
       "signal_events says [4001, 7, 0] events": {"sample_summary/signal_events": [len(GRID), 7, 0]},
       "was drawn at benchmark 3": {"samples/sampling_benchmarks": np.full(len(GRID), 3)},
       "benchmark 'plus' is nan in event 5": {"samples/weights": np.where(np.arange(len(WEIGHTS))[:, None] * 3 + np.arange(3) == 16, np.nan, WEIGHTS)},
       "observable 'x' is inf in event 9": {"samples/observations": np.where(np.arange(len(GRID)) == 9, np.inf, GRID)[:, None]},
       "weights of benchmark 'minus' sum to -": {"samples/weights": WEIGHTS * [1.0, 1.0, -1.0]},
       "does not invert the benchmarks": {"morphing/morphing_matrix": np.linalg.inv(np.array([[1.0, 0, 0], [1, 1, 1], [1, -2, 4]])).T},
       "do not determine 4 components": {"morphing/components": [[0], [1], [2], [3]]},
       "the morphing matrix has shape": {"morphing/morphing_matrix": np.eye(2)},
       "0 benchmarks are marked as the reference": nuisance(WEIGHTS) | {"benchmarks/is_reference": [0] * 8},
       "'o_up' belongs to no nuisance parameter": nuisance(WEIGHTS) | {
           "nuisance_parameters/names": [b"tilt", b"norm"], "nuisance_parameters/benchmark_positive": [b"t_up", b"n_up"],
           "nuisance_parameters/benchmark_negative": [b"t_down", b"n_down"]},
       "a background event has different weights": {"samples/sampling_benchmarks": np.where(np.arange(len(GRID)) == 7, -1, 0)},
       "parameter 'c W' must consist": {"parameters/names": [b"c W"]}}


@pytest.mark.parametrize("text", BAD)
def test_inconsistent_files_are_refused(text, tmp_path):
    write_file(tmp_path / "bad.h5", **BAD[text])
    words = [sys.executable, ROOT / "scripts/import_madminer.py", "--madminer", "bad.h5"]
    done = subprocess.run(words, cwd=tmp_path, text=True, capture_output=True)

    assert done.returncode == 2 and text in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.h5"]


def test_wrong_questions_are_told(folder):
    with pytest.raises(Problem, match="no parameter 'mu'"):
        fisher(folder / "eft.toml", at={"mu": 1.0})
    with pytest.raises(Problem, match="no feature 'y'"):
        fisher(folder / "eft.toml", feature="y")
    done = subprocess.run([sys.executable, "-m", "ratiofarm", "fisher", "eft.toml", "--at", "th"], cwd=folder, text=True,
                          capture_output=True, env={"PYTHONPATH": str(ROOT / "python" / "src")})
    assert done.returncode == 2 and "must be like --at mu=1.5" in done.stderr
