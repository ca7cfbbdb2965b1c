#!/usr/bin/env bash
# A search: the same decisions and the same search.json on any number of ranks and whatever is killed
# in between; the campaign is then trained with the best setting.
source "$(dirname "$0")/library.sh"

make_campaign 8000 9 1 "[16, 16]"
cat >> campaign.toml <<'END'
[search]
trials = 12
first_rung = 1
parallel = 4
processes = ["S", "B"]
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 3e-2] }
"training.batch" = { choice = [128, 512] }
"network.hidden" = { choice = [[4], [16, 16], [24, 24]] }
END

expect_in '^search      12 trials of 2 nets, measured after 1, 3, 9 epochs' <(ratiofarm plan campaign.toml)

tasks_of() { # run directory: lines that commit a task of the search
    if [ ! -f "$1/journal.jsonl" ]; then echo 0; return; fi
    grep -c '"event":"task_committed".*"name":"search/' "$1/journal.jsonl" || true
}

# Before it is over nothing can be done with the campaign but search.
expect_code 2 ratiofarm gather campaign.toml --out calm > early.out 2> early.err
expect_in "run 'ratiofarm search' first" early.err

run_on 0 calm search > calm.out 2> calm.err
expect_in '^best        trial' calm.out
expect_equal "states that are left" "$(find calm/tasks -name '*.state*' | wc -l)" 0
tasks=$(tasks_of calm)
expect_in '^search     trial [0-9]* of 12 is the best' <(ratiofarm status --out calm)
run_on 0 calm search > again.out 2> again.err
expect_in 'search   up to date' again.out
expect_equal "tasks when there is nothing to do" "$(tasks_of calm)" "$tasks"

# What the file says must follow from its own numbers.
python3 - calm/search.json <<'END'
import json, sys
search = json.load(open(sys.argv[1]))
last = len(search["epochs"]) - 1
finals = {i: t["rungs"][last]["objective"] for i, t in enumerate(search["trials"]) if len(t["rungs"]) > last}
assert search["best"]["trial"] == min(finals, key=finals.get), finals
assert len(search["decisions"]) == sum(len(t["rungs"]) for t in search["trials"])
assert 0 < search["flop"] < search["grid_flop"]
assert abs(search["flop"] - sum(r["flop"] for t in search["trials"] for r in t["rungs"])) < 1e-6 * search["flop"]
END
expect_equal "tasks" "$tasks" "$(python3 -c "
import json; print(2 * len(json.load(open('calm/search.json'))['decisions']))")"

same_search() { # run directory
    cmp "$1/search.json" calm/search.json || fail "$1: another search.json"
    expect_equal "tasks of $1" "$(tasks_of "$1")" "$tasks"
    expect_equal "states left in $1" "$(find "$1/tasks" -name '*.state*' | wc -l)" 0
}

# Of jobs that join one searches; the others find it done, or leave it to that one.
run_on 0 joined search --join --lease 2 > joined.out 2> joined.err &
other=$!
run_on 0 joined search --join --lease 2 > second.out 2> second.err || fail "a job that joined"
wait $other || fail "the other job that joined"
cmp joined/search.json calm/search.json || fail "jobs that joined: another search.json"
cat joined.out second.out > both.out
expect_equal "jobs that searched" "$(grep -c '^search *done' both.out)" 1
expect_equal "jobs that did not" "$(grep -c '^search *\(up to date\|left to other jobs\)' both.out)" 1

# Other numbers of ranks.
run_on 3 three search > three.out 2> three.err
same_search three

# kill -9 of everything at random moments, then on with another number of ranks.
for round in 1 2 3; do
    RATIOFARM_FAILPOINT='*:step=slow' mpirun --oversubscribe -n 2 ratiofarm search campaign.toml --out killed >> killed.out 2>> killed.err &
    farm=$!
    wanted=$((round * tasks / 5))
    for _ in $(seq 2400); do
        [ "$(tasks_of killed)" -lt "$wanted" ] || break
        [ -d "/proc/$farm" ] || fail "the farm ended in round $round"
        sleep 0.05
    done
    kill -9 $farm
    wait $farm || true
    sleep 1
done
[ ! -f killed/search.json ] || fail "the search was over before it was killed"
# Lines that a kill came before: their results are there.
line=$(grep -n '"event":"task_committed"' killed/journal.jsonl | tail -n 3 | head -n 1 | cut -d: -f1)
sed -i "$line,\$d" killed/journal.jsonl
run_on 3 killed search > killed.out 2>> killed.err
same_search killed

