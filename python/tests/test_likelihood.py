"""The Python reader of the likelihood against `ratiofarm fit`, on every kind of model; and against pyhf's interpolation.

The nets of each kind of model are tested by tests/end_to_end/commands_test.py, which uses the reader as its oracle, too.
"""
import json

import h5py
import iminuit
import numpy as np
import pyhf
import pytest
import toy_campaign
from conftest import program

from ratiofarm import Likelihood, Problem
from ratiofarm.likelihood import coefficient, interpolate, shifts

SYSTEMATICS = """
[[systematic]]
name = "scale"
{scale}
[[systematic]]
name = "tilt"
{tilt}
"""
SIMULATED = """
[[simulate.systematic]]
name = "scale"
B = { shift = [0.3], up = 1.05, down = 0.96 }
[[simulate.systematic]]
name = "tilt"
S = { shift = [-0.2], up = 1.1, down = 0.95 }
"""
COUNTED = """
[parameters.kappa]
range = [0.1, 3.0]
constraint = "poisson"
width = 0.2
[parameters.gamma]
range = [0.1, 3.0]
constraint = "gaussian"
observed = 1.0
width = 0.1
[[region]]
name = "SR"
type = "unbinned"
[[region]]
name = "SR2"
type = "unbinned"
ratios = "half.h5"
yield = { S = 20.0, SBI = 90.0, B = 80.0 }
shape_norm = "none"
[[region]]
name = "CR"
type = "binned"
observed = [80.0, 120.0, 0.0]
[[region.sample]]
name = "one"
contents = [50.0, 60.0, 0.5]
coefficient = "kappa*(1 + mu)/2"
factors = [["gamma", "", ""]]
[[region.sample]]
name = "two"
contents = [30.0, 50.0, 0.2]
coefficient = "0.5 + 0.5*kappa^2"
yields = [{ parameter = "alpha_scale", up = 1.2, down = 0.9, code = "code1" }, { parameter = "alpha_tilt", up = 1.1, down = 0.95 }]
shapes = [{ parameter = "alpha_scale", up = [33.0, 48.0, 0.3], down = [28.0, 51.0, 0.2] },
          { parameter = "alpha_tilt", up = [31.0, 52.0, 0.2], down = [27.0, 49.0, 0.1], code = "code2" }]
"""
SMALL = {"simulate.events": "1200"}
DATA = {"data.asimov": None, "data.sample": '"data"'}
SCAN = {"inference.scan": "[0.5, 0.9, 1.0, 1.2]"}
NO_SHAPES = {"scale": "shape = []", "tilt": "shape = []"}


def codes(scale, tilt):
    return {"scale": f'shape_code = "{scale}"\nyield_code = "{tilt}"', "tilt": f'shape_code = "{tilt}"\nyield_code = "{scale}"'}


