#!/usr/bin/env bash
# Lost ranks and farms that meet: rank 0, results whose line was lost, a slow worker, two farms on
# one run directory.
source "$(dirname "$0")/library.sh"

make_campaign 20000 200 1 "[32, 32]"
make_calm 3

start() { # run directory
    mpirun --oversubscribe -n 2 ratiofarm run campaign.toml --out "$1" >> "$1.out" 2>> "$1.err" &
    farm=$!
}
go_on() { # run directory
    run_on 2 "$1" run >> "$1.out" 2>> "$1.err" || fail "$1: the same command did not go on"
    expect_calm "$1"
}

# Rank 0 dies: the job ends within seconds, nothing that was finished is lost.
start first
wait_into_training first $farm
began=$SECONDS
kill -9 "$(ranks_of $farm | head -n 1)"
wait $farm && fail "the death of rank 0 was not noticed"
[ $((SECONDS - began)) -lt 30 ] || fail "the job hung for $((SECONDS - began)) s"
go_on first

# A farm that dies between the publication of a result and its line in the journal: adopted.
RATIOFARM_FAILPOINT='*:published=hang' ratiofarm run campaign.toml --out adopt > adopt.out 2> adopt.err &
farm=$!
for _ in $(seq 400); do
    ! compgen -G "adopt/tasks/*/*.ckpt" > /dev/null || break
    sleep 0.05
done
kill -9 $farm
wait $farm || true
expect_equal "commits before the death" "$(nets_of adopt)" 0
run_on 0 adopt run > adopt.out 2> adopt.err
expect_in 'adopted=1' adopt.err
expect_equal "nets trained after it" "$(grep -c 'task done.*member' adopt.err)" 2
expect_calm adopt

# A result that is whole but not the committed one never reaches the ensemble: it is trained again.
run_on 0 late train > late.out 2> late.err
victim=$(find late/tasks -name '*.ckpt' | sort | head -n 1)
python3 - "$victim" <<'END'
import struct, sys, zlib
data = bytearray(open(sys.argv[1], "rb").read())
data[108] ^= 1  # a weight of another attempt; the file's own checksum fits
struct.pack_into("<I", data, 40, zlib.crc32(data[44:]))
open(sys.argv[1], "wb").write(data)
END
expect_code 75 run_on 0 late gather > late.out 2> late.err
expect_in 'is not the result that was committed' late.err
run_on 0 late run > late.out 2> late.err
expect_equal "nets trained again" "$(grep -c 'task done.*member' late.err)" 1
content_of late | diff calm.content - || fail "the late result got into the tables"

# A slow worker keeps its task and commits it once.
mpirun --oversubscribe -n 1 ratiofarm run campaign.toml --out slow \
    : -n 1 env RATIOFARM_FAILPOINT='*:save=slow' ratiofarm run campaign.toml --out slow \
    > slow.out 2> slow.err || fail "a slow worker ended the farm"
expect_calm slow

# Two farms on one directory: the second is refused and names the first.
ratiofarm run campaign.toml --out twice > twice.out 2> twice.err &
farm=$!
wait_into_training twice $farm
kill -STOP $farm
expect_code 2 ratiofarm run campaign.toml --out twice > second.out 2> second.err
kill -CONT $farm
expect_in "in use by another farm (host $(hostname), pid $farm" second.err
wait $farm || fail "the first farm was disturbed by the second"
expect_calm twice
