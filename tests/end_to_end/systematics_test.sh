#!/usr/bin/env bash
# Systematics whose shapes are trained, from the campaign to the fit: by varied samples, and by
# columns of weights with folds and bootstrap replicas. The toy knows every g(x), so the nets and
# the fit are compared with exact ones.
source "$(dirname "$0")/library.sh"

make_systematic_campaign() { # events, epochs
    toy_campaign signal --more "simulate.events=$1" "training.epochs=$2" 'network.hidden=[16, 16]' training.batch=256 \
        training.learning_rate=3e-3 training.checkpoint_seconds=0.2 systematics.members=1 > campaign.toml <<END
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
[[simulate.systematic]]
name = "scale"
B = { shift = [0.15], up = 1.05, down = 0.96 }
END
}

fit_of() { # file of a fit, parameter: value and error
    python3 - "$1" "$2" <<'END'
import json, sys
fit = json.load(open(sys.argv[1]))
assert fit["converged"]
found = next(p for p in fit["parameters"] if p["name"] == sys.argv[2])
print(found["value"], found["error"])
END
}

make_systematic_campaign 30000 30
ratiofarm simulate campaign.toml --ratios exact.h5 > /dev/null
run_on 0 calm run > calm.out 2> calm.err
content_of calm > calm.content
expect_equal "ensembles" "$(cd calm/ensembles && find . -name '*.h5' | sort | tr '\n' ' ')" \
    "./B.h5 ./B/scale/down.h5 ./B/scale/up.h5 ./S.h5 "
ratiofarm verify --out calm > calm.verify || fail "$(cat calm.verify)"

# What the nets learned, event by event, and what it does to the fit. Tolerances are three times
# what is expected: for values sqrt(1000 events expected / 27000 simulated) of their error.
ratiofarm fit campaign.toml --ratios exact.h5 --out exact --json > exact.json 2> exact.err
"$RATIOFARM_PYTHON" - calm/ratios.h5 exact.h5 <<'END'
import sys, h5py, numpy as np

with h5py.File(sys.argv[1]) as learned, h5py.File(sys.argv[2]) as exact:
    assert list(learned.attrs["shape_processes"]) == ["B"]
    assert list(learned.attrs["shape_parameters"]) == ["alpha_scale"]
    # Sums of weights of the varied samples over those of the nominal one.
    assert abs(learned.attrs["yield_up"][0] - 1.05) < 1e-9, learned.attrs["yield_up"]
    assert abs(learned.attrs["yield_down"][0] - 0.96) < 1e-9
    for sample in ["S", "B"]:
        ids = exact["events"][sample]["id"][:]
        order = np.argsort(ids)
        at = order[np.searchsorted(ids[order], learned["events"][sample]["id"][:])]
        for side in ["log_g_up", "log_g_down"]:
            truth = exact["events"][sample][side][0][at]
            error = np.sqrt(np.mean((learned["events"][sample][side][0] - truth) ** 2))
            print(f"{side} of B on {sample}: rms error {error:.4f} of {truth.std():.4f}")
            assert error < 0.3 * truth.std(), (sample, side, error)
END
for parameter in mu alpha_scale; do
    read -r value error <<< "$(fit_of calm/fit.json $parameter)"
    read -r truth wanted <<< "$(fit_of exact.json $parameter)"
    echo "$parameter: $value +- $error, from exact ratios $truth +- $wanted"
    awk -v v="$value" -v e="$error" -v t="$truth" -v w="$wanted" 'BEGIN {
        exit !(e / w < 1.04 && w / e < 1.04 && (v - t)^2 < (3 * w)^2 * 1000 / 27000) }' ||
        fail "$parameter: $value +- $error, from exact ratios $truth +- $wanted"
done

# Stopped while it trains and continued, on another number of ranks: the same bits.
RATIOFARM_FAILPOINT='*:step=slow' ratiofarm run campaign.toml --out stopped > stopped.out 2> stopped.err &
farm=$!
wait_for_checkpoint stopped $farm
kill -TERM $farm
code=0
wait $farm || code=$?
expect_equal "exit code after TERM" $code 75
run_on 2 stopped run >> stopped.out 2>> stopped.err
grep -q 'resumed=yes' stopped.err || fail "no training was resumed"
content_of stopped | diff calm.content - || fail "stopped and continued: other bits"

# A second systematic trains its own nets alone.
trained=$(grep -c '"event":"task_committed".*member' calm/journal.jsonl)
cat >> campaign.toml <<'END'
[[systematic]]
name = "tilt"
shape = { S = { up = "S_tilt_up", down = "S_tilt_down" } }
[[simulate.systematic]]
name = "tilt"
S = { shift = [0.1] }
END
ratiofarm simulate campaign.toml --force > /dev/null
run_on 0 calm run > more.out 2> more.err
expect_equal "nets of the second systematic" \
    "$(grep -c '"event":"task_committed".*member' calm/journal.jsonl)" $((trained + 4))

# Columns of weights, folds, replicas, the members' own columns.
make_systematic_campaign 6000 4
sed -i -e 's/^shape = .*/shape = { B = { up_weight = "up", down_weight = "down" } }/' \
    -e 's/^inference = 0.45/folds = 2/' -e 's/^members = 1/members = 2/' \
    -e '/^\[ensemble\]/a replicas = 3\nkeep_members = true' campaign.toml
ratiofarm simulate campaign.toml --ratios exact.h5 --force > /dev/null
run_on 0 weights run > weights.out 2> weights.err
ratiofarm verify --out weights > weights.verify || fail "$(cat weights.verify)"
"$RATIOFARM_PYTHON" - weights <<'END'
import sys, h5py, numpy as np

folder = sys.argv[1]
nets = {name: h5py.File(f"{folder}/ensembles/{name}.h5")["nets"]
        for name in ["S", "S/replicas", "B", "B/replicas", "B/scale/up", "B/scale/down"]}
assert {name: len(n["seed"]) for name, n in nets.items()} == {
    "S": 4, "S/replicas": 6, "B": 4, "B/replicas": 6, "B/scale/up": 8, "B/scale/down": 8}  # of both halves
assert list(nets["S/replicas"]["fold"]) == [0, 0, 0, 1, 1, 1]
# A replica weighs an event alike in all processes and folds; two of them never do.
replicas = nets["S/replicas"]["replica"][:]
assert (replicas == nets["B/replicas"]["replica"][:]).all() and (replicas[:3] == replicas[3:]).all()
assert len(set(replicas)) == 3 and not nets["S"]["replica"][:].any()
with h5py.File(f"{folder}/ratios.h5") as f:
    events = f["events/B"]
    n = len(events["id"])
    assert n == 6000 and f.attrs["folds"] == 2  # every event is for inference
    member, replica = events["member_log_r"][:], events["replica_log_r"][:]
    assert member.shape == (4, n) and replica.shape == (6, n) and np.isfinite(replica).all()
    # Two members of each event's fold make ln r of a process; its replicas are not in it.
    for process in range(2):
        own = member[2 * process:2 * process + 2]
        expected = own.mean(axis=0) - f.attrs["log_z"][process]
        assert np.allclose(expected, events["log_r"][:, process], atol=1e-5)
        assert np.allclose(own.std(axis=0, ddof=1), events["spread"][:, process], atol=1e-5)
        own = replica[3 * process:3 * process + 3]
        assert np.allclose(own.std(axis=0, ddof=1), events["replica_spread"][process], atol=1e-5)
    assert events["spread_g_up"].shape == (1, n) and events["spread_g_up"][:].all()
END
echo "all as expected"
