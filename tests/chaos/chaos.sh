#!/usr/bin/env bash
# Faults at random, in a loop: kills trainers, ranks and mpirun, stops trainers, asks for checkpoints
# and stops, flips bits, cuts files, fills the disk. Each round is one campaign that is started again
# until it is done; it must end with the bits of an undisturbed run, each net committed once.
#    chaos.sh FOLDER_OF_THE_PROGRAMS MINUTES SEED
source "$(dirname "$0")/../end_to_end/library.sh"
minutes=$2
seed=$3
RANDOM=$seed
limit=$(awk -v minutes="$minutes" -v now="$SECONDS" 'BEGIN { print int(now + 60 * minutes) }')

# Every step of every training leaves a byte in a file of its trainer: what is repeated is counted.
export RATIOFARM_FAILPOINT='*:step=count' RATIOFARM_FAILPOINT_COUNTS=$work/steps
steps_done() { cat "$work"/steps.* | wc -c; }

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

inject() { # pid of the farm
    local victim found
    case $(random 9) in
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
            [ -f run/journal.jsonl ] || return 0
            mapfile -t found < <(trainers_of "$1")
            count_deaths "${found[@]}"
            kill -9 "$1" 2> /dev/null || return 0
            wait "$1" 2> /dev/null || true
            sleep 0.5
            truncate -s -$(($(random 60) + 1)) run/journal.jsonl && count "journal cut"
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
    local trainer=$programs/ratiofarm-trainer
    full=0 # ranks that cannot write
    if [ "$(random 8)" = 0 ]; then
        trainer=$work/limited
        count "disk full"
        full=$1
    fi
    starts=$((starts + 1))
    : > run.err
    RATIOFARM_TRAINER=$trainer mpirun --oversubscribe -n "$1" ratiofarm run campaign.toml --out run \
        --hang-seconds 1 --strikes 1000 > run.out 2> run.err &
    farm=$!
}

while [ "$SECONDS" -lt "$limit" ]; do
    rm -rf run
    rounds=$((rounds + 1))
    for attempt in $(seq 200); do
        ranks=$(($(random 3) + 1))
        start_farm $ranks
        sleep "$(awk -v r="$(random 1000)" 'BEGIN { print 0.5 + 3 * r / 1000 }')"
        # The last quarter of the attempts of a round is left in peace, so that it ends.
        while [ "$attempt" -lt 15 ] && [ -d "/proc/$farm" ] && [ "$SECONDS" -lt "$limit" ]; do
            inject "$farm"
            sleep "$(awk -v r="$(random 1000)" 'BEGIN { print 0.2 + 2 * r / 1000 }')"
        done
        code=0
        wait $farm 2> /dev/null || code=$?
        # Trainings that cannot write end at their first checkpoint; from a damaged one the older
        # is used, an interval before it.
        ! grep -q 'cannot go on now' run.err || used_older=$((used_older + full))
        used_older=$((used_older + $(grep -c 'checkpoint cannot be used' run.err || true)))
        [ $code != 0 ] || break
        # Exit code 2 and 3 are verdicts of the program, which no fault here may cause.
        [ $code != 2 ] && [ $code != 3 ] || fail "seed $seed, round $rounds: exit code $code"
    done
    [ $code = 0 ] || fail "seed $seed, round $rounds: not done after $attempt starts"
    content_of run | diff calm.content - >&3 || fail "seed $seed, round $rounds: other bits"
    ratiofarm verify --out run > verify.out || fail "seed $seed, round $rounds: $(cat verify.out)"
    twice=$(grep '"event":"task_committed"' run/journal.jsonl | grep -o '"task":"[0-9a-f]*"' |
        sort | uniq -d | wc -l)
    [ "$twice" = 0 ] || fail "seed $seed, round $rounds: $twice tasks were committed twice"
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
