#!/usr/bin/env python3
"""A likelihood that is published: bundle, receive, fit, change, damage.

    bundle_test.py FOLDER_OF_PROGRAMS

The ratios are exact: x on a grid, S = 100 N(1.5, 1) over B = 900 N(0, 1.5), so that the errors are
integrals that were computed elsewhere.
"""
import hashlib
import json
import pathlib
import re
import shutil
import sys
import tempfile

import h5py
import numpy as np
import xxhash

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "python" / "src")]
import ratiofarm as package  # noqa: E402
import toy_campaign  # noqa: E402
from programs import ratiofarm, told  # noqa: E402

X = np.linspace(-12.0, 14.0, 5201)
YIELDS = {"S": 100.0, "B": 900.0}
CAMPAIGN = """
[campaign]
name = "grid"
[parameters]
mu = { range = [0.0, 5.0] }
[[process]]
name = "S"
coefficient = "mu"
[[process]]
name = "B"
[data]
asimov = { mu = 1.0, source = "samples" }
"""


def normal(mean, width):
    return np.exp(-((X - mean) / width) ** 2 / 2.0) / np.sqrt(2.0 * np.pi) / width


def densities():
    p = {"S": normal(1.5, 1.0), "B": normal(0.0, 1.5)}
    return p, (p["S"] + p["B"]) / 2.0


def write_grid(path, data=0):
    """Every event of a sample is a point of the grid; `data` events without weight 1 by itself."""
    p, reference = densities()
    log_r = np.stack([np.log(p[name] / reference) for name in YIELDS], axis=1).astype("f4")
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-ratios", 1
        file.attrs["processes"], file.attrs["yields"] = list(YIELDS), list(YIELDS.values())
        for name, expected in YIELDS.items():
            group = file.create_group("events/" + name)
            group["weight"] = expected * p[name] / p[name].sum()
            group["log_r"] = log_r
            group["member_log_r"] = np.zeros((2, len(X)), "f4")
        if data:
            drawn = np.random.default_rng(3).choice(len(X), data, p=reference / reference.sum())
            group = file.create_group("events/observed")
            group["weight"], group["log_r"] = np.ones(data), log_r[drawn]
            group["member_log_r"] = np.zeros((2, data), "f4")
        file.attrs["members"] = [1.0, 1.0]
        parts = file.create_group("reference")
        parts.attrs["processes"], parts.attrs["samples"], parts.attrs["fractions"] = ["S", "B"], ["S", "B"], [0.5, 0.5]


def fit(folder, *words):
    done = ratiofarm("fit", *words, "--json", folder=folder)
    assert done.returncode == 0, told(done)
    result = json.loads(done.stdout)
    return {one["name"]: one for one in result["parameters"]}, result


def fails(folder, text, *words):
    """One error, exit code 2, no traceback."""
    done = ratiofarm(*words, folder=folder)
    assert done.returncode == 2 and text in done.stderr, (text, told(done))


def close(value, expected, relative=1e-6):
    assert abs(value / expected - 1.0) < relative, (value, expected)


BINS = """
[parameters.alpha]
constraint = "gaussian"
[[region]]
name = "SR"
type = "unbinned"
[[region]]
name = "CR"
type = "binned"
observed = [215.0, 338.0]
[[region.sample]]
name = "background"
contents = [200.0, 310.0]
yields = [{ parameter = "alpha", up = 1.15, down = 0.9 }]
"""


def reseal(path, old, new):
    """Changes a result as somebody does who knows the seal."""
    text = path.read_bytes()
    assert old in text
    mark, end = b',\n  "xxh3": "', b'"\n}\n'
    content = text[:-len(mark + end) - 32].replace(old, new)
    path.write_bytes(content + mark + xxhash.xxh3_128_hexdigest(content).encode() + end)


