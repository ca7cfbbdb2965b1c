#!/usr/bin/env bash
# Tables of every kind to an events file, and on to a checked campaign. Other programs write them.
source "$(dirname "$0")/library.sh"

"$RATIOFARM_PYTHON" -c 'import uproot, pyarrow' 2> /dev/null || fail "no uproot or pyarrow for $RATIOFARM_PYTHON: ./run setup installs it"
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
    file["nested"] = {"mass": np.ones(2), "tracks": ak.Array([[[1.0], []], [[2.0, 3.0]]])}
    file["nan"] = {"mass": np.array([1.0, np.nan, 2.0, np.nan])}
END
import_events() { ratiofarm import --python "$RATIOFARM_PYTHON" "$@"; }

import_events --sample S=s.root:events --sample S=s2.root --sample S_up=s_up.root:events --sample B=b.root \
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
{ sed 's/^name = "S"/&\nyield = 2364.16/' campaign.toml; printf '[labels]\nfeatures = { mas = "m" }\n'; } > labels.toml
expect_code 2 ratiofarm check labels.toml > labels.txt 2> labels.err
expect_in "labels.features.mas: there is no such column in the samples; did you mean 'mass'?" labels.err
sed 's/mas = "m"/mass = "m"/' labels.toml > labelled.toml
ratiofarm check labelled.toml > labels.txt
expect_in "^  S .*   23.6416; yield of S: 2364.16, 100 times that" labels.txt

# In small pieces, by entry numbers over two files; and one file given alone.
import_events --sample S=s.root --sample S=s2.root --features mass --scale S=3 --out whole.h5 > whole.out
"$RATIOFARM_PYTHON" "$programs/../share/ratiofarm/import_events.py" --sample S=s.root --sample S=s2.root \
    --features mass --scale S=3 --step 700 --out pieces.h5 > pieces.out
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np
with h5py.File("whole.h5") as whole, h5py.File("pieces.h5") as pieces:
    for name in ["features", "weight", "id"]:
        assert np.array_equal(whole["S"][name][:], pieces["S"][name][:]), name
    assert len(np.unique(whole["S/id"][:])) == 3500 and set(whole["S/weight"][:]) == {3.0}
END

# Data have no branch of weights: each sample may have a weight of its own, also where one mirrors others.
"$RATIOFARM_PYTHON" - <<'END'
import numpy as np, uproot
with uproot.recreate("data.root") as file:
    file["events"] = {"mass": np.linspace(0.0, 3.0, 400), "pt": np.ones(400), "count": np.full(400, 2.0)}
END
import_events --sample S=s.root --sample S_up=s_up.root --sample B=b.root --sample data=data.root --features mass --same-events S_up=S \
    --symmetrise S_down=S_up --weight w --weight data=1 --weight "B=0.5 * w" --weight "S_up=0.2 * pt" --out own.h5 > own.out
import_events --sample S=s.root --sample data=data.root --features mass --weight data=count --out count.h5 >> own.out
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np, uproot
s, up, b = (uproot.open(name)["events"].arrays(library="np") for name in ("s.root", "s_up.root", "b.root"))
with h5py.File("own.h5") as f:
    for name, wanted in {"S": s["w"], "S_up": 0.2 * up["pt"], "B": 0.5 * b["w"], "data": np.ones(400),
                         "S_down": np.concatenate([2.0 * s["w"], -0.2 * up["pt"]])}.items():
        assert np.allclose(f[name]["weight"][:], wanted, rtol=1e-15), name
with h5py.File("count.h5") as f:
    assert (f["data/weight"][:] == 2).all() and (f["S/weight"][:] == 1).all()
END
for k in $(seq 80); do ln -s s2.root "many_$k.root"; done
(ulimit -n 100; "$RATIOFARM_PYTHON" "$programs/../share/ratiofarm/import_events.py" --sample 'S=many_*.root' --features mass --out many.h5 > many.out)
expect_in "S: 40000 of 40000 events" many.out # more files than may be open
import_events s.root --tree events --features mass --out one.h5 > one.out
expect_in "s: 3000 of 3000 events, sum of weights 3000" one.out

