#!/usr/bin/env bash
# Regions filled with events, from the campaign to the fit: by cuts on a feature, and by the score
# of a preselection. Yields and contents are compared with a few lines of NumPy, the fit with the
# one that looks at all events unbinned and with the one that only counts them.
source "$(dirname "$0")/library.sh"

make_region_campaign() { # file, name of the campaign; regions on standard input
    {
        toy_campaign signal "campaign.name=\"$2\"" split.train=0.4 split.inference=0.5 systematics.members=1 \
            systematics.halves=false 'systematics.null_shapes="keep"' 'network.hidden=[16, 16]' training.epochs=20 \
            training.batch=256 training.learning_rate=3e-3 training.checkpoint_seconds=0.2 simulate.events=30000
        cat <<END
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
[[simulate.systematic]]
name = "scale"
B = { shift = [0.15], up = 1.05, down = 0.96 }
END
        cat
    } > "$1"
}

on() { # ranks, campaign, run directory, command...
    local ranks=$1 campaign=$2 out=$3
    shift 3
    mpirun --oversubscribe -n "$ranks" ratiofarm "$@" "$campaign" --out "$out"
}

poi_of() { # fit: value and error of mu
    "$RATIOFARM_PYTHON" - "$1" <<'END'
import json, sys
fit = json.load(open(sys.argv[1]))
assert fit["converged"], "the fit did not converge"
mu = next(p for p in fit["parameters"] if p["name"] == "mu")
print(mu["value"], mu["error"])
END
}

make_region_campaign cuts.toml cuts <<'END'
[[region]]
name = "SR"
type = "unbinned"
where = { x = [0.0, inf] }
[[region]]
name = "CR"
type = "binned"
observable = "x"
edges = [-inf, -2.0, -1.0, 0.0]
END
ratiofarm simulate cuts.toml > /dev/null

# Before the events are selected nobody fits them.
expect_code 2 ratiofarm gather cuts.toml --out cuts 2> early.err
expect_in "ratiofarm select" early.err
ratiofarm plan cuts.toml --out cuts > plan.out
expect_in "as if all events were selected" plan.out

on 1 cuts.toml cuts run > cuts.out 2> cuts.err
content_of cuts > cuts.content
ratiofarm verify --out cuts > cuts.verify || fail "$(cat cuts.verify)"
ratiofarm status cuts.toml --out cuts > status.out
expect_in "selection  there" status.out
expect_in 'section id="regions"' cuts/report.html

# Every plot of the report is a file of each format, and gnuplot has nothing to complain of.
on 1 cuts.toml cuts plots > plots.out 2> plots.err
expect_in "cuts/plots" plots.out
if grep -h "gnuplot" plots.err cuts.err; then fail "gnuplot warns"; fi
"$RATIOFARM_PYTHON" - <<'END' || fail "the plots"
import pathlib, xml.dom.minidom
files = sorted(pathlib.Path("cuts/plots").iterdir())
names = {f.stem for f in files}
for name in ("region_SR_x", "region_SR_optimal", "region_CR_x", "ranking_1", "correlations", "scan",
             "contour_alpha_scale", "template_alpha_scale_SR_x", "template_alpha_scale_CR_x", "closure_B_x",
             "calibration_B", "ratio_B", "loss_B", "nets_B"):
    assert name in names, (name, sorted(names))
assert len(files) == 3 * len(names)
for f in files:
    text = f.read_bytes()
    assert text.startswith({".pdf": b"%PDF-", ".png": b"\x89PNG", ".svg": b"<?xml"}[f.suffix]), f
    if f.suffix == ".svg":
        xml.dom.minidom.parseString(text)
END

# Two ranks, and the selection alone before the rest: the same bits.
on 2 cuts.toml cuts2 select > cuts2.out 2> cuts2.err
on 2 cuts.toml cuts2 run >> cuts2.out 2>> cuts2.err
grep -q '^select  *up to date' cuts2.out || fail "the selection was made twice"
content_of cuts2 | diff cuts.content - || fail "two ranks: other bits"

# What is selected, by NumPy and python/: cuts, sums of weights and, for the bins, the events for inference.
cat > oracle.py <<'END'
import sys, tomllib, h5py, numpy as np
sys.path.insert(0, sys.argv.pop(1))
import ratiofarm

