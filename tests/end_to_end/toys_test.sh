#!/usr/bin/env bash
# Toys are the same on any number of ranks, after kill -9 and after a stop; what is done is not done
# again, and more toys begin where fewer ended.
source "$(dirname "$0")/library.sh"

toy_campaign interference --more 'campaign.name="toys"' campaign.seed=7 events= split= reference= network= training= \
    ensemble= 'inference.shape_norm="reference"' simulate.seed= > campaign.toml <<END
[[systematic]]
name = "scale"
shape = ["S", "SBI"]
[[simulate.systematic]]
name = "scale"
S = { shift = [0.2], up = 1.10, down = 0.92 }
END
ratiofarm simulate campaign.toml --ratios exact.h5 > /dev/null

options=(--ratios exact.h5 --toys 240 --block 12 --statistic "t,q_tilde")

toys() { # ranks, run directory, more options...
    local ranks=$1 out=$2
    shift 2
    run_on "$ranks" "$out" toys "${options[@]}" "$@" > "$out.out" 2>> "$out.err"
}

bits_of() { # run directory
    cksum < "$1/toys.json"
    (cd "$1/tasks" && find . -name '*.ckpt' -exec cksum {} + | sort)
}

to_do() { grep -o 'to_do=[0-9]*' "$1.err" | tail -n 1; } # run directory

toys 0 calm || fail "toys alone"
bits_of calm > calm.bits
expect_equal "tasks" "$(grep -c ckpt calm.bits)" 20
grep -q '^ *1 *1 *240 ' calm.out || fail "no table was printed"
grep -q '"width": 0\.[3-9]' calm/toys.json || fail "estimates do not scatter as they must"
for ranks in 1 2 3; do
    toys $ranks "ranks$ranks" || fail "$ranks ranks"
    bits_of "ranks$ranks" | diff calm.bits - || fail "$ranks ranks give other toys"
done

# Nothing is left to do; twice the toys need the second half.
toys 0 calm
expect_equal "second run" "$(to_do calm)" to_do=0
toys 0 calm --toys 480
expect_equal "more toys" "$(to_do calm)" to_do=20
expect_equal "toys in the file" "$(grep -c '"toys": 480' calm/toys.json)" 1
ratiofarm verify --out calm > verify.out || fail "verify finds damage"

# Their distributions are kept, and the report draws them beside the fit that they belong to.
python3 - << 'PYTHON' || fail "histograms of toys"
import json
(point,) = json.load(open("calm/toys.json"))["points"]
mu = next(p for p in point["parameters"] if p["name"] == "mu")
for found, n in [(mu["histogram"], mu["pulls"]), *((s["histogram"], 480) for s in point["statistics"])]:
    assert sum(found["counts"]) == n, (sum(found["counts"]), n)
low, high, counts = (mu["histogram"][key] for key in ("low", "high", "counts"))
width = (high - low) / len(counts)
mean = sum(n * (low + (i + 0.5) * width) for i, n in enumerate(counts)) / sum(counts)
assert abs(mean - mu["pull_mean"]) < width / 2, (mean, mu["pull_mean"])
assert [p["name"] for p in point["parameters"] if "histogram" in p] == ["mu"]
PYTHON
page() { # run directory
    ratiofarm fit campaign.toml --ratios exact.h5 --out "$1" > fit.out 2> fit.err
    ratiofarm report campaign.toml --ratios exact.h5 --out "$1" > page.out 2> page.err
}
page calm
expect_in 'Pulls of mu over [34][0-9]* toys at mu = 1: mean' calm/report.html
expect_in '^<figcaption>t at mu = 1 over 480 toys' calm/report.html
ratiofarm toys campaign.toml --ratios exact.h5 --out belt --grid 0.5:1.5:3 --toys 24 --neyman 0.6827 > belt.out 2> belt.err
page belt
expect_in 'Neyman belt of t: values of mu are accepted .*; 68.27 %: ' belt/report.html
sed -i 's/asimov = { mu = 1.0/asimov = { mu = 1.1/' campaign.toml
page belt
expect_in 'toys.json belongs to another fit' belt/report.html
sed -i 's/asimov = { mu = 1.1/asimov = { mu = 1.0/' campaign.toml

