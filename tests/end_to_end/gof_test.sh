#!/usr/bin/env bash
# Goodness of fit: bins against a calculation by NumPy, uniform p-values where the model is true, small ones where
# data have what the model has not.
source "$(dirname "$0")/library.sh"

# A free normalisation of a known shape: the fit and the deviance are known in closed form.
binned_campaign() { # observed contents
    toy_campaign bins --more 'campaign.name="binned"' campaign.seed=7 'parameters.mu.range=[0.0, 5.0]' data= \
        > binned.toml <<END
[[region]]
name = "SR"
type = "binned"
observed = [$1]
[[region.sample]]
name = "S"
coefficient = "mu"
contents = [12.0, 25.0, 41.0, 25.0, 12.0, 6.0]
END
}

binned_campaign "18, 20, 47, 22, 15, 3"
ratiofarm gof binned.toml --out binned --toys 4000 --json > binned.json 2> binned.err
mpirun --oversubscribe -n 2 ratiofarm gof binned.toml --out binned2 --toys 4000 > binned2.txt 2> binned2.err
diff binned/gof.json binned2/gof.json || fail "other bits on two ranks"
ratiofarm verify --out binned > verify.txt || fail "$(cat verify.txt)"
flip_bit binned/gof.json
! ratiofarm verify --out binned > verify.txt || fail "a flipped bit in gof.json is not found"
expect_in "gof.json" verify.txt
"$RATIOFARM_PYTHON" - binned.json <<'END'
import json, sys, numpy as np

gof = json.load(open(sys.argv[1]))
n = np.array([18, 20, 47, 22, 15, 3.0])
shape = np.array([12, 25, 41, 25, 12, 6.0])

def deviance(n):
    nu = shape * n.sum(-1, keepdims=True) / shape.sum()
    safe = np.where(n > 0, n, 1)
    return 2 * (nu - n + n * np.log(safe / nu)).sum(-1)

region, whole = gof["tests"]
mu = n.sum() / shape.sum()
assert abs(gof["best"] - mu) < 1e-6, (gof["best"], mu)
for test in (region, whole):
    assert abs(test["deviance"] - deviance(n)) < 1e-6, (test, deviance(n))
    assert test["ndf"] == 5
assert np.allclose(region["expected"], mu * shape) and np.array_equal(region["observed"], n)
toys = deviance(np.random.default_rng(3).poisson(mu * shape, (200000, 6)).astype(float))
wanted = (toys >= deviance(n)).mean()
p, error = whole["p_value"]["value"], whole["p_value"]["error"]
print(f"p = {p} +- {error}, by NumPy {wanted}, asymptotic {whole['p_asymptotic']}")
assert abs(p - wanted) < 4 * error and abs(error - np.sqrt(wanted * (1 - wanted) / 4000)) < 1e-3
# chi2 with five degrees of freedom: its tail in closed form.
x = deviance(n)
from math import erfc, exp, pi, sqrt
tail = erfc(sqrt(x / 2)) + sqrt(2 * x / pi) * exp(-x / 2) * (1 + x / 3)
assert abs(whole["p_asymptotic"] - tail) < 1e-9, (whole, tail)
END

# Data of the model itself: p-values are uniform, as far as the whole numbers of counts allow.
"$RATIOFARM_PYTHON" - > throws.txt <<'END'
import numpy as np
rng = np.random.default_rng(11)
for _ in range(24):
    print(", ".join(map(str, rng.poisson([12, 25, 41, 25, 12, 6]))))
END
: > p_values.txt
while read -r counts; do
    binned_campaign "$counts"
    ratiofarm gof binned.toml --out thrown --toys 200 --json 2>> thrown.err |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["tests"][-1]["p_value"]["value"])' >> p_values.txt
done < throws.txt
"$RATIOFARM_PYTHON" - p_values.txt <<'END'
import sys, numpy as np
p = np.sort(np.loadtxt(sys.argv[1]))
n = len(p)
distance = max((np.arange(1, n + 1) / n - p).max(), (p - np.arange(n) / n).max())
print(f"{n} p-values of true models: distance from uniform {distance:.3f}")
assert distance < 1.95 / np.sqrt(n), p  # one in a thousand
END

