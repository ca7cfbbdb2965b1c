# Starts ratiofarm and passes signals on to it. Read by run.sbatch and local.sh.

note() { echo "[$(date -u +%FT%TZ)] $*" >&2; }

# supervise COMMAND...: runs it, leaves its exit code in $code and the signal that asked for a stop
# in $stop_signal (empty: none did).
#
# USR1 (write checkpoints) and USR2 (write checkpoints and stop) are passed on; TERM and INT become
# USR2, because mpirun gives its ranks only about two seconds after a TERM. bash runs a trap by
# interrupting `wait`, so the wait is repeated until it was not interrupted.
supervise() {
    local child interrupted
    set -m # a process group of its own: Ctrl-C reaches only this script
    "$@" </dev/null &
    child=$!
    set +m
    stop_signal=
    trap 'interrupted=yes; kill -USR1 "$child"' USR1
    trap 'interrupted=yes; stop_signal=USR2; kill -USR2 "$child"' USR2
    trap 'interrupted=yes; stop_signal=TERM; kill -USR2 "$child"' TERM
    trap 'interrupted=yes; stop_signal=INT; kill -USR2 "$child"' INT
    while :; do
        interrupted=
        code=0
        wait "$child" || code=$?
        [[ -n $interrupted ]] || break
    done
    trap - USR1 USR2 TERM INT
}

# Whether exit code $1 is a loss (killed rank, node or launcher) that the same command continues
# from; 0 to 3 are ratiofarm's own verdicts, 75 is a stop on request, 126 and 127 a wrong PATH.
is_crash() { [[ $1 -gt 3 && $1 != 75 && $1 != 126 && $1 != 127 ]]; }

# run_folder ARGUMENT...: where these arguments of ratiofarm put a run; nothing if that is not to be seen.
run_folder() {
    local campaign='' out='' name
    while [[ $# -gt 0 ]]; do
        case $1 in
            --out) out=${2:-} && shift ;;
            --out=*) out=${1#--out=} ;;
            *) [[ -n $campaign || ! -f $1 ]] || campaign=$1 ;;
        esac
        shift
    done
    if [[ -z $out && -n $campaign ]]; then
        name=$(sed -n '/^ *\[campaign\]/,/^ *\[[^c]/s/^ *name *= *"\(.*\)".*/\1/p' "$campaign" | head -n 1)
        out=${name:+$name.run}
    fi
    echo "$out"
}

# results_of FOLDER: changes whenever there is a new result or a checkpoint that is farther. The
# first 44 bytes of a checkpoint hold the checksum of all others.
results_of() {
    [[ -d ${1:-} ]] || return 0
    {
        find "$1" -type f \( -name '*.ckpt' -o -name '*.h5' -o -name '*.json' -o -name '*.html' \) \
            -printf '%P %s\n'
        find "$1" -type f -name '*.state' -print -exec head -qc 44 {} \; | od -An -c
    } 2>/dev/null | sort | cksum
}

# grow FOLDER: as long as this job works, submits one more when there is work that no job has and none
# waits in the queue, up to $RATIOFARM_MAX_JOBS at a time. Of the jobs at work the oldest does it. Other
# folders may have the same name: those of this one have their log in it.
grow() {
    local jobs oldest work log
    log=$(dirname "$(job_field StdOut)")/
    # shellcheck disable=SC2154  # set in site.sh
    while sleep "$grow_seconds"; do
        jobs=$(squeue -h -r --user="$(id -un)" --name="$SLURM_JOB_NAME" \
            -O State:20,JobID:20,STDOUT:4096) || continue
        jobs=$(awk -v log_folder="$log" 'index(substr($0, 41), log_folder) == 1 { print $1, $2 }' <<<"$jobs")
        oldest=$(sed -n 's/^RUNNING //p' <<<"$jobs" | sort -n | head -n 1)
        [[ $oldest == "$SLURM_JOB_ID" && $jobs != *PENDING* ]] || continue
        [[ $(wc -l <<<"$jobs") -lt $RATIOFARM_MAX_JOBS ]] || continue
        work=$(ratiofarm status --out "$1" --json | sed -n 's/.*"claimable": \([0-9]*\).*/\1/p' | sort -n | tail -n 1)
        [[ ${work:-0} -gt 0 ]] || continue
        note "$work tasks wait for a job: one more is submitted"
        RATIOFARM_JOBS=1 bash "$1/submit.sh" >&2
    done
}

# gets_nowhere FOLDER BEFORE IDLE: after an early stop, whether $max_idle starts in a row made no
# result and no step; $idle is then their number. BEFORE is results_of FOLDER at the start, IDLE how
# many came before.
gets_nowhere() {
    idle=0
    [[ -n $1 ]] || return 1
    if [[ $(results_of "$1") == "$2" ]]; then
        idle=$(($3 + 1))
        # shellcheck disable=SC2154  # set in site.sh
        note "nothing new in '$1' since this start, $idle of at most $max_idle times in a row"
    fi
    [[ $idle -ge $max_idle ]]
}

# steps_left: steps of this Slurm job that a launcher of MPI began, by their names. One that died can
# leave some behind, with its daemons on other nodes.
steps_left() {
    squeue -h -s -j "$SLURM_JOB_ID" -o '%i %j' 2>/dev/null |
        sed -nE 's/^(.*\.[0-9]+) (orted|prted|hydra.*|ratiofarm)$/\1/p' | grep .
}

# end_steps: the next launcher would wait for their cores without a word. Those of a node that died
# stay for minutes whatever one does, so it shares the cores with them.
end_steps() {
    [[ -n ${SLURM_JOB_ID:-} ]] || return 0
    export SLURM_OVERLAP=1
    local step
    step=$(steps_left) || return 0
    # shellcheck disable=SC2086  # one word each
    scancel $step
}

# run_through_crashes COMMAND...: supervise it, again after each crash up to $max_crashes times.
run_through_crashes() {
    local crashes=0
    while :; do
        note "starting: $*"
        supervise "$@"
        note "ended with exit code $code${stop_signal:+ after $stop_signal}"
        is_crash "$code" && [[ -z $stop_signal ]] || return 0
        crashes=$((crashes + 1))
        # shellcheck disable=SC2154  # set in site.sh
        if [[ $crashes -gt $max_crashes ]]; then
            note "giving up: $crashes crashes; look above for the first message of a rank"
            return 0
        fi
        note "a rank or the launcher died; continuing, $crashes of at most $max_crashes times"
        end_steps
    done
}
