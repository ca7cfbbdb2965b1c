#!/usr/bin/env bash
# A real campaign through sbatch.    campaign_test.sh REPOSITORY FOLDER_OF_THE_PROGRAMS
# To be started by with_slurm.sh.
set -uo pipefail
repository=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
source "$here/expect.sh"
export PATH="$2:$PATH"

make_campaign

# submit ARGUMENT...: leaves the exit code of the finished job in $code.
submit() {
    code=0
    sbatch --wait --quiet --ntasks-per-node=2 --time=10 --output=output \
        "$repository/slurm/run.sbatch" "$WORK/campaign.toml" --out "$STATE/run" || code=$?
    cp "$STATE/output" "$STATE/log" 2>/dev/null
}

law "sbatch --wait runs a campaign to its fit"
submit
expect_equal "$code" 0 "the exit code"
[[ -s $STATE/run/fit.json ]] || fail "there is no fit.json"
undisturbed=$STATE/run

law "a job that is stopped while it trains goes on after the requeue, to the same fit"
RATIOFARM_FAILPOINT=$(seq -s ';' -f '*:step@%g=slow' 20 20 160) # four seconds a net, on any machine
export RATIOFARM_FAILPOINT
submit &
submission=$!
wait_for "$STATE/run/tasks"
sleep 1
scancel --batch --signal=USR2 "$(squeue -h -o %i)"
wait "$submission"
expect_line "stopped early (exit code 75 after signal USR2); continuing by requeue"
expect_line "start 2 of at most 50"
unset RATIOFARM_FAILPOINT
ratiofarm verify --out "$STATE/run" >"$STATE/verified" 2>&1 || fail "$(<"$STATE/verified")"
cmp "$undisturbed/fit.json" "$STATE/run/fit.json" || fail "the fits differ"
echo "all laws hold"
