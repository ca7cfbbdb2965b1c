#!/usr/bin/env python3
"""A likelihood that is published: bundle, receive, fit, change, damage.

    bundle_test.py FOLDER_OF_PROGRAMS

The ratios are exact: x on a grid, S = 100 N(1.5, 1) over B = 900 N(0, 1.5), so that the errors are
integrals that were computed elsewhere.
"""
import hashlib
import json
import pathlib
import shutil
import sys
import tempfile

import h5py
import numpy as np
import xxhash

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "python" / "src")]
import ratiofarm as package  # noqa: E402
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
    for name, words in (("with", ["--data"]), ("without", [])):
        done = ratiofarm("bundle", "data.toml", *run, "--out", name + ".rfb", *words, "--members", "all", folder=work)
        assert done.returncode == 0, told(done)
        with h5py.File(work / (name + ".rfb") / "ratios.h5") as file:
            assert ("observed" in file["events"]) == (name == "with") and "member_log_r" in file["events/S"]
    workspace = json.loads((work / "with.rfb" / "pyhf.json").read_text())
    assert workspace["observations"][0]["data"] == [215.0, 338.0] and not (work / "without.rfb" / "pyhf.json").exists()
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


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        there, before = publish(work)
        received(there, before)
        parametrised(there)
        refused(there)
        with_data(work)


if __name__ == "__main__":
    main()
