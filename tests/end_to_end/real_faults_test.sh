#!/usr/bin/env bash
# Faults of the machine under real processes: limits on the rank itself, kills inside HDF5 writes,
# workers that run by fits and starts, results that are published twice, refused memory, a worker
# whose trainers all crash, jumps of the clock. Each ends in the bits of an undisturbed run.
source "$(dirname "$0")/library.sh"

make_campaign 30000 200 2 "[32, 32]"
make_calm 6

go_on() { # run directory
    run_on 2 "$1" run >> "$1.out" 2>> "$1.err" || fail "$1: the same command did not go on"
    expect_calm "$1"
}
start() { # run directory, ranks, option...
    local out=$1 ranks=$2
    shift 2
    mpirun --oversubscribe -n "$ranks" ratiofarm run campaign.toml --out "$out" "$@" \
        >> "$out.out" 2>> "$out.err" &
    farm=$!
}
stopped_in_order() { # run directory, words
    local code=0
    wait $farm || code=$?
    expect_equal "exit code of $1" $code 75
    grep -Eq "$2" "$1.out" "$1.err" || fail "$1 does not say '$2'"
    [ ! -e "$1/lock" ] || fail "$1 is still locked"
}

# 8: a limit on file sizes hits the rank itself: its journal, then its HDF5 files.
# What it says goes through pipes: files would meet the limit, too.
ratiofarm run campaign.toml --out journal > >(cat > journal.out) 2> >(cat > journal.err) &
farm=$!
wait_for_checkpoint journal $farm
prlimit --pid $farm --fsize=10
stopped_in_order journal "cannot write '.*journal.jsonl': File too large"
expect_equal "strikes" "$(grep -c strike journal.err || true)" 0
go_on journal
ratiofarm run campaign.toml --out tables > >(cat > tables.out) 2> >(cat > tables.err) &
farm=$!
wait_for_checkpoint tables $farm
prlimit --pid $farm --fsize=15000
code=0
wait $farm || code=$?
[ $code = 75 ] || fail "a limit under the tables ended the farm with $code"
expect_equal "tables under the limit" "$(find tables -name '*.h5' | wc -l)" 0
go_on tables

# 11: kill -9 of a rank while it writes HDF5, before anything is flushed or renamed.
cat > strike.py << 'PYTHON'
import glob, os, signal, sys, time
path, pid, delay = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end = time.time() + 60
while not os.path.exists(path) and os.path.exists(f"/proc/{pid}") and time.time() < end:
    pass
time.sleep(delay)
try:
    os.kill(pid, signal.SIGKILL)
except ProcessLookupError:
    pass  # the whole table was written between two looks
PYTHON
run_on 0 cut train > cut.out 2> cut.err
unfinished=0
for table in ensembles/SBI.h5 ratios.h5; do
    for delay in 0 0.001 0.003 0.01; do
        rm -f "cut/$table"
        start cut 2
        for _ in $(seq 200); do victim=$(ranks_of $farm | tail -n 1); [ -z "$victim" ] || break; sleep 0.01; done
        python3 strike.py "cut/$table.partial" "$victim" $delay
        ! wait $farm || echo "$table was written before the kill"
        [ -e "cut/$table" ] || unfinished=$((unfinished + 1))
        ratiofarm verify --out cut > cut.verify || fail "a cut table was published: $(cat cut.verify)"
    done
done
[ $unfinished -ge 1 ] || fail "no kill hit a write"
go_on cut
echo "kills within writes: $unfinished of 8"

# 13, 21: trainers that get a tenth of their time, each for itself, on three ranks: results come in
# another order, nothing counts as hung, every net is committed once.
start slow 3 --hang-seconds 2
wait_for_checkpoint slow $farm
for _ in $(seq 60); do
    victims=$(trainers_of $farm | shuf -n 2)
    [ -z "$victims" ] || kill -STOP $victims 2> /dev/null || true
    sleep 0.09
    [ -z "$victims" ] || kill -CONT $victims 2> /dev/null || true
    sleep 0.01
done
wait $farm || fail "slow trainers ended the farm"
expect_equal "strikes of slow trainers" "$(grep -c strike slow.err || true)" 0
expect_calm slow

# A rank that is suspended while its trainer works loses nothing and is not given up.
start suspended 2 --hang-seconds 4
wait_for_checkpoint suspended $farm
victim=$(ranks_of $farm | tail -n 1)
kill -STOP "$victim"
sleep 7
kill -CONT "$victim"
wait $farm || fail "a suspended rank ended the farm"
expect_equal "strikes of a suspended rank" "$(grep -c strike suspended.err || true)" 0
expect_calm suspended

