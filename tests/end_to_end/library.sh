# What the end-to-end tests share. Each test gets the folder of the programs as its first argument
# and works in a temporary folder of its own.

set -euo pipefail
programs=$1
export PATH="$programs:$PATH"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
work=$(mktemp -d)
trap 'code=$?; [ $code = 0 ] || { echo "kept for inspection: $work"; tail -n 20 "$work"/*.err; }; [ $code != 0 ] || rm -rf "$work"' EXIT
cd "$work"

fail() { echo "FAILED: $*" >&2; exit 1; }

expect_equal() { # what, found, wanted
    [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"
}

expect_code() { # code, command...
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    expect_equal "exit code of '$*'" "$code" "$wanted"
}

# A campaign on closed-form events. Arguments: events, epochs, members, hidden layers.
make_campaign() {
    cat > campaign.toml <<END
[campaign]
name = "toy"
seed = 5
[events]
file = "toy.h5"
features = ["x"]
[split]
train = 0.45
validation = 0.1
inference = 0.45
[parameters.mu]
start = 1.0
range = [0.0, 10.0]
[[process]]
name = "S"
coefficient = "mu - sqrt(mu)"
[[process]]
name = "SBI"
coefficient = "sqrt(mu)"
[[process]]
name = "B"
coefficient = "1 - sqrt(mu)"
[reference]
mixture = { S = 1, SBI = 1, B = 1 }
[network]
kind = "mlp"
hidden = $4
[training]
epochs = $2
batch = 512
learning_rate = 2e-3
patience = 0
checkpoint_seconds = 0.3
[ensemble]
members = $3
[data]
asimov = { mu = 1.0, source = "samples" }
[inference]
poi = "mu"
[simulate]
model = "interference"
events = $1
seed = 3
interference = -0.6
[simulate.S]
yield = 100.0
mean = [1.5]
covariance = [[1.0]]
[simulate.B]
yield = 900.0
mean = [0.0]
covariance = [[2.25]]
END
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

# Waits until the first checkpoint of a run is there, then a little longer: a random moment of the
# training, wherever the machine is slow.
wait_into_training() { # run directory, pid of the farm
    for _ in $(seq 600); do
        compgen -G "$1/tasks/*/*.state" > /dev/null && break
        [ -d "/proc/$2" ] || fail "the farm ended before its first checkpoint"
        sleep 0.05
    done
    sleep "$(awk -v seed="$RANDOM" 'BEGIN { srand(seed); print 1.5 * rand() }')"
}

# Names and digests of all datasets of a run, and the bytes of fit.json.
content_of() { # run directory
    ratiofarm verify --out "$1" --json | grep -E '"(file|/)|^ *"/' | grep -vE 'journal|ckpt|campaign'
    cksum < "$1/fit.json"
}