def publish(work):
    """A bundle in a folder of its own; where it was made is gone."""
    write_grid(work / "grid.h5")
    (work / "grid.toml").write_text(CAMPAIGN)
    before, _ = fit(work, "grid.toml", "--ratios", "grid.h5", "--out", "grid.run")
    made = ratiofarm("bundle", "grid.toml", "--run", "grid.run", "--ratios", "grid.h5", "--out", "made.rfb",
                     "--describe", "license=CC0", folder=work)
    assert made.returncode == 0, told(made)
    there = work / "there"
    there.mkdir()
    shutil.move(work / "made.rfb", there / "got.rfb")
    for name in ("grid.h5", "grid.toml"):
        (work / name).unlink()
    shutil.rmtree(work / "grid.run")
    return there, before


def received(there, before):
    """What a receiver gets is what was published."""
    verified = ratiofarm("bundle", "--verify", "got.rfb", folder=there)
    assert verified.returncode == 0, told(verified)
    after, _ = fit(there, "got.rfb", "--out", "refit.run")
    assert after == before
    close(after["mu"]["error"], 0.22653875)
    bundle = there / "got.rfb"
    record = json.loads((bundle / "bundle.json").read_text())
    assert record["description"] == {"license": "CC0"} and "members" in record["left_out"][0]
    for path in bundle.rglob("*"):
        assert not path.is_file() or str(there.parent).encode() not in path.read_bytes(), path
    with h5py.File(bundle / "ratios.h5") as file:
        assert "members" not in file.attrs and "member_log_r" not in file["events/S"]
    opened = package.open_bundle(bundle)
    assert opened.golden_difference() < 1e-9
    for command in (["scan", "got.rfb", "--points", "3"], ["limits", "got.rfb"], ["impacts", "got.rfb"],
                    ["toys", "got.rfb", "--toys", "10", "--neyman", "0.6"], ["check", "got.rfb"]):
        out = [] if command[0] == "check" else ["--out", "refit.run"]
        done = ratiofarm(*command, *out, folder=there)
        assert done.returncode == 0, told(done)


def parametrised(there):
    """The same densities with other coefficients."""
    text = (there / "got.rfb" / "campaign.toml").read_text()
    (there / "kappa.toml").write_text(text.replace('coefficient = "mu"', 'coefficient = "mu^4"'))
    kappa, _ = fit(there, "kappa.toml", "--ratios", "got.rfb/ratios.h5", "--out", "kappa.run")
    close(kappa["mu"]["error"], 0.05663469)
    free = text.replace('name = "B"', 'name = "B"\ncoefficient = "nu"', 1).replace('coefficient = "1"\n', "")
    (there / "free.toml").write_text(free.replace("[[process]]", "[parameters.nu]\nrange = [0.0, 5.0]\n[[process]]", 1))
    nu, _ = fit(there, "free.toml", "--ratios", "got.rfb/ratios.h5", "--out", "free.run")
    close(nu["mu"]["error"], 0.29392534)
    (there / "root.toml").write_text(text.replace('coefficient = "mu"', 'coefficient = "sqrt(mu)"'))
    done = ratiofarm("bundle", "root.toml", "--ratios", "got.rfb/ratios.h5", "--out", "root.rfb", folder=there)
    assert done.returncode == 0, told(done)
    opened, step = package.open_bundle(there / "root.rfb"), 1e-3
    nll = opened.likelihood().nll
    for point in opened.golden["points"]:
        mu = point["parameters"][0]
        down, here, up = (nll(mu=mu + change) for change in (-step, 0.0, step))
        close((up - 2.0 * here + down) / step**2, point["hessian"][0][0], 1e-4)
        assert abs((up - down) / (2.0 * step) - point["gradient"][0]) < 1e-4


#: Mean and width of a new signal: E_ref[r^2], largest r, shares above 10, 20 and 100, sigma(mu') with mu fixed and free,
#: t(mu' = 1). The numbers are integrals that were computed elsewhere.
SIGNALS = {
    (2.0, 0.8): (1.93312, 2.77853, (0.0, 0.0, 0.0), 0.34821967, 0.99990129, 7.29919368),
    (4.0, 0.5): (66.7009, 137.974, (0.875054, 0.785085, 0.300564), 0.06805570, 0.06887401, 54.55448071),
    (7.0, 0.5): (438879.0, None, (0.9995, 0.9992, 0.9973), None, None, None),
}


