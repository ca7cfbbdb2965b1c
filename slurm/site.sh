# What differs from site to site; run.sbatch and local.sh read it. Where several people use one
# checkout, leave it as it is and set what differs in ~/.config/ratiofarm/site.sh, or in the file that
# $RATIOFARM_SITE names: it is read at the end of this one.
# shellcheck disable=SC2034  # they use what is set here

# Modules, containers, paths. The programs are looked up in PATH, then in the repository's build
# folder or the installation that holds this file.
# module load gcc openmpi hdf5-parallel
folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH="$PATH:$folder/../build/release/bin:$folder/../../../bin"

# How ranks are started: one rank per GPU, or per group of cores, as the job asked for.
# mpirun works everywhere. srun is for sites that forbid mpirun; Slurm and MPI then need a plugin that
# both have (`srun --mpi=list`): pmix for Open MPI, pmi2 for MPICH and its relatives.
launcher=${RATIOFARM_LAUNCHER:-mpirun}
case $launcher in
    mpirun) launch=(mpirun --map-by "slot:PE=${SLURM_CPUS_PER_TASK:-1}" --bind-to core) ;;
    srun) launch=(srun --mpi="${RATIOFARM_SRUN_MPI:-pmix}" --kill-on-bad-exit=1
        --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --gpu-bind=none) ;;
    *) echo "site.sh: launcher is '$launcher'; mpirun or srun" >&2 && exit 2 ;;
esac

# How a job that was stopped early goes on: requeue (the same job again) or chain (a new job that
# starts after this one, for sites that forbid requeue), up to max_starts starts in all. The jobs of
# `ratiofarm submit --as chain` set "next" themselves.
continue_by=${RATIOFARM_CONTINUE:-requeue}
max_starts=${RATIOFARM_MAX_STARTS:-50}
# A run that stops early so many times in a row without a new result or a step of a training ends
# with exit code 2: no repetition mends that.
max_idle=${RATIOFARM_MAX_IDLE:-3}
# What a chained job asks for besides nodes, tasks, CPUs, time, partition and account: the options
# of `ratiofarm submit --sbatch`. Add the options that you give to sbatch yourself.
declare -a chain_options="(${RATIOFARM_CHAIN_OPTIONS:-})" # for example (--gpus-per-node=4)

# A lost rank or node ends the launcher. The same command is then started again in the same
# allocation, at most this many times per job.
max_crashes=${RATIOFARM_MAX_CRASHES:-3}

# Seconds between looks whether one more job has work, of `ratiofarm submit --elastic`.
grow_seconds=${RATIOFARM_GROW_SECONDS:-60}

# HDF5 file locks fail on some parallel file systems; ratiofarm has a lock of its own.
export HDF5_USE_FILE_LOCKING=${HDF5_USE_FILE_LOCKING:-FALSE}

own=${RATIOFARM_SITE:-${XDG_CONFIG_HOME:-${HOME:-}/.config}/ratiofarm/site.sh}
if [[ -e $own ]]; then
    # shellcheck disable=SC1090
    source "$own"
elif [[ -n ${RATIOFARM_SITE:-} ]]; then
    echo "site.sh: RATIOFARM_SITE=$own does not exist" >&2 && exit 2
fi
