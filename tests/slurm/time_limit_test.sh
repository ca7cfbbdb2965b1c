#!/usr/bin/env bash
# A campaign that needs longer than its jobs may run, in a real Slurm: each job checkpoints before
# its limit by itself, is queued again and goes on, to the bits of an undisturbed run.
#    time_limit_test.sh REPOSITORY FOLDER_OF_THE_PROGRAMS
# To be started by with_slurm.sh.
set -uo pipefail
repository=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
source "$here/expect.sh"
export PATH="$2:$PATH"

make_campaign training.epochs=12 ensemble.members=1
ratiofarm run "$WORK/campaign.toml" --out "$WORK/calm" >"$WORK/calm.out" 2>&1 ||
    { cat "$WORK/calm.out" && exit 1; }

law "a job that is too short for its trainings stops before its limit and is continued"
# Trainings are made slow, so that one minute (the shortest limit Slurm knows) is too short; the
# batch system's own warning signal is switched off.
export RATIOFARM_FAILPOINT='*:step=slow'
code=0
sbatch --wait --quiet --ntasks-per-node=2 --time=1 --signal=B:USR1@1 --output=output \
    "$repository/slurm/run.sbatch" "$WORK/campaign.toml" --out "$STATE/run" || code=$?
unset RATIOFARM_FAILPOINT
expect_equal "$code" 0 "the exit code"
cp "$STATE/output" "$STATE/log"
expect_line 'stopping early why="the time is over"'
expect_line "stopped early (exit code 75); continuing by requeue"
expect_line "start 2 of at most 50"
expect_line "resumed=yes"
grep -q "DUE TO TIME LIMIT" "$STATE/output" && fail "Slurm had to end the job"
ratiofarm verify --out "$STATE/run" >"$STATE/verified" 2>&1 || fail "$(<"$STATE/verified")"
cmp "$WORK/calm/fit.json" "$STATE/run/fit.json" || fail "the fits differ"
echo "all laws hold"
