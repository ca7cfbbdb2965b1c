#!/usr/bin/env bash
# Storage that refuses: limits on file sizes, a full, a read-only and a vanished run directory, cut
# HDF5 files. The farm stops with exit code 75 and a message, leaves nothing half written under a
# final name, counts no strike, and the same command continues to the bits of an undisturbed run.
source "$(dirname "$0")/library.sh"

make_campaign 20000 600 1 "[32, 32]"
make_calm 3

expect_clean_stop() { # run directory, words of the message
    expect_in "stopped early: .*$2" "$1.out"
    expect_equal "strikes of $1" "$(grep -c 'strike' "$1.err" || true)" 0
    expect_equal "tasks of $1 given up" "$(grep -c 'task_given_up' "$1/journal.jsonl" || true)" 0
    [ ! -e "$1/lock" ] || fail "$1 is still locked"
}

# A limit on file sizes (SIGXFSZ) below that of a checkpoint of these nets, for the trainer alone:
# MPI could not start under it. Full disks under the tables: see tests/tables/full_disk_test.cpp.
cat > limited-trainer << END
#!/bin/sh
ulimit -f 20
exec "$programs/ratiofarm-trainer" "\$@"
END
chmod +x limited-trainer
expect_code 75 env RATIOFARM_TRAINER="$work/limited-trainer" \
    ratiofarm run campaign.toml --out limited > limited.out 2> limited.err
expect_clean_stop limited 'File too large'
[ -z "$(find limited/tasks -name '*.ckpt')" ] || fail "a result was published under the limit"
run_on 0 limited run > limited.out 2> limited.err
expect_calm limited

# The run directory vanishes while nets train, and comes back.
ratiofarm run campaign.toml --out gone > gone.out 2> gone.err &
farm=$!
wait_for_checkpoint gone $farm
mv gone elsewhere
mkdir gone # another one under the same name must not be taken for it
code=0
wait $farm || code=$?
[ $code = 75 ] || [ $code = 1 ] || fail "a vanished run directory ended the farm with $code"
expect_equal "files written into the wrong place" "$(find gone -type f | wc -l)" 0
rmdir gone
mv elsewhere gone
run_on 0 gone run > gone.out 2> gone.err
expect_in 'resumed=yes' gone.err
expect_calm gone

# Cut HDF5 files are made again from what is whole.
for file in ensembles/SBI.h5 ratios.h5; do
    truncate -s 3000 "gone/$file"
    run_on 0 gone run > gone.out 2> gone.err
    expect_calm gone
done

# A small disk that fills up, then one that is read-only.
mkdir disk
if mount -t tmpfs -o size=3m ratiofarm disk 2> mount.err; then
    trap 'code=$?; [ $code = 0 ] || tail -n 8 "$work"/full.* "$work"/closed.* "$work"/disk.* >&3
        umount "$work/disk"; rm -rf "$work"' EXIT
    head -c 2900k /dev/zero > disk/ballast
    expect_code 75 ratiofarm run campaign.toml --out disk/run --ignore-space > full.out 2> full.err
    grep -Eqi 'no space|not enough space' full.out full.err || fail "a full disk is not named"
    rm disk/ballast
    mount -o remount,size=30m disk
    run_on 0 disk/run run > disk.out 2> disk.err
    expect_calm disk/run
    ratiofarm train campaign.toml --out disk/closed > closed.out 2> closed.err &
    farm=$!
    wait_for_checkpoint disk/closed $farm
    # Writers are refused from now on: read-only where the open journal lets it be, else full.
    mount -o remount,ro disk 2> remount.err || head -c 40m /dev/zero > disk/ballast 2> /dev/null || true
    code=0
    wait $farm || code=$?
    [ $code = 75 ] || fail "a disk that refuses ended the farm with $code"
    mount -o remount,rw disk
    rm -f disk/ballast
    run_on 0 disk/closed run > disk.out 2> disk.err
    expect_in 'resumed=yes' disk.err
    expect_calm disk/closed
else
    echo "no permission to mount a small disk: the limit on file sizes stands in for it"
fi
