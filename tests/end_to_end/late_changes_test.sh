#!/usr/bin/env bash
# Jobs on hosts that see each other's new files late, as over NFS: results, checkpoints and claims, by their names and in listings. With
# a lease that is longer no net is trained twice; with a shorter one it may be, to the same bits.
#    late_changes_test.sh FOLDER_OF_THE_PROGRAMS LIBRARY
late=$(realpath "$2")
source "$(dirname "$0")/library.sh"

make_campaign 9000 4 4 "[16, 16]"
make_calm 12

jobs_on_hosts() { # run directory, lease
    local host pids=()
    mkdir marks
    for host in a b c; do
        LD_PRELOAD=$late LATE_MARKS=$work/marks LATE_HOST=$host LATE_SECONDS=3 RATIOFARM_FAILPOINT='*:step=slow' \
            ratiofarm run campaign.toml --out "$1" --join --lease "$2" > "$1.$host.out" 2> "$1.$host.err" &
        pids+=($!)
    done
    for host in a b c; do
        local code=0
        wait "${pids[0]}" || code=$?
        # Of a net that was trained twice the second result replaces the first, and is late again:
        # a stage that finds it gone ends with 75, and the same command goes on.
        [[ $code == 0 || $code == 75 && $2 == 1 ]] || fail "host $host ended with $code: $(cat "$1.$host.err")"
        pids=("${pids[@]:1}")
    done
    for host in a b c; do ls marks/$host.*.1 > /dev/null || fail "host $host claimed nothing"; done
    rm -r marks
    run_on 0 "$1" run > alone.out 2> alone.err || fail "$(cat alone.err)"
    expect_in '^train *up to date' alone.out
    content_of "$1" | diff calm.content - || fail "$1: other bits than an undisturbed run"
}
committed_twice() { # run directory
    cat "$1"/journal*.jsonl | grep '"event":"task_committed"' | grep -o '"name":"[A-Z]*/member[^"]*"' | sort | uniq -d | wc -l
}

jobs_on_hosts soon 9
expect_equal "nets that were committed twice" "$(committed_twice soon)" 0
jobs_on_hosts later 1
echo "with a lease shorter than the delay $(committed_twice later) of 12 nets were committed twice"
