# shellcheck shell=bash
# What the end-to-end tests share. Each test gets the folder of the programs as its first argument
# and works in a temporary folder of its own.

set -euo pipefail
exec 3>&1 # where failures are told, whatever a command redirects
programs=$1
shared=$(cd "$(dirname "${BASH_SOURCE[0]}")/../support" && pwd)
export PATH="$programs:$PATH"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
work=$(mktemp -d)
# A test that fails leaves nothing behind that holds its output, suspended processes neither.
end_jobs() {
    local job
    for job in $(jobs -p); do
        pkill -9 -P "$job"
        kill -9 "$job"
    done 2>/dev/null || true
}
trap 'code=$?; end_jobs; [ $code = 0 ] || { echo "kept for inspection: $work"; grep -h . "$work"/*.err | tail -n 40; } >&3 2>&3; [ $code != 0 ] || rm -rf "$work"' EXIT
cd "$work"

fail() { echo "FAILED: $*" >&3; exit 1; }

expect_equal() { # what, found, wanted
    [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"
}

expect_code() { # code, command...
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    expect_equal "exit code of '$*'" "$code" "$wanted"
}

# The campaign of the toy, on standard output: what toy_campaign.py takes.
toy_campaign() { python3 "$shared/toy_campaign.py" "$@"; }

# A campaign on closed-form events. Arguments: events, epochs, members, hidden layers, and what
# toy_campaign.py takes.
make_campaign() {
    toy_campaign interference --no-gates "simulate.events=$1" "training.epochs=$2" "ensemble.members=$3" \
        "network.hidden=$4" training.checkpoint_seconds=0.3 "${@:5}" > campaign.toml
    ratiofarm simulate campaign.toml > /dev/null
}

run_on() { # ranks (0: no mpirun), run directory, command...
    local ranks=$1 out=$2
    shift 2
    if [ "$ranks" = 0 ]; then
        ratiofarm "$@" campaign.toml --out "$out"
    else
        mpirun --oversubscribe -n "$ranks" ratiofarm "$@" campaign.toml --out "$out"
    fi
}

# Waits until a checkpoint is there: what happens to the farm now leaves something to resume.
wait_for_checkpoint() { # run directory, pid of the farm
    for _ in $(seq 1200); do
        ! compgen -G "$1/tasks/*/*.state" > /dev/null || return 0
        [ -d "/proc/$2" ] || fail "the farm ended before its first checkpoint"
        sleep 0.02
    done
    fail "no checkpoint appeared in $1"
}

# Waits until the first checkpoint of a run is there, then a little longer: a random moment of the
# trainings, maybe before the first checkpoint of a later one.
wait_into_training() { # run directory, pid of the farm
    wait_for_checkpoint "$1" "$2"
    sleep "$(awk -v seed="$RANDOM" 'BEGIN { srand(seed); print 1.5 * rand() }')"
}

# Names and digests of all datasets of a run, and the bytes of fit.json.
content_of() { # run directory
    ratiofarm verify --out "$1" --json | grep -E '"(file|/)|^ *"/' | grep -vE 'journal|ckpt|campaign'
    cksum < "$1/fit.json"
}

nets_of() { # run directory: lines that commit a net
    [ ! -f "$1/journal.jsonl" ] || grep -c '"event":"task_committed".*"name":"[A-Z]*/member' "$1/journal.jsonl" || true
}

# The undisturbed run that all others are compared with.
make_calm() { # number of nets
    run_on 0 calm run > calm.out 2> calm.err
    content_of calm > calm.content
    nets=$1
    expect_equal "commits of the undisturbed run" "$(nets_of calm)" "$nets"
}

# Each net once and no more, all files sound, and the bits of the undisturbed run.
expect_calm() { # run directory
    expect_equal "commits of $1" "$(nets_of "$1")" "$nets"
    ratiofarm verify --out "$1" > "$1.verify" || fail "$1: $(cat "$1.verify")"
    content_of "$1" | diff calm.content - || fail "$1: other bits than an undisturbed run"
}

expect_in() { # text, file
    grep -q -- "$1" "$2" || fail "'$1' is not in $2"
}

flip_bit() { # file: one bit, two thirds into it
    python3 - "$1" <<'END'
import os, sys
with open(sys.argv[1], "r+b") as f:
    f.seek(os.path.getsize(sys.argv[1]) * 2 // 3)
    byte = f.read(1)[0]
    f.seek(-1, 1)
    f.write(bytes([byte ^ 16]))
END
}

# Pids of the ranks of a farm: the mpirun that is our child, or the program itself; and of all
# trainers, which are children of the ranks' launchers.
ranks_of() { # pid
    if [ "$(ps -o comm= -p "$1")" = mpirun ]; then pgrep -P "$1" ratiofarm || true; else echo "$1"; fi
}
trainers_of() { # pid
    local rank launcher
    for rank in $(ranks_of "$1"); do
        for launcher in $(pgrep -P "$rank" ratiofarm || true); do pgrep -P "$launcher" || true; done
    done
}

# Waits for a pid of a trainer of this farm and leaves it in $trainer.
find_trainer() { # pid of the farm
    for _ in $(seq 400); do
        trainer=$(trainers_of "$1" | head -n 1)
        [ -z "$trainer" ] || return 0
        sleep 0.05
    done
    fail "no trainer found"
}
