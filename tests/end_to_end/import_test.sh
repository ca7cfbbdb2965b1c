#!/usr/bin/env bash
# ROOT files to an events file, and on to a checked campaign. The files are written by uproot itself.
source "$(dirname "$0")/library.sh"

"$RATIOFARM_PYTHON" -c 'import uproot' 2> /dev/null || fail "no uproot for $RATIOFARM_PYTHON: ./run setup installs it"
"$RATIOFARM_PYTHON" - <<'END'
import numpy as np, uproot, awkward as ak

def write(path, n, shift, seed, first=0):
    rng = np.random.default_rng(seed)
    pt = rng.exponential(3.0, n)
    tree = {"mass": rng.normal(1.5 + shift, 1.0, n).astype("f4"), "pt": pt, "w": rng.uniform(0.5, 1.5, n),
            "run": np.full(n, 7, "i4"), "event": np.arange(first, first + n, dtype="i8"), "ok": rng.uniform(size=n) > 0.3}
    tree["w_up"] = 1.1 * tree["w"]
    tree["flag8"] = rng.integers(0, 2, n).astype("u1")
    tree["bits8"] = rng.integers(0, 256, n).astype("u1")
    tree["nj"] = rng.integers(0, 6, n).astype("u4")
    tree["cat"] = rng.integers(0, 3, n).astype("i4")
    tree["huge"] = rng.integers(2**63, 2**64, n, dtype="u8")
    with uproot.recreate(path) as file:
        if first == 0:
            file.mktree("events", {name: column.dtype for name, column in tree.items()})
            file["events"].extend(tree)
        else:
            file["events"] = tree  # whatever this version writes by default
    return tree

np.savez("s.npz", **write("s.root", 3000, 0.0, 1))
write("s2.root", 500, 0.0, 2, first=3000)
write("s_up.root", 3000, 0.2, 1)
write("b.root", 5000, -1.5, 3)
with uproot.recreate("odd.root") as file:
    file["jagged"] = {"mass": np.ones(3), "jets": ak.Array([[1.0, 2.0], [], [3.0]])}
    file["nan"] = {"mass": np.array([1.0, np.nan, 2.0, np.nan])}
END
import_root() { ratiofarm import --python "$RATIOFARM_PYTHON" "$@"; }

import_root --sample S=s.root:events --sample S=s2.root --sample S_up=s_up.root:events --sample B=b.root \
    --same-events S_up=S --features "mass,logpt=log(pt)" --weight "w * 0.01" --weights "up=w_up * 0.01" --scale B=2 \
    --id run,event --cut "ok & (pt > 0.1)" > import.out
cat import.out
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np
tree = np.load("s.npz")
kept = tree["ok"] & (tree["pt"] > 0.1)
n = kept.sum()
with h5py.File("events.h5") as f:
    assert f.attrs["format"] == "ratiofarm-events" and f.attrs["version"] == 1
    s = f["S"]
    assert list(s["features"].attrs["columns"]) == ["mass", "logpt"] and s["features"].chunks is None
    x = s["features"][:n]
    assert np.array_equal(x[:, 0], tree["mass"][kept]) and np.allclose(x[:, 1], np.log(tree["pt"][kept]))
    assert np.allclose(s["weight"][:n], 0.01 * tree["w"][kept])
    assert np.allclose(s["weights/up"][:] / s["weight"][:], 1.1)
    # Variations share ids with the sample of the same events, other samples do not.
    assert np.array_equal(f["S_up/id"][:], s["id"][:n])
    assert not np.isin(f["B/id"][:], s["id"][:]).any() and len(np.unique(s["id"][:])) == len(s["id"])
    assert s["id"].dtype == "u8" and s["weight"].dtype == "f8" and s["features"].dtype == "f4"
END

toy_campaign signal --more 'campaign.name="imported"' 'events.file="events.h5"' 'events.features=["mass", "logpt"]' \
    split.train=0.5 split.inference=0.4 training.epochs=1 training.batch=256 training.learning_rate=1e-3 simulate= \
    > campaign.toml <<END
