#!/usr/bin/env bash
# slurm/local.sh, with a stand-in for the program.    local_test.sh REPOSITORY
set -uo pipefail
repository=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
source "$here/expect.sh"
export PATH="$here/stand_in:$PATH"

run_local() {
    code=0
    "$repository/slurm/local.sh" "$@" >"$STATE/output" 2>&1 || code=$?
}

law "local.sh goes on after an early stop"
PLAN="early early done" run_local 2 campaign.toml --out here
expect_equal "$code" 0 "the exit code"
expect_starts 3
expect_line "^run campaign.toml --out here$" "$STATE/log"

law "local.sh goes on after a crash, with one rank and with several"
PLAN="lost done" run_local 1 campaign.toml
expect_equal "$code" 0 "the exit code"
expect_starts 2
rm "$STATE/log"
PLAN="lost done" run_local 3 campaign.toml
expect_equal "$code" 0 "the exit code"
expect_starts 2

law "local.sh reports failed tasks and stops"
PLAN="failed" run_local 2 campaign.toml
expect_equal "$code" 3 "the exit code"
expect_starts 1

law "local.sh gives up after so many crashes and so many early stops"
PLAN="lost lost lost lost" RATIOFARM_MAX_CRASHES=1 run_local 1 campaign.toml
expect_equal "$code" 137 "the exit code"
expect_starts 2
rm "$STATE/log"
PLAN="early early early" RATIOFARM_MAX_STARTS=2 run_local 1 campaign.toml
expect_equal "$code" 75 "the exit code"
expect_starts 2

law "local.sh gives up what gets nowhere, and goes on with what does a step"
mkdir here
PLAN="early early early early" RATIOFARM_MAX_IDLE=2 run_local 2 campaign.toml --out here
expect_equal "$code" 2 "the exit code"
expect_starts 2
expect_line "nothing new in 'here' since this start, 2 of at most 2 times in a row"
rm "$STATE/log"
PLAN="early step early step step done" RATIOFARM_MAX_IDLE=2 run_local 1 campaign.toml --out=here
expect_equal "$code" 0 "the exit code"
expect_starts 6
rm -r "$STATE/log" here
printf '# x\n[campaign]\nseed = 1\nname = "here"\n[events]\nname = "no"\n' >campaign.toml
mkdir here.run
PLAN="early early early early early" run_local 1 --device cpu campaign.toml
expect_equal "$code" 2 "the exit code without --out"
expect_starts 3
expect_line "nothing new in 'here.run'"

law "Ctrl-C and TERM stop the farm cleanly, and it is not started again"
for signal in INT TERM; do
    rm -f "$STATE"/{log,waiting}
    set -m # a process group that gets the signal as a whole, as from a terminal
    PLAN="wait done" "$repository/slurm/local.sh" 2 campaign.toml >"$STATE/output" 2>&1 &
    set +m
    script=$!
    wait_for "$STATE/waiting"
    kill "-$signal" -- "-$script"
    code=0
    wait "$script" || code=$?
    expect_equal "$code" 75 "the exit code after $signal"
    expect_starts 1
done

law "local.sh without arguments says how it is used"
run_local
expect_equal "$code" 2 "the exit code"
expect_line "slurm/local.sh RANKS CAMPAIGN.toml"
echo "all laws hold"
