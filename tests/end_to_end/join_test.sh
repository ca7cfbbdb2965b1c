#!/usr/bin/env bash
# Jobs that share one run directory: one is killed, one stands still for longer than a lease and goes
# on, one joins late; to the bits of one farm that did everything, and no net trained in vain.
source "$(dirname "$0")/library.sh"

make_campaign 9000 4 2 "[16, 16]"
# Every step of every training leaves a byte in a file of its trainer.
export RATIOFARM_FAILPOINT='*:step=count' RATIOFARM_FAILPOINT_COUNTS=$work/steps
steps_done() { cat "$work"/steps.* | wc -c; }
make_calm 6
calm_steps=$(steps_done)
rm "$work"/steps.*

lease=2
join() { # name, command...
    local name=$1
    shift
    ratiofarm "$@" campaign.toml --out run --join --lease $lease > "$name.out" 2> "$name.err" &
}
claims_of() { # pid of a job: its claims
    find run/claims -lname "*-$1 *" -printf '%f\n'
}

# The names of nets in lines that commit one.
committed() {
    cat run/journal.*jsonl | grep '"event":"task_committed"' |
        grep -o '"name":"[A-Z]*/member[^"]*"' | sort
}

export RATIOFARM_FAILPOINT='*:step=slow;*:step=count'
join first run
first=$!
join killed train
killed=$!
join stopped train
stopped=$!
wait_for_checkpoint run $first
# The same nets, but another fit: whoever came last would decide what is in the directory.
sed 's/^\[inference\]/[inference]\nextreme_anchors = "refuse"/' campaign.toml > other.toml
cp run/campaign.toml before.toml
code=0
ratiofarm run other.toml --out run --join --lease $lease > other.out 2> other.err || code=$?
expect_equal "exit code of a job of another campaign" $code 2
expect_in 'its campaign is another than that of this job' other.err
expect_in 'inference.extreme_anchors: ' other.err
cmp run/campaign.toml before.toml || fail "a job that was refused changed campaign.toml"
for job in $first $killed $stopped; do
    for _ in $(seq 200); do
        [ -z "$(claims_of $job)" ] || break
        sleep 0.05
    done
done
sleep 1
find_trainer $killed
find_trainer $stopped
suspended=$(claims_of $stopped)
kill -STOP $stopped $trainer
kill -9 $killed
join late train
late=$!
# The others have nothing left but what the stopped one keeps.
for _ in $(seq 600); do
    [ ! -L "run/claims/${suspended%.1}.2" ] || break
    sleep 0.05
done
[ -L "run/claims/${suspended%.1}.2" ] || fail "nobody took over the net of the stopped job"
for _ in $(seq 100); do  # until the late one has begun
    ratiofarm status --out run > status.out
    ! grep -q '^jobs  *4 have joined' status.out || break
    sleep 0.1
done
expect_in "^now  *job-.*-$stopped: 0 of" status.out
expect_in '^jobs  *4 have joined and begun tasks, 3 at work' status.out
kill -CONT $trainer $stopped
wait $killed && fail "the killed job ended well"
for job in $first $stopped $late; do
    code=0
    wait $job || code=$?
    expect_equal "exit code of a job" $code 0
done
unset RATIOFARM_FAILPOINT RATIOFARM_FAILPOINT_COUNTS

steps=$(steps_done)
echo "steps of the trainings: $steps, $calm_steps undisturbed"
[ $((10 * steps)) -le $((13 * calm_steps)) ] || fail "$steps steps instead of $calm_steps"
expect_equal "nets that were committed" "$(committed | uniq | wc -l)" 6
expect_equal "nets that were committed twice" "$(committed | uniq -d | wc -l)" 0
expect_in "another job has taken this task over" stopped.err
expect_in '^train *\(done\|up to date\|left to other jobs\)' late.out
expect_in "resumed=yes" <(cat ./*.err)
# One that did its part leaves the rest of the chain to the first.
expect_in '^fit *done' first.out

# A farm by itself finds everything done, and nothing is left of the claims.
# A job can be killed while it writes a checkpoint.
touch "$(find run/tasks -mindepth 1 -type d | head -n 1)/0.state.new.1.partial"
run_on 0 run run > again.out 2> again.err
expect_in '^train *up to date' again.out
expect_equal "claims left" "$(find run -name claims | wc -l)" 0
expect_equal "locks left" "$(find run -name 'lock*' | wc -l)" 0
expect_equal "checkpoints left" "$(find run -name '*.state*' | wc -l)" 0
content_of run | diff calm.content - || fail "other bits than an undisturbed run"

# The network file system splits in halves while a job works: in the other half its signs stand still, and another job does the rest, too.
# Both ends have the same bits, and they may be put together.
RATIOFARM_FAILPOINT='*:step=slow' ratiofarm train campaign.toml --out left --join --lease $lease > left.out 2> left.err &
left=$!
wait_for_checkpoint left $left
for _ in $(seq 600); do
    ! grep -q task_committed left/journal.job-*.jsonl 2> /dev/null || break
    sleep 0.05
done
cp -a left right
ratiofarm train campaign.toml --out right --join --lease $lease > right.out 2> right.err &
right=$!
wait $right || fail "the other half: $(cat right.err)"
wait $left || fail "the one half: $(cat left.err)"
done_by() { # run directory, pid of a job
    grep '"event":"task_committed"' "$1"/journal.job-*-"$2".jsonl | grep -o '"name":"[A-Z]*/member[^"]*"' | sort
}
[ -n "$(comm -12 <(done_by left $left) <(done_by right $right))" ] || fail "the halves did no net twice"
results=0
for result in left/tasks/*/*.ckpt; do
    cmp "$result" "right/${result#left/}" || fail "the halves disagree"
    results=$((results + 1))
done
expect_equal "results of the halves" $results 6
cp -a right/. left
run_on 0 left run > left.out 2> left.err || fail "halves put together: $(cat left.err)"
expect_in '^train *up to date' left.out
content_of left | diff calm.content - || fail "halves: other bits than an undisturbed run"
