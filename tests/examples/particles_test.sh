#!/usr/bin/env bash
# examples/05_particles with fewer events: from lists of particles to a fitted mu, on 1 and 2 ranks.
source "$(dirname "$0")/../end_to_end/library.sh"
examples=$2
python=$3

"$python" "$examples/05_particles/generate.py" --events 2000 --out events.h5 > generate.out
# Without the systematic, whose nets take most of the time.
sed -e 's/^epochs = .*/epochs = 20/; s/^batch = .*/batch = 64/; s/^learning_rate = .*/learning_rate = 5e-3/' \
    -e 's/^members = .*/members = 1/' -e '/^\[\[systematic/,/^shape/d' "$examples/05_particles/campaign.toml" > campaign.toml
ratiofarm check campaign.toml > check.out
grep -q 'particles 2 in a mean event, 2 at most, 0 events without' check.out || fail "no particles in: $(cat check.out)"
run_on 2 two.run run > run.out 2> run.err
run_on 1 one.run run > one.out 2> one.err
ratiofarm verify --out one.run > verify.out
cmp two.run/ratios.h5 one.run/ratios.h5 || fail "the ratios depend on the number of ranks"

# Particles of each event in another order give other digests, but the same bits.
"$python" - <<'END'
import ratiofarm
names = ratiofarm.sample_names("events.h5")
samples = {}
for name in names:
    events = ratiofarm.read_events("events.h5", name)
    lists = events.particles
    table = {c: events.features[:, k] for k, c in enumerate(events.columns)}
    rows = [slice(int(a), int(b)) for a, b in zip(lists.offsets, lists.offsets[1:])]
    table |= {"p_" + c: [lists.values[r][::-1, k] for r in rows] for k, c in enumerate(lists.columns)}
    table |= {"weight": events.weight, "id": events.id}
    samples[name] = table
ratiofarm.write_events("turned.h5", samples, features=events.columns, id="id",
                       particles={c: "p_" + c for c in lists.columns})
END
sed 's/events.h5/turned.h5/' campaign.toml > turned.toml
ratiofarm run turned.toml --out turned.run > turned.out 2> turned.err
"$python" - <<'END'
import h5py, json
with h5py.File("one.run/ratios.h5") as one, h5py.File("turned.run/ratios.h5") as turned:
    for sample in one["events"]:
        for line in ("log_r", "weight", "id"):
            assert (one["events"][sample][line][()] == turned["events"][sample][line][()]).all(), (sample, line)
fit = json.load(open("one.run/fit.json"))
mu = fit["parameters"][0]
print(f"mu = {mu['value']:.3f} +- {mu['error']:.3f}")
errors = {c["label"].split()[2]: c["parameters"][0]["error"] for c in fit["comparisons"]}
# With the exact mass the error is 0.239; no feature knows it, what is computed of the lists does.
assert set(errors) == {"sum_pt", "rapidity", "leading_pt", "sum_mass"}, errors
histogram = min(errors["sum_pt"], errors["rapidity"], errors["leading_pt"])
assert abs(mu["value"] - 1) < 0.35 and 0.18 < mu["error"] < 0.8 * histogram, (mu, errors)
assert 0.8 < mu["error"] / errors["sum_mass"] < 1.2, (mu, errors)
END
"$python" "$shared/read_run.py" one.run

# Mistakes are found before anything is trained.
sed 's/^kind = .*/&\nparticles = ["log_pf"]/' campaign.toml > wrong.toml
if ratiofarm run wrong.toml --out wrong.run > wrong.out 2> wrong.err; then fail "log_pf was accepted"; fi
grep -q "no column 'log_pf'; did you mean 'log_pt'?" wrong.err || fail "$(cat wrong.err)"
[ ! -d wrong.run/tasks ] || fail "something was trained"

# The gate of the closure looks at what is computed of the lists, with no feature at all.
{ sed 's/^features = .*/features = []/' campaign.toml
  echo '[gates]
excess = 0
sc_rms = 0
slope = 0'; } > lists.toml
ratiofarm run lists.toml --out lists.run > lists.out 2> lists.err
sed -e 's/^epochs = .*/epochs = 1/; s/^learning_rate = .*/learning_rate = 1e-6/' lists.toml > untrained.toml
if ratiofarm run untrained.toml --out untrained.run > untrained.out 2> untrained.err; then fail "nets that learned nothing passed"; fi
grep -q "S/member 0: closure in 'sum_mass' = .*gates.closure" untrained.out untrained.err || fail "$(cat untrained.out untrained.err)"
"$python" -c "import ratiofarm; ratiofarm.Ensemble('lists.run/ensembles/S.h5')"