[[systematic]]
name = "weight"
shape = { S = { up_weight = "up", down_weight = "up" } }
END
ratiofarm check campaign.toml > check.txt || fail "$(cat check.txt)"

# In small pieces, by entry numbers over two files; and one file given alone.
import_root --sample S=s.root --sample S=s2.root --features mass --scale S=3 --out whole.h5 > whole.out
"$RATIOFARM_PYTHON" "$programs/../share/ratiofarm/import_root.py" --sample S=s.root --sample S=s2.root \
    --features mass --scale S=3 --step 700 --out pieces.h5 > pieces.out
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np
with h5py.File("whole.h5") as whole, h5py.File("pieces.h5") as pieces:
    for name in ["features", "weight", "id"]:
        assert np.array_equal(whole["S"][name][:], pieces["S"][name][:]), name
    assert len(np.unique(whole["S/id"][:])) == 3500 and set(whole["S/weight"][:]) == {3.0}
END
import_root s.root --tree events --features mass --out one.h5 > one.out
expect_in "s: 3000 of 3000 events, sum of weights 3000" one.out

# Every expression against numpy on wide types, in pieces: what is stored in 8 or 32 bits does not wrap.
script="$programs/../share/ratiofarm/import_root.py" "$RATIOFARM_PYTHON" - <<'END'
import os, sys, types
import numpy as np
sys.path.insert(0, os.path.dirname(os.environ["script"]))
import import_root as script
part = script.Part("s.root", "events")
t = {name: values.astype({"b": bool, "f": float}.get(values.dtype.kind, object)) for name, values in np.load("s.npz").items()}
mass, pt, ok, flag8, bits8, nj, cat, event = (t[k] for k in ("mass", "pt", "ok", "flag8", "bits8", "nj", "cat", "event"))
true = lambda values: np.asarray(values, dtype=bool)

def computed(cut, expression):
    options = types.SimpleNamespace(cut=cut, step=700)
    pieces = [(first + chosen, columns[expression][chosen] if expression else chosen)
              for first, chosen, columns in part.chunks([expression] if expression else [], options)]
    return [np.concatenate(column) for column in zip(*pieces)]

cuts = {"~flag8": flag8 == 0, "not flag8": flag8 == 0, "flag8": flag8 == 1, "ok": ok, "~ok": ~ok,
        "(cat==2) & (pt > 1)": true(cat == 2) & (pt > 1), "cat==2 and pt > 1 or ok": true(cat == 2) & (pt > 1) | ok,
        "flag8 & (nj - 3 < 0)": true(flag8 == 1) & true(nj < 3), "(bits8 & 6) == 2": [b & 6 == 2 for b in bits8],
        "(bits8 << 4) > 255": bits8 * 16 > 255, "1 <= nj < 4": true(nj >= 1) & true(nj < 4), "nj & 1": nj % 2 == 1,
        "(ok ^ flag8) | isnan(mass)": ok ^ true(flag8 == 1), "bits8 * bits8 > 1000": bits8 * bits8 > 1000}
for cut, wanted in cuts.items():
    assert np.array_equal(computed(cut, "")[0], np.flatnonzero(true(wanted))), cut
features = {"nj - 3": nj - 3, "bits8 * bits8": bits8 * bits8, "-bits8": -bits8, "sqrt(bits8)": np.sqrt(bits8.astype(float)),
            "arctan2(pt, mass)": np.arctan2(pt, mass), "ok + flag8 + (pt > 1)": ok.astype(int) + flag8 + (pt > 1),
            "where(ok, nj, -1)": np.where(ok, nj, -1), "2 ** -nj": 0.5 ** nj.astype(float), "nj // 2 + nj % 2": nj // 2 + nj % 2,
            "event * 10**9 * 10**9 * 10": event.astype(float) * 1e19, "mass * True": mass}
for expression, wanted in features.items():
    assert np.allclose(computed("", expression)[1], wanted.astype(float), rtol=1e-15, atol=0), expression
