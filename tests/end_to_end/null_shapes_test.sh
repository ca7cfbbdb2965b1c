#!/usr/bin/env bash
# A systematic that changes nothing beside one that does. The varied samples of the first are
# independent events of the nominal density: its nets learn noise alone, which must not constrain
# its parameter. The second one survives, with the constraint that exact ratios give.
source "$(dirname "$0")/library.sh"

toy_campaign signal --more 'campaign.name="null"' campaign.seed=7 'network.hidden=[16, 16]' training.epochs=15 \
    training.batch=256 training.learning_rate=3e-3 'inference.scan=[1.0]' \
    'simulate.S={ yield = 200.0, mean = [1.5], covariance = [[1.0]] }' \
    'simulate.B={ yield = 6000.0, mean = [0.0], covariance = [[2.25]] }' > campaign.toml <<END
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
#[[systematic]]
#name = "null"
#shape = { B = { up = "B_null_up", down = "B_null_down" } }
[[simulate.systematic]]
name = "scale"
B = { shift = [0.3] }
END
ratiofarm simulate campaign.toml --ratios exact.h5 > /dev/null
ratiofarm fit campaign.toml --ratios exact.h5 --out exact > exact.out 2> exact.err
sed -i 's/^#//' campaign.toml
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np

random = np.random.default_rng(5)
with h5py.File("toy.h5", "a") as f:
    if "metadata_crc" in f: del f["metadata_crc"]
    n = len(f["B/id"])
    for k, name in enumerate(["B_null_up", "B_null_down"]):
        group = f.create_group(name)
        features = group.create_dataset("features", data=(1.5 * random.standard_normal((n, 1))).astype("f4"))
        features.attrs["columns"] = f["B/features"].attrs["columns"]
        group["weight"] = np.full(n, 6000.0 / n)
        group["id"] = np.arange(n, dtype="u8") + np.uint64((10 + k) << 48)
END

run_on 2 nulls run > nulls.out 2> nulls.err
ratiofarm verify --out nulls > nulls.verify || fail "$(cat nulls.verify)"
expect_equal "ensembles" "$(cd nulls/ensembles && find . -name '*.h5' | sort | tr '\n' ' ')" \
    "./B.h5 ./B/null/down.h5 ./B/null/up.h5 ./B/scale/down.h5 ./B/scale/up.h5 ./S.h5 "
grep -q 'shape not significant.*alpha_null' nulls.err || fail "the log does not tell"
ratiofarm status campaign.toml --out nulls > status.out
grep -q '^nets  *10 of 10 trained' status.out || fail "$(cat status.out)"
grep -q '^no shape  *alpha_null of B' status.out || fail "$(cat status.out)"
grep -q 'Significance of the learned shapes' nulls/report.html || fail "the report does not tell"

ratiofarm fit campaign.toml --out nulls --keep-null-shapes --json > kept.json 2> kept.err
ratiofarm fit campaign.toml --out nulls --json > again.json 2> again.err
ratiofarm limits campaign.toml --out nulls > limits.out 2> limits.err
ratiofarm impacts campaign.toml --out nulls > impacts.out 2> impacts.err
ratiofarm toys campaign.toml --out nulls --toys 20 > toys.out 2> toys.err
grep -q '^the error of mu holds .* for the shapes of 1 parameter' impacts.out || fail "$(cat impacts.out)"
grep -q 'warning: toys know nothing of the shapes of 1 parameter(s) .*(alpha_null)' toys.out || fail "$(cat toys.out)"
ratiofarm scan campaign.toml --out nulls --from 0.9 --to 1.1 --points 3 --json > scan.json 2> scan.err
{ cat campaign.toml; printf '[systematics]\nnull_shapes = "norm_only"\n'; } > bare.toml
ratiofarm fit bare.toml --ratios nulls/ratios.h5 --out bare > bare.out 2> bare.err
ratiofarm limits bare.toml --ratios nulls/ratios.h5 --out bare > bare_limits.out 2> bare_limits.err
ratiofarm scan bare.toml --ratios nulls/ratios.h5 --out bare --from 0.9 --to 1.1 --points 3 --json > bare_scan.json 2> scan.err
grep -q 'no error of mu holds what they could do' bare.out || fail "$(cat bare.out)"
grep -q 'the limits hold nothing of what the shapes of 1' bare_limits.out || fail "$(cat bare_limits.out)"
"$RATIOFARM_PYTHON" - <<'END'
import json, h5py