# name: model of toy_campaign.py, changes, the two systematics, further sections
MODELS = {
    "signed, yields only": ("interference", {}, NO_SHAPES, ""),
    "shapes": ("signal", {}, {}, ""),
    "signed with shapes, codes 0 and 1": ("interference", {}, codes("code0", "code1"), ""),
    "exp_quadratic": ("signal", {"data.asimov": "{ mu = 1.5, alpha_scale = 1.3, alpha_tilt = -1.2 }"},
                      codes("exp_quadratic", "exp_quadratic"), ""),
    "codes 2 and 4p": ("signal", {"data.asimov": "{ mu = 1.5, alpha_scale = 1.3, alpha_tilt = -1.2 }"}, codes("code2", "code4p"), ""),
    "not normalised": ("signal", {"inference.shape_norm": '"none"', "data.asimov": "{ mu = 1.0, alpha_tilt = 0.5 }"}, {}, ""),
    "data from the reference": ("interference", {"data.asimov": '{ mu = 0.5, alpha_scale = 0.4, source = "reference" }'}, {}, ""),
    "reference without shapes": ("signal", {"data.asimov": '{ mu = 0.5, source = "reference" }'}, NO_SHAPES, ""),
    "observed events": ("signal", DATA, {}, ""),
    "observed events with negative mixtures": ("interference", DATA | SCAN, NO_SHAPES, ""),
    "negative weights and negative mixtures": ("interference", SCAN, {}, ""),
    "three regions": ("interference", {}, {}, COUNTED),
}


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """Events and exact ratios, r and g, of both models of the toy; some events of B are made data."""
    folders = {}
    for model in ("signal", "interference"):
        folder = folders[model] = tmp_path_factory.mktemp(model)
        (folder / "c.toml").write_text(toy_campaign.campaign(model, SMALL, SYSTEMATICS.format(scale="", tilt="") + SIMULATED, gates=False))
        program("simulate", "c.toml", "--ratios", "exact.h5", folder=folder)
        with h5py.File(folder / "exact.h5", "a") as file:
            del file["metadata_crc"]
            file.attrs["samples"] = [*file.attrs["samples"], "data"]
            one, two, data = file["events/S"], file["events/B"], file.create_group("events/data")
            for name in ("weight", "log_r"):
                data[name] = np.concatenate([one[name][:40], two[name][:400]])
            data["weight"][:] = 1.0
            for name in ("log_g_up", "log_g_down"):
                data[name] = np.concatenate([one[name][:, :40], two[name][:, :400]], axis=1)
            data["id"] = np.arange(440, dtype="u8")
        with h5py.File(folder / "half.h5", "w") as half, h5py.File(folder / "exact.h5") as file:
            half.attrs.update(file.attrs)
            file.copy("reference", half)
            for name, events in file["events"].items():
                group = half.create_group(f"events/{name}")
                group["weight"], group["log_r"] = events["weight"][::2], events["log_r"][::2]
                group["id"] = events["id"][::2] + np.uint64(1 << 40)
                for side in ("log_g_up", "log_g_down"):
                    group[side] = events[side][:, ::2].astype("f2")
    return folders


def prepared(exact, name):
    """The folder and the campaign of a model."""
    model, changes, systematics, more = MODELS[name]
    text = toy_campaign.campaign(model, changes, SYSTEMATICS.format(**{"scale": "", "tilt": ""} | systematics) + more, gates=False)
    campaign = exact[model] / f"{name}.toml"
    campaign.write_text(text)
    ratios = exact[model] / "exact.h5"
    if "negative mixtures" in name:  # SBI is next to nothing for some events, so S or B must not be subtracted
        bad = exact[model] / "bad.h5"
        bad.write_bytes(ratios.read_bytes())
        with h5py.File(bad, "a") as file:
            for sample, events in file["events"].items():
                for checksum in ("log_r_crc", "weight_crc"):
                    events.pop(checksum, None)
                log_r = events["log_r"][()]
                log_r[::40, file.attrs["processes"].tolist().index("SBI")] -= 20.0
                events["log_r"][...] = log_r
                if sample != "data":
                    events["weight"][::9] *= -1.0
                    events.attrs["sum_of_weights"] = events["weight"][()].sum()
        ratios = bad
    return exact[model], campaign, ratios


@pytest.mark.parametrize("name", MODELS)
def test_the_reader_gives_the_nll_of_the_fit(name, exact):
    folder, campaign, ratios = prepared(exact, name)
    fit = json.loads(program("fit", campaign, "--ratios", ratios, "--out", f"{name}.run", "--minos", "all", "--json", folder=folder))

    likelihood = Likelihood(campaign, ratios)

    names = [parameter["name"] for parameter in fit["parameters"]]
    assert list(likelihood.parameters) == names
    best = {parameter["name"]: parameter["value"] for parameter in fit["parameters"]}
    assert abs(likelihood.nll(best) - fit["nll"]) < 1e-9
    for minimum in fit["minima"]:
        assert abs(likelihood.nll(dict(zip(names, minimum["parameters"]))) - minimum["nll"]) < 1e-9
    computed = [point for point in fit["scan"] if point["converged"] and not point["interpolated"]]
    assert computed
    for point in computed:
        t = 2.0 * (likelihood.nll(dict(zip(names, point["parameters"]))) - fit["nll"])
        assert abs(t - point["t"]) < 1e-8 + 1e-9 * abs(point["t"]), point
    if "negative mixtures" in name:
        assert any(point.get("below_floor", 0) > 0 for point in computed)  # the continuation was needed