assert not np.isfinite(computed("", "nj // 0")[1]).any()  # numpy's whole numbers would give 0
refused = {"cat==2 & (pt > 1)": "put each condition in brackets", "pt > 1 & ok": "this compares '1 & ok'",
           "~flag8 == 1": "this compares '~flag8'", "bits8 & 4 == 0": "this compares 'bits8 & 4'",
           "pt": "a condition must be true or false", "nj - 2": "a number for each event, not a condition",
           "bits8 & 4": "is 4 for some event", "~cat": "for example (cat) != 0", "nj & (pt > 1)": "for example (nj) != 0",
           "where(nj, ok, ok)": "for example (nj) != 0", "huge > 5": "whole numbers of 2^63 and more",
           "pt.__class__": "is not of numbers, branches", "exp(pt, out=pt) > 1": "takes its arguments by place",
           "arctan2(pt) > 1": "arctan2 takes 2 arguments", "cat == 2 && pt > 1": "cannot be computed",
           "(" * 10000: "cannot be computed", "~" * 100000 + "ok": "cannot be computed"}
for cut, text in refused.items():
    try:
        computed(cut, "")
        assert False, cut
    except script.Problem as problem:
        assert text in str(problem), (cut[:40], str(problem)[:300])
assert script.split_outside_brackets("mass, phi=f(py, px),a=g(ok,1,(2))") == ["mass", "phi=f(py, px)", "a=g(ok,1,(2))"]
assert script.named("x=where(a==1, b, c)") == ("x", "where(a==1, b, c)") and script.named("a==1") == ("a==1", "a==1")
END
import_root --sample S=s.root --features "mass,phi=arctan2(pt, mass)" --id huge --out commas.h5 > commas.out
expect_in "the features mass, phi" commas.out

refused() { # text, arguments of import...
    local text=$1
    shift
    expect_code 2 import_root "$@" --out refused.h5 > refused.out 2> refused.err
    expect_in "$text" refused.err
    [ ! -e refused.h5 ] && [ ! -e refused.h5.partial ] || fail "a file in spite of '$text'"
}
refused "no branch 'mas' (--features mas); did you mean 'mass'?" --sample S=s.root:events --features mas
refused "no tree 'event'; did you mean 'events'?" --sample S=s.root:event --features mass
refused "holds 2 trees; name one" --sample S=odd.root --features mass
refused "branch 'jets' is not one number for each event" --sample S=odd.root:jagged --features jets
refused "feature 'mass' is not finite in 2 of the events, first in entry 1" --sample S=odd.root:nan --features mass
refused "no branch 'w_uq'" --sample S=s.root --features mass --weights up=w_uq
refused "no such file" --sample S=nothing.root:events --features mass
refused "cannot be read as a ROOT file" --sample S=campaign.toml --features mass
refused "2999 of 3000 events have the id of another one" --sample S=s.root --features mass --id run
refused "so entry numbers do not say which events are the same" --sample S=s.root --sample B=b.root --same-events B=S \
    --features mass
refused "cannot be computed" --sample S=s.root --features "(mass"
refused "put each condition in brackets" --sample S=s.root --features mass --cut "cat==2 & (pt > 1)"
expect_code 75 import_root --sample S=s.root --features mass --out lost.h5 > /dev/full 2> lost.err
refused "the weights sum to -3000" --sample S=s.root --features mass --weight -1
refused "no event is left of 3000" --sample S=s.root --features mass --cut "mass > 1000"
refused "--features is missing" --sample S=s.root:events
expect_code 2 import_root --sample S=s.root --features mass > exists.out 2> exists.err
expect_in "'events.h5' exists already" exists.err
expect_code 2 ratiofarm import --python ./no-python --sample S=s.root --features mass --out n.h5 > no.out 2> no.err
expect_in "name a Python that has it with --python or RATIOFARM_PYTHON" no.err
expect_code 2 env RATIOFARM_PYTHON="python3 -S" ratiofarm import --sample S=s.root --features m --out n.h5 > no.out 2> no.err
echo "all as expected"
