#!/usr/bin/env bash
# Farms on shards of one run directory: at the same time, disjoint, merged by collect, to the bits
# of one farm that did everything.
source "$(dirname "$0")/library.sh"

make_campaign 9000 12 3 "[16, 16]"
make_calm 9

# Two shards at the same time (one of them happens to be empty), then what is missing is named, then
# the third.
ratiofarm train campaign.toml --out run --shard 0/3 > 0.out 2> 0.err &
first=$!
SLURM_ARRAY_TASK_ID=6 SLURM_ARRAY_TASK_MIN=4 SLURM_ARRAY_TASK_MAX=6 SLURM_ARRAY_TASK_COUNT=3 \
    ratiofarm train campaign.toml --out run --shard array > 2.out 2> 2.err || fail "shard 2"
wait $first || fail "shard 0"
trained=$(cat run/journal.shard-*.jsonl | grep -c task_committed)
expect_code 75 ratiofarm collect campaign.toml --out run > collect.out 2> collect.err
expect_in "collected  $trained of 9 nets" collect.out
expect_in "missing    shard 1/3: $((9 - trained)) nets" collect.out
expect_equal "journals of shards left" "$(find run -name 'journal.shard*' | wc -l)" 0
ratiofarm train campaign.toml --out run --shard 1/3 > 1.out 2> 1.err
expect_code 0 ratiofarm collect campaign.toml --out run > collect.out 2> collect.err
expect_in "collected  9 of 9 nets" collect.out

# The rest of the chain trains nothing again.
run_on 2 run run > run.out 2> run.err
expect_in '^train *up to date' run.out
expect_calm run

# A farm on everything and farms on shards, or shards cut in another way, exclude each other.
RATIOFARM_FAILPOINT='*:step=slow' \
    ratiofarm train campaign.toml --out busy --shard 1/3 > busy.out 2> busy.err &
farm=$!
wait_into_training busy $farm
kill -STOP $farm
expect_code 2 ratiofarm train campaign.toml --out busy > whole.out 2> whole.err
expect_in 'wait for all shards' whole.err
expect_code 2 ratiofarm train campaign.toml --out busy --shard 1/2 > cut.out 2> cut.err
expect_in 'another number of shards' cut.err
kill -CONT $farm
kill -USR2 $farm
code=0
wait $farm || code=$?
expect_equal "exit code of the shard that was not disturbed" $code 75

# Mistakes name what is allowed.
for shard in 3/3 1 x/2 -1/2; do
    expect_code 2 ratiofarm train campaign.toml --out run --shard "$shard" > bad.out 2> bad.err
    expect_in 'must be I/N' bad.err
done

# explain knows what became of a net.
ratiofarm explain "B/member 1" --out run > explain.out
expect_in '^state  *done' explain.out
expect_in 'committed by attempt' explain.out
