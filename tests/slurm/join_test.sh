#!/usr/bin/env bash
# `ratiofarm submit --as join` on three nodes of a real Slurm: of five jobs that share the trainings
# three run at a time; one is cancelled, the node of another dies, others begin in their place and one
# more is submitted by hand; to the bits of an undisturbed run.
# Then one job to begin with, which submits more while work waits.
#    join_test.sh REPOSITORY FOLDER_OF_THE_PROGRAMS
# To be started by with_slurm.sh with NODES=3.
set -uo pipefail
repository=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
source "$here/expect.sh"
export PATH="$2:/usr/sbin:$PATH" RATIOFARM_SLURM=$repository/slurm

make_campaign training.epochs=4 training.checkpoint_seconds=1 ensemble.members=4
ratiofarm run "$WORK/campaign.toml" --out "$WORK/calm" >"$WORK/calm.out" 2>&1 ||
    { cat "$WORK/calm.out" && exit 1; }

export RATIOFARM_FAILPOINT='*:step=slow' OMPI_MCA_hwloc_base_binding_policy=none
submit() { # options
    ratiofarm submit "$WORK/campaign.toml" --out "$STATE/run" --as join --ranks-per-node 1 --time 10 \
        "$@" >"$STATE/output" 2>&1 || fail "submit"
    array=$(sed -n 's/^array //p' "$STATE/output")
}

# Waits until so many jobs have begun a net.
wait_for_jobs() {
    for _ in {1..1200}; do
        [[ $(grep -l attempt_began "$STATE"/run/journal.job-*.jsonl 2>/dev/null | wc -l) -ge $1 ]] &&
            return
        sleep 0.1
    done
    fail "$1 jobs did not begin a net"
}

# All is done, with the bits of the undisturbed run, each net committed once.
expect_calm() {
    for _ in {1..1200}; do
        [[ -s $STATE/run/report.html ]] && break
        sleep 0.1
    done
    cat "$STATE"/run/slurm-*.log >>"$STATE/output"
    [[ -s $STATE/run/report.html ]] || fail "the campaign is not done"
    scancel --user="$(id -un)"
    for _ in {1..300}; do
        [[ -z $(squeue -h) ]] && break
        sleep 0.1
    done
    RATIOFARM_FAILPOINT='' ratiofarm run "$WORK/campaign.toml" --out "$STATE/run" >"$STATE/again" 2>&1 ||
        fail "$(<"$STATE/again")"
    expect_line "^train *up to date" "$STATE/again"
    ratiofarm verify --out "$STATE/run" >"$STATE/verified" 2>&1 || fail "$(<"$STATE/verified")"
    cmp "$WORK/calm/fit.json" "$STATE/run/fit.json" || fail "the fits differ"
    committed=$(cat "$STATE"/run/journal.*jsonl | grep '"event":"task_committed"' |
        grep -o '"name":"[A-Z]*/member[^"]*"' | sort)
    expect_equal "$(uniq <<<"$committed" | wc -l)" 12 "the number of nets"
    expect_equal "$(uniq -d <<<"$committed" | wc -l)" 0 "the number of nets that were committed twice"
}

law "one job submits more while work waits, up to three at a time"
RATIOFARM_GROW_SECONDS=1 submit --elastic 1:3
expect_equal "$(squeue -h -r | wc -l)" 1 "the number of jobs at first"
wait_for_jobs 3
expect_equal "$(squeue -h -r | wc -l)" 3 "the number of jobs"
expect_calm
expect_line "tasks wait for a job: one more is submitted"

law "jobs that join come and go, one cancelled, one with its node, and the fit has the same bits"
submit --jobs 5
wait_for_jobs 3
expect_equal "$(squeue -h -r -j "$array" -t running -o %K | wc -l)" 3 "the number of jobs at work"
ratiofarm status --out "$STATE/run" >"$STATE/status"
expect_line "3 at work" "$STATE/status"
scancel "${array}_0"
victim=$(squeue -h -r -j "$array" -t running -o %N | grep -v "$(squeue -h -r -j "${array}_1" -o %N)" | head -n 1)
kill_node "$victim"
sbatch --parsable --nodes=1 --ntasks-per-node=1 --time=10 --output="$STATE/run/slurm-more.log" \
    --export=ALL,RATIOFARM_JOIN=yes "$repository/slurm/run.sbatch" "$WORK/campaign.toml" \
    --out "$STATE/run" >"$STATE/more"
expect_calm
expect_line "resumed=yes"
echo "all laws hold"
