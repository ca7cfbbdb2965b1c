#!/usr/bin/env bash
# examples/02_dimuon with fewer generator events: from Pythia to a fitted mu.
source "$(dirname "$0")/../end_to_end/library.sh"
examples=$2
python=$3

"$python" "$examples/02_dimuon/generate.py" --events 30000 --out events.h5 > generate.out
sed 's/^members = .*/members = 2/' "$examples/02_dimuon/campaign.toml" > campaign.toml
ratiofarm check campaign.toml > check.out
run_on 2 dimuon.run run > run.out 2> run.err
"$python" - dimuon.run/fit.json <<'END'
import json, sys
fit = json.load(open(sys.argv[1]))
histogram = next(c for c in fit["comparisons"] if "mass" in c["label"])
learned, binned = fit["parameters"][0], histogram["parameters"][0]
print(f"mu = {learned['value']:.3f} +- {learned['error']:.3f}, {histogram['label']}: +- {binned['error']:.3f}")
# 6,000 inference events a sample: the Monte Carlo error of mu alone is about 0.05.
assert abs(learned["value"] - 1) < 0.25, learned
assert 0.7 < learned["error"] / binned["error"] < 1.3, (learned, binned)
END
"$python" "$shared/read_run.py" dimuon.run
grep -q 'chi2' dimuon.run/report.html || fail "the report shows no closure"