def score(run, x):
    """ln s_S - ln s_B by the nets of the preselection."""
    log_s = ratiofarm.Ensemble(f"{run}/ensembles/preselection.h5").log_probabilities(x)
    return log_s[:, 0] - log_s[:, 1]

run, kind, cut, tolerance = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
edges = [float(e) for e in sys.argv[5:]]
plain = tomllib.load(open(f"{run}/selected.toml", "rb"))
yields = {p["name"]: p["yield"] for p in plain["process"]}
control = next(r for r in plain["region"] if r["name"] == "CR")
contents = {s["name"]: s["contents"] for s in control["sample"]}
shares = {}
with h5py.File("toy.h5") as events, h5py.File(f"{run}/selected.h5") as selected:
    assert sorted(k for k in selected if k != "metadata_crc") == ["B", "B_down", "B_up", "S"]
    for sample in ["S", "B", "B_up", "B_down"]:
        x, w, ids = (events[sample][name][:] for name in ["features", "weight", "id"])
        value = x[:, 0] if kind == "x" else score(run, x.astype("f8"))
        inside, inference = value >= cut, ratiofarm.split_part(ids, plain["split"]) == 2
        if kind == "x":  # the same events, in the same order
            assert (selected[sample]["id"][:] == ids[inside]).all()
            assert (selected[sample]["weight"][:] == w[inside]).all()
            assert (selected[sample]["features"][:, 0] == x[inside, 0]).all()
        else:  # a score is rounded
            names = list(selected[sample]["features"].attrs["columns"])
            kept = np.searchsorted(ids, selected[sample]["id"][:])
            assert np.allclose(selected[sample]["features"][:, names.index("score")], value[kept],
                               atol=1e-4)
            assert abs(len(kept) - inside.sum()) <= 3
        # Events that trained a preselection do not say how efficient it is.
        counts = np.ones(len(w), bool) if kind == "x" else inference
        shares[sample] = w[inside & counts].sum() / w[counts].sum()
        if sample not in yields:
            continue
        nu = w.sum()
        assert abs(yields[sample] / (nu * shares[sample]) - 1) < tolerance, (sample, yields)
        inside_bins, _ = np.histogram(value[inference], edges, weights=w[inference])
        wanted = nu * inside_bins / w[inference].sum()
        assert np.allclose(contents[sample], wanted, rtol=tolerance, atol=tolerance), (
            sample, contents[sample], wanted)
        print(f"{sample}: yield {yields[sample]:.6f}, contents {contents[sample]}")
factors = next(s for s in plain["systematic"] if s["name"] == "scale")["yield"]["B"]
for side, total in [("up", 1.05), ("down", 0.96)]:
    wanted = total * shares[f"B_{side}"] / shares["B"]
    assert abs(factors[side] / wanted - 1) < tolerance, (side, factors, wanted)
print("yield factors", factors)
END
"$RATIOFARM_PYTHON" oracle.py "$shared/../../python/src" cuts x 0 1e-9 -inf -2 -1 0 || fail "the selection by cuts is wrong"

# The fit: better than counting, at most as good as looking at everything unbinned, and true. The
# exact densities say what the whole sample is worth. 15000 events of B stand for 900: they know the
# true value to sqrt(900 / 15000) of the error.
grep -v '^\[\[region\]\]$' cuts.toml | sed '/^name = "SR"/,$d' > whole.toml
ratiofarm simulate whole.toml --force --ratios exact.h5 > /dev/null
ratiofarm fit whole.toml --ratios exact.h5 --out whole --json > whole.json 2> whole.err
read -r value error <<< "$(poi_of cuts/fit.json)"
read -r _ best <<< "$(poi_of whole.json)"
# Counted alone: sqrt(1000 + (0.045 * 900)^2) / 100.
worst=0.514
echo "mu: $value +- $error in regions, +- $best unbinned, +- $worst counted"
awk -v v="$value" -v e="$error" -v b="$best" -v w="$worst" 'BEGIN {
    exit !(e > 0.97 * b && e < 0.9 * w && (v - 1)^2 < (2.5 * e)^2 * 900 / 15000) }' ||
    fail "mu = $value +- $error; unbinned +- $best, counted +- $worst"