# 15: a trainer hangs after it has published: its task is given to another attempt, which publishes
# the same bytes again; one commit, of the second attempt.
RATIOFARM_FAILPOINT='SBI/member 0:published=hang' \
    ratiofarm run campaign.toml --out again --hang-seconds 1 >> again.out 2>> again.err &
farm=$!
for _ in $(seq 600); do
    ! grep -q 'strike 1 of 3' again.err || break
    sleep 0.05
done
expect_in 'strike 1 of 3' again.err
kill -USR2 $farm
wait $farm || true
expect_equal "commits of the net that hung" "$(grep -c 'task_committed.*SBI/member 0' again/journal.jsonl || true)" 0
go_on again

# 14, 15: another result is published over a committed one while the farm works: it never reaches
# the ensemble, and its net is trained again.
ratiofarm run campaign.toml --out raced >> raced.out 2>> raced.err &
farm=$!
for _ in $(seq 1200); do
    ! grep -q task_committed raced/journal.jsonl 2> /dev/null || break
    sleep 0.02
done
python3 - << 'PYTHON'
import json, os, struct, zlib
task = next(json.loads(line)["task"] for line in open("raced/journal.jsonl")
            if '"event":"task_committed"' in line)
path = f"raced/tasks/{task[:2]}/{task}.ckpt"
data = bytearray(open(path, "rb").read())
data[108] ^= 1  # a weight of another attempt; the file's own checksum fits
struct.pack_into("<I", data, 40, zlib.crc32(data[44:]))
open(path + ".late", "wb").write(data)
os.rename(path + ".late", path)
PYTHON
stopped_in_order raced 'is not the result that was committed'
run_on 0 raced run >> raced.out 2>> raced.err
content_of raced | diff calm.content - || fail "a late result got into the tables"
ratiofarm verify --out raced > raced.verify || fail "$(cat raced.verify)"

# Results go away while the farm trains others: nobody's mistake, and the rerun trains them again.
ratiofarm run campaign.toml --out lost >> lost.out 2>> lost.err &
farm=$!
for _ in $(seq 1200); do
    ! grep -q task_committed lost/journal.jsonl 2> /dev/null || break
    sleep 0.02
done
rm lost/tasks/*/*.ckpt
stopped_in_order lost 'results were removed or damaged'
run_on 0 lost run >> lost.out 2>> lost.err || fail "the rerun ends with $?"
content_of lost | diff calm.content - || fail "other bits after results went away"

# 20: memory is really refused, by a limit on the address space of the first trainer alone.
cat > poor-trainer << END
#!/bin/sh
[ -e poor ] || { touch poor; ulimit -v \$((\$(cat need) * 9 / 10)); }
exec "$programs/ratiofarm-trainer" "\$@"
END
chmod +x poor-trainer
ratiofarm train campaign.toml --out measured > measured.out 2> measured.err &
farm=$!
wait_for_checkpoint measured $farm
find_trainer $farm
awk '/VmPeak/ { print $2 }' "/proc/$trainer/status" > need
kill -TERM $farm
wait $farm || true
RATIOFARM_TRAINER="$work/poor-trainer" ratiofarm run campaign.toml --out memory > memory.out 2> memory.err ||
    fail "refused memory ended the farm"
expect_in 'strike 1 of 3' memory.err
expect_calm memory

# A worker whose trainers all crash is set aside after four tasks; the other one does everything.
mpirun --oversubscribe -n 1 ratiofarm run campaign.toml --out aside : \
    -n 1 env RATIOFARM_TRAINER=/bin/false ratiofarm run campaign.toml --out aside \
    > aside.out 2> aside.err || fail "a broken worker ended the farm"
expect_in 'set aside: the last 4 tasks crashed on this worker' aside.err
expect_equal "nets done by the broken worker" "$(grep -c 'task done.*member.*rank=1' aside.err || true)" 0
expect_calm aside

# 16: the wall clock jumps by a day, forwards and back, under all processes of the farm.
library=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2> /dev/null | head -n 1 || true)
if [ -n "$library" ]; then
    echo "+0" > clock
    env LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$work/clock" FAKETIME_NO_CACHE=1 \
        FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 \
        ratiofarm run campaign.toml --out jump --hang-seconds 2 --time-budget 10 > jump.out 2> jump.err &
    farm=$!
    wait_for_checkpoint jump $farm
    for jump in +1d -1d +0; do
        echo "$jump" > clock
        sleep 0.7
    done
    wait $farm || fail "a jump of the clock ended the farm"
    expect_equal "strikes after jumps" "$(grep -c strike jump.err || true)" 0
    expect_equal "days in the log" "$(grep -oE '^[0-9:]+ ' jump.err | wc -l | awk '{ print ($1 > 5) }')" 1
    expect_calm jump
else
    echo "no libfaketime: jumps of the clock are left to test_workers"
fi