# A stop in order, and a state that got lost: trained again from the beginning, the same bits.
RATIOFARM_FAILPOINT='*:step=slow' ratiofarm search campaign.toml --out stopped > stopped.out 2> stopped.err &
farm=$!
wait_into_training stopped $farm
kill -USR2 $farm
code=0
wait $farm || code=$?
expect_equal "exit code of a stopped search" $code 75
find stopped/tasks -name '*.state*' -delete
run_on 2 stopped search > stopped.out 2> stopped.err
same_search stopped

# A damaged record is made again from the results.
flip_bit killed/search.json
expect_code 2 ratiofarm plan campaign.toml --out killed > killed.out 2> killed.err
expect_in "killed/search.json" killed.err
ratiofarm status --out killed > killed.out
expect_in "^damaged .*killed/search.json" killed.out
run_on 2 killed search > killed.out 2> killed.err
same_search killed

# More trials keep what was done.
sed 's/^trials = 12/trials = 14/' campaign.toml > more.toml
ratiofarm search more.toml --out three > more.out 2> more.err
python3 - calm/search.json three/search.json <<'END'
import json, sys
few, many = (json.load(open(name)) for name in sys.argv[1:])
assert len(many["trials"]) == 14
for a, b in zip(few["trials"], many["trials"]):
    assert a["setting"] == b["setting"]
    assert all(x == y for x, y in zip(a["rungs"], b["rungs"])), (a, b)
END
twice=$(grep '"event":"task_committed".*"name":"search/' three/journal.jsonl | grep -o '"name":"[^"]*"' | sort | uniq -d)
[ -z "$twice" ] || fail "trained again: $twice"

# The campaign is trained with the best setting.
run_on 2 calm run > run.out 2> run.err
best() { python3 -c "
import json; print(json.load(open('calm/search.json'))['best']['setting']['$1'])"; }
expect_in "^learning_rate = $(best training.learning_rate)" calm/searched.toml
expect_in "^batch = $(best training.batch)" calm/searched.toml
grep -qF "hidden = $(best network.hidden)" calm/searched.toml || fail "another network"
! grep -q '^\[search' calm/searched.toml || fail "the searched campaign would be searched again"
ratiofarm check calm/searched.toml > check.out || fail "$(cat check.out)"
expect_in 'Trial [0-9]* was the best of 12' calm/report.html
ratiofarm verify --out calm > verify.out || fail "$(cat verify.out)"
run_on 0 calm run > again.out 2> again.err
expect_in 'train    up to date' again.out
ratiofarm run calm/searched.toml --out plain > plain.out 2> plain.err
python3 - calm/fit.json plain/fit.json <<'END'
import json, sys
one, other = (json.load(open(name))["parameters"] for name in sys.argv[1:])
assert one == other, "the searched campaign gives another fit"
END

# Nets of the campaign are no longer those of the search if the search changes.
sed -i 's/^parallel = 4/parallel = 1/; s/"training.batch" = .*/"training.batch" = { choice = [64, 256] }/' campaign.toml
expect_code 2 run_on 0 calm run > other.out 2> other.err
expect_in 'trained nets of another campaign' other.err

# A sampler that learns decides by the virtual clock, too: the same on other numbers of ranks and
# after a kill; the points that were given are tried first.
sed -i '/^\[search\]/,$d' campaign.toml
cat >> campaign.toml <<'END'
[search]
trials = 24
first_rung = 3
parallel = 4
processes = ["S"]
sampler = "tpe"
second_objective = "cost"
cost_limit = 12.0
points = [{ "training.learning_rate" = 0.003, "network.hidden" = [4] }]
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 3e-2] }
"network.hidden" = { choice = [[4], [16, 16]] }
END
run_on 0 one_rank search > one_rank.out 2> one_rank.err
run_on 3 three_ranks search > three_ranks.out 2> three_ranks.err
cmp one_rank/search.json three_ranks/search.json || fail "another search on three ranks"
cmp one_rank/search.csv three_ranks/search.csv || fail "another table on three ranks"
RATIOFARM_FAILPOINT='*:step=slow' ratiofarm search campaign.toml --out interrupted > interrupted.out 2> interrupted.err &
farm=$!
for _ in $(seq 1200); do
    [ "$(tasks_of interrupted)" -lt 15 ] || break
    [ -d "/proc/$farm" ] || fail "the farm ended before it was killed"
    sleep 0.05
