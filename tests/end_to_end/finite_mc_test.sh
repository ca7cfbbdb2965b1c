#!/usr/bin/env bash
# The uncertainty from the finite number of simulated events: both methods against a twin in NumPy
# that reads the ratio file, all uses in the fit, and the same bytes on any number of ranks.
source "$(dirname "$0")/library.sh"

toy_campaign signal --no-gates simulate.events=8000 simulate.interference=-0.6 training.epochs=25 \
    training.checkpoint_seconds=0.3 'network.hidden=[16]' ensemble.members=3 ensemble.replicas=5 \
    ensemble.keep_members=true 'inference.scan=[0.5, 1.5]' 'finite_mc.method="wifi"' > campaign.toml
ratiofarm simulate campaign.toml > /dev/null
run_on 2 wifi run > wifi.out 2> wifi.err
cp wifi/fit.json report.json
rm wifi/fit.json
ratiofarm fit campaign.toml --out wifi > one.out 2> one.err
cmp report.json wifi/fit.json || fail "another number of ranks, other bytes"
grep -q "finite number of simulated events (wifi, used as report)" one.out || fail "$(cat one.out)"

fit_with() { # method, use: leaves METHOD_USE.json
    sed -e "s/^method = .*/method = \"$1\"/" -e '/^use = /d' campaign.toml > changed.toml
    sed -i "s/^method = .*/&\nuse = \"$2\"/" changed.toml
    ratiofarm fit changed.toml --out wifi --accept-change > "$1_$2.out" 2> "$1_$2.err" ||
        fail "$1 as $2: $(cat "$1_$2.err")"
    cp wifi/fit.json "$1_$2.json"
}
for method in replicas wifi; do
    for use in nuisance inflation; do fit_with $method $use; done
done
cp changed.toml inflation.toml
sed -i 's/source = "samples"/source = "reference"/' campaign.toml
fit_with replicas nuisance
mv replicas_nuisance.json closed.json
sed -i 's/source = "reference"/source = "samples"/' campaign.toml
fit_with replicas nuisance
ratiofarm fit inflation.toml --out wifi --accept-change > again.out 2> again.err
ratiofarm scan inflation.toml --out wifi --from 0.5 --to 1.5 --points 3 --json > scan.json 2> scan.err
ratiofarm report inflation.toml --out wifi > page.out 2> page.err
grep -q "Finite number of simulated events" wifi/report.html || fail "no table in the report"

"$RATIOFARM_PYTHON" - <<'END'
import json, h5py, numpy as np

fits = {name: json.load(open(name + ".json")) for name in
        ["report", "replicas_nuisance", "replicas_inflation", "wifi_nuisance", "wifi_inflation"]}
found = fits["report"]["finite_mc"]

f = h5py.File("wifi/ratios.h5")
names = ["S", "B"]
weight = {s: f[f"events/{s}/weight"][:] for s in names}
unit = {s: w / w.sum() for s, w in weight.items()}
member = {s: f[f"events/{s}/member_log_r"][:].astype(float) for s in names}
yields = np.array([weight["S"].sum(), weight["B"].sum()])
M = len(member["S"]) // 2
reference = {"S": 0.5, "B": 0.5}


def lines(s, j):
    return member[s][j * M:(j + 1) * M]


def normalised(log_r):
    """\\param log_r [set][process][n]; each process with mean 1 over the reference"""
    z = [sum(reference[s] * unit[s] @ np.exp(log_r[s][j]) for s in names) for j in (0, 1)]
    return {s: [log_r[s][j] - np.log(z[j]) for j in (0, 1)] for s in names}


def fit(log_r):
    """mu of mu S + B on Asimov data from the samples, by Newton steps. \\return mu, error"""
    r = {s: np.exp(log_r[s]) for s in names}
    mu = 1.0
    for _ in range(50):
        slope = bend = 0.0
        for s in names:
            a, d = yields[0] * r[s][0], mu * yields[0] * r[s][0] + yields[1] * r[s][1]
            slope += weight[s] @ (a / d)
            bend += weight[s] @ (a / d) ** 2
        mu += (slope - yields[0]) / bend
    return mu, bend ** -0.5


