#!/usr/bin/env bash
# examples/06_unfolding with few events: from Pythia to unfolded events beside the truth, which says what is found.
source "$(dirname "$0")/../end_to_end/library.sh"
example=$2/06_unfolding
python=$3

"$python" "$example/generate.py" 3000 --processes 2 > generate.out
few() { # campaign, data, truth
    sed -e 's/^epochs = .*/epochs = 10/; s/^batch = .*/batch = 128/; s/^learning_rate = .*/learning_rate = 0.004/' \
        -e 's/^iterations = .*/iterations = 2/; s/^members = .*/members = 1/; s/^replicas_data = 40/replicas_data = 8/; s/^replicas_mc = 40/replicas_mc = 4/' \
        -e "s/^data = .*/data = \"$1\"/; s/^compare = .*/compare = [\"$2\"]/" "$example/campaign.toml"
}
few data true > campaign.toml
ratiofarm check campaign.toml > check.out
run_on 2 few.run run > run.out 2> run.err
"$python" "$example/compare.py" few.run > compare.out
expect_in 'iterations that are enough: ' compare.out
expect_equal "observables" "$(grep -c 'chi2 with what is true' compare.out)" 4
"$python" - <<'END'
import json
record = json.load(open("few.run/unfold.json"))
for of in record["observables"]:
    found, true = sum(of["unfolded"]), sum(of["compared"][0]["contents"])
    print(of["column"], found, true, of["compared"][0]["chi2"])
    assert abs(found / true - 1) < 0.1, (of["column"], found, true)
    assert {source["source"] for source in of["covariances"]} == {"data", "mc", "prior"}
END