def write_patch(path, bundle, signal):
    """As another program would, from the densities."""
    p, reference = densities()
    new = normal(*signal)
    with np.errstate(divide="ignore"):
        columns = np.stack([np.log(density / reference) for density in (p["S"], p["B"], new)], axis=1).astype("f4")
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-patch", 1
        file.attrs["bundle"] = json.loads((bundle / "bundle.json").read_text())["digest"]
        file.attrs["process"], file.attrs["coefficient"], file.attrs["yield"] = "BSM", "mu_bsm", 50.0
        file.attrs["parameters"], file.attrs["ranges"] = ["mu_bsm"], [-2.0, 10.0]
        for name in YIELDS:
            file["events/" + name + "/log_r"] = columns[:, 2]
        file["events/BSM/log_r"], file["events/BSM/weight"] = columns, 50.0 * new / new.sum()


def patched(there):
    """A signal that the bundle did not know, where the reference has events, few, or none."""
    for number, (signal, (square, largest, above, fixed, free, t)) in enumerate(SIGNALS.items()):
        patch, out = f"{number}.rfp", f"patched{number}.run"
        write_patch(there / patch, there / "got.rfb", signal)
        done = ratiofarm("fit", "got.rfb", "--patch", patch, "--out", out, "--json", folder=there)
        said = re.search(r"E_ref\[r\^2\] = (\S+), effective share of the reference (\S+) % .* largest r (\S+), weight with "
                         r"r > 10: (\S+) %, r > 20: (\S+) %, r > 100: (\S+) %", done.stderr)
        found = [float(text) for text in said.groups()]
        close(found[0], square, 2e-5)
        close(found[1], 100.0 / square, 1e-2)
        assert largest is None or abs(found[2] / largest - 1.0) < 1e-4, told(done)
        assert np.abs(np.array(found[3:]) / 100.0 - above).max() < 3e-3, told(done)  # a step of the grid
        assert ("few events" in done.stderr, "no events" in done.stderr) == (number == 1, number == 2), told(done)
        assert done.returncode == (2 if fixed is None else 0), told(done)
        if fixed is None:
            continue
        parameters = {one["name"]: one for one in json.loads(done.stdout)["parameters"]}
        close(parameters["mu_bsm"]["error"], free, 2e-6)
        assert "few events" in "".join(json.loads(done.stdout)["warnings"]) or number == 0
        text = (there / out / "patched.toml").read_text().replace("fixed = false", "fixed = true", 1)
        (there / "fixed.toml").write_text(text)
        words = ["--ratios", f"{out}/patched.h5", "--out", f"fixed{number}.run"]
        close(fit(there, "fixed.toml", *words)[0]["mu_bsm"]["error"], fixed, 2e-6)
        scan = ratiofarm("scan", "fixed.toml", *words, "--from", "0", "--to", "1", "--points", "3", "--json", folder=there)
        close(json.loads(scan.stdout)["scan"][-1]["t"], t, 2e-6)
    write_patch(there / "other.rfp", there / "root.rfb", (2.0, 0.8))
    fails(there, "belongs to another bundle", "fit", "got.rfb", "--patch", "other.rfp")
    fails(there, "is no bundle", "fit", "kappa.toml", "--ratios", "got.rfb/ratios.h5", "--patch", "0.rfp")
    with h5py.File(there / "0.rfp", "a") as file:
        file.attrs["coefficient"] = "mu_new"
    fails(there, "mu_new", "fit", "got.rfb", "--patch", "0.rfp")