def text(path):
    return json.JSONDecoder().raw_decode(open(path).read())[0]

def parameter(fit, name):
    return next(p for p in fit["parameters"] if p["name"] == name)

fit, kept, exact = text("again.json"), text("kept.json"), text("exact/fit.json")
with h5py.File("nulls/ratios.h5") as f:
    assert f.attrs["version"] == 3
    assert list(f.attrs["shape_parameters"]) == ["alpha_scale", "alpha_null"]
    assert list(f.attrs["shape_none"]) == [0, 1], list(f.attrs["shape_none"])
    assert f["events/B/log_g_up"].shape[0] == 2  # the column stays

treated = parameter(fit, "alpha_null")["error"]
untreated = parameter(kept, "alpha_null")["error"]
[entry] = fit["shapes"]["untreated"]
print("sigma(alpha_null):", treated, "untreated", untreated, "by noise", entry["error_by_noise"])
assert treated > 0.98, treated
assert untreated < 0.97, untreated  # or there would be nothing to show
assert entry["parameter"] == "alpha_null" and entry["error"] == treated
assert abs(entry["untreated"] / untreated - 1) < 1e-6, (entry, untreated)
assert any("alpha_null" in warning for warning in fit["warnings"]), fit["warnings"]
assert "untreated" not in kept.get("shapes", {}) or kept["shapes"]["untreated"] == []
# Two nets of each side on one learned function: right within a factor of six, and so is what
# the noise of a few effective parameters does to one fit.
predicted = 1 / entry["error_by_noise"] ** 2 - 1
actual = 1 / untreated ** 2 - 1
print("information by noise:", predicted, "of the untreated fit", actual)
assert actual / 6 < predicted < 6 * actual, (predicted, actual)

# What the shape could do to mu is in its error, and in all that is made of t.
bare, shapes = text("bare/fit.json"), fit["shapes"]
mu, plain = parameter(fit, "mu"), parameter(bare, "mu")
print("mu:", mu["error"], "of it for the shape", shapes["left_out_error"], "shift", entry["shift"],
      "noise", entry["shift_noise"])
assert mu["value"] == plain["value"]
assert "left_out_error" not in bare["shapes"]
assert abs(entry["shift"]) <= shapes["left_out_error"] < plain["error"], shapes
# The shape that stays brings the noise of its nets, also where nothing holds the other one.
[noise] = shapes["noise"]
assert noise["parameter"] == "alpha_scale" and 0 < noise["shift"] <= shapes["noise_error"], noise
assert bare["shapes"]["noise_error"] == shapes["noise_error"]
without = shapes["error_without"]
assert abs(plain["error"] ** 2 / (without ** 2 + shapes["noise_error"] ** 2) - 1) < 1e-12
assert abs(mu["error"] ** 2 / (plain["error"] ** 2 + shapes["left_out_error"] ** 2) - 1) < 1e-12
assert fit["breakdown"]["total"] == mu["error"]
inflation = (mu["error"] / plain["error"]) ** 2
for side in ("error_low", "error_high"):
    assert abs(mu[side] / plain[side] - inflation ** 0.5) < 0.1 * (inflation ** 0.5 - 1) + 1e-3, side
for a, b in zip(text("scan.json")["scan"], text("bare_scan.json")["scan"]):
    assert abs(a["t"] * inflation - b["t"]) <= 1e-6 * (1 + b["t"]), (a, b)
limits, bare_limits = text("nulls/fit.json")["limits"], text("bare/fit.json")["limits"]
ratio = bare_limits["discovery"]["q0"] / limits["discovery"]["q0"]
assert abs(ratio / inflation - 1) < 1e-6, (ratio, inflation)

scale, truth = parameter(fit, "alpha_scale"), parameter(exact, "alpha_scale")
print("alpha_scale:", scale["value"], "+-", scale["error"], "exact", truth["error"])
assert abs(scale["error"] / truth["error"] - 1) < 0.05
judged = {s["parameter"]: s for s in fit["shapes"]["judged"]}
assert not judged["alpha_scale"]["left_out"] and judged["alpha_null"]["left_out"]
END
echo "all as expected"