# Single members.
for i, estimate in enumerate(found["members"]["estimates"]):
    twin = fit(normalised({s: [lines(s, j)[i] for j in (0, 1)] for s in names}))[0]
    assert abs(twin - estimate) < 1e-6, (twin, estimate)
assert np.isclose(found["members"]["sigma"], np.std(found["members"]["estimates"], ddof=1))

# Weights of the members.
def cross_entropy(j, w):
    """\\return its value, gradient and second derivatives, and the covariance of the gradient"""
    value, g = 0.0, np.zeros(M + 1)
    h, u = np.zeros((M + 1, M + 1)), np.zeros((M + 1, M + 1))
    for s in names:
        basis = np.vstack([lines(s, j), np.ones_like(weight[s])])
        n, d = (s == names[j]) * unit[s], reference[s] * unit[s]
        p = 1 / (1 + np.exp(-w @ basis))
        value -= n @ np.log(p) + d @ np.log(1 - p)
        score = (d * p - n * (1 - p)) * basis
        g += score.sum(axis=1)
        h += (basis * (n + d) * p * (1 - p)) @ basis.T
        centred = score - np.outer(score.sum(axis=1), unit[s])
        u += centred @ centred.T
    return value, g, h, u


def with_ridge(j, ridge, w):
    """\\return the loss that is expected on other events, weights, second derivatives of the loss"""
    held = np.isinf(ridge)
    free = np.arange(M if held else 0, M + 1)
    pull = np.append(np.full(M, 0.0 if held else ridge), 0.0)
    for _ in range(20):
        _, g, h, _ = cross_entropy(j, w)
        inverse = np.linalg.inv((h + np.diag(pull))[np.ix_(free, free)])
        w = w.copy()
        w[free] -= inverse @ (g + pull * (w - 1 / M))[free]
    value, _, h, u = cross_entropy(j, w)
    return value + 2 * np.trace(inverse @ u[np.ix_(free, free)]), w, h


theta, inverse, scores = [], [], {s: [] for s in names}
for j, own in enumerate(names):
    w, tried = np.append(np.full(M, 1 / M), 0.0), []
    for ridge in [np.inf, *10.0 ** -np.arange(9.0)]:
        tried.append(with_ridge(j, ridge, w))
        w = tried[-1][1]
    _, w, h = min(tried, key=lambda found: found[0])
    basis = {s: np.vstack([lines(s, j), np.ones_like(weight[s])]) for s in names}
    z = sum(reference[s] * unit[s] @ np.exp(w @ basis[s]) for s in names)
    for s in names:
        value = w @ basis[s]
        p = 1 / (1 + np.exp(-value))
        slope = reference[s] * p - (s == own) * (1 - p)
        scores[s].append(np.vstack([slope * basis[s], reference[s] * (np.exp(value) / z - 1)]))
    theta.append(w)
    block = np.zeros((M + 2, M + 2))
    block[:-1, :-1], block[-1, -1] = np.linalg.inv(h), -1.0
    inverse.append(block)
    region = found["wifi"]["ratios"][0]
    print(own, "weights", w, "determined", found["wifi"]["determined"][0][j])
    assert np.allclose(region["factor"][j], w[:M], atol=1e-6), (region["factor"][j], w)
    assert np.isclose(region["constant"][j], w[M] - np.log(z), atol=1e-6)

zero = np.zeros((M + 2, M + 2))
inverse = np.block([[inverse[0], zero], [zero, inverse[1]]])
u = 0.0
for s in names:
    g = np.vstack(scores[s])
    centred = (g - (g @ unit[s])[:, None]) * unit[s]
    u = u + centred @ centred.T
covariance = inverse @ u @ inverse.T


def weighted(steps):
    """Ratios of the weighted members with steps in the weights and in ln Z."""
    log_r = {s: [(theta[j][:M] + steps[j][:M]) @ lines(s, j) for j in (0, 1)] for s in names}
    log_r = normalised(log_r)
    return {s: [log_r[s][j] - steps[j][M + 1] for j in (0, 1)] for s in names}