def refused(there):
    """Each bad input has one error that names it."""
    own = ["got.rfb/campaign.toml", "--ratios", "got.rfb/ratios.h5"]
    fails(there, "lies inside the bundle", "fit", "got.rfb", "--out", "got.rfb/run")
    fails(there, "has its own", "fit", "got.rfb", "--ratios", "got.rfb/ratios.h5")
    fails(there, "is a bundle already", "bundle", "got.rfb", "--out", "a.rfb")
    fails(there, "exists already", "bundle", *own, "--out", "got.rfb")
    fails(there, "fits no data", "bundle", *own, "--out", "a.rfb", "--data")
    fails(there, "KEY one of", "bundle", "got.rfb", "--out", "a.rfb", "--describe", "licence=x")
    (there / "packed.rfb").write_bytes(b"tar")
    fails(there, "unpack it", "check", "packed.rfb")
    shutil.copytree(there / "got.rfb", there / "bad.rfb")
    golden, record = there / "bad.rfb" / "golden.json", there / "bad.rfb" / "bundle.json"
    file = next(one for one in json.loads(record.read_text())["files"] if one["name"] == "golden.json")
    value = json.loads(golden.read_text())["points"][1]["nll"]
    reseal(golden, repr(value).encode(), repr(value + 1e-6).encode().ljust(len(repr(value)), b"1"))
    fails(there, "'golden.json' has other content", "fit", "bad.rfb")
    text = golden.read_bytes()
    for key, now in (("sha256", hashlib.sha256(text)), ("xxh3", xxhash.xxh3_128(text))):
        reseal(record, file[key].encode(), now.hexdigest().encode())
    fails(there, "point 2: the difference of the NLL is", "bundle", "--verify", "bad.rfb")
    path = there / "bad.rfb" / "ratios.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    fails(there, "'ratios.h5' has other content", "check", "bad.rfb")
    path.unlink()
    fails(there, "'ratios.h5' is missing", "bundle", "--verify", "bad.rfb")
    reseal(record, b'"version": 1', b'"version": 2')
    fails(there, "version 2", "fit", "bad.rfb")


def with_data(work):
    """Data are published when they are asked for and open."""
    write_grid(work / "data.h5", data=700)
    text = CAMPAIGN.replace('asimov = { mu = 1.0, source = "samples" }', 'sample = "observed"')
    (work / "data.toml").write_text(text + BINS)
    (work / "blind.toml").write_text(text + "blind = true\n" + BINS)
    fit(work, "data.toml", "--ratios", "data.h5", "--out", "data.run")
    run = ["--run", "data.run", "--ratios", "data.h5"]
    assert ratiofarm("gof", "data.toml", "--out", "data.run", "--ratios", "data.h5", "--toys", "20", folder=work).returncode == 0
    for name, words in (("with", ["--data"]), ("without", [])):
        done = ratiofarm("bundle", "data.toml", *run, "--out", name + ".rfb", *words, "--members", "all", folder=work)
        assert done.returncode == 0, told(done)
        with h5py.File(work / (name + ".rfb") / "ratios.h5") as file:
            assert ("observed" in file["events"]) == (name == "with") and "member_log_r" in file["events/S"]
    workspace = json.loads((work / "with.rfb" / "pyhf.json").read_text())
    assert workspace["observations"][0]["data"] == [215.0, 338.0] and not (work / "without.rfb" / "pyhf.json").exists()
    standard = json.loads((work / "with.rfb" / "hs3.json").read_text())
    assert any(215.0 in one.get("contents", []) for one in standard["data"])
    assert "gof.json, which" in str(json.loads((work / "without.rfb" / "bundle.json").read_text())["left_out"])
    for path in (work / "without.rfb").rglob("*.json"):
        assert not re.search(r"215(\.0)?, *338", path.read_text()), path
    after, result = fit(work, "with.rfb", "--out", "again.run")
    published = json.loads((work / "with.rfb" / "fit.json").read_text())
    assert result["parameters"] == published["parameters"] and result["scan"] == published["scan"]
    assert "observed" not in fit(work, "without.rfb", "--out", "asimov.run")[1]["data"]
    for name in ("with", "without"):
        assert package.open_bundle(work / (name + ".rfb")).golden_difference() < 1e-9
    blind = ["blind.toml", "--run", "blind.run", "--ratios", "data.h5"]
    fails(work, "is blind", "bundle", *blind, "--out", "blind.rfb", "--data")
    assert ratiofarm("bundle", *blind, "--out", "blind.rfb", folder=work).returncode == 0
    with h5py.File(work / "blind.rfb" / "ratios.h5") as file:
        assert "observed" not in file["events"]
    assert b"215" not in (work / "blind.rfb" / "campaign.toml").read_bytes()


