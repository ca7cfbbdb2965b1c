#!/usr/bin/env bash
# kill -9 of a trainer, of a rank and of mpirun at random moments: the same command continues, what
# was finished is not trained again, and the bits are those of an undisturbed run.
source "$(dirname "$0")/library.sh"

make_campaign 30000 350 2 "[48, 48]"
run_on 2 calm run > calm.out 2> calm.err
content_of calm > calm.content
nets=6

trained() { [ -f "$1/journal.jsonl" ] && grep -c '"name":"[A-Z]*/member' "$1/journal.jsonl" || true; }

# Pids of the ranks of the mpirun that is our child, and of all trainers below them.
ranks_of() { pgrep -P "$1" ratiofarm || true; }
trainers_of() { for rank in $(ranks_of "$1"); do pgrep -P "$(pgrep -P "$rank" ratiofarm)" || true; done; }

start() { # run directory
    mpirun --oversubscribe -n 2 ratiofarm run campaign.toml --out "$1" >> "$1.out" 2>> "$1.err" &
    farm=$!
}

finish() { # run directory
    run_on 2 "$1" run >> "$1.out" 2>> "$1.err" || fail "the same command did not go on"
    content_of "$1" | diff calm.content - || fail "$1: other bits than an undisturbed run"
    # Once per net and no more: nothing finished was trained again.
    expect_equal "commits of $1" "$(trained "$1")" $nets
}

# A trainer: the farm itself goes on, with a strike.
start trainer
wait_into_training trainer $farm
victim=$(trainers_of $farm | head -n 1)
[ -n "$victim" ] || fail "no trainer found"
kill -9 "$victim"
wait $farm || fail "the death of a trainer ended the farm"
grep -q 'strike 1 of 3' trainer.err || fail "the crash was not noted"
finish trainer

# A rank: mpirun ends the job; the same command continues.
start rank
wait_into_training rank $farm
kill -9 "$(ranks_of $farm | tail -n 1)"
wait $farm && fail "the farm did not notice the death of a rank"
finish rank

# mpirun itself, twice: no rank may survive it.
for _ in 1 2; do
    start launcher
    wait_into_training launcher $farm
    ranks=$(ranks_of $farm)
    kill -9 $farm
    wait $farm || true
    sleep 1
    for rank in $ranks; do
        # Dead but not yet collected by init is dead.
        case $(ps -o stat= -p "$rank" || true) in
            "" | Z*) ;;
            *) fail "rank $rank outlived mpirun" ;;
        esac
    done
done
# What a killed farm left is told, and nobody waits for it.
expect_in 'lock       left by a farm that has ended' <(ratiofarm status --out launcher)
expect_in '"locked": false' <(ratiofarm status --out launcher --json)
# What was done when it was killed counts as time of training.
before=$(ratiofarm status --out launcher --json | sed -n 's/.*"training_seconds": //p')
[ "${before%,}" != 0.0 ] || fail "status forgets the trainings that were killed"
expect_in 'nothing works on this run' <(timeout 60 ratiofarm status --out launcher --watch)
finish launcher
