#!/usr/bin/env bash
# Points of a search that a program of the user proposes, by the contract of iDDS: the same search on
# any number of ranks and after a kill, and one clear error for each thing that can go wrong.
source "$(dirname "$0")/library.sh"

make_campaign 3000 4 1 "[8]"
cp campaign.toml plain.toml
steered() { # more keys of [search]
    cat plain.toml - > campaign.toml <<END
[search]
trials = 12
reduction = 2
first_rung = 2
parallel = 2
processes = ["S"]
sampler = "external"
generation = 5
command = "python3 steer.py --max %MAX_POINTS --n %NUM_POINTS --in %IN --out %OUT"
points = [{ "training.learning_rate" = 0.001, "network.hidden" = [4] }]
$1
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 3e-2] }
"network.hidden" = { choice = [[4], [8, 8]] }
END
}
steered ""

# Half of the points near the best one, half anywhere; a loss of 0 would be a loss.
cat > steer.py <<'END'
import argparse, json, math, random, time
p = argparse.ArgumentParser()
for name in ("max", "n"): p.add_argument("--" + name, type=int)
for name in ("in", "out"): p.add_argument("--" + name)
a = vars(p.parse_args())
asked = json.load(open(a["in"]))
assert set(asked) == {"points", "opt_space"}, asked
space = asked["opt_space"]["training.learning_rate"]
assert space == {"type": "Log", "params": {"lower": 1e-4, "upper": 0.03}}, space
assert asked["opt_space"]["network.hidden"]["params"]["choices"] == [[4], [8, 8]]
told = [(loss, point) for point, loss in asked["points"] if loss is not None]
draw = random.Random(len(asked["points"]))
points = []
for _ in range(min(a["n"], a["max"] - len(asked["points"]))):
    centre = min(told, key=lambda t: t[0])[1]["training.learning_rate"] if told else 1e-3
    rate = centre * math.exp(draw.gauss(0, 0.5))
    points.append({"training.learning_rate": min(max(rate, 1e-4), 0.03), "network.hidden": draw.choice([[4], [8, 8]])})
with open("calls", "a") as calls: calls.write(f"{len(asked['points'])} {len(points)}\n")
json.dump(points, open(a["out"], "w"))
END

run_on 0 calm search > calm.out 2> calm.err
# 1 given point, then generations of at most 5 until there are 12 trials.
expect_equal "calls" "$(tr '\n' ';' < calls)" "1 5;6 5;11 1;"
python3 - calm/search.json <<'END'
import json, sys
search = json.load(open(sys.argv[1]))
assert search["sampler"] == "external" and search["given"] == 1 and search["dropped"] == 0
assert len(search["trials"]) == 12 and search["trials"][0]["setting"]["network.hidden"] == "[4]"
END
expect_equal "lines of search.csv" "$(wc -l < calm/search.csv)" 13

same_search() { # run directory
    cmp "$1/search.json" calm/search.json || fail "$1: another search.json"
}
run_on 3 three search > three.out 2> three.err
same_search three

# A program that thinks long holds nothing up: trials under way end, and their ends are written down.
cat > slow.py <<'END'
import json, sys, time
asked = json.load(open(sys.argv[1]))["points"]
lines = lambda: open("slow/journal.jsonl").read().count("task_committed") if asked else 0
before = lines()
for _ in range(200):  # at most 20 s
    if len(asked) < 2 or lines() > before: break
    time.sleep(0.1)
with open("seen", "a") as seen: seen.write(f"{len(asked)} {int(lines() > before)}\n")
json.dump([{"training.learning_rate": 0.001, "network.hidden": [4]}], open(sys.argv[2], "w"))
END
steered ""
sed -i 's/python3 steer.py.*"/python3 slow.py %IN %OUT"/; s/^trials = 12/trials = 4/; s/^generation = 5/generation = 1/; s/first_rung = 2/first_rung = 4/' campaign.toml
RATIOFARM_FAILPOINT='*:step=slow' run_on 0 slow search > slow.out 2> slow.err
expect_in '^[23] 1$' seen
steered ""