@pytest.mark.parametrize("keep", [False, True])
def test_shapes_that_are_not_significant_are_left_out_as_the_fit_does(keep, exact):
    folder, campaign, ratios = prepared(exact, "shapes")
    (folder / "null.h5").write_bytes(ratios.read_bytes())
    with h5py.File(folder / "null.h5", "a") as file:
        file.attrs["version"] = np.int64(3)
        none = [float(name == "alpha_scale") for name in file.attrs["shape_parameters"]]
        file.attrs.update(shape_none=none, shape_gain=[0.1] * len(none), shape_gain_error=[0.2] * len(none),
                          shape_noise_variance=[np.nan] * len(none))
    option = ["--keep-null-shapes"] if keep else []
    fit = json.loads(program("fit", campaign, "--ratios", "null.h5", "--out", f"null{keep}.run", "--json", *option, folder=folder))

    likelihood = Likelihood(campaign, folder / "null.h5", keep_null_shapes=keep)

    assert fit["shapes"]["judged"][0]["left_out"] == (not keep)
    minimum = dict(zip(likelihood.parameters, fit["minima"][0]["parameters"]))
    assert abs(likelihood.nll(minimum) - fit["nll"]) < 1e-9
    other = Likelihood(campaign, folder / "null.h5", keep_null_shapes=not keep)
    assert abs(other.nll(alpha_scale=1.0) - likelihood.nll(alpha_scale=1.0)) > 1e-3  # it matters


def test_another_minimiser_finds_the_same_minimum(exact):
    folder, campaign, ratios = prepared(exact, "shapes")
    fit = json.loads(program("fit", campaign, "--ratios", ratios, "--out", "minuit.run", "--json", folder=folder))
    likelihood = Likelihood(campaign, ratios)
    names = list(likelihood.parameters)

    minuit = iminuit.Minuit(lambda values: likelihood.nll(dict(zip(names, values))), list(likelihood.point(mu=1.3).values()), name=names)
    minuit.errordef = iminuit.Minuit.LIKELIHOOD
    minuit.tol = 1e-3
    minuit.migrad()
    minuit.hesse()

    for parameter in fit["parameters"]:
        assert abs(minuit.values[parameter["name"]] - parameter["value"]) < 1e-3 * parameter["error"]
        assert abs(minuit.errors[parameter["name"]] / parameter["error"] - 1.0) < 1e-3


@pytest.mark.parametrize(("code", "number"), [("code0", 0), ("code1", 1), ("code4", 4), ("code4p", "4p")])
def test_interpolation_is_that_of_pyhf(code, number):
    pairs = [(1.15, 0.9), (0.7, 1.2), (0.92, 0.95)]
    additive = code in ("code0", "code4p")
    theirs = pyhf.interpolators.get(number)([[[[down], [1.0], [up]] for up, down in pairs]], subscribe=False)
    for alpha in (-2.5, -1.0, -0.6, 0.0, 0.3, 0.99, 1.0, 1.7):
        wanted = np.asarray(theirs(np.array([[alpha]]))).ravel() + (1.0 if additive else 0.0)
        ours = np.array([float(interpolate(code, up, down, alpha)) for up, down in pairs])
        assert np.allclose(ours, wanted, rtol=0.0, atol=1e-13), alpha


def test_code2_is_a_parabola_with_its_tangents():
    up, down = 1.3, 0.9
    values = {alpha: interpolate("code2", up, down, alpha) for alpha in (-2.0, -1.0, 0.0, 1.0, 2.0)}

    assert abs(values[-1.0] - down) < 1e-15 and values[0.0] == 1.0 and abs(values[1.0] - up) < 1e-15
    step = 1e-6
    for end, far in ((1.0, 2.0), (-1.0, -2.0)):
        slope = (interpolate("code2", up, down, end) - interpolate("code2", up, down, end * (1 - step))) / (end * step)
        assert abs(values[far] - values[end] - slope * (far - end)) < 1e-6
    assert shifts("code2", 0.5) == (0.375, -0.125)


