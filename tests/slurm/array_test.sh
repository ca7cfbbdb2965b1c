#!/usr/bin/env bash
# `ratiofarm submit --as array` in a real Slurm: shards two at a time, one of them queued again while
# it trains, then collected and fitted, to the bits of an undisturbed run.
#    array_test.sh REPOSITORY FOLDER_OF_THE_PROGRAMS
# To be started by with_slurm.sh.
set -uo pipefail
repository=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
source "$here/expect.sh"
export PATH="$2:$PATH" RATIOFARM_SLURM=$repository/slurm

make_campaign training.epochs=3
ratiofarm run "$WORK/campaign.toml" --out "$WORK/calm" >"$WORK/calm.out" 2>&1 ||
    { cat "$WORK/calm.out" && exit 1; }

law "an array of shards with a throttle, one element requeued, is collected and fitted"
# Slow enough for the throttle and the requeue to be seen.
export RATIOFARM_FAILPOINT='*:step=slow'
ratiofarm submit "$WORK/campaign.toml" --out "$STATE/run" --as array --shards 4 --throttle 2 \
    --ranks-per-node 1 --time 10 >"$STATE/output" 2>&1 || fail "submit"
expect_line "array=0-3%2"
array=$(sed -n 's/^array //p' "$STATE/output")
last=$(sed -n 's/^job //p' "$STATE/output")

# The element whose net has a checkpoint first is queued again.
requeued=
most=0
for _ in {1..900}; do
    running=$(squeue -h -r -j "$array" -t running -o %K 2>/dev/null | wc -l)
    [[ $running -le $most ]] || most=$running
    if [[ -z $requeued ]]; then
        for element in 0 1 2 3; do
            [[ -z $requeued ]] || continue
            log=$STATE/run/slurm-${array}_$element.log
            if [[ -e $log ]] && grep -q "to_do=[1-9]" "$log"; then
                sleep 2
                scontrol requeue "${array}_$element" && requeued=$element
            fi
        done
    fi
    [[ -n $(squeue -h -j "$last" 2>/dev/null) ]] || break
    sleep 0.2
done
[[ -n $requeued ]] || fail "no element was seen running"
cat "$STATE"/run/slurm-*.log >>"$STATE/output"
[[ -s $STATE/run/fit.json ]] || fail "there is no fit.json"
[[ $most -le 2 ]] || fail "$most elements ran at a time"
grep -q "start 2 of at most 50" "$STATE/run/slurm-${array}_$requeued.log" ||
    fail "element $requeued was not started again"
expect_line "collected  6 of 6 nets"
[[ -z $(find "$STATE/run" -name 'journal.shard*') ]] || fail "journals of shards are left"
ratiofarm verify --out "$STATE/run" >"$STATE/verified" 2>&1 || fail "$(<"$STATE/verified")"
cmp "$WORK/calm/fit.json" "$STATE/run/fit.json" || fail "the fits differ"
echo "all laws hold"
