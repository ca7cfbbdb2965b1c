#!/usr/bin/env bash
# Runs a campaign on a workstation, without Slurm: slurm/local.sh RANKS CAMPAIGN.toml [--out DIR]
# Starts the farm and goes on after early stops and crashes. Ctrl-C writes checkpoints and stops;
# the same command continues.
set -uo pipefail

if [[ $# -lt 2 || ! $1 =~ ^[0-9]+$ ]]; then
    sed -n 2,4p "${BASH_SOURCE[0]}" >&2
    exit 2
fi
ranks=$1
shift

here=$(dirname "${BASH_SOURCE[0]}")
source "$here/site.sh"
source "$here/supervise.sh"
# One rank needs no launcher; binding is left to the operating system.
launch=()
[[ $ranks -gt 1 ]] && launch=(mpirun --oversubscribe --bind-to none -n "$ranks")

out=$(run_folder "$@")
idle=0
for ((starts = 1; starts <= max_starts; starts++)); do
    before=$(results_of "$out")
    run_through_crashes "${launch[@]}" ratiofarm run "$@"
    [[ $code == 75 && -z $stop_signal ]] || exit "$code"
    if gets_nowhere "$out" "$before" "$idle"; then
        note "not started again: look above for why it stops, mend that and start it yourself"
        exit 2
    fi
    note "stopped early (exit code 75); start $starts of at most $max_starts"
done
exit 75
