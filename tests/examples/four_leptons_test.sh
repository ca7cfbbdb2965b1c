#!/usr/bin/env bash
# examples/05_particles/four_leptons with fewer events of Pythia: nets of leptons beside an MLP of momenta, the same bits
# on 2 ranks as on 1 rank whose farm was killed, and toys.
source "$(dirname "$0")/../end_to_end/library.sh"
examples=$2/05_particles
python=$3

PATH="$(dirname "$python"):$PATH" # four_leptons_nets.py starts ratiofarm, and imports four_leptons.py
"$python" "$examples/four_leptons.py" 8000 --processes 2 --out four_leptons.h5 > events.out
grep -q '^S: [0-9]* of 8000 events pass, 25.0 expected$' events.out || fail "$(cat events.out)"

# Of masses that nobody computed a net of leptons knows more than an MLP of their momenta.
"$python" "$examples/four_leptons_nets.py" momenta lorentz --nominal --batch 32 > nets.out 2> nets.err
"$python" - <<'END'
import json
error = {name: json.load(open(f"{name}_nominal_32.run/fit.json"))["parameters"][0]["error"] for name in ("momenta", "lorentz")}
print(error)
assert 0.25 < error["lorentz"] < 0.9 * error["momenta"] < 0.5, error
END

# With both systematics. Nets that train for seconds do not close in the mass.
sed -e 's/^closure = .*/closure = 0/; s/^epochs = .*/epochs = 12/; s/^batch = .*/batch = 32/; s/^members = 3/members = 1/' \
    -e 's/^patience = .*/patience = 0\ncheckpoint_seconds = 0.1/' "$examples/four_leptons.toml" > campaign.toml
run_on 2 two.run run > two.out 2> two.err
expect_in '^alpha_scale' two.out
expect_in '^alpha_resolution' two.out
ratiofarm run campaign.toml --out one.run > killed.out 2> killed.err &
farm=$!
wait_for_checkpoint one.run $farm
kill -9 $farm
wait $farm 2> /dev/null || true
run_on 1 one.run run > one.out 2> one.err
cmp two.run/ratios.h5 one.run/ratios.h5 || fail "the ratios depend on ranks or on a kill"
"$python" "$shared/read_run.py" one.run

ratiofarm toys campaign.toml --out one.run --toys 100 --unit-weight-samples --at mu=1 > toys.out 2> toys.err
"$python" - <<'END'
import json
(mu,) = (p for p in json.load(open("one.run/toys.json"))["points"][0]["parameters"] if p["name"] == "mu")
assert 0.7 < mu["pull_width"] < 1.3, mu
END