# A changed cut: the diff is about the campaign that the user wrote, and only what learned from the
# selected events is trained again.
sed 's/x = \[0.0, inf\]/x = [0.25, inf]/; s/-1.0, 0.0\]/-1.0, 0.25]/' cuts.toml > moved.toml
expect_code 2 ratiofarm run moved.toml --out cuts > moved.out 2> moved.err
expect_in "region" moved.err
expect_in "0.25" moved.err
expect_in "--accept-change" moved.err
for stage in gather infer fit; do # no stage goes on with the selection of the other cuts
    expect_code 2 ratiofarm $stage moved.toml --out cuts > moved.out 2> moved.err
    expect_in "holds no selection of events" moved.err
    expect_in "region.CR.edges.*0.25" moved.err
done
on 1 moved.toml cuts run --accept-change > moved.out 2>> moved.err
"$RATIOFARM_PYTHON" oracle.py "$shared/../../python/src" cuts x 0.25 1e-9 -inf -2 -1 0.25 || fail "the moved selection is wrong"

# Counted alone: no net is trained, no ratio is needed, and the error is that of the closed form.
make_region_campaign counts.toml counts <<'END'
[[region]]
name = "all"
type = "binned"
observable = "x"
edges = [-inf, inf]
mc_stat = false
END
on 2 counts.toml counts run > counts.out 2> counts.err
[[ -e counts/ratios.h5 || -d counts/ensembles ]] && fail "counts were given ratios"
read -r value error <<< "$(poi_of counts/fit.json)"
awk -v v="$value" -v e="$error" -v w="$worst" 'BEGIN {
    exit !((v - 1)^2 < 1e-8 && (e / w - 1)^2 < 0.01^2) }' || fail "counted: mu = $value +- $error"

# By the score of a preselection, killed in the middle, and continued on another number of ranks.
make_region_campaign score.toml score <<'END'
[preselection]
signal = ["S"]
members = 2
[[region]]
name = "SR"
type = "unbinned"
where = { score = [-0.5, inf] }
[[region]]
name = "CR"
type = "binned"
observable = "score"
edges = [-inf, -2.0, -1.0, -0.5]
END
expect_code 2 ratiofarm train score.toml --out shard --shard 0/2 2> shard.err
expect_in "one farm by itself" shard.err
on 1 score.toml score run > score.out 2> score.err
content_of score > score.content
"$RATIOFARM_PYTHON" oracle.py "$shared/../../python/src" score score -0.5 2e-3 -inf -2 -1 -0.5 || fail "the selection by score is wrong"
ratiofarm verify --out score > score.verify || fail "$(cat score.verify)"
compgen -G "score/tasks/*/*.state" > /dev/null && fail "checkpoints were left behind"

RATIOFARM_FAILPOINT='*:step=slow' ratiofarm run score.toml --out killed > killed.out 2> killed.err &
farm=$!
wait_for_checkpoint killed $farm
kill -9 $farm
wait $farm && fail "the farm did not notice its death"
on 2 score.toml killed select >> killed.out 2>> killed.err
rm killed/selected.h5 # as if it had died before the record
on 2 score.toml killed run >> killed.out 2>> killed.err
content_of killed | diff score.content - || fail "killed and continued: other bits"

# A damaged selection is found, and made again.
"$RATIOFARM_PYTHON" - killed/selected.h5 <<'END'
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    place = file["B/features"].id.get_offset() + 1000
with open(sys.argv[1], "r+b") as file:
    file.seek(place)
    byte = file.read(1)[0]
    file.seek(place)
    file.write(bytes([byte ^ 16]))
END
expect_code 2 ratiofarm verify --out killed > damaged.out
expect_in "selected.h5" damaged.out
on 1 score.toml killed run >> killed.out 2>> killed.err
content_of killed | diff score.content - || fail "after damage: other bits"

# A record that is damaged is not taken for one that is missing: nobody goes on without it.
flip_bit killed/selection.json
for command in "plan score.toml" "explain S/member\ 0 score.toml" "report score.toml"; do
    eval "expect_code 2 ratiofarm $command --out killed" > damaged.out 2> damaged.err
    expect_in "killed/selection.json" damaged.err
done
ratiofarm status --out killed > damaged.out
expect_in "^damaged .*killed/selection.json" damaged.out
on 1 score.toml killed run >> killed.out 2>> killed.err
content_of killed | diff score.content - || fail "after damage of the record: other bits"
echo "all as expected"