# Every expression against numpy on wide types, in pieces: what is stored in 8 or 32 bits does not wrap.
script="$programs/../share/ratiofarm/import_events.py" "$RATIOFARM_PYTHON" - <<'END'
import os, sys, types
import numpy as np
sys.path.insert(0, os.path.dirname(os.environ["script"]))
import import_events as script
part = script.Part("s.root", "events")
t = {name: values.astype({"b": bool, "f": float}.get(values.dtype.kind, object)) for name, values in np.load("s.npz").items()}
mass, pt, ok, flag8, bits8, nj, cat, event = (t[k] for k in ("mass", "pt", "ok", "flag8", "bits8", "nj", "cat", "event"))
true = lambda values: np.asarray(values, dtype=bool)

def computed(cut, expression):
    options = types.SimpleNamespace(cut=cut, step=700)
    pieces = [(first + np.asarray(chosen), columns[expression][chosen] if expression else chosen)
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
           "pt.__class__": "is not of numbers, columns", "exp(pt, out=pt) > 1": "takes its arguments by place",
           "arctan2(pt) > 1": "arctan2 takes 2 arguments", "cat == 2 && pt > 1": "cannot be computed",
           "(" * 10000: "cannot be computed", "~" * 100000 + "ok": "cannot be computed"}
for cut, text in refused.items():
    try:
        computed(cut, "")
        assert False, cut
    except script.Problem as problem:
        assert text in str(problem), (cut[:40], str(problem)[:300])
for number, (text, wanted) in enumerate({b"x,n\n1,5\n2.5,6\n": 2, b"x,n\r\n1,5\r\n2.5,": 2, b"x,n\n\n1,5\n\n\n2.5,6\n\n": 2, b"x,n\n": 0,
                                         b"x,n\r\n1,5\r\n\r\n2.5,7": 2, b"x,n\n1,5\r2.5,6\n": None}.items()):
    open(f"lines{number}.csv", "wb").write(text)
    part = script.Part(f"lines{number}.csv", "")
    try:
        counted = part.count(["x", "n"])
        pieces = [columns["x"] for _, _, columns in part.chunks(["x", "n"], types.SimpleNamespace(cut="", step=1))]
        assert counted == wanted and np.array_equal(np.concatenate(pieces or [[]]), [1.0, 2.5][:wanted]), text
    except script.Problem as problem:
        assert wanted is None and "1 events were counted, and 2 were read" in str(problem), (text, problem)
# Text in many blocks, packed as well: a column that only a feature needs is read as 32 bits, any other as 64.
import gzip, h5py, event_tables
event_tables.BLOCK_BYTES = 64
rows = [f"{0.1 + k},{1.5 + 1e-10 * k},{k}" for k in range(40)]
gzip.open("blocks.csv.gz", "wt").write("\n".join(["x,y,n", *rows[:20], "2e300,1.5,7", *rows[20:]]))
sys.argv = ["import", "--sample", "S=blocks.csv.gz", "--features", "x,y,d=y - 1.5", "--cut", "n != 7", "--out", "blocks.h5"]
assert script.main() == 0
with h5py.File("blocks.h5") as file:
    k = np.delete(np.arange(40), 7)
    assert np.array_equal(file["S/features"][:], np.stack([0.1 + k, 1.5 + 1e-10 * k, (1.5 + 1e-10 * k) - 1.5], axis=1).astype("f4"))
os.remove("blocks.h5")
def full(_):
    raise OSError(28, "No space left on device")
synced, os.fdatasync, script.SYNC_SECONDS = os.fdatasync, full, 0.0  # beside the writing
assert script.main() == 75 and not [name for name in os.listdir() if name.startswith("blocks.h5")]
os.fdatasync = synced
assert script.split_outside_brackets("mass, phi=f(py, px),a=g(ok,1,(2))") == ["mass", "phi=f(py, px)", "a=g(ok,1,(2))"]
assert script.named("x=where(a==1, b, c)") == ("x", "where(a==1, b, c)") and script.named("a==1") == ("a==1", "a==1")
END
import_events --sample S=s.root --features "mass,phi=arctan2(pt, mass)" --id huge --out commas.h5 > commas.out
expect_in "the features mass, phi" commas.out

