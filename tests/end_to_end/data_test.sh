#!/usr/bin/env bash
# Blind running, unblinding on record, and injections of known truths.
source "$(dirname "$0")/library.sh"

make_campaign 6000 2 1 "[8]"
sed -e 's/^seed = 3/seed = 4/' -e 's/file = "toy.h5"/file = "other.h5"/' campaign.toml > other.toml
ratiofarm simulate other.toml --ratios exact_other.h5 > /dev/null
ratiofarm simulate campaign.toml --ratios exact.h5 --force > /dev/null

# Data that nobody can read without an error, and an independent sample of the truth mu = 1.
write_data() { # value of the first feature of the first event
    "$RATIOFARM_PYTHON" - "$1" <<'END'
import sys, h5py, numpy as np
with h5py.File("toy.h5", "a") as f, h5py.File("other.h5") as other:
    f.pop("metadata_crc", None)
    for name in ["data", "SBI2"]:
        if name in f:
            del f[name]
    other.copy("SBI", f, "SBI2")
    n = 877
    data = f.create_group("data")
    x = other["SBI/features"][:n]
    x[0, 0] = float(sys.argv[1])
    data.create_dataset("features", data=x).attrs["columns"] = ["x"]
    data["weight"] = np.ones(n)
    data["id"] = (np.uint64(1) << np.uint64(60)) + np.arange(n, dtype="u8")
END
}
write_data nan
cp campaign.toml plain.toml
sed -i 's/^\[data\]/[data]\nsample = "data"\nblind = true\ninjections = [{ mu = 2.0 }, { mu = 1.0, sample = "SBI2" }]/' campaign.toml

ratiofarm run campaign.toml --out blind > blind.out 2> blind.err
for command in check plan; do ratiofarm $command campaign.toml --out blind > $command.txt 2>&1 || fail "$(cat $command.txt)"; done
ratiofarm status --out blind > status.txt
! grep -hw 877 check.txt plan.txt status.txt blind.out || fail "the number of data events is shown"
ratiofarm verify --out blind > verify.txt || fail "$(cat verify.txt)"
"$RATIOFARM_PYTHON" - blind <<'END'
import sys, json, h5py
fit = json.load(open(f"{sys.argv[1]}/fit.json"))
assert fit["blinding"]["blind"] and "Asimov data" in fit["data"], fit["data"]
with h5py.File(f"{sys.argv[1]}/ratios.h5") as f:
    assert sorted(f["events"]) == ["B", "S", "SBI", "SBI2"], list(f["events"])
    assert len(f["events/SBI2/id"]) == 6000  # all of them: nothing was trained on it
first, second = fit["injections"]
assert [p["name"] for p in first["parameters"]] == ["mu"]
for injection, truth in [(first, 2.0), (second, 1.0)]:
    mu = injection["parameters"][0]
    assert injection["converged"] and mu["injected"] == truth
    if mu["error"] == 0:  # so near the root of sqrt(mu) that the Hessian tells none
        assert "pull" not in mu, mu
    else:
        assert abs(mu["pull"] - (mu["value"] - truth) / mu["error"]) < 1e-12
END
grep -q "injected mu = 1 (SBI2): mu = " blind.out || fail "no injection in the text"
grep -q "blind: the data have not been looked at" blind.out || fail "the text does not say that it is blind"
grep -q "Fits of data whose truth is known" blind/report.html || fail "no injections in the report"

# What the injection of Asimov data says is what a campaign for that point says.
sed 's/asimov = { mu = 1.0/asimov = { mu = 2.0/' plain.toml > two.toml
ratiofarm fit two.toml --ratios blind/ratios.h5 --out two --json > two.json 2> two.err
python3 - <<'END'
import json
two = json.load(open("two.json"))["parameters"][0]
injected = json.load(open("blind/fit.json"))["injections"][0]["parameters"][0]
for key in ["value", "error", "error_low", "error_high"]:
    assert two[key] == injected[key], (key, two, injected)
END

# With exact ratios the independent events give back the truth, and weighted data stand for as many events as their
# weights say: 925 of them, known to sqrt(925 / 6000) of their error.
"$RATIOFARM_PYTHON" - <<'END'
import h5py
with h5py.File("exact.h5", "a") as f, h5py.File("exact_other.h5") as other:
    f.pop("metadata_crc", None)
    f.attrs.pop("samples")  # names the groups there were
    other.copy("events/SBI", f["events"], "SBI2")
END
sed -e 's/^injections = .*/injections = [{ mu = 1.0, sample = "SBI2" }]/' campaign.toml > exact.toml
ratiofarm fit exact.toml --ratios exact.h5 --out exact --json > exact.json 2> exact.err
python3 - <<'END'
import json
fit = json.load(open("exact.json"))
asimov, injected = fit["parameters"][0], fit["injections"][0]["parameters"][0]
print("exact ratios:", asimov["value"], asimov["error"], injected)
assert 0.5 < injected["error"] / asimov["error"] < 2, (asimov, injected)  # it grows with mu
assert abs(injected["pull"]) < 3 * (925 / 6000) ** 0.5
END