at = fit(weighted(np.zeros((2, M + 2))))
assert abs(at[0] - found["wifi"]["estimate"]) < 1e-6 and abs(at[1] - found["wifi"]["error"]) < 1e-6
a = []
for j in (0, 1):
    for k in range(M + 2):
        step = np.zeros((2, M + 2))
        step[j, k] = 1e-4
        a.append((fit(weighted(step))[0] - fit(weighted(-step))[0]) / 2e-4)
sigma = np.sqrt(a @ covariance @ a)
print("sigma of the twin", sigma, "found", found["wifi"]["sigma"])
assert np.isclose(sigma, found["wifi"]["sigma"], rtol=1e-4)

# Uses.
plain = fits["report"]
mu = {name: next(p for p in fit["parameters"] if p["name"] == "mu") for name, fit in fits.items()}
assert found["sigma"] == found["wifi"]["sigma"]
assert np.isclose(found["total_error"], np.hypot(mu["report"]["error"], found["sigma"]))
assert len(found["replicas"]["estimates"]) == 5 and found["replicas"]["sigma"] > 0
assert found["replicas"]["newton_difference"] < 0.2 * found["replicas"]["sigma"]
for method in ("replicas", "wifi"):
    inflated, profiled = fits[method + "_inflation"], fits[method + "_nuisance"]
    record = inflated["finite_mc"]
    assert record["sigma"] == found[method]["sigma"]
    assert np.isclose(record["inflation"], 1 + (record["sigma"] / record["fit_error"]) ** 2)
    if method == "replicas":  # the same ratios
        assert mu[method + "_inflation"]["value"] == mu["report"]["value"]
        for before, after in zip(plain["scan"], inflated["scan"]):
            assert np.isclose(after["t"], before["t"] / record["inflation"], rtol=1e-6)
    else:
        assert np.isclose(mu["wifi_inflation"]["value"], found["wifi"]["estimate"], atol=1e-6)
        again = json.load(open("scan.json"))["scan"][::2]  # 0.5 and 1.5
        assert np.allclose([p["t"] for p in again], [p["t"] for p in inflated["scan"]], rtol=1e-5)
    low, high = mu[method + "_inflation"]["error_low"], mu[method + "_inflation"]["error_high"]
    assert np.isclose((low + high) / 2, record["total_error"], rtol=0.05)
    # Of the nuisance parameter the data may learn something, hence at most the sum in quadrature.
    record = profiled["finite_mc"]
    error = mu[method + "_nuisance"]["error"]
    print(method, error, record["total_error"], record["fit_error"])
    assert 0.99 * record["fit_error"] < error < 1.01 * record["total_error"]
    carried = record["direction_sigma"]
    rest = record["sigma"] ** 2 - carried ** 2
    assert np.isclose(record["inflation"], 1 + rest / (record["fit_error"] ** 2 + carried ** 2))
    half = (mu[method + "_nuisance"]["error_low"] + mu[method + "_nuisance"]["error_high"]) / 2
    print(method, "nuisance", carried, record["inflation"], "interval", half)
    assert np.isclose(half, np.sqrt(error ** 2 * record["inflation"]), rtol=0.05)
    assert (carried > 0) == any(p["name"] == "alpha_mc" for p in profiled["parameters"])
    assert (carried > 0) == bool(record["direction"])


def moved_by_step(fit):
    """By how much alpha_mc moves mu, from the covariance; and what the record says."""
    alpha = next(p for p in fit["parameters"] if p["name"] == "alpha_mc")
    assert 0.1 < alpha["error"] <= 1.0001
    return fit["covariance"][0][1] / alpha["error"] ** 2, fit["finite_mc"]["direction_sigma"]


moved, carried = moved_by_step(fits["wifi_nuisance"])
print("moved by", moved, "of", carried)
assert np.isclose(moved, carried, rtol=0.05)
# Asimov data from the reference close by construction: alpha_mc stays at 0, where a step along its
# direction moves mu by exactly that. Few replicas may have no direction at all.
closed = json.load(open("closed.json"))
assert abs(closed["parameters"][0]["value"] - 1) < 1e-4
if closed["finite_mc"]["direction_sigma"] > 0:
    moved, carried = moved_by_step(closed)
    print("moved by", moved, "of", carried)
    assert np.isclose(moved, carried, rtol=2e-3)
END
echo "all as expected"