def write_events(path, mean, scale=1.0):
    x = scale * np.random.default_rng(5).normal(mean, 0.8, 2000)
    package.write_events(path, {"BSM": {"x": x}}, features=["x"], weight=0.025, id=None)


LEARNED = """
[[systematic]]
name = "scale"
shape = { B = { up_weight = "up", down_weight = "down" } }
[[simulate.systematic]]
name = "scale"
B = { shift = [0.6], up = 1.05, down = 0.96 }
"""


def trained(work):
    """A new signal on a run trains only its own net, and its patch fits the bundle of that run."""
    changes = {"simulate.events": "4000", "training.epochs": "2", "training.batch": "128", "network.hidden": "[8]"}
    (work / "toy.toml").write_text(toy_campaign.campaign("signal", changes, LEARNED, gates=False))
    write_events(work / "bsm.h5", 2.0)
    write_events(work / "units.h5", 2.0, 1000.0)
    words = ["patch", "toy.run", "--process", "BSM", "--coefficient", "mu_bsm", "--yield", "50"]
    new = ["--events", "bsm.h5", "--range", "mu_bsm=-2:10", "--out", "new.run"]
    fails(work, "holds no trained nets", *words, *new)
    for command in (["simulate", "toy.toml"], ["run", "toy.toml"], ["bundle", "toy.run", "--out", "toy.rfb"],
                    [*words, *new, "--bundle", "toy.rfb"], ["fit", "toy.rfb", "--patch", "new.run/BSM.rfp", "--out", "with.run"]):
        done = ratiofarm(*command, folder=work)
        assert done.returncode == 0, told(done)
    journal = (work / "new.run" / "journal.jsonl").read_text().splitlines()
    made = [one for one in map(json.loads, journal) if one["event"] == "task_committed" and one["kind"] == "training"]
    assert {one["family"] for one in made if not one["adopted"]} == {"BSM"} and len(made) > 1
    old, both = (package.open_run(work / name).ratios for name in ("toy.run", "new.run"))
    with h5py.File(work / "toy.run" / "ratios.h5") as file:
        assert "half_g_up" in file["events/S"]  # a learned shape, and what is noise in it
    assert both.processes == [*old.processes, "BSM"] and (both["S"].log_r[:, :2] == old["S"].log_r).all()
    fits = [json.loads((work / name / "fit.json").read_text()) for name in ("new.run", "with.run")]
    assert fits[0]["poi"] == fits[1]["poi"] == "mu_bsm"
    for here, there in zip(fits[0]["parameters"], fits[1]["parameters"]):
        assert abs(here["value"] - there["value"]) < 1e-9 and abs(here["error"] - there["error"]) < 1e-9
    fails(work, "more than 1 % of the events", *words, "--events", "units.h5", "--range", "mu_bsm=0:10", "--out", "units.run")
    fails(work, "mu_bsm", *words, "--events", "bsm.h5", "--out", "nobody.run")
    fails(work, "of another campaign", *words, *new[:2], "--range", "mu_bsm=0:3", "--out", "new.run")


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        there, before = publish(work)
        received(there, before)
        parametrised(there)
        patched(there)
        refused(there)
        with_data(work)
        trained(work)


if __name__ == "__main__":
    main()
