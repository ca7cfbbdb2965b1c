#!/usr/bin/env bash
# Faults at random, in a loop: kills trainers, ranks and mpirun, suspends them, asks for checkpoints
# and stops, flips bits, cuts and removes files, fills the disk, lets writing calls fail, starts a
# second farm, takes the lock away, replaces the events. Each round is one campaign that is started
# again until it is done; it must end with the bits of an undisturbed run, each net committed once.
#    chaos.sh FOLDER_OF_THE_PROGRAMS MINUTES SEED
source "$(dirname "$0")/../end_to_end/library.sh"
minutes=$2
seed=$3
RANDOM=$seed
limit=$(awk -v minutes="$minutes" -v now="$SECONDS" 'BEGIN { print int(now + 60 * minutes) }')

# Every step of every training leaves a byte in a file of its trainer: what is repeated is counted.
export RATIOFARM_FAILPOINT='*:step=count' RATIOFARM_FAILPOINT_COUNTS=$work/steps
steps_done() { cat "$work"/steps.* | wc -c; }

cc -shared -fPIC -O2 "$shared/../chaos/write_errors.c" -o "$work/write_errors.so" -ldl
export WRITE_ERRORS_FOLDER=$work/run WRITE_ERRORS_COUNTER=$work/calls

toy_campaign interference simulate.events=20000 simulate.seed=4 > other.toml
ratiofarm simulate other.toml > /dev/null
mv toy.h5 other.h5 # the same columns, other events
make_campaign 20000 100 2 "[32, 32]"
make_calm 6
calm_steps=$(steps_done)
rm "$work"/steps.*
calm_seconds=$(awk -F'"seconds":' '/"name":"[A-Z]*\/member/ { split($2, a, ","); sum += a[1] }
    END { print sum }' calm/journal.jsonl)

declare -A injected=()
interval=$(sed -n 's/^checkpoint_seconds = //p' campaign.toml)
deaths=0     # trainings that died between two checkpoints
used_older=0 # times that a training lost a whole interval
rounds=0
starts=0

random() { # below
    echo $((RANDOM % $1))
}
count() { injected[$1]=$((${injected[$1]:-0} + 1)); }

# To be called just before trainers die: counts those of them that do steps now.
count_deaths() { # pids
    local trainer
    for trainer in "$@"; do
        [ -z "$(find "steps.$trainer" -newermt '0.3 seconds ago' 2> /dev/null)" ] ||
            deaths=$((deaths + 1))
    done
}

one_of() { # words: one at random
    [ $# = 0 ] || echo "${@:$(($(random $#) + 1)):1}"
}

suspend() { # pid, name of the fault
    kill -STOP "$1" 2> /dev/null || return 0
    count "$2"
    sleep "$(awk -v r="$(random 1000)" 'BEGIN { print 0.1 + 3 * r / 1000 }')"
    kill -CONT "$1" 2> /dev/null || true
}

one_file() { # patterns: one of the files of the run at random
    mapfile -t found < <(compgen -G "run/tasks/*/*.$1" || true)
    [ "$1" != h5 ] || mapfile -t found < <(ls run/ensembles/*.h5 run/ratios.h5 2> /dev/null)
    one_of "${found[@]}"
}

# Leaves the exit code in $code. One that does not end is a fault.
wait_for() { # pid, its log
    for _ in $(seq 1500); do
        [ -d "/proc/$1" ] || break
        sleep 0.2
    done
    [ ! -d "/proc/$1" ] || fail "seed $seed, round $rounds: stuck: $(tail -n 5 "$2")"
    code=0
    wait "$1" 2> /dev/null || code=$?
}

# A second farm on the run directory: it is refused, or goes on if the first one has ended.
start_second() {
    [ -z "$second" ] || return 0
    mpirun --oversubscribe -n 1 ratiofarm run campaign.toml --out run > /dev/null 2> second.err &
    second=$!
    count "$1"
}

inject() { # pid of the farm
    local victim found
    case $(random 18) in
        0 | 1)
            mapfile -t found < <(trainers_of "$1")
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] || return 0
            count_deaths "$victim"
            kill -9 "$victim" 2> /dev/null && count "trainer killed"
            ;;
        2)
            mapfile -t found < <(trainers_of "$1")
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] || return 0
            count_deaths "$victim"
            kill -STOP "$victim" 2> /dev/null && count "trainer hung"
            ;;
        3)
            mapfile -t found < <(ranks_of "$1")
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] || return 0
            mapfile -t found < <(trainers_of "$1")
            count_deaths "${found[@]}"
            kill -9 "$victim" 2> /dev/null && count "rank killed"
            ;;
        4)
            mapfile -t found < <(trainers_of "$1")
            count_deaths "${found[@]}"
            kill -9 "$1" 2> /dev/null && count "launcher killed"
            ;;
        5) grep -q 'stage=train' run.err && kill -USR2 "$1" 2> /dev/null && count "stopped by USR2" ;;
        6) grep -q 'stage=train' run.err && kill -USR1 "$1" 2> /dev/null && count "checkpoint by USR1" ;;
        7)
            mapfile -t found < <(ls run/tasks/*/*.state 2> /dev/null)
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] || return 0
            flip_bit "$victim" 2> /dev/null && count "checkpoint damaged"
            ;;
        8)
            [ -f run/journal.jsonl ] && [ -z "$second" ] || return 0
            mapfile -t found < <(trainers_of "$1")
            count_deaths "${found[@]}"
            kill -9 "$1" 2> /dev/null || return 0
            wait "$1" 2> /dev/null || true
            sleep 0.5
            truncate -s -$(($(random 60) + 1)) run/journal.jsonl && count "journal cut"
            ;;
        9)
            mapfile -t found < <(ranks_of "$1")
            victim=$(one_of "${found[@]}")
            [ -z "$victim" ] || suspend "$victim" "rank suspended"
            ;;
        10) suspend "$1" "launcher suspended" ;;
        11)
            mapfile -t found < <(trainers_of "$1")
            victim=$(one_of "${found[@]}")
            [ -z "$victim" ] || suspend "$victim" "trainer suspended"
            ;;
        12) start_second "second farm" ;;
        13)
            rm run/lock 2> /dev/null || return 0
            robbed=1
            start_second "lock removed, second farm"
            ;;
        14)
            [ -f run/lock ] || return 0
            robbed=1
            # As if another one had taken it: a whole lock of a farm that is gone.
            cp run/lock lock.copy && mv lock.copy run/lock && count "lock replaced"
            ;;
        15)
            victim=$(one_file "$(one_of ckpt h5)")
            [ -n "$victim" ] || return 0
            damaged=1
            redone=$((redone + 1))
            flip_bit "$victim" 2> /dev/null && count "result damaged"
            ;;
        16)
            victim=$(one_file "$(one_of ckpt h5)")
            [ -n "$victim" ] || return 0
            damaged=1
            redone=$((redone + 1))
            rm "$victim" 2> /dev/null && count "result removed"
            ;;
        17)
            # Not before the events were read: their nets would be another campaign's.
            grep -q 'stage=train' run.err || return 0
            cp other.h5 fresh.h5
            mv toy.h5 kept.h5
            mv fresh.h5 toy.h5
            sleep "$(awk -v r="$(random 1000)" 'BEGIN { print 1.5 * r / 1000 }')"
            mv kept.h5 toy.h5
            replaced=1
            count "events replaced"
            ;;
    esac
    return 0
}