done
kill -9 $farm
wait $farm || true
run_on 2 interrupted search > interrupted.out 2>> interrupted.err
cmp one_rank/search.json interrupted/search.json || fail "another search after a kill"
python3 - one_rank/search.json <<'END'
import json, sys
search = json.load(open(sys.argv[1]))
trials = search["trials"]
assert trials[0]["setting"] == {"training.learning_rate": "0.003", "network.hidden": "[4]"}
assert 12 < len(trials) <= 24, len(trials)
last = [(t["rungs"][-1]["objective"], t["rungs"][-1]["second"], i) for i, t in enumerate(trials) if len(t["rungs"]) == 2]
front = [i for a, b, i in sorted(last) if not any(c <= a and d <= b and (c, d) != (a, b) for c, d, _ in last)]
assert search["front"] == front, (search["front"], front)
assert {each["key"] for each in search["importance"]} == set(trials[0]["setting"])
END
expect_in '^front       of loss and cost: trials' one_rank.out

# So do those that wait for whole generations.
for sampler in cmaes nsga2; do
    sed -i '/^\[search\]/,$d' campaign.toml
    cat >> campaign.toml <<END
[search]
trials = 16
first_rung = 9
parallel = 5
processes = ["S"]
sampler = "$sampler"
second_objective = "cost"
$([ $sampler = cmaes ] || echo 'generation = 8')
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 3e-2] }
"training.batch" = { log_integer = [64, 512] }
END
    run_on 0 $sampler search > $sampler.out 2> $sampler.err
    run_on 3 $sampler.three search > $sampler.out 2> $sampler.err
    cmp $sampler/search.json $sampler.three/search.json || fail "$sampler: another search on three ranks"
    python3 - $sampler/search.json <<'END'
import json, sys
search = json.load(open(sys.argv[1]))
size = 6 if search["sampler"] == "cmaes" else 8
ends = [d["end"] for d in search["decisions"]]
for first in range(size, 16, size):  # in virtual time a generation begins when the one before is over
    assert search["decisions"][first]["begin"] >= max(ends[:first]), (first, ends)
assert len(search["trials"]) == 16
END
done

# Judged as an ensemble: members are halved like epochs, and what they do together is the same on any number of ranks.
sed -i '/^\[search\]/,$d' campaign.toml
cat >> campaign.toml <<'END_OF_TOML'
[search]
trials = 4
first_rung = 3
objective = "excess"
second_objective = "coverage"
first_members = 1
[search.parameters]
"ensemble.members" = { choice = [1, 3] }
"training.learning_rate" = { log_uniform = [1e-4, 3e-2] }
END_OF_TOML
run_on 0 together search > together.out 2> together.err
run_on 3 together.three search > together.out 2> together.err
cmp together/search.json together.three/search.json || fail "members: another search on three ranks"
python3 - together/search.json together/journal.jsonl <<'END'
import json, sys
search = json.load(open(sys.argv[1]))
names = [line["name"] for line in map(json.loads, open(sys.argv[2])) if line["event"] == "task_committed"]
members = [int(trial["setting"]["ensemble.members"]) for trial in search["trials"]]
assert set(members) == {1, 3}, members
for number, trial in enumerate(search["trials"]):
    assert all(0 <= rung["second"] < 0.6827 for rung in trial["rungs"]), trial
    for rung in range(len(trial["rungs"])):
        nets = [n for n in names if f" trial {number} " in n and n.endswith(f" rung {rung}") and " on " not in n]
        assert len(nets) == 3 * (members[number] if rung else 1), (number, rung, nets)
END

# So are closure and calibration, of the mean ratio: at the first rung, of one member, they are what a search of single nets takes from
# the trainers, whose nets are the same.
sed -i '/^\[search\]/,$d; s/^\[training\]/[training]\ncalibration = "isotonic"/' campaign.toml
for members in 2 1; do
    cp campaign.toml members$members.toml
    cat >> members$members.toml <<END_OF_TOML
[search]
trials = 3
first_rung = 3
objective = "closure"
second_objective = "calibration"
members = $members
first_members = 1
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 3e-2] }
END_OF_TOML
    ratiofarm search members$members.toml --out members$members > members.out 2> members.err || fail "$(cat members.err)"
done
mpirun --oversubscribe -n 3 ratiofarm search members2.toml --out members.three > members.out 2> members.err
cmp members2/search.json members.three/search.json || fail "quality of the mean ratio: another search on three ranks"
python3 - <<'END'
import json
two, one = (json.load(open(f"members{n}/search.json"))["trials"] for n in (2, 1))
goes_on = 0
for a, b in zip(two, one):
    assert a["setting"] == b["setting"]
    for key in ("objective", "second"):
        x, y = a["rungs"][0][key], b["rungs"][0][key]
        assert abs(x - y) < 2e-3, (key, x, y)
    assert b["rungs"][0]["objective"] > 0.01, b
    goes_on += len(a["rungs"]) > 1 and len(b["rungs"]) > 1 and a["rungs"][1] != b["rungs"][1]
assert goes_on > 0, (two, one)
END
