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

make_campaign 20000 100 2 "[32, 32]"
make_calm 6
calm_seconds=$(awk -F'"seconds":' '/"name":"[A-Z]*\/member/ { split($2, a, ","); sum += a[1] }
    END { print sum }' calm/journal.jsonl)

declare -A injected=()
interval=$(sed -n 's/^checkpoint_seconds = //p' campaign.toml)
deaths=0   # trainings that died
repeated=0 # seconds of training that were lost with them
used_older=0 # damaged checkpoints that were found when a training went on
rounds=0
starts=0

random() { # below
    echo $((RANDOM % $1))
}
count() { injected[$1]=$((${injected[$1]:-0} + 1)); }
lose() { # trainings, seconds of each
    deaths=$((deaths + $1))
    repeated=$(awk -v a="$repeated" -v n="$1" -v s="$2" 'BEGIN { print a + n * s }')
}

# To be called just before trainings die: what is lost is the time since their checkpoints. Those of
# running trainings are younger than a second; one that has none yet loses an interval at most.
charge() { # trainings that die, trainings that run
    [ "$(grep -o 'stage=[a-z]*' run.err | tail -n 1)" = stage=train ] || return 0
    local now
    now=$(date +%s.%N)
    lose "$1" "$(find run/tasks -name '*.state' -printf '%T@\n' 2> /dev/null | sort -rn | head -n "$2" |
        awk -v now="$now" -v running="$2" -v interval="$interval" '
            now - $1 < 1 { sum += now - $1; running_seen += 1 }
            END { print (sum + interval * (running - running_seen)) / running }')"
}

one_of() { # words: one at random
    [ $# = 0 ] || echo "${@:$(($(random $#) + 1)):1}"
}

inject() { # pid of the farm, ranks
    local victim
    case $(random 9) in
        0 | 1)
            victim=$(one_of $(trainers_of "$1"))
            [ -n "$victim" ] || return 0
            charge 1 "$2"
            kill -9 "$victim" 2> /dev/null && count "trainer killed"
            ;;
        2)
            victim=$(one_of $(trainers_of "$1"))
            [ -n "$victim" ] || return 0
            charge 1 "$2"
            kill -STOP "$victim" 2> /dev/null && count "trainer hung"
            ;;
        3)
            victim=$(one_of $(ranks_of "$1"))
            [ -n "$victim" ] || return 0
            charge "$2" "$2"
            kill -9 "$victim" 2> /dev/null && count "rank killed"
            ;;
        4)
            charge "$2" "$2"
            kill -9 "$1" 2> /dev/null && count "launcher killed"
            ;;
        5) grep -q 'stage=train' run.err && kill -USR2 "$1" 2> /dev/null && count "stopped by USR2" ;;
        6) grep -q 'stage=train' run.err && kill -USR1 "$1" 2> /dev/null && count "checkpoint by USR1" ;;
        7)
            victim=$(one_of $(ls run/tasks/*/*.state 2> /dev/null))
            [ -n "$victim" ] || return 0
            flip_bit "$victim" 2> /dev/null && count "checkpoint damaged"
            ;;
        8)
            [ -f run/journal.jsonl ] || return 0
            charge "$2" "$2"
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
            inject "$farm" "$ranks"
            sleep "$(awk -v r="$(random 1000)" 'BEGIN { print 0.2 + 2 * r / 1000 }')"
        done
        code=0
        wait $farm 2> /dev/null || code=$?
        # Trainings that cannot write end at their first checkpoint; from a damaged one the older
        # is used, an interval before it.
        [ "$full" = 0 ] || ! grep -q 'cannot go on now' run.err || lose "$full" "$interval"
        damaged=$(grep -c 'checkpoint cannot be used' run.err || true)
        repeated=$(awk -v a="$repeated" -v n="$damaged" -v s="$interval" 'BEGIN { print a + n * s }')
        used_older=$((used_older + damaged))
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
awk -v lost="$repeated" -v calm="$calm_seconds" -v rounds="$rounds" -v deaths="$deaths" \
    -v older="$used_older" -v interval="$interval" 'BEGIN {
    work = calm * rounds
    expected = interval * (deaths / 2 + older)
    printf "trainings: %.1f s undisturbed; %d deaths, one every %.1f s of it; %d older generations used\n",
        work, deaths, work / (deaths > 0 ? deaths : 1), older
    printf "work repeated: %.1f s, %.1f %%, from the ages of the checkpoints that were gone on from\n",
        lost, 100 * lost / work
    printf "expected: %.1f s, %.1f %%: half of the interval of %.1f s a death, all of it a generation\n",
        expected, 100 * expected / work, interval }'