# A limit on file sizes stands in for a full disk: it needs no privileges.
full_disk_trainer() {
    printf '#!/bin/sh\nulimit -f 20\nexec "%s/ratiofarm-trainer" "$@"\n' "$programs" > limited
    chmod +x limited
}
full_disk_trainer

start_farm() { # ranks
    local trainer=$programs/ratiofarm-trainer errors=()
    damaged=0  # a result was damaged or removed
    replaced=0 # the events were
    second=    # pid of a second farm
    full=0 # ranks that cannot write
    if [ "$(random 8)" = 0 ]; then
        trainer=$work/limited
        count "disk full"
        full=$1
    elif [ "$(random 4)" = 0 ]; then
        head -c 8 /dev/zero > calls
        errors=(LD_PRELOAD="$work/write_errors.so" WRITE_ERRORS_AT=$(($(random 900) + 1))
            WRITE_ERRORS_ERRNO="$(one_of 5 28 30 4 0)") # EIO ENOSPC EROFS EINTR half
        [ "$(random 2)" = 0 ] || [ "${errors[2]}" = WRITE_ERRORS_ERRNO=4 ] ||
            [ "${errors[2]}" = WRITE_ERRORS_ERRNO=0 ] || errors+=(WRITE_ERRORS_FOREVER=1)
        count "writing call fails"
    fi
    starts=$((starts + 1))
    : > run.err
    env RATIOFARM_TRAINER="$trainer" "${errors[@]}" \
        mpirun --oversubscribe -n "$1" ratiofarm run campaign.toml --out run \
        --hang-seconds 1 --strikes 1000 > run.out 2> run.err &
    farm=$!
}

