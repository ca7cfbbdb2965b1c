#!/usr/bin/env bash
# CLs limits of unbinned regions. Events at three points with exact ratios are three Poisson bins, whose limits NumPy and a
# binned region know; Asimov data come from the reference although no shape needs it in the fit.
source "$(dirname "$0")/library.sh"

"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np

density = {"S": np.array([0.5, 0.3, 0.2]), "B": np.array([0.1, 0.3, 0.6])}
yields = {"S": 20.0, "B": 50.0}
counts = {"S": [5, 3, 2], "B": [1, 3, 6], "observed": [12, 20, 31]}
log_r = np.log(np.stack([density["S"], density["B"]], 1) / (density["S"] + density["B"])[:, None] * 2)
with h5py.File("exact.h5", "w") as f:
    f.attrs["format"], f.attrs["version"] = "ratiofarm-ratios", 1
    f.attrs["processes"], f.attrs["yields"] = list(yields), list(yields.values())
    reference = f.create_group("reference")
    reference.attrs["processes"] = reference.attrs["samples"] = list(yields)
    reference.attrs["fractions"] = [0.5, 0.5]
    for k, (name, n) in enumerate(counts.items()):
        point = np.repeat([0, 1, 2], n)
        row = np.arange(len(point), dtype="u8")
        group = f.create_group(f"events/{name}")
        group["weight"] = np.full(len(point), yields.get(name, len(point)) / len(point))
        group["id"], group["row"] = row + np.uint64(1000 * k), row
        group["log_r"] = log_r[point].astype("f4")
        group.attrs["sum_of_weights"] = float(np.sum(group["weight"]))
END

unbinned() { # what toy_campaign.py takes...
    toy_campaign signal campaign.seed=3 events= split= reference= network= training= ensemble= simulate= "$@"
}
unbinned data.asimov= 'data.sample="observed"' > data.toml
unbinned > samples.toml
unbinned 'data.asimov={ mu = 0.4, source = "reference" }' > reference.toml
unbinned data.asimov= 'data.sample="observed"' --more > norm.toml <<END
[[systematic]]
name = "norm"
[systematic.yield]
B = { up = 1.1, down = 0.9 }
END
toy_campaign bins data= --more > bins.toml <<END
[[systematic]]
name = "norm"
[[region]]
name = "SR"
type = "binned"
observed = [12, 20, 31]
[[region.sample]]
name = "S"
coefficient = "mu"
contents = [10.0, 6.0, 4.0]
[[region.sample]]
name = "B"
contents = [5.0, 15.0, 30.0]
yields = [{ parameter = "alpha_norm", up = 1.1, down = 0.9 }]
END
for name in data samples reference norm; do
    ratiofarm limits $name.toml --ratios exact.h5 --out $name > $name.txt 2> $name.err || fail "limits of $name"
done
ratiofarm limits bins.toml --out bins > bins.txt 2> bins.err
expect_in "observed in: events of sample observed" data.txt
expect_in "with Asimov data from the samples at mu = 1 in place of what is observed" samples.txt
mpirun --oversubscribe -n 2 ratiofarm limits data.toml --ratios exact.h5 --out data2 > data2.txt 2> data2.err
cmp data/fit.json data2/fit.json || fail "other bits on two ranks"
"$RATIOFARM_PYTHON" - <<'END'
import json
import numpy as np
from math import erfc, sqrt

s, b = np.array([10.0, 6.0, 4.0]), np.array([5.0, 15.0, 30.0])

def nll(mu, n):
    return float((mu * s + b - n * np.log(mu * s + b)).sum())

def root(f, low, high):
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if f(middle) > 0 else (low, middle)
    return low

def best(n):
    slope = lambda mu: float((n * s / (mu * s + b) - s).sum())
    return root(slope, 0.0, 10.0) if slope(0.0) > 0 else 0.0

def tail(x):
    return 0.5 * erfc(x / sqrt(2.0))

def limit(n):
    hat = best(n)
    def excess(mu):
        q = 2 * (nll(mu, n) - nll(hat, n)) if mu > hat else 0.0
        a = 2 * (nll(mu, b) - nll(0.0, b))
        x = (q - a) / (2 * sqrt(a)) if q > a else sqrt(q) - sqrt(a)
        return tail(x + sqrt(a)) / tail(x) - 0.05
    return root(excess, max(hat, 1e-6), 10.0)

def limits_of(name):
    return json.load(open(f"{name}/fit.json"))["limits"]

for name, n in {"data": np.array([12.0, 20, 31]), "samples": s + b, "reference": 0.4 * s + b}.items():
    found = limits_of(name)
    print(name, found["observed"], limit(n))
    assert abs(found["observed"] / limit(n) - 1) < 3e-6, (name, found, limit(n))
    assert abs(found["expected"][2] / limit(b) - 1) < 3e-6, (name, found, limit(b))
    z = sqrt(2 * (nll(0, s + b) - nll(1, s + b)))
    assert abs(found["discovery"]["expected_significance"] / z - 1) < 3e-6, (name, found, z)
a, c = limits_of("norm"), limits_of("bins")
for x, y in zip([a["observed"], *a["expected"]], [c["observed"], *c["expected"]]):
    assert abs(x / y - 1) < 3e-6, (a, c)
assert abs(a["observed"] / limits_of("data")["observed"] - 1) > 0.01
END

# 0 events where 2000 are expected: 45 standard deviations, where single tails are 0.
toy_campaign bins data= 'parameters.mu.range=[0.0, 5000.0]' --more > deficit.toml <<END
[[region]]
name = "SR"
type = "binned"
observed = [0]
[[region.sample]]
name = "S"
coefficient = "mu"
contents = [10.0]
[[region.sample]]
name = "B"
contents = [2000.0]
END
ratiofarm limits deficit.toml --out deficit > deficit.txt 2> deficit.err
expect_in "^mu < 0.299" deficit.txt
expect_in "^warning: the data are more than 5 standard deviations below" deficit.txt
expect_in "more than 5 standard deviations below" deficit.err
echo "all as expected"