# Unblinding: not without a reason, a blind campaign, a blind fit of this measurement.
refused() { # text, command...
    local text=$1
    shift
    expect_code 2 "$@" > refused.out 2> refused.err
    expect_in "$text" refused.err
    [ ! -e blind/unblinding.json ] || fail "refused, but on record"
}
cp -r blind shut
ratiofarm bundle shut --out shut.rfb > bundle.out 2> bundle.err
refused "publish them with 'ratiofarm bundle --data'" ratiofarm fit shut.rfb --unblind "approved"
refused "give one of them" ratiofarm run campaign.toml --out blind --unblind "approved" --fresh
write_data 0.5
refused "must say why" ratiofarm run campaign.toml --out blind --unblind " "
refused "is not blind" ratiofarm run plain.toml --out plain --unblind "why not"
refused "does not exist" ratiofarm run campaign.toml --out fresh --unblind "approved"
refused "none.h5' does not exist" ratiofarm fit campaign.toml --out fresh --ratios none.h5
[ ! -e fresh ] || fail "what was refused left a folder"
sed 's/range = \[0.0, 10.0\]/range = [0.0, 9.0]/' campaign.toml > changed.toml
refused "of another measurement" ratiofarm run changed.toml --out blind --unblind "approved"

cp -r blind moved
# The data of a blind campaign have to be there, and other data ask for another blind fit first.
sed 's/sample = "data"/sample = "dat"/' campaign.toml > typo.toml
expect_code 2 ratiofarm check typo.toml > typo.out 2> typo.err
expect_in "has no such sample; did you mean 'data'?" typo.err
for command in "run typo.toml --out typo" "train typo.toml --out typo" "plan typo.toml --out typo" "fit typo.toml --out moved"; do
    expect_code 2 ratiofarm $command > typo.out 2> typo.err
    expect_in "data.sample = \"dat\": .* has no such sample; did you mean 'data'?" typo.err
done
[ ! -e typo/tasks ] || fail "nets were trained for data that do not exist"
sed 's/sample = "data"/sample = "other"/' campaign.toml > moved.toml
"$RATIOFARM_PYTHON" -c 'import h5py; f = h5py.File("toy.h5", "a"); f.pop("metadata_crc", None); f.copy("data", "other")'
refused "of another measurement" ratiofarm run moved.toml --out moved --unblind "approved"
ratiofarm fit moved.toml --out moved > moved.out 2> moved.err
expect_in 'changes="data.sample: "data" -> "other"' moved.err
ratiofarm run moved.toml --out moved --unblind "approved" > moved.out 2>> moved.err
expect_in "data: events of sample other" moved.out

# Nobody is on record for data that cannot be read.
cp toy.h5 whole.h5
"$RATIOFARM_PYTHON" -c 'import h5py; f = h5py.File("toy.h5", "a"); f.pop("metadata_crc", None); f["data/features"][0, 0] = float("nan")'
expect_code 2 ratiofarm run campaign.toml --out blind --unblind "approved" > nan.out 2> nan.err
[ ! -e blind/unblinding.json ] || fail "the data could not be read, but it is on record that they were"
mv whole.h5 toy.h5

ratiofarm run campaign.toml --out blind --unblind "approved by the group" > open.out 2> open.err
expect_in "unblinded at .* because: approved by the group (expected before: mu = " open.out
expect_in "data: events of sample data" open.out
expect_in "approved by the group" blind/report.html
ratiofarm verify --out blind > verify.txt || fail "$(cat verify.txt)"
cp -r blind flipped
flip_bit flipped/unblinding.json
! ratiofarm verify --out flipped > verify.txt || fail "a flipped bit in unblinding.json is not found"
expect_in "unblinding.json.*'ratiofarm run CAMPAIGN.toml --out .*flipped --unblind REASON'" verify.txt
ratiofarm status --out flipped > flipped.txt || fail "a damaged record stops status"
expect_in "^damaged .*unblinding.json.*--unblind REASON" flipped.txt
expect_in "^nets *[1-9][0-9]* of [0-9]* trained, .* 0 failed" flipped.txt
cp blind/fit.json opened.json

# From now on it is open, also for commands that only name the run directory.
ratiofarm run campaign.toml --out blind > again.out 2> again.err
cmp blind/fit.json opened.json || fail "another fit after unblinding"
ratiofarm fit --out blind > fit.out 2> fit.err
expect_in "data: events of sample data" fit.out
ratiofarm run campaign.toml --out blind --unblind "again" > again.out 2> again.err
python3 - <<'END'
import json
record = json.load(open("blind/unblinding.json"))["unblindings"]
assert len(record) == 1 and record[0]["reason"] == "approved by the group", record
fit = json.load(open("blind/fit.json"))
assert fit["blinding"]["unblinded"] == record[0] and not fit["blinding"]["blind"]
assert fit["guards"]["events"] - fit["guards"]["zero_weight"] == 877, fit["guards"]
END

# A directory that was moved or copied is open there, too, with the campaign or by its own copy of it; other data of
# the same name are not.
mkdir -p elsewhere/nested
cp campaign.toml toy.h5 elsewhere/nested
cp -a blind elsewhere/nested
(cd elsewhere/nested
    ratiofarm run campaign.toml --out blind > moved.out 2> moved.err
    expect_in "unblinded at .* because: approved by the group" moved.out
    expect_in "data: events of sample data" moved.out)
