# shellcheck shell=bash
# The few words that the tests of the batch scripts are written in.

support=$(cd "$(dirname "${BASH_SOURCE[0]}")/../support" && pwd)

# law "SENTENCE": starts a case with a fresh $STATE folder as working folder.
law() {
    echo "-- $*"
    STATE=$(mktemp -d "$WORK/case-XXXXXX")
    export STATE
    cd "$STATE" || exit 1
}

# make_campaign SECTION.KEY=VALUE...: the toy, whose trainings last long enough to be interrupted.
make_campaign() {
    python3 "$support/toy_campaign.py" interference 'campaign.name="batch"' campaign.seed=3 \
        'events.file="events.h5"' split.train=0.5 split.inference=0.4 'network.hidden=[32, 32]' \
        training.epochs=15 training.batch=1024 ensemble.members=2 simulate.events=40000 \
        simulate.seed=1 "$@" >"$WORK/campaign.toml"
    ratiofarm simulate "$WORK/campaign.toml" >"$WORK/simulated" 2>&1 ||
        { cat "$WORK/simulated" && exit 1; }
}

fail() {
    echo "FAILED: $*"
    tail -n 50 "$STATE"/log "$STATE"/*.log "$STATE"/output 2>/dev/null
    exit 1
}

expect_equal() { [[ $1 == "$2" ]] || fail "$3 is '$1', expected '$2'"; }
expect_starts() { expect_equal "$(wc -l <"$STATE/log")" "$1" "the number of starts"; }
expect_line() { grep -q -- "$1" "${2:-$STATE/output}" || fail "no line like '$1'"; }

# wait_for FILE: at most 30 s.
wait_for() {
    for _ in {1..300}; do
        [[ -e $1 ]] && return
        sleep 0.1
    done
    fail "$1 did not appear"
}

# Everything that runs on a node, as a power cut would: the daemon first, so that it tells nobody.
kill_node() {
    kill -9 "$(<"$SLURM_TEST_HOME/$1.daemon")"
    local process parents=() victims=()
    for process in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null <"$process/environ" | grep -qx "SLURMD_NODENAME=$1"; then
            victims+=("${process#/proc/}")
            parents+=("$(awk '/^PPid:/ { print $2 }' "$process/status" 2>/dev/null)")
        fi
    done
    for process in "${parents[@]}"; do
        [[ $(ps -o comm= -p "$process") != slurmstepd ]] || kill -9 "$process"
    done
    kill -9 "${victims[@]}" 2>/dev/null
    echo "killed ${#victims[@]} processes of $1"
    [[ ${#victims[@]} -gt 1 ]] || fail "nothing ran on $1"
}