# A block with a flipped bit is fitted again, though the journal knows it with its right size.
bits_of calm > twice.bits
flip_bit "$(find calm/tasks -name '*.ckpt' | sort | head -n 3 | tail -n 1)"
toys 0 calm --toys 480 || fail "toys with a damaged block"
expect_equal "blocks fitted again" "$(to_do calm)" to_do=1
bits_of calm | diff twice.bits - || fail "other toys after damage"

wait_for_results() { # run directory, pid
    for _ in $(seq 600); do
        [ "$(find "$1/tasks" -name '*.ckpt' 2> /dev/null | wc -l)" -ge 2 ] && return
        [ -d "/proc/$2" ] || fail "the toys of $1 ended before they were interrupted"
        sleep 0.02
    done
    fail "no result of $1"
}

# kill -9 of mpirun; the same command goes on.
mpirun --oversubscribe -n 2 ratiofarm toys campaign.toml --out killed "${options[@]}" \
    > killed.out 2> killed.err &
farm=$!
wait_for_results killed $farm
kill -9 $farm
wait $farm || true
sleep 1
toys 2 killed || fail "killed toys do not go on"
bits_of killed | diff calm.bits - || fail "killed toys end with other bits"
[ "$(to_do killed)" != to_do=20 ] || fail "finished toys were thrown again"

# TERM stops between toys.
ratiofarm toys campaign.toml --out stopped "${options[@]}" > stopped.out 2> stopped.err &
farm=$!
wait_for_results stopped $farm
kill -TERM $farm
code=0
wait $farm || code=$?
expect_equal "exit code after TERM" $code 75
[ ! -e stopped/toys.json ] || fail "a stopped run published results"
toys 2 stopped || fail "stopped toys do not go on"
bits_of stopped | diff calm.bits - || fail "stopped toys end with other bits"

# Jobs that share the toys, one of which is killed.
ratiofarm toys campaign.toml --out shared "${options[@]}" --join --lease 2 > victim.out 2> victim.err &
victim=$!
wait_for_results shared $victim
toys 2 shared --join --lease 2 &
other=$!
kill -9 $victim
wait $victim && fail "the killed job ended well"
toys 0 shared --join --lease 2 || fail "the second job"
wait $other || fail "the other job"
bits_of shared | diff calm.bits - || fail "jobs that share toys end with other bits"
twice=$(cat shared/journal.job-*.jsonl | grep '"event":"task_committed"' | grep -o '"task":"[0-9a-f]*"' | sort | uniq -d | wc -l)
expect_equal "blocks that were committed twice" "$twice" 0
toys 0 shared
expect_equal "left when jobs have shared the toys" "$(to_do shared)" to_do=0
expect_equal "states left" "$(find shared -name '*.state*' -o -name claims | wc -l)" 0

# Real events where every rate is positive, a grid, and what cannot be.
toys 2 real --unit-weight-samples || fail "unit-weight toys"
grep -q '"drawn_from": "samples"' real/toys.json || fail "not from samples"
grep -q 'used 8.*times' real.out || fail "reuse is not reported"
toys 0 grid --grid 0.25:2.25:5 --toys 60 || fail "grid"
grep -q 'mu at 0.6827 by t: \[' grid.out || fail "no Neyman interval"
expect_code 2 toys 0 bad --unit-weight-samples --at mu=0.5
grep -q "process 'S' has the negative rate" bad.err || fail "negative rate is not named"
expect_code 2 toys 0 bad --at mu=-1
expect_code 2 toys 0 bad --grid 2:1:5
expect_code 2 toys 0 bad --toys 10
