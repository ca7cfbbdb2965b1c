#!/usr/bin/env bash
# Runs a command against a real Slurm of its own: one controller and one node of four CPUs on this
# machine, all files in a temporary folder, no munge, no privileges needed. Always torn down.
#    with_slurm.sh COMMAND [ARG...]
# Exits 77 (skip) where Slurm is not installed, unless CI=true: then that is a failure.
set -euo pipefail

for program in slurmctld slurmd sbatch scontrol squeue; do
    PATH=$PATH:/usr/sbin:/sbin
    command -v "$program" >/dev/null && continue
    echo "no $program on this machine (Debian: slurmctld slurmd slurm-client)"
    [[ ${CI:-} == true ]] && exit 1
    echo "skipped: the batch script is not tested here"
    exit 77
done
for variable in ${!SLURM_@} ${!SBATCH_@}; do unset "$variable"; done

home=$(mktemp -d "${TMPDIR:-/tmp}/ratiofarm-slurm-XXXXXX")
host=$(hostname -s)
user=$(id -un)
daemons=()

# A port that nobody listens on; another test's Slurm starts from another random place.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

tear_down() {
    local status=$?
    scancel --user="$user" 2>/dev/null || true
    for _ in {1..50}; do
        [[ -z $(squeue -h 2>/dev/null || true) ]] && break
        sleep 0.2
    done
    if [[ $status != 0 && $status != 77 ]]; then
        tail -n 20 "$home"/*.log 2>/dev/null || true
    fi
    for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
        kill "${daemons[i]}" 2>/dev/null || true
        wait "${daemons[i]}" 2>/dev/null || true
    done
    rm -rf "$home"
}
trap tear_down EXIT

# cred_expire: a re-queued job starts only after its old credential has expired (default 120 s).
mkdir "$home/state" "$home/spool"
cat >"$home/slurm.conf" <<CONF
ClusterName=ratiofarm
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=pmix
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=3000
PartitionName=test Nodes=$host Default=YES MaxTime=60 State=UP
CONF
export SLURM_CONF="$home/slurm.conf"

slurmctld -D -f "$SLURM_CONF" >"$home/slurmctld.out" 2>&1 &
daemons+=($!)
slurmd -D -f "$SLURM_CONF" >"$home/slurmd.out" 2>&1 &
daemons+=($!)
for _ in {1..100}; do
    [[ $(sinfo -h -o %T 2>/dev/null || true) == idle ]] && break
    sleep 0.1
done
if [[ $(sinfo -h -o %T) != idle ]]; then
    cat "$home"/*.out
    echo "this Slurm did not come up"
    exit 1
fi

"$@"
