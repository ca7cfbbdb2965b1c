#!/usr/bin/env bash
# Jobs that come and go on one run directory, at random, in a loop: they join, are killed, suspended
# for shorter or longer than a lease, told to stop; ranks and trainers die; claims, locks and signs of
# life are removed, damaged or made up; checkpoints are damaged. Each round is one campaign; it must
# end with the bits of an undisturbed run and, while nobody touched claims or locks, each net
# committed once.
#    joins.sh FOLDER_OF_THE_PROGRAMS MINUTES SEED
source "$(dirname "$0")/../end_to_end/library.sh"
minutes=$2
seed=$3
RANDOM=$seed
limit=$(awk -v minutes="$minutes" -v now="$SECONDS" 'BEGIN { print int(now + 60 * minutes) }')
lease=3

export RATIOFARM_FAILPOINT='*:step=count' RATIOFARM_FAILPOINT_COUNTS=$work/steps
steps_done() { cat "$work"/steps.* | wc -c; }
make_campaign 20000 60 2 "[32, 32]"
make_calm 6
calm_steps=$(steps_done)
rm "$work"/steps.*

declare -A injected=()
rounds=0
starts=0
jobs=()     # pids of the jobs of a round that were not waited for
sleepers=() # pids of what wakes suspended jobs

random() { echo $((RANDOM % $1)); } # below
count() { injected[$1]=$((${injected[$1]:-0} + 1)); }
one_of() { [ $# = 0 ] || echo "${@:$(($(random $#) + 1)):1}"; }
pause() { sleep "$(awk -v r="$(random 1000)" -v from="$1" -v to="$2" 'BEGIN { print from + (to - from) * r / 1000 }')"; }

start_job() {
    local ranks launch=()
    ranks=$(random 3) # 0: without mpirun
    [ "$ranks" = 0 ] || launch=(mpirun --oversubscribe -n "$ranks")
    starts=$((starts + 1))
    "${launch[@]}" ratiofarm "${1:-$(one_of run train)}" campaign.toml --out run --join --lease $lease \
        --hang-seconds 1 --strikes 1000 > "job.$starts.out" 2> "job.$starts.err" &
    jobs+=($!)
    log[$!]=job.$starts
}

# Forgets the jobs that ended. A verdict is a fault.
collect_jobs() {
    local job code still=()
    for job in "${jobs[@]}"; do
        if [ -d "/proc/$job" ] && [ "$(ps -o stat= -p "$job" | cut -c 1)" != Z ]; then
            still+=("$job")
            continue
        fi
        code=0
        wait "$job" 2> /dev/null || code=$?
        grep -q 'this is a bug' "${log[$job]}.err" && fail "seed $seed, round $rounds, ${log[$job]}: a bug"
        case $code in
            2) [ $robbed = 1 ] || fail "seed $seed, round $rounds, ${log[$job]}: exit code 2" ;;
            3 | 139) fail "seed $seed, round $rounds, ${log[$job]}: exit code $code" ;;
        esac
    done
    jobs=("${still[@]}")
}

processes_of() { # pid of a job: itself, its ranks, their trainers
    echo "$1"
    ranks_of "$1"
    trainers_of "$1"
}