# All mistakes in one process, at the end: text, arguments of import...
refused() { printf '%s\0' "$@" "" >> refused.cases; }
refused "no branch 'mas' (--features mas); did you mean 'mass'?" --sample S=s.root:events --features mas
refused "no tree 'event'; did you mean 'events'?" --sample S=s.root:event --features mass
refused "holds 3 trees; name one" --sample S=odd.root --features mass
refused "'jets' is a list for each event; choose one number of it" --sample S=odd.root:jagged --features jets
refused "feature 'jets[:,0]' is not finite in 1 of the events, first in entry 1" --sample S=odd.root:jagged \
    --features 'jets[:,0]'
refused "must be like jet_pt" --sample S=odd.root:jagged --features 'x=jets[0]'
refused "'mass' is not a column of lists" --sample S=odd.root:jagged --features 'num(mass)'
refused "column 'tracks' holds no numbers" --sample S=odd.root:nested --features 'tracks[:,0]'
refused "feature 'mass' is not finite in 2 of the events, first in entry 1" --sample S=odd.root:nan --features mass
refused "no branch 'w_uq'" --sample S=s.root --features mass --weights up=w_uq
refused "no branch 'w' (--weight); known are count, mass, pt; another weight for this sample only, a column or a number: --weight data=1" \
    --sample S=s.root --sample data=data.root --features mass --weight w
refused "--weight dat=1: no sample 'dat'; did you mean 'data'?" --sample data=data.root --features mass --weight dat=1
refused "--weight pt: all samples have a weight already" --sample data=data.root --features mass --weight count --weight pt
refused "--weight data=pt: sample 'data' has a weight already" --sample data=data.root --features mass --weight data=1 --weight data=pt
refused "no such file" --sample S=nothing.root:events --features mass
refused "is neither a ROOT, Parquet or npz file, nor text" --sample S=campaign.toml --features mass
refused "for other HDF5 layouts use write_events" --sample S=events.h5 --features mass
refused "2999 of 3000 events have the id of another one" --sample S=s.root --features mass --id run
refused "a, b name each other in a circle" --sample a=s.root --sample b=s.root --same-events a=b --same-events b=a --features mass
refused "so entry numbers do not say which events are the same" --sample S=s.root --sample B=b.root --same-events B=S \
    --features mass
refused "cannot be computed" --sample S=s.root --features "(mass"
refused "put each condition in brackets" --sample S=s.root --features mass --cut "cat==2 & (pt > 1)"
expect_code 75 import_events --sample S=s.root --features mass --out lost.h5 > /dev/full 2> lost.err
refused "the weights sum to -3000" --sample S=s.root --features mass --weight -1
refused "no event is left of 3000" --sample S=s.root --features mass --cut "mass > 1000"
expect_code 2 import_events --sample S=s.root:events --out refused.h5 > refused.out 2> refused.err
expect_in "--features is missing" refused.err
expect_code 2 import_events --sample S=s.root:events --features mas --out refused.h5 > refused.out 2> refused.err

# One table as ROOT, Parquet, CSV and npz, in pieces: the same events file. Absent objects are NaN, and get a value on demand.
"$RATIOFARM_PYTHON" - <<'END'
import decimal
import awkward as ak, numpy as np, pyarrow as pa, pyarrow.parquet as pq, uproot
rng = np.random.default_rng(5)
n = 2500
counts = rng.integers(0, 4, n)
flat = {"mass": rng.normal(size=n), "pair": rng.normal(size=(n, 2)), "w": rng.uniform(0.5, 1.5, n),
        "event": np.arange(n) + 2**40, "flag": rng.uniform(size=n) > 0.5}
jets = ak.unflatten(rng.exponential(50.0, counts.sum()).astype("f4"), counts)
first, second, last = (ak.to_numpy(ak.fill_none(ak.pad_none(jets, 4)[:, k], -1.0)) for k in (0, 1, 3))
last = np.array([jet[-1] if len(jet) else -1.0 for jet in jets.tolist()])
np.savez("wanted.npz", first=first, second=second, last=last, n=counts, **flat)
np.savez_compressed("t.npz", first=first, second=second, last=last, n=counts, **flat)
with uproot.recreate("t.root") as file:
    file["t"] = flat | {"jet": jets, "Jet.PT": jets}
pq.write_table(pa.table({"mass": flat["mass"], "pair": [list(row) for row in flat["pair"]], "w": flat["w"],
                         "event": flat["event"], "flag": flat["flag"], "jet": ak.to_arrow(jets)}), "t.parquet", row_group_size=777)