# Killed in the middle: the points that were proposed stay, even if the program would now answer otherwise.
rm calls
RATIOFARM_FAILPOINT='*:step=slow' ratiofarm search campaign.toml --out killed > killed.out 2> killed.err &
farm=$!
for _ in $(seq 1200); do
    [ ! -f killed/steering/1.json ] || break
    sleep 0.02
done
wait_for_checkpoint killed $farm
kill -9 $farm
wait $farm || true
sed -i 's/Random(len(asked\["points"\]))/Random(len(asked["points"]) + (len(asked["points"]) == 1))/' steer.py
run_on 2 killed search > killed.out 2>> killed.err
same_search killed
expect_equal "calls with one point" "$(grep -c '^1 ' calls)" 1
ratiofarm verify --out killed > verify.out || fail "$(cat verify.out)"
ratiofarm clean --out killed --yes > clean.out
run_on 0 killed search > again.out 2> again.err
expect_in 'search   up to date' again.out

# More points than asked for are dropped and counted; an empty answer ends the search.
cat > greedy.py <<'END'
import json, sys
asked = json.load(open(sys.argv[1]))["points"]
more = 7 if len(asked) < 6 else 0
json.dump([{"training.learning_rate": 0.001, "network.hidden": [4]}] * more, open(sys.argv[2], "w"))
END
steered 'second_objective = "cost"'
sed -i 's/python3 steer.py.*"/python3 greedy.py %IN %OUT"/' campaign.toml
run_on 0 greedy search > greedy.out 2> greedy.err
expect_in '^dropped     2 points' greedy.out
expect_in '^repeated    5 trials' greedy.out
expect_in '^front       of loss and cost' greedy.out

# What can be wrong with the program: one error each, and what was done stays.
wrong() { # name, command, message
    steered ""
    sed -i "s#^command = .*#command = \"$2\"#; s/^generation/timeout_seconds = 1.5\ngeneration/" campaign.toml
    expect_code 2 run_on 0 "$1" search > "$1.out" 2> "$1.err"
    expect_in "$3" "$1.err"
    expect_equal "errors of $1" "$(grep -c 'search.command' "$1.err")" 1
    [ ! -f "$1/search.json" ] || fail "$1: there is a search.json"
}
wrong failing 'echo no space left >\&2; exit 3 %OUT' 'ended with exit code 3 (no space left)'
wrong hanging 'sleep 60 | cat; echo %OUT' 'was ended after search.timeout_seconds = 1.5'
wrong silent 'true %OUT' 'wrote no file %OUT'
wrong text 'echo hello > %OUT' 'its answer is not JSON'
answer() { # name, JSON
    echo "$2" > "$1.json"
}
answer nan '[{"training.learning_rate": NaN, "network.hidden": [4]}]'
answer outside '[{"training.learning_rate": 1.0, "network.hidden": [4]}]'
answer missing '[{"training.learning_rate": 0.001}]'
wrong nan 'cp nan.json %OUT' 'its answer is not JSON; NaN'
wrong outside 'cp outside.json %OUT' 'point 0: training.learning_rate = 1.0 (lies outside the space: must be a number from 0.0001 to 0.03)'
wrong missing 'cp missing.json %OUT' 'point 0: network.hidden is missing'
# Mended, the search goes on.
steered ""
run_on 0 missing search > mended.out 2> mended.err
expect_in '^best        trial' mended.out

# A program that lives: one line of JSON for each question. It is random and remembers what it proposed; whoever is killed, farm or
# program, the search goes on with the points that were proposed, and a program that starts anew is told them all.
cat > lines.py <<'END'
import json, os, random, sys
draw = random.Random()
mine = []
for line in sys.stdin:
    asked = json.loads(line)
    assert set(asked) == {"points", "opt_space", "max_points", "num_points"}, asked
    assert asked["max_points"] == 12 and asked["num_points"] == min(5, 12 - len(asked["points"])), asked
    assert [point for point, _ in asked["points"]][-len(mine):] == mine or not mine, (asked, mine)
    mine = [{"training.learning_rate": rate, "network.hidden": [4]}
            for rate in (round(draw.uniform(1e-4, 0.03), 6) for _ in range(asked["num_points"]))]
    print(json.dumps(mine), flush=True)
    with open("lines", "a") as log: print(os.getpid(), len(asked["points"]), len(mine), file=log)
