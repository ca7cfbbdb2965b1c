#!/usr/bin/env bash
# `ratiofarm submit --as chain` and `--as allocation` in a real Slurm: trainings that need longer than
# a job may run go on in the next job, to the bits of an undisturbed run, and no longer than allowed.
#    submit_test.sh REPOSITORY FOLDER_OF_THE_PROGRAMS chain|allocation
# To be started by with_slurm.sh.
set -uo pipefail
repository=$1
programs=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
source "$here/expect.sh"
export PATH="$programs:$PATH" RATIOFARM_SLURM=$repository/slurm

make_campaign training.epochs=12 ensemble.members=1

# submit ARGUMENT...: jobs of two ranks and a minute, the shortest limit Slurm knows, whose own
# warning signal is switched off. Leaves the ids of the jobs in $jobs.
submit() {
    "$programs/ratiofarm" submit "$WORK/campaign.toml" --out "$STATE/run" --ranks-per-node 2 \
        --time 1 --sbatch "--signal=B:USR1@1" "$@" >"$STATE/output" 2>&1 || fail "submit"
    read -ra jobs <<<"$(sed -n 's/^job //p' "$STATE/output" | tr '\n' ' ')"
    echo "jobs ${jobs[*]}"
}

# Until no job is left; the logs of all jobs are put together in the order of the jobs.
wait_for_jobs() {
    for _ in {1..1200}; do
        [[ -n $(squeue -h 2>/dev/null) ]] || break
        sleep 0.2
    done
    [[ -z $(squeue -h) ]] || fail "jobs are left: $(squeue)"
    find "$STATE/run" -name 'slurm-*.log' -print0 | sort -zV | xargs -0 cat >"$STATE/output"
}

expect_no_line() { ! grep -q -- "$1" "$STATE/output" || fail "there is a line like '$1'"; }

# That the time limit stopped trainings, which went on, and that nothing else is to be seen.
expect_calm_fit() {
    expect_line 'stopping early why="the time is over"'
    expect_line "resumed=yes"
    expect_no_line "DUE TO TIME LIMIT"
    [[ -s $STATE/run/report.html ]] || fail "the campaign is not done"
    ratiofarm verify --out "$STATE/run" >"$STATE/verified" 2>&1 || fail "$(<"$STATE/verified")"
    ratiofarm run "$WORK/campaign.toml" --out "$WORK/calm" >"$WORK/calm.out" 2>&1 ||
        fail "$(<"$WORK/calm.out")"
    cmp "$WORK/calm/fit.json" "$STATE/run/fit.json" || fail "the fits differ"
}

# What sbatch would keep waiting for ever, or refuse: told before anything is written.
test_refusals() {
    law "more ranks than a node can hold, and a time that is none, are refused"
    local refused
    for refused in "--ranks-per-node 5" "--ranks-per-node 2 --cpus-per-task 3" "--time 8h" "--time 0:30" "--time 2:00:00"; do
        # shellcheck disable=SC2086  # an option and its value
        "$programs/ratiofarm" submit "$WORK/campaign.toml" --out "$WORK/refused" $refused \
            >"$STATE/output" 2>&1
        expect_equal "$?" 2 "the exit code of $refused"
        expect_line "${refused%% *}"
    done
    "$programs/ratiofarm" submit "$WORK/campaign.toml" --out "$WORK/shown" --cpus-per-task 2 --time 10 \
        --mem 1G --dry-run >"$STATE/output" 2>&1 || fail "$(<"$STATE/output")"
    expect_line "--ntasks-per-node=2 .* --signal=B:USR2@20 --mem='1G'"
    "$programs/ratiofarm" submit "$WORK/campaign.toml" --out "$WORK/shown" --dry-run >"$STATE/output" 2>&1 ||
        fail "$(<"$STATE/output")"
    expect_line "--time='1:00:00'" # of the partition, which is less than the default
}

