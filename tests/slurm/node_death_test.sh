#!/usr/bin/env bash
# An allocation of three nodes, one of which dies while nets train: its daemon and all processes on
# it. The job is continued when the node is back, to the bits of an undisturbed run.
#    node_death_test.sh REPOSITORY FOLDER_OF_THE_PROGRAMS
# To be started by with_slurm.sh with NODES=3.
set -uo pipefail
repository=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
daemon=
trap '[[ -z $daemon ]] || kill "$daemon" 2>/dev/null; rm -rf "$WORK"' EXIT
source "$here/expect.sh"
export PATH="$2:/usr/sbin:$PATH"

make_campaign training.epochs=5 training.checkpoint_seconds=1
ratiofarm run "$WORK/campaign.toml" --out "$WORK/calm" >"$WORK/calm.out" 2>&1 ||
    { cat "$WORK/calm.out" && exit 1; }

law "what a launcher that died left on the nodes does not hold up the next one"
cat >"$STATE/job" <<END
#!/usr/bin/env bash
source "$repository/slurm/supervise.sh"
max_crashes=1
start() {
    [[ ! -e began ]] || { srun -N 3 -n 3 true; return; }
    srun -J orted -N 3 -n 3 sleep 300 &
    until steps_left >began; do sleep 0.2; done
    return 137
}
run_through_crashes start
exit \$code
END
timeout 240 sbatch --wait --quiet -N 3 --ntasks-per-node=1 --time=5 --output=output "$STATE/job" ||
    { scancel --user="$(id -un)" && fail "the second launcher did not end well"; }
expect_line "continuing, 1 of at most 1 times"

law "a node of three dies while nets train; the job goes on to the same bits"
export RATIOFARM_FAILPOINT='*:step=slow' OMPI_MCA_hwloc_base_binding_policy=none
sbatch --parsable -N 3 --ntasks-per-node=1 --time=10 --output=output \
    "$repository/slurm/run.sbatch" "$WORK/campaign.toml" --out "$STATE/run" >"$STATE/job"
job=$(<"$STATE/job")
for _ in {1..600}; do
    compgen -G "$STATE/run/tasks/*/*.state" >/dev/null && break
    sleep 0.2
done
cp "$STATE/output" "$STATE/log" 2>/dev/null
compgen -G "$STATE/run/tasks/*/*.state" >/dev/null || fail "no net began to train"
kill_node n3
began=$SECONDS
while pgrep -f "ratiofarm run $WORK" >/dev/null; do
    [[ $((SECONDS - began)) -lt 60 ]] || fail "ranks hang after the death of a node"
    sleep 0.2
done
echo "all ranks had ended $((SECONDS - began)) s after the death of n3"
unset RATIOFARM_FAILPOINT
slurmd -D -c -N n3 -f "$SLURM_CONF" >"$STATE/n3.out" 2>&1 &
daemon=$!
for _ in {1..600}; do
    [[ -s $STATE/run/report.html && -z $(squeue -h -j "$job" 2>/dev/null) ]] && break
    sleep 0.2
done
cp "$STATE/output" "$STATE/log"
[[ -s $STATE/run/fit.json ]] || fail "the job did not go on"
expect_line "resumed=yes"
ratiofarm verify --out "$STATE/run" >"$STATE/verified" 2>&1 || fail "$(<"$STATE/verified")"
cmp "$WORK/calm/fit.json" "$STATE/run/fit.json" || fail "the fits differ"
echo "all laws hold"