inject() {
    local job victim found
    job=$(one_of "${jobs[@]}")
    [ -n "$job" ] || return 0
    case $(random 19) in
        0 | 1 | 2) [ ${#jobs[@]} -ge 4 ] || { start_job && count "job joins"; } ;;
        3 | 4) kill -9 "$job" 2> /dev/null && count "job killed" ;;
        5)
            mapfile -t found < <(processes_of "$job" 2> /dev/null)
            kill -9 "${found[@]}" 2> /dev/null && count "job killed with all that it started"
            ;;
        6 | 7 | 8)
            mapfile -t found < <(processes_of "$job" 2> /dev/null)
            kill -STOP "${found[@]}" 2> /dev/null || return 0
            count "job suspended"
            (pause 0.1 $((3 * lease)) && kill -CONT "${found[@]}" 2> /dev/null) &
            sleepers+=($!)
            ;;
        9) grep -q 'stage=train' "${log[$job]}.err" && kill -USR2 "$job" 2> /dev/null && count "job told to stop" ;;
        10)
            mapfile -t found < <(trainers_of "$job" 2> /dev/null)
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] && kill -9 "$victim" 2> /dev/null && count "trainer killed"
            ;;
        11)
            mapfile -t found < <(ranks_of "$job" 2> /dev/null)
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] && kill -9 "$victim" 2> /dev/null && count "rank killed"
            ;;
        12 | 13)
            mapfile -t found < <(find run/claims -type l 2> /dev/null)
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] || return 0
            robbed=1
            rm "$victim" 2> /dev/null && count "claim removed"
            ;;
        14)
            mapfile -t found < <(find run/claims -type l 2> /dev/null)
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] || return 0
            robbed=1
            ln -sfn "$(one_of 'nobody' 'nobody x' "$(basename "$victim")" '../..' 'nobody 99999999999 why')" "$victim" 2> /dev/null &&
                count "claim damaged"
            ;;
        15)
            mapfile -t found < <(find run/claims -type l 2> /dev/null)
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] || return 0
            robbed=1
            ln -s "nobody 2" "${victim%.*}.$(one_of 2 7 99 100001)" 2> /dev/null || return 0
            count "claim made up"
            ;;
        16)
            robbed=1
            victim=$(one_of run/claims/turn run/lock run/claims)
            rm -r "$victim" 2> /dev/null && count "$(basename "$victim") removed"
            ;;
        17)
            mapfile -t found < <(ls run/lock.job-* run/progress.job-* 2> /dev/null)
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] || return 0
            robbed=1
            rm "$victim" 2> /dev/null && count "lock or sign of a job removed"
            ;;
        18)
            mapfile -t found < <(ls run/tasks/*/*.state 2> /dev/null)
            victim=$(one_of "${found[@]}")
            [ -n "$victim" ] && flip_bit "$victim" 2> /dev/null && count "checkpoint damaged"
            ;;
    esac
    return 0
}

while [ $rounds = 0 ] || [ "$SECONDS" -lt "$limit" ]; do
    rm -rf run job.*
    rounds=$((rounds + 1))
    robbed=0 # somebody touched claims or locks
    declare -A log=()
    jobs=()
    sleepers=()
    start_job run
    start_job
    for _ in $(seq $((6 + $(random 12)))); do
        pause 0.2 2
        inject
        collect_jobs
        [ ${#jobs[@]} -gt 0 ] || start_job
    done
    wait "${sleepers[@]}" 2> /dev/null || true
    # In peace one job ends it, whatever the others left.
    for attempt in $(seq 20); do
        collect_jobs
        [ ${#jobs[@]} -gt 0 ] || start_job run
        for _ in $(seq 1500); do
            collect_jobs
            [ ${#jobs[@]} -gt 0 ] || break
            sleep 0.2
        done
        [ ${#jobs[@]} = 0 ] || fail "seed $seed, round $rounds: stuck: $(tail -n 5 job.*.err)"
        [ ! -s run/report.html ] || break
    done
    [ -s run/report.html ] || fail "seed $seed, round $rounds: not done after $attempt more jobs"
    run_on 0 run run > alone.out 2> alone.err || fail "seed $seed, round $rounds: $(cat alone.err)"
    [ $robbed = 1 ] || grep -q '^train *up to date' alone.out || fail "seed $seed, round $rounds: nets were left"
    content_of run | { [ $robbed = 0 ] && cat || grep -vE '"file": "(tasks/.*state|progress[.]job)'; } |
        diff calm.content - >&3 || fail "seed $seed, round $rounds: other bits"
    ratiofarm verify --out run > verify.out || fail "seed $seed, round $rounds: $(cat verify.out)"
    twice=$(cat run/journal*.jsonl | grep '"event":"task_committed".*"kind":"training"' |
        grep -o '"task":"[0-9a-f]*"' | sort | uniq -d | wc -l)
    [ "$twice" = 0 ] || [ $robbed = 1 ] || fail "seed $seed, round $rounds: $twice nets were committed twice"
    [ ! -e run/claims ] || fail "seed $seed, round $rounds: claims are left"
done

echo "chaos of jobs: seed $seed, $rounds rounds, $starts jobs, all with the bits of an undisturbed run"
for fault in "${!injected[@]}"; do printf '%6d  %s\n' "${injected[$fault]}" "$fault"; done | sort -rn
awk -v done="$(steps_done)" -v wanted=$((calm_steps * rounds)) 'BEGIN {
    printf "steps of trainings: %d, %.2f times those of undisturbed runs\n", done, done / wanted }'
