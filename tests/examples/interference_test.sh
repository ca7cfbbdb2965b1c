#!/usr/bin/env bash
# examples/01_interference with fewer events: the chain ends near the exact answer, which exact.py
# computes on its own.
source "$(dirname "$0")/../end_to_end/library.sh"
examples=$2
python=$3

for dimension in 1d 3d; do
    sed -e 's/^events = 2000000/events = 200000/' -e 's/^members = .*/members = 2/' \
        -e 's/^batch = .*/batch = 2048/' "$examples/01_interference/campaign_$dimension.toml" > campaign.toml
    ratiofarm check campaign.toml > /dev/null 2> check.err && fail "an events file that is missing was not noticed"
    ratiofarm simulate campaign.toml > simulate.out
    ratiofarm check campaign.toml > check.out
    ratiofarm plan campaign.toml > plan.out
    run_on 2 $dimension.run run > $dimension.out 2> $dimension.err
    "$python" "$examples/01_interference/exact.py" campaign.toml $dimension.run > exact.out
    cat exact.out
    "$python" - $dimension.run/fit.json <<'END'
import json, sys
fit = json.load(open(sys.argv[1]))
exact = next(c for c in fit["comparisons"] if c["label"] == "exact ratios")
learned, best = fit["parameters"][0], exact["parameters"][0]
ratio = learned["error"] / best["error"]
pull = (learned["value"] - 1) / learned["error"]
print(f"learned / exact error {ratio:.4f}, mu {pull:+.3f} sigma from 1")
# 90,000 inference events a sample instead of 900,000, and noisier nets: twice the bounds of the full example.
assert abs(pull) < 0.3, pull
assert 0.85 < ratio < 1.1, ratio
assert fit["converged"]
END
    "$python" "$shared/read_run.py" $dimension.run
    content_of $dimension.run > /dev/null
    grep -q '<svg' $dimension.run/report.html || fail "the report has no plots"
    rm -f *.h5
done