# A job that has not begun is seen, and no second one waits for its lock by mistake.
test_waiting() {
    law "status knows a job that waits, and a second one is refused"
    local waiting=("$programs/ratiofarm" submit "$WORK/campaign.toml" --out "$WORK/waiting" --ranks-per-node 2 --time 5)
    "${waiting[@]}" --sbatch --hold >"$STATE/output" 2>&1 || fail "$(<"$STATE/output")"
    "$programs/ratiofarm" status --out "$WORK/waiting" >"$STATE/output" 2>&1 || fail "$(<"$STATE/output")"
    expect_line "submitted, and not begun yet"
    expect_line "slurm *job [0-9]* PENDING"
    "${waiting[@]}" >"$STATE/output" 2>&1
    expect_equal "$?" 2 "the exit code of a second submission"
    expect_line "has a job in the queue: [0-9]* PENDING.*--force"
    # Another folder of this name is another one; a second way to this one is not.
    mkdir "$WORK/else"
    local other=("$programs/ratiofarm" submit "$WORK/campaign.toml" --ranks-per-node 2 --time 5 --sbatch --hold)
    "${other[@]}" --out "$WORK/else/waiting" >"$STATE/output" 2>&1 || fail "$(<"$STATE/output")"
    "$programs/ratiofarm" status --out "$WORK/else/waiting" >"$STATE/output" 2>&1 || fail "$(<"$STATE/output")"
    expect_equal "$(grep -c '^slurm' "$STATE/output")" 1 "the number of its jobs"
    ln -s "$WORK" "$WORK/else/way"
    "${other[@]}" --out "$WORK/else/way/waiting" >"$STATE/output" 2>&1
    expect_equal "$?" 2 "the exit code of a second submission by another way"
    scancel --user="$(id -un)"
    while [[ -n $(squeue -h) ]]; do sleep 0.2; done
    "$programs/ratiofarm" status --out "$WORK/waiting" >"$STATE/output" 2>&1 || fail "$(<"$STATE/output")"
    expect_line "no job of it is in the queue: bash .*/waiting/submit.sh submits it"
}

test_chain() {
    test_refusals
    test_waiting
    law "jobs of a chain go on one after the other, started by srun, and the last finds all done"
    RATIOFARM_FAILPOINT='*:step=slow' RATIOFARM_LAUNCHER=srun submit --as chain --jobs 4
    expect_equal "${#jobs[@]}" 4 "the number of jobs"
    wait_for_jobs
    expect_line "start 1 of at most 4"
    expect_line "stopped early (exit code 75); continuing by next"
    expect_line "start 4 of at most 4"
    expect_no_line "not continued"
    expect_line "srun --mpi=pmix" "$STATE/run/slurm-${jobs[0]}.log"
    expect_line "ended with exit code 0" "$STATE/run/slurm-${jobs[3]}.log"
    expect_line "^train *up to date" "$STATE/run/slurm-${jobs[3]}.log"
    expect_calm_fit

    law "a chain that is too short says so, and more jobs can be hung onto it"
    export PATH="$here/stand_in:$PATH"
    PLAN="early early done" submit --as chain --jobs 2
    wait_for_jobs
    expect_starts 2
    expect_line "stopped early (exit code 75) and not continued: start 2 of at most 2"
    PLAN="early early done" submit --as chain --jobs 1
    wait_for_jobs
    expect_starts 3
    expect_line "start 1 of at most 1"
}

test_allocation() {
    law "one job is queued again after its limit until the campaign is done"
    RATIOFARM_FAILPOINT='*:step=slow' submit --as allocation
    expect_equal "${#jobs[@]}" 1 "the number of jobs"
    wait_for_jobs
    expect_line "stopped early (exit code 75); continuing by requeue"
    expect_line "start 2 of at most 50"
    expect_calm_fit

    law "where requeue is forbidden each job submits the next, with the same options"
    export PATH="$here/stand_in:$PATH"
    PLAN="early early early" RATIOFARM_CONTINUE=chain RATIOFARM_MAX_STARTS=3 submit --as allocation
    wait_for_jobs
    expect_starts 3
    expect_line "stopped early (exit code 75); continuing by chain"
    expect_line "stopped early (exit code 75) and not continued: start 3 of at most 3"
    scontrol show job -o "$((jobs[0] + 2))" >"$STATE/last_job"
    expect_line "JobName=ratiofarm run " "$STATE/last_job"
    expect_line "TimeLimit=00:01:00 " "$STATE/last_job"
    expect_line "NumTasks=2 " "$STATE/last_job"
}

"test_$3"
echo "all laws hold"
