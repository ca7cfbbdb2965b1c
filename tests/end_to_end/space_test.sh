#!/usr/bin/env bash
# The space that a whole campaign needs is compared with what is free before anything is trained:
# refused if it is certain not to fit, a warning if it is tight, nothing once the work is done.
source "$(dirname "$0")/library.sh"

make_campaign 20000 3 8 "[64, 64]"
mkdir disk
if ! mount -t tmpfs -o size=2500k ratiofarm disk 2> mount.err; then
    [ "${CI:-}" != true ] || fail "no permission to mount a small disk: $(cat mount.err)"
    echo "skipped: no permission to mount a small disk"
    exit 77
fi
trap 'code=$?; [ $code = 0 ] || tail -n 8 "$work"/*.err >&3
    umount "$work/disk"; rm -rf "$work"' EXIT
resize() { mount -o "remount,size=$1" disk; }

# Certainly too small: refused at once, with numbers and ways out, and nothing was written.
expect_code 2 run_on 2 disk/run run > refused.out 2> refused.err
expect_in "disk/run' has room for 2.5[0-9] MB more, but this campaign still needs [0-9.]* MB: " refused.err
for part in 'kB for 24 nets' 'kB for ensembles' 'kB for ratio blocks' 'MB for ratios.h5' \
    'another --out' '--ignore-space'; do
    expect_in "$part" refused.err
done
expect_equal "results of a refused farm" "$(find disk/run -name '*.ckpt' -o -name '*.state' | wc -l)" 0
[ ! -e disk/run/lock ] || fail "a refused farm left its lock"

# What was said to be certain is there in the end, and little more (headers of small files).
bytes_for() { # part, file: in bytes
    grep -oE "[0-9.]+ [kM]?B for $1" "$2" | head -n 1 |
        awk '{ print int($1 * ($2 == "MB" ? 1e6 : $2 == "kB" ? 1e3 : 1)) }'
}
expect_near() { # part, bytes found
    awk -v said="$(bytes_for "$1" refused.err)" -v found="$2" \
        'BEGIN { exit !(said <= 1.005 * found && said >= 0.65 * found) }' ||
        fail "$1: said $(bytes_for "$1" refused.err) bytes, found $2"
}
run_on 0 calm run > calm.out 2> calm.err
size_of() { stat -c %s "$@" | awk '{ sum += $1 } END { print sum }'; }
expect_near '24 nets' "$(size_of calm/tasks/*/*.ckpt)"
expect_near ensembles "$(size_of calm/ensembles/*.h5)"
expect_near ratios.h5 "$(size_of calm/ratios.h5)"

# `train` alone is refused only for what it writes itself.
ratiofarm train campaign.toml --out disk/run > train.out 2> train.err || fail "nets alone do fit"

# All the same on request: the full disk stops the farm in order.
expect_code 75 ratiofarm run campaign.toml --out disk/run --ignore-space > full.out 2> full.err
grep -Eq 'no space|No space|not enough space' full.out full.err || fail "a full disk is not named"

# Tight: a warning, and the work goes on from what is there; roomy: none. The same bits.
resize 3400k
run_on 0 disk/run run > tight.out 2> tight.err || fail "a tight disk was refused"
expect_in 'the run directory may become full' tight.err
content_of calm > calm.content
content_of disk/run | diff calm.content - || fail "other bits on a tight disk"
resize 30m
run_on 0 disk/roomy run > roomy.out 2> roomy.err
expect_equal "warnings" "$(grep -c 'may become full' roomy.err || true)" 0

# Done work needs no space, however full the disk is.
rm -r disk/roomy
head -c 40m /dev/zero > disk/ballast 2> /dev/null || true
truncate -s -100k disk/ballast
ratiofarm train campaign.toml --out disk/run > done.out 2> done.err || fail "done work was refused"
expect_equal "warnings" "$(grep -c 'may become full' done.err || true)" 0

# Files may run out before bytes do.
rm disk/ballast
used=$(df --output=iused disk | tail -n 1)
mount -o "remount,nr_inodes=$((used + 20))" disk
expect_code 2 ratiofarm run campaign.toml --out disk/files > files.out 2> files.err
expect_in 'has room for [0-9]* files more, but this campaign still needs 37' files.err