mv elsewhere/nested/blind elsewhere/blind
ratiofarm fit --out elsewhere/blind > moved.out 2> moved.err
expect_in "data: events of sample data" moved.out
cp toy.h5 whole.h5
write_data 0.25
ratiofarm run campaign.toml --out elsewhere/blind > moved.out 2> moved.err
expect_in "blind again: the data were looked at before, .* because: approved by the group" moved.out
mv whole.h5 toy.h5

# Nets of other simulated events are not trained again without a word, unblinded or not.
cp toy.h5 whole.h5
"$RATIOFARM_PYTHON" -c 'import h5py; f = h5py.File("toy.h5", "a"); f.pop("metadata_crc", None); del f["S"]; h5py.File("other.h5").copy("S", f, "S")'
expect_code 2 ratiofarm run campaign.toml --out blind > others.out 2> others.err
expect_in "holds .* trained nets of another campaign" others.err
mv whole.h5 toy.h5

# blind = false by hand is on record as well, before and after.
sed 's/^blind = true/blind = false/' campaign.toml > by_hand.toml
cp -r shut by_hand
ratiofarm run by_hand.toml --out by_hand > hand.out 2> hand.err
expect_in "data: events of sample data" hand.out
expect_in "on record" hand.err
ratiofarm run campaign.toml --out by_hand > hand.out 2> hand.err
expect_in "unblinded at .* because: blind = false in the campaign (expected before: mu = " hand.out
ratiofarm run by_hand.toml --out never > never.out 2>&1
ratiofarm run campaign.toml --out never > never.out 2> never.err
expect_in "blind again: the data were looked at before" never.out

# Data where nothing was simulated: -999 in more than 1 % of them is an error, also of a fit alone.
cp toy.h5 whole.h5
cp -r by_hand strange
"$RATIOFARM_PYTHON" - <<'END'
import h5py
with h5py.File("toy.h5", "a") as f:
    f.pop("metadata_crc", None)
    n = len(f["data/features"])
    f["data/features"][: n // 20 + 1, 0] = -999.0
END
expect_code 2 ratiofarm check by_hand.toml > strange.out 2> strange.err
expect_in "more than 1 % of the data lie where the reference has no simulated event" strange.err
expect_code 2 ratiofarm run by_hand.toml --out strange > strange.out 2> strange.err
expect_in "x: 98 % of 'data' from -999" strange.err
mv whole.h5 toy.h5

# A changed model is blind again, which a fit says, and what was put on record stays.
expect_code 2 ratiofarm fit changed.toml --out blind > changed.out 2> changed.err
expect_in "the campaign is blind again, .* than the one that was unblinded at 2" changed.err
expect_in "'ratiofarm run changed.toml --out .*blind --unblind REASON' then fits the data" changed.err
ratiofarm run changed.toml --out blind > changed.out 2> changed.err
expect_in "blind again: the data were looked at before, .* because: approved by the group" changed.out
ratiofarm run campaign.toml --out blind > back.out 2> back.err
expect_in "data: events of sample data" back.out
flip_bit blind/unblinding.json
expect_code 2 ratiofarm run campaign.toml --out blind > damaged.out 2> damaged.err
expect_in "unblinding.json.*does not match the checksum" damaged.err

# Begun anew by who says so; the data count as looked at, whatever the damaged record said.
expect_code 2 ratiofarm run campaign.toml --out blind --unblind "seen before" > damaged.out 2> damaged.err
expect_in "fit.json' is not a blind fit" damaged.err
[ -e blind/unblinding.json.damaged ] || fail "the damaged record is lost"
ratiofarm run campaign.toml --out blind > damaged.out 2> damaged.err
expect_in "blind again: .* because: the record of earlier looks was damaged; anew with: seen before" damaged.out
ratiofarm run campaign.toml --out blind --unblind "seen before" > damaged.out 2> damaged.err
expect_in "data: events of sample data" damaged.out

# Counts of binned regions: 121 where 121 x 1.1 are expected.
toy_campaign bins --more 'campaign.name="binned"' campaign.seed= 'parameters.mu.range=[0.0, 5.0]' data.asimov= data.blind=true \
    > binned.toml <<END
[[region]]
name = "SR"
type = "binned"
observed = [14, 20, 47, 22, 15, 3]
[[region.sample]]
name = "S"
coefficient = "mu"
contents = [13.2, 27.5, 45.1, 27.5, 13.2, 6.6]
END
ratiofarm fit binned.toml --out binned > binned.txt 2> binned.err
expect_in "^mu = 1.000 +-" binned.txt
expect_in "data: Asimov data at mu = 1" binned.txt
ratiofarm fit binned.toml --out binned --unblind "shown to all" > binned.txt 2> binned.err
expect_in "^mu = 0.909 +-" binned.txt
expect_in "unblinded at .* because: shown to all (expected before: mu = 1.000 +-" binned.txt
echo "all as expected"
