#!/usr/bin/env bash
# slurm/run.sbatch in a real Slurm, with a stand-in for the program.    batch_test.sh REPOSITORY
# To be started by with_slurm.sh.
set -uo pipefail
repository=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
source "$here/expect.sh"
export PATH="$here/stand_in:$PATH"
export RATIOFARM_MAX_CRASHES=1

# submit ARGUMENT...: leaves the exit code of the finished job in $code.
submit() {
    code=0
    sbatch --wait --quiet --ntasks-per-node=2 --time=10 --output=output \
        "$repository/slurm/run.sbatch" "$@" || code=$?
}

for launcher in mpirun srun; do
    export RATIOFARM_LAUNCHER=$launcher

    law "a job runs the campaign on all its ranks ($launcher)"
    PLAN="done" submit campaign.toml --out here
    expect_equal "$code" 0 "the exit code"
    expect_line "^run campaign.toml --out here$" "$STATE/log"
    expect_line "start 1 of at most 50"

    law "a lost rank is continued from in the same job ($launcher)"
    PLAN="lost done" submit campaign.toml
    expect_equal "$code" 0 "the exit code"
    expect_starts 2
    expect_line "continuing, 1 of at most 1 times"
done
unset RATIOFARM_LAUNCHER

law "failed tasks end the job with their code"
PLAN="failed" submit campaign.toml
expect_equal "$code" 3 "the exit code"
expect_starts 1

law "USR2 before the time limit stops the farm, and the re-queued job goes on"
PLAN="wait done" submit campaign.toml &
submission=$!
wait_for "$STATE/waiting"
scancel --batch --signal=USR2 "$(squeue -h -o %i)"
wait "$submission"
expect_starts 2
expect_line "stopped early (exit code 75 after signal USR2); continuing by requeue"
expect_line "start 2 of at most 50"

law "where requeue is forbidden a chained job goes on"
PLAN="early done" RATIOFARM_CONTINUE=chain submit campaign.toml
expect_equal "$code" 75 "the exit code of the first job"
while [[ -n $(squeue -h) ]]; do sleep 0.2; done
expect_starts 2
cat "$STATE"/ratiofarm-*.log "$STATE/output" >"$STATE/both" 2>/dev/null
expect_line "start 2 of at most 50" "$STATE/both"

law "a job that gets nowhere is not queued again for ever"
mkdir here
PLAN="early early early" RATIOFARM_MAX_IDLE=2 submit campaign.toml --out here
expect_equal "$code" 2 "the exit code"
expect_starts 2
expect_line "and not continued: look above for why"

law "where requeue is forbidden neither"
mkdir here
PLAN="early early early" RATIOFARM_MAX_IDLE=2 RATIOFARM_CONTINUE=chain submit campaign.toml --out here
while [[ -n $(squeue -h) ]]; do sleep 0.2; done
expect_starts 2

law "a farm that never finishes is not started for ever"
PLAN="early early early" RATIOFARM_MAX_STARTS=2 submit campaign.toml
expect_equal "$code" 75 "the exit code"
expect_starts 2
expect_line "stopped early (exit code 75) and not continued: start 2 of at most 2"
echo "all laws hold"