def test_formulas_of_coefficients():
    p = {"mu": 4.0, "lambda": 3.0, "e1": 2.0}

    for text, value in [("mu - sqrt(mu)", 2.0), ("1", 1.0), ("-mu^2/2", -8.0), ("2e1*e1", 40.0), ("(1.5e-1 + lambda)*mu", 12.6)]:
        assert abs(coefficient(text)(p) - value) < 1e-14, text
    for text in ("__import__('os')", "mu.real", "mu if mu else 1", "f(mu)", "mu; 1", "[mu]", "2(mu)", "(mu)(mu)"):
        with pytest.raises(Problem, match="allowed are sums and products"):
            coefficient(text)


def test_what_the_reader_does_not_know_is_an_error(exact):
    folder, campaign, ratios = prepared(exact, "shapes")
    text = campaign.read_text()

    def read(old, new, ratios=ratios):
        (folder / "changed.toml").write_text(text.replace(old, new))
        return Likelihood(folder / "changed.toml", ratios)

    with pytest.raises(Problem, match="reference_quadratic"):
        read('poi = "mu"', 'poi = "mu"\nshape_norm = "reference_quadratic"')
    with pytest.raises(Problem, match="finite_mc"):
        read("[inference]", '[finite_mc]\nmethod = "wifi"\n[inference]')
    with pytest.raises(Problem, match="process 'B' is not in the campaign"):
        read('name = "B"', 'name = "C"')
    with pytest.raises(Problem, match="no ln g of process 'S' and parameter 'alpha_scale'"):
        read('name = "scale"', 'name = "scale"\nshape = ["S"]')
    with pytest.raises(Problem, match="needs a ratio file"):
        read("", "", ratios=None)
    with pytest.raises(Problem, match="no parameter 'nu' .there is: mu"):
        read("", "").nll(nu=1.0)
    with pytest.raises(Problem, match="is not a campaign file"):
        read("[inference]", "[inference")


def test_data_of_a_blind_campaign_are_not_looked_at(exact):
    folder, campaign, ratios = prepared(exact, "observed events")
    campaign.write_text(campaign.read_text().replace('sample = "data"', 'sample = "data"\nblind = true'))

    assert Likelihood(campaign, ratios).data == "Asimov data from the samples"
    assert Likelihood(campaign, ratios, unblinded=True).data == "events of sample data"


def test_a_sum_of_weights_that_is_not_theirs_is_refused(exact):
    folder, campaign, ratios = prepared(exact, "shapes")
    (folder / "wrong.h5").write_bytes(ratios.read_bytes())
    with h5py.File(folder / "wrong.h5", "a") as file:
        file["events/B"].attrs["sum_of_weights"] = 1.01 * file["events/B"].attrs["sum_of_weights"]

    with pytest.raises(Problem, match="weights of sample 'B' sum to 900, but its attribute sum_of_weights is 909"):
        Likelihood(campaign, folder / "wrong.h5")
    with pytest.raises(AssertionError, match="weights of sample 'B' sum to 900, but its attribute sum_of_weights"):
        program("fit", campaign, "--ratios", "wrong.h5", "--out", "wrong.run", folder=folder)


def test_a_damaged_ratio_file_is_noticed(exact, tmp_path):
    folder, campaign, ratios = prepared(exact, "shapes")
    with h5py.File(ratios) as file:
        places = {name: file[f"events/B/{name}"].id.get_offset() for name in ("log_r", "log_g_up")}
    for name, place in places.items():
        bytes_ = bytearray(ratios.read_bytes())
        bytes_[place + 9] ^= 4
        (tmp_path / "damaged.h5").write_bytes(bytes_)

        with pytest.raises(Problem, match=f"/events/B/{name} is damaged"):
            Likelihood(campaign, tmp_path / "damaged.h5")