# Two Gaussians with exact ratios, and data with and without a narrow bump.
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np

rng = np.random.default_rng(5)
shapes = {"S": (1.5, 1.0), "B": (0.0, 1.5)}
yields = {"S": 150.0, "B": 850.0}

def log_p(x, name):
    mean, width = shapes[name]
    return -0.5 * ((x - mean) / width) ** 2 - np.log(width * np.sqrt(2 * np.pi))

x = {name: rng.normal(*shapes[name], 30000).astype("f4") for name in shapes}
good = np.concatenate([rng.normal(*shapes[name], rng.poisson(yields[name])) for name in shapes]).astype("f4")
x["good"] = good
x["bump"] = np.concatenate([good, rng.normal(-1.0, 0.1, 60)]).astype("f4")
with h5py.File("events.h5", "w") as e, h5py.File("exact.h5", "w") as r:
    e.attrs["format"], e.attrs["version"] = "ratiofarm-events", 1
    r.attrs["format"], r.attrs["version"] = "ratiofarm-ratios", 1
    r.attrs["processes"], r.attrs["yields"] = list(shapes), [yields[n] for n in shapes]
    reference = r.create_group("reference")
    reference.attrs["processes"] = reference.attrs["samples"] = list(shapes)
    reference.attrs["fractions"] = [0.5, 0.5]
    for k, (name, values) in enumerate(x.items()):
        n = len(values)
        weight = np.full(n, yields[name] / n if name in yields else 1.0)
        ids = (np.uint64(k) << np.uint64(40)) + np.arange(n, dtype="u8")
        group = e.create_group(name)
        group.create_dataset("features", data=values[:, None]).attrs["columns"] = ["x"]
        group["weight"], group["id"] = weight, ids
        events = r.create_group(f"events/{name}")
        p = np.stack([log_p(values, "S"), log_p(values, "B")], axis=1)
        ref = np.logaddexp(p[:, 0], p[:, 1]) - np.log(2)
        events["weight"], events["id"], events["row"] = weight, ids, np.arange(n, dtype="u8")
        events["log_r"] = (p - ref[:, None]).astype("f4")
        events.attrs["sum_of_weights"] = float(weight.sum())
END
for data in good bump; do
    toy_campaign signal 'campaign.name="unbinned"' campaign.seed=3 'events.file="events.h5"' training.epochs=1 \
        training.batch=100 training.learning_rate=1e-3 data.asimov= "data.sample=\"$data\"" simulate= > $data.toml
    ratiofarm gof $data.toml --ratios exact.h5 --out $data --toys 400 --bins 25 > $data.txt 2> $data.err
    cat $data.txt
done
python3 - <<'END'
import json
tests = {name: json.load(open(f"{name}/gof.json"))["tests"] for name in ["good", "bump"]}
for name, found in tests.items():
    assert [t["observable"] for t in found] == ["d ln D / d mu", "x", "all"], found
    for test in found[:2]:
        assert len(test["observed"]) == 25 and abs(sum(test["observed"]) - {"good": sum(tests["good"][1]["observed"]), "bump": sum(tests["good"][1]["observed"]) + 60}[name]) < 1e-9
        assert max(test["expected"]) / min(test["expected"]) < 2  # quantiles at the Asimov point
    # Every event is in a bin of each observable, and so is every expected one.
    assert abs(sum(found[0]["expected"]) - sum(found[1]["expected"])) < 1e-6
    assert abs(sum(found[0]["expected"]) - sum(found[0]["observed"])) < 3 * 1000 ** 0.5
assert all(t["p_value"]["value"] > 0.01 for t in tests["good"]), tests["good"]
assert tests["bump"][1]["p_value"]["value"] < 0.01, tests["bump"][1]
assert tests["bump"][1]["p_asymptotic"] < 1e-4
END
echo "all as expected"