with open("lines", "a") as log: print(os.getpid(), "end", file=log)
END
by_lines() { # command
    steered ""
    sed -i "s#^command = .*#command = \"$1\"#" campaign.toml
}
by_lines 'python3 lines.py'
run_on 2 living search > living.out 2> living.err || fail "$(cat living.err)"
expect_equal "programs" "$(cut -d' ' -f1 lines | sort -u | wc -l)" 1
expect_equal "questions" "$(cut -d' ' -f2- lines | tr '\n' ';')" "1 5;6 5;11 1;end;"

settings_of() { # run directory, number of points
    python3 -c "
import json; print([t['setting'] for t in json.load(open('$1/search.json'))['trials']][:$2])"
}
rm lines
RATIOFARM_FAILPOINT='*:step=slow' ratiofarm search campaign.toml --out both > both.out 2> both.err &
farm=$!
for _ in $(seq 1200); do
    [ ! -f both/steering/1.json ] || break
    sleep 0.02
done
wait_for_checkpoint both $farm
kill -9 "$(cut -d' ' -f1 lines | head -n 1)"
for _ in $(seq 1200); do
    [ ! -f both/steering/6.json ] || break
    sleep 0.05
done
expect_equal "questions, killed in between" "$(cut -d' ' -f2- lines | tr '\n' ';')" "1 5;6 5;"
expect_equal "programs" "$(cut -d' ' -f1 lines | sort -u | wc -l)" 2
sleep 0.5
kill -9 $farm
wait $farm || true
cp both/steering/6.json six.json
run_on 0 both search > both.out 2>> both.err || fail "$(cat both.err)"
cmp both/steering/6.json six.json || fail "the program was asked again for points that were known"
[ "$(grep -c ' 6 5$' lines)" = 1 ] || fail "asked twice: $(cat lines)"
grep -q ' 11 1$' lines || fail "not asked for the last point: $(cat lines)"
expect_in '^best        trial' both.out

wrong_line() { # name, command, message
    by_lines "$2"
    sed -i 's/^generation/timeout_seconds = 1.5\ngeneration/' campaign.toml
    expect_code 2 run_on 0 "$1" search > "$1.out" 2> "$1.err"
    expect_in "$3" "$1.err"
    expect_equal "errors of $1" "$(grep -c 'search.command' "$1.err")" 1
}
wrong_line line_failing 'echo no space left >\&2; exit 3' 'ended with exit code 3 (no space left)'
wrong_line line_hanging 'sleep 60 | cat' 'was ended after search.timeout_seconds = 1.5'
wrong_line line_text 'while read -r line; do echo hello; done' 'its answer is not JSON'
wrong_line line_words 'while read -r line; do echo {}; done' 'its answer must be an array of points'
wrong_line line_killed 'kill -9 $$' 'was ended by signal 9'

# The examples with Optuna, each killed in the middle and resumed.
examples=$(cd "$shared/../../examples/07_search" && pwd)
optuna() { # name, words of the command behind it
    by_lines "python3 $examples/optuna_$1.py $2"
    RATIOFARM_FAILPOINT='*:step=slow' ratiofarm search campaign.toml --out "optuna_$1" > optuna.out 2> optuna.err &
    farm=$!
    for _ in $(seq 2400); do
        [ ! -f "optuna_$1/steering/6.json" ] || break
        [ -d "/proc/$farm" ] || fail "$(cat optuna.err)"
        sleep 0.05
    done
    kill -9 $farm
    wait $farm || true
    cp "optuna_$1/steering/6.json" six.json
    run_on 2 "optuna_$1" search > optuna.out 2> optuna.err || fail "$(cat optuna.err)"
    cmp "optuna_$1/steering/6.json" six.json || fail "Optuna was asked again for points that were known"
    expect_equal "trials of Optuna" "$(wc -l < "optuna_$1/search.csv")" 13
    [ ! -f "optuna_$1/steering/12.json" ] || fail "Optuna was asked for more than all points"
}
if python3 -c 'import optuna' 2> /dev/null; then
    optuna steering '%MAX_POINTS %NUM_POINTS %IN %OUT'
    optuna lines ''
else
    echo "skipped: the examples with Optuna, which this Python does not have"
fi
