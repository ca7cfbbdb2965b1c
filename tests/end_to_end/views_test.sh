#!/usr/bin/env bash
# What status, explain and plan say of nets and toys, and that toys know when their job ends.
source "$(dirname "$0")/library.sh"

make_campaign 6000 4 2 "[8]"

# plan knows nothing at first; afterwards the rates of finished tasks, which status shows as well.
ratiofarm plan campaign.toml --out run > before.plan
expect_in '^time .* of 40 GFLOP/s' before.plan
[ ! -e run ] || fail "plan made a run directory"
run_on 0 run run > run.out 2> run.err
ratiofarm plan campaign.toml --out run > after.plan
expect_in '^time .* at rates learned from 15 finished tasks' after.plan
expect_in '^left  *0 nets, under 1 s' after.plan
for process in S SBI B; do
    grep -oE "$process: [0-9.e+]+ s per GFLOP from 2 tasks" after.plan > learned || fail "$process was not learned"
    ratiofarm status --out run --cost | grep -qF "cost       $(cat learned)" || fail "status says other rates than plan"
done

# The estimate of all tasks is what they took: the rates come from themselves.
took=$(python3 - run/journal.jsonl << 'PYTHON'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
print(sum(e["seconds"] for e in events if e["event"] == "task_committed"))
PYTHON
)
ratiofarm plan campaign.toml --out run --json > plan.json
python3 - "$took" << 'PYTHON' || fail "plan's seconds are not those of the journal"
import json, sys
plan = json.load(open("plan.json"))
# One of five tasks of a kind is the mean of all: see scheduler/cost_model.hpp.
assert plan["learned_from_tasks"] == 15 and plan["trained"] == 6, plan
assert 0.6 < plan["seconds"] / float(sys.argv[1]) < 1.6, (plan["seconds"], sys.argv[1])
PYTHON
sed 's/hidden = \[8\]/hidden = [9]/' campaign.toml > wider.toml
ratiofarm plan wider.toml --out run > wider.plan
expect_in '^changed  *6 trainings of the run directory are of another campaign' wider.plan
expect_in 'network.hidden: \[8\] -> \[9\]' wider.plan
! grep '^changed' after.plan || fail "plan finds changes in the campaign that was run"
ratiofarm plan campaign.toml --out run --gflops 10 > given.plan
expect_in '^time .* of 10 GFLOP/s' given.plan
expect_equal "learned lines with --gflops" "$(grep -c '^learned' given.plan || true)" 0

# Two members more: only they are left.
sed -i 's/^members = 2/members = 3/' campaign.toml
ratiofarm plan campaign.toml --out run > more.plan
expect_in '^left  *3 nets' more.plan
sed -i 's/^members = 3/members = 2/' campaign.toml

# Toys: status counts their tasks apart from nets, explain knows them by name and by digest.
toys=(toys campaign.toml --out run --block 10)
ratiofarm "${toys[@]}" --toys 30 > toys.out 2> toys.err
ratiofarm status --out run --cost > status.out
expect_in '^toys  *3 tasks done, 0 begun; toys.json there' status.out
expect_in '^cost  *toys/mu = 1: .* s per toy from 3 tasks' status.out
expect_in '^nets  *6 of 6 trained, 0 with a checkpoint' status.out
ratiofarm explain 'toys/mu = 1/10' --out run > explain.out
expect_in '^state  *done' explain.out
expect_in '^cost  *10 toys, about .*(learned from 3 tasks of its kind)' explain.out
expect_in 'committed by attempt' explain.out
digest=$(awk '/^digest/ { print $2 }' explain.out)
ratiofarm explain "${digest:0:9}" --out run | diff explain.out - || fail "the digest tells something else"
ls "$(awk '/^files/ { print $2 }' explain.out)" > /dev/null || fail "the file is not where explain says"
ratiofarm explain 'SBI/member 1' --out run > net.out
expect_in 'FLOP, about .*(learned from 2 tasks of its kind)' net.out
expect_code 2 ratiofarm explain 'toys/mu = 7/0' --out run > none.out 2> none.err
expect_in "there is no task 'toys/mu = 7/0'" none.err

# While a farm works, its progress is there for who looks; afterwards it is not.
ratiofarm "${toys[@]}" --toys 1000000 --block 1000000 > now.out 2> now.err &
farm=$!
for _ in $(seq 300); do [ ! -e run/progress.json ] || break; sleep 0.1; done
ratiofarm status --out run > now.status
expect_in '^now  *[0-9]* of [0-9]* done, 1 running' now.status
expect_in '^  rank 0  *toys/mu = 1/0 ' now.status
expect_in "^lock  *a farm on .*, pid $farm" now.status
kill "$farm"
expect_code 75 wait "$farm"
[ ! -e run/progress.json ] || fail "a farm that ended still tells its progress"

# Toys end in order before their batch job does, as told by the batch system, or by --time-budget.
began=$SECONDS
expect_code 75 env SLURM_JOB_ID=4711 SLURM_JOB_END_TIME=$(($(date +%s) + 6)) \
    ratiofarm "${toys[@]}" --toys 1000000 --block 1000000 > time.out 2> time.err
expect_in 'the time is over' time.out
[ $((SECONDS - began)) -le 6 ] || fail "toys went on for $((SECONDS - began)) s of 6"
ratiofarm status --out run > status.out
expect_in '^toys  *3 tasks done, 1 begun' status.out
expect_in ', 0 with a checkpoint' status.out
ratiofarm verify --out run > verify.out || fail "$(cat verify.out)"
expect_code 75 ratiofarm "${toys[@]}" --toys 2000000 --block 1000000 --time-budget 0:05 > time.out 2> time.err

# A run directory with toys of foreign ratios only has no campaign of its own.
mkdir alone
ratiofarm toys campaign.toml --out alone --ratios run/ratios.h5 --toys 20 > alone.out 2> alone.err
ratiofarm status --out alone > status.out
expect_in '^toys  *1 tasks done' status.out
ratiofarm explain 'toys/mu = 1/0' --out alone > explain.out
expect_in '^state  *done' explain.out

# A member more, whose training is stopped: what is there counts as done, and what was spent as time of training.
sed -i 's/^members = 2/members = 3/' campaign.toml
seconds() { ratiofarm status --out run --json | sed -n 's/.*"training_seconds": \([0-9.]*\).*/\1/p'; }
before=$(seconds)
RATIOFARM_FAILPOINT='*:step=slow' ratiofarm train campaign.toml --out run > more.out 2> more.err &
farm=$!
for _ in $(seq 300); do [ ! -e run/progress.json ] || break; sleep 0.1; done
ratiofarm status --out run > more.status
expect_in '^now  *6 of 9 done (6 already there), 1 running, 2 waiting' more.status
kill "$farm"
expect_code 75 wait "$farm"
awk "BEGIN { exit !($(seconds) >= $before + 1.0) }" || fail "a training that was stopped took no time"