while [ "$SECONDS" -lt "$limit" ]; do
    rm -rf run
    rounds=$((rounds + 1))
    robbed=0 # the lock was removed or replaced
    redone=0 # results that were damaged or removed: their tasks may be committed again
    for attempt in $(seq 200); do
        ranks=$(($(random 3) + 1))
        start_farm $ranks
        sleep "$(awk -v r="$(random 1000)" 'BEGIN { print 0.5 + 3 * r / 1000 }')"
        # The last quarter of the attempts of a round is left in peace, so that it ends.
        while [ "$attempt" -lt 15 ] && [ -d "/proc/$farm" ] && [ "$SECONDS" -lt "$limit" ]; do
            inject "$farm"
            sleep "$(awk -v r="$(random 1000)" 'BEGIN { print 0.2 + 2 * r / 1000 }')"
        done
        wait_for "$farm" run.err
        first=$code
        if [ -n "$second" ]; then
            wait_for "$second" second.err
            [ $code != 2 ] || [ $replaced = 1 ] || grep -q 'in use by another farm' second.err ||
                fail "seed $seed, round $rounds: exit code 2 of a second farm: $(cat second.err)"
        fi
        code=$first
        # Trainings that cannot write end at their first checkpoint; from a damaged one the older
        # is used, an interval before it.
        ! grep -q 'cannot go on now' run.err || used_older=$((used_older + full))
        used_older=$((used_older + $(grep -c 'checkpoint cannot be used' run.err || true)))
        # What was damaged after its last use is found by the next start.
        [ $code != 0 ] || [ $damaged = 1 ] || break
        # 1 to 3 are verdicts of the program, which no fault here may cause; mpirun gives 1 for a
        # rank that was killed.
        case $code in
            1) ! grep -q 'this is a bug' run.err || fail "seed $seed, round $rounds: a bug" ;;
            2) [ $replaced = 1 ] || fail "seed $seed, round $rounds: exit code 2" ;;
            3 | 139) fail "seed $seed, round $rounds: exit code $code" ;;
        esac
    done
    [ $code = 0 ] || fail "seed $seed, round $rounds: not done after $attempt starts"
    # A farm that lost its lock leaves the checkpoints of tasks that the other one finished.
    content_of run | { [ $robbed = 0 ] && cat || grep -vE '"file": "(lock|tasks/.*state)'; } |
        diff calm.content - >&3 || fail "seed $seed, round $rounds: other bits"
    ratiofarm verify --out run > verify.out || fail "seed $seed, round $rounds: $(cat verify.out)"
    # A ratios.h5 that was lost or damaged takes all its evaluations once more, but no training.
    twice=$(grep '"event":"task_committed".*"kind":"training"' run/journal.jsonl |
        grep -o '"task":"[0-9a-f]*"' | sort | uniq -d | wc -l)
    [ "$twice" -le "$redone" ] || fail "seed $seed, round $rounds: $twice tasks were committed twice"
done

echo "chaos: seed $seed, $rounds rounds, $starts starts, all with the bits of an undisturbed run"
for fault in "${!injected[@]}"; do printf '%6d  %s\n' "${injected[$fault]}" "$fault"; done | sort -rn
awk -v done="$(steps_done)" -v wanted=$((calm_steps * rounds)) -v calm="$calm_seconds" \
    -v rounds="$rounds" -v deaths="$deaths" -v older="$used_older" -v interval="$interval" 'BEGIN {
    work = calm * rounds
    printf "trainings: %d steps, %.1f s undisturbed; %d died at work, one in %.1f s; %d lost an interval\n",
        wanted, work, deaths, work / (deaths > 0 ? deaths : 1), older
    printf "work repeated: %.1f %%, %d steps\n", 100 * (done / wanted - 1), done - wanted
    printf "expected: %.1f %%, half of the %.1f s between checkpoints a death, undisturbed pace\n",
        100 * interval * (deaths / 2 + older) / work, interval }'