with open("t.csv", "w") as file:
    file.write("mass;w;event;flag;p1;first;second;last;n\n")
    for k in range(n):  # an empty field is an absent one
        absent = [repr(float(x)) if x >= 0 else "" for x in (first[k], second[k], last[k])]
        file.write(";".join([repr(float(flat["mass"][k])), repr(float(flat["w"][k])), str(flat["event"][k]), str(flat["flag"][k]),
                             repr(float(flat["pair"][k, 1])), *absent, str(counts[k])]) + "\r\n")
with open("late.csv", "w") as file:  # whole numbers at first, a fraction and a large one 20 MB later
    file.write("# x event\n" + "7 1\n" * 1 + "".join(f"8 {k}\n" for k in range(2, 2_000_000)) + f"8.5 {2**64 - 5}\n")
with open("ragged.csv", "w") as file:
    file.write("x,y\n1,2\n3\n")
with open("words.csv", "w") as file:
    file.write("x,y\n1,2\n3,many\n")
open("numbers.csv", "w").write("1.5,2\n3,4\n")
open("large.csv", "w").write(f"x,event\n1.5,{2**63}\n2.5,{2**64 - 1}\n")
open("hole.csv", "w").write(f"x,event\n1.5,{2**53 + 1}\n2.5,\n")
pq.write_table(pa.table({"x": pa.array([decimal.Decimal("1.5")])}), "decimal.parquet")
pq.write_table(pa.table({"x": ["a", "b"], "y": pa.array([1.0, None])}), "text.parquet")
np.savez("objects.npz", x=np.array([1, None], dtype=object), y=np.ones(3), z=np.ones(2))
for name in ["t.parquet", "t.npz", "t.root"]:
    data = open(name, "rb").read()
    open("cut_" + name, "wb").write(data[:len(data) * 2 // 3])
END
lists="mass,p1=pair[:,1],first=default(jet[:,0], -1),second=default(jet[:,1],-1),last=default(jet[:,-1], -1),n=num(jet)"
script="$programs/../share/ratiofarm/import_events.py"
for file in t.root t.parquet; do
    "$RATIOFARM_PYTHON" "$script" --sample "S=$file" --features "$lists" --weight w --id event --cut "flag & (mass < 2)" --step 900 \
        --out "$file.h5" > /dev/null
done
for file in t.root t.parquet; do
    "$RATIOFARM_PYTHON" "$script" --sample "S=$file" --features mass --particles x=jet --particle-type jet_type --id event \
        --cut "mass < 2" --step 900 --out "$file.lists.h5" > /dev/null 2>&1 && fail "a column that is not there was found"
    "$RATIOFARM_PYTHON" "$script" --sample "S=$file" --features mass --particles x=jet --id event --cut "mass < 2" --step 900 \
        --out "$file.lists.h5" > /dev/null
done
import_events --sample S=t.parquet --particles x=jet --id event --out only.h5 > only.out
# What is computed for each particle, and of each list; jets as records, which uproot writes as an RNTuple.
"$RATIOFARM_PYTHON" - <<'END'
import awkward as ak, numpy as np, uproot
random = np.random.default_rng(7)
counts = random.integers(0, 4, 500)
pt, phi = (ak.unflatten(random.uniform(low, high, counts.sum()), counts) for low, high in [(20, 90), (-3, 3)])
with uproot.recreate("records.root") as file:
    file.mkrntuple("t", {"jet": ak.zip({"pt": pt, "phi": phi}), "met": 1 + np.arange(500.0), "event": np.arange(500)})
    file.mktree("flat", {"jet_pt": "var * float64", "jet_phi": "var * float64", "met": "float64", "event": "int64"})
    file["flat"].extend({"jet_pt": pt, "jet_phi": phi, "met": 1 + np.arange(500.0), "event": np.arange(500)})
ak.to_parquet(ak.Array({"pt": pt, "phi": phi}), "records.parquet")
END
for dot in . _; do
    [[ $dot == . ]] && tree=t || tree=flat
    import_events --sample "S=records.root:$tree" --id event --out "records.$tree.h5" --cut "num(jet${dot}pt) > 0" \
        --features "ht=sum(jet${dot}pt),hard=sum(jet${dot}pt>40),lead=max(jet${dot}pt),near=min(abs(jet${dot}phi)),mean=sum(jet${dot}pt*met)" \
        --particles "px=jet${dot}pt*cos(jet${dot}phi),frac=jet${dot}pt/met" > records.out
done
"$RATIOFARM_PYTHON" - <<'END'
import awkward as ak, h5py, numpy as np
t = ak.from_parquet("records.parquet")
met = 1 + np.arange(500.0)
kept = ak.num(t.pt) > 0
t, met = t[kept], met[ak.to_numpy(kept)]
wanted = [ak.sum(t.pt, axis=1), ak.sum(t.pt > 40, axis=1), ak.max(t.pt, axis=1), ak.min(abs(t.phi), axis=1), ak.sum(t.pt * met, axis=1)]
with h5py.File("records.t.h5") as file, h5py.File("records.flat.h5") as flat:
    assert np.allclose(file["S/features"][:], np.stack([ak.to_numpy(one) for one in wanted], axis=1), rtol=1e-6)
    assert np.array_equal(file["S/features"][:], flat["S/features"][:])
    assert np.array_equal(file["S/particles"][:], flat["S/particles"][:])
    offsets = {name: item.id.get_offset() for name, item in file["S"].items() if isinstance(item, h5py.Dataset)}
    assert all(offset % 8 == 0 for offset in offsets.values()), offsets  # so that the bytes can be mapped, not copied
    particles = [ak.flatten(t.pt * np.cos(t.phi)), ak.flatten(t.pt / met)]
    assert np.allclose(file["S/particles"][:], np.stack([ak.to_numpy(one) for one in particles], axis=1), rtol=1e-6)
END
# The truth of an unfolding: of the samples that have it, with what an event that does not pass a level may lack.
"$RATIOFARM_PYTHON" - <<'END'
import numpy as np, uproot
random = np.random.default_rng(3)
t = random.normal(50, 15, 400)
x = np.where(t > 30, t + random.normal(0, 5, 400), np.nan)
with uproot.recreate("levels.root") as file:
    file["mc"] = {"x": x, "gen_pt": t, "seen": np.isfinite(x), "event": np.arange(400)}
    file["data"] = {"x": x[:50] if np.isfinite(x[:50]).all() else np.nan_to_num(x[:50], nan=40.0), "event": np.arange(50)}
END
import_events --sample mc=levels.root:mc --sample data=levels.root:data --features x --id event --truth "t=gen_pt,logt=log(gen_pt-40)" \
    --pass-reco seen --pass-truth "gen_pt > 41" --out levels.h5 > levels.out
expect_in "400 of 400 events, sum of weights 400, [0-9]* reconstructed, [0-9]* in the region of the truth" levels.out
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np, uproot
mc = uproot.open("levels.root:mc").arrays(library="np")
with h5py.File("levels.h5") as file:
    assert "truth" not in file["data"] and list(file["mc/truth"].attrs["columns"]) == ["t", "logt"]
    assert np.array_equal(file["mc/pass_reco"][:], mc["seen"]) and np.array_equal(file["mc/pass_truth"][:], mc["gen_pt"] > 41)
    assert np.array_equal(file["mc/truth"][:, 0], mc["gen_pt"].astype("f4"))
    assert all(item.id.get_offset() % 8 == 0 for item in file["mc"].values() if isinstance(item, h5py.Dataset))
END
printf '[campaign]\nname = "levels"\n[events]\nfile = "levels.h5"\nfeatures = ["x"]\n[unfolding]\ndata = "data"\nsimulation = "mc"\ntruth = ["t"]\nfakes = "follow"\n[training]\nbatch = 64\n' > levels.toml
ratiofarm check levels.toml > levels.out || fail "check refuses what import wrote: $(cat levels.out)"
refused "sample 'mc' has the truth, but no column 'pass_reco': say with --pass-reco which events" --sample mc=levels.root:mc --features x --truth gen_pt
refused "for some event and must be 0 or 1, or a condition" --sample mc=levels.root:mc --features x --truth gen_pt --pass-reco gen_pt --pass-truth 1
refused "truth 'logt' is not finite in" --sample mc=levels.root:mc --features x --truth "logt=log(gen_pt-40)" --pass-reco seen --pass-truth 1
refused "feature 'x' is not finite in" --sample mc=levels.root:mc --features x --truth gen_pt --pass-reco 1 --pass-truth 1
refused "no branch 'gen' (--truth); did you mean 'gen_pt'?" --sample mc=levels.root:mc --features x --truth gen
refused "has gen_pt, but no other (--truth); it must have all" --sample mc=levels.root:mc --features x --truth gen_pt,other
refused "--pass-reco, --pass-truth: name the columns of the truth with --truth" --sample mc=levels.root:mc --features x --pass-reco seen
refused "no function 'summe'; there are num, sum, max, min" --sample S=records.root:flat --features "h=summe(jet_pt)"
refused "'sum(met)': 'met' names no column of lists" --sample S=records.root:flat --features "h=sum(met)"
refused "max takes 1 argument, of lists; maximum compares two numbers" --sample S=records.root:flat --features "h=max(met,1)"
refused "'met * 2' names no column of lists" --sample S=records.root:flat --features met --particles "x=met*2"
refused "default(x, -1)" --sample S=records.root:flat --features "x=max(jet_pt)" --id event
"$RATIOFARM_PYTHON" "$script" --sample S=t.npz --features "mass,p1=pair[:,1],first,second,last,n" --weight w --id event \
    --cut "flag & (mass < 2)" --step 900 --out t.npz.h5 > /dev/null
import_events t.csv --features "mass,p1,first=default(first, -1),second=default(second, -1),last=default(last, -1),n" --weight w \
    --id event --cut "flag & (mass < 2)" --out t.csv.h5 > t.out
import_events late.csv --features x --id event --out late.h5 > late.out
expect_in "late: 2000000 of 2000000 events" late.out
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np
t = np.load("wanted.npz")
kept = t["flag"] & (t["mass"] < 2)
wanted = np.stack([t["mass"], t["pair"][:, 1], t["first"], t["second"], t["last"], t["n"]], axis=1).astype("f4")[kept]
ids = []
for kind in ["root", "parquet", "npz", "csv"]:
    with h5py.File(f"t.{kind}.h5") as file:
        (sample,) = file.values()
        assert np.array_equal(sample["features"][:], wanted), kind
        assert np.array_equal(sample["weight"][:], t["w"][kept]), kind
        ids.append(sample["id"][:])
assert np.array_equal(ids[0], ids[1]) and np.array_equal(ids[0], ids[2])  # of S; the CSV file's sample is called t
chosen = t["mass"] < 2
for kind in ["root", "parquet"]:
    with h5py.File(f"t.{kind}.lists.h5") as file:
        offsets, values = file["S/particle_offsets"][:].astype(int), file["S/particles"][:, 0]
        assert list(file["S/particles"].attrs["columns"]) == ["x"] and file["S/particles"].chunks is None
        assert np.array_equal(np.diff(offsets), t["n"][chosen]), kind
        assert np.array_equal(values[offsets[:-1][np.diff(offsets) > 0]], t["first"][chosen & (t["n"] > 0)].astype("f4")), kind
with h5py.File("only.h5") as file:  # without features the number of particles is one
    assert list(file["S/features"].attrs["columns"]) == ["multiplicity"]
    assert np.array_equal(file["S/features"][:, 0], np.diff(file["S/particle_offsets"][:].astype(int)))
with h5py.File("late.h5") as file:
    assert list(file["late/features"][-2:, 0]) == [8.0, 8.5]
END
refused "cannot be read as CSV" --sample S=ragged.csv --features x
refused "column 'y' holds no numbers" --sample S=words.csv --features x,y
refused "does not name the columns" --sample S=numbers.csv --features x
import_events large.csv --features x --id event --out large.h5 > large.out
refused "--id event is not a whole number in each row" --sample S=hole.csv --features x --id event
refused "column 'x' has type decimal128" --sample S=decimal.parquet --features x
refused "cannot be computed" --sample S=odd.root:jagged --features 'default(jets[:,99999999999999999999], 0)'
refused "no column 'z'" --sample S=words.csv --features z
refused "only ROOT files hold trees" --sample S=words.csv:events --features x
refused "column 'x' holds no numbers" --sample S=text.parquet --features x
refused "feature 'y' is not finite in 1 of the events, first in entry 1" --sample S=text.parquet --features y
refused "column 'x' is not one number, or one row, for each event" --sample S=objects.npz --features x
refused "column 'z' has 2 events, others have 3" --sample S=objects.npz --features z
import_events --sample S=t.root --features 'dotted=default(Jet.PT[:,0], -1),plain=default(jet[:,0], -1)' --out dotted.h5 > dotted.out
"$RATIOFARM_PYTHON" -c 'import h5py; x = h5py.File("dotted.h5")["S/features"][:]; assert (x[:, 0] == x[:, 1]).all()'
refused "is it complete?" --sample S=cut_t.parquet --features mass
refused "is it complete?" --sample S=cut_t.npz --features mass
refused "cut_t.root: cannot be read" --sample S=cut_t.root --features mass

# The other side of a one-sided variation: 2 p - p_up, by weights or by events.
# A variation of a variation has the events of the nominal sample.
import_events --sample S=s.root --sample S_up=s.root --sample S_down=s.root --same-events S_down=S_up --same-events S_up=S --features mass \
    --weight w --id run,event --out chained.h5 > chained.out
"$RATIOFARM_PYTHON" -c 'import h5py; f = h5py.File("chained.h5"); assert (f["S/id"][:] == f["S_down/id"][:]).all()'
import_events --sample S=s.root --sample S_up=s_up.root --same-events S_up=S --features mass --weight w --id run,event \
    --weights up="w * (1 + 0.1 * tanh(mass))" --symmetrise down=up --symmetrise S_down=S_up --out sides.h5 > sides.out
"$RATIOFARM_PYTHON" - <<'END'
import h5py, numpy as np
with h5py.File("sides.h5") as file:
    s, up, down = (file[name] for name in ("S", "S_up", "S_down"))
    w, mass = s["weight"][:], s["features"][:, 0].astype(float)
    assert np.allclose(s["weights/down"][:], w * (1 - 0.1 * np.tanh(mass)), rtol=1e-6)
    n = len(w)
    assert np.array_equal(down["features"][:], np.concatenate([s["features"][:], up["features"][:]]))
    assert np.array_equal(down["weight"][:], np.concatenate([2 * w, -up["weight"][:]]))
    assert np.array_equal(down["id"][:n], s["id"][:]) and len(np.unique(down["id"][:])) == 2 * n
    mean = lambda g: np.average(g["features"][:, 0], weights=g["weight"][:])
    assert np.isclose(mean(down) - mean(s), mean(s) - mean(up), rtol=1e-3, atol=1e-3)
END
refused "of which sample is 'S_up' a variation" --sample S=s.root --sample S_up=s_up.root --features mass --symmetrise S_down=S_up
refused "neither a sample nor --weights are called 'upp'" --sample S=s.root --features mass --weights up=w_up --symmetrise down=upp
refused "sum to -3000" --sample S=s.root --features mass --weights up=3 --symmetrise down=up
script="$script" "$RATIOFARM_PYTHON" - <<'END'
import contextlib, io, os, re, sys
sys.path.insert(0, os.path.dirname(os.environ["script"]))
import import_events
cases = open("refused.cases").read().split("\0\0")[:-1]
assert len(cases) > 30, len(cases)
for text, *arguments in (case.split("\0") for case in cases):
    sys.argv = ["import", *arguments, "--out", "refused.h5"]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = import_events.main()
    assert code == 2 and text in said.getvalue(), (arguments, text, code, said.getvalue())
    assert "Traceback" not in said.getvalue() and not os.path.exists("refused.h5") and not os.path.exists("refused.h5.partial")
END

# A full disk leaves nothing, and says so.
if mkdir full && mount -t tmpfs -o size=64k tmpfs full 2> /dev/null; then
    expect_code 75 import_events --sample S=s.root --features mass --out full/e.h5 > full.out 2> full.err
    left=$(ls full)
    umount full
    [ -z "$left" ] || fail "a full disk left $left"
    expect_in "No space left" full.err
fi
expect_code 2 import_events --sample S=s.root --features mass > exists.out 2> exists.err
expect_in "'events.h5' exists already" exists.err
expect_code 2 ratiofarm import --python ./no-python --sample S=s.root --features mass --out n.h5 > no.out 2> no.err
expect_in "name a Python that has h5py, and uproot or pyarrow, with --python" no.err
expect_code 2 env RATIOFARM_PYTHON="python3 -S" ratiofarm import --sample S=s.root --features m --out n.h5 > no.out 2> no.err
echo "all as expected"
