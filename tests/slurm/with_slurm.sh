#!/usr/bin/env bash
# Runs a command against a real Slurm of its own: one controller and one node of four CPUs on this
# machine, or as many nodes of one CPU as $NODES says (n1, n2, ...), each with a daemon of its own.
# All files in a temporary folder, no munge, no privileges needed. Always torn down.
#    [NODES=3] with_slurm.sh COMMAND [ARG...]
# The command finds the pid of a node's daemon in $SLURM_TEST_HOME/<node>.daemon and can start it
# again with `slurmd -D -c -N <node>`.
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

nodes=${NODES:-1}
home=$(mktemp -d "${TMPDIR:-/tmp}/ratiofarm-slurm-XXXXXX")
host=$(hostname -s)
user=$(id -un)
daemons=()

# A port that nobody listens on, below those that the kernel gives to whoever connects (32768 on);
# another test's Slurm starts from another random place.
free_port() {
    local port
    while :; do
        port=$((10000 + RANDOM % 22000))
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
$([[ $nodes != 1 ]] || echo "SlurmdPort=$(free_port)")
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=$([[ $nodes == 1 ]] && echo pmix || echo none)
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=5
SlurmdTimeout=8
SlurmctldTimeout=8
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool/%n
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd-%n.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd-%n.log
PartitionName=test Nodes=ALL Default=YES MaxTime=60 State=UP
CONF
names=("$host")
if [[ $nodes == 1 ]]; then
    mkdir "$home/spool/$host"
    echo "NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=3000" >>"$home/slurm.conf"
else
    names=()
    for ((i = 1; i <= nodes; i++)); do
        names+=("n$i")
        mkdir "$home/spool/n$i"
        echo "NodeName=n$i NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port) CPUs=1" \
            "RealMemory=1000" >>"$home/slurm.conf"
    done
fi
export SLURM_CONF="$home/slurm.conf" SLURM_TEST_HOME=$home

slurmctld -D -f "$SLURM_CONF" >"$home/slurmctld.out" 2>&1 &
daemons+=($!)
for name in "${names[@]}"; do
    slurmd -D -c -N "$name" -f "$SLURM_CONF" >"$home/$name.out" 2>&1 &
    daemons+=($!)
    echo $! >"$home/$name.daemon"
done
idle_nodes() { sinfo -h -N -o %T 2>/dev/null | grep -c idle; }
for _ in {1..600}; do
    [[ $(idle_nodes) == "$nodes" ]] && break
    sleep 0.1
done
if [[ $(idle_nodes) != "$nodes" ]]; then
    cat "$home"/*.out
    echo "this Slurm did not come up"
    exit 1
fi

"$@"
