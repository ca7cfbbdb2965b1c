#!/usr/bin/env bash
# Damaged and lost files of a run directory are found, named and made again.
source "$(dirname "$0")/library.sh"

make_campaign 6000 2 2 "[8]"
run_on 0 run run > 1.out 2> 1.err
content_of run > calm.content

flip() { # file: one bit in its middle
    python3 - "$1" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(0, 2)
    middle = f.tell() * 2 // 3
    f.seek(middle)
    byte = f.read(1)[0]
    f.seek(middle)
    f.write(bytes([byte ^ 16]))
END
}

# A lost journal: every result is adopted by its digest, none is trained again.
rm run/journal.jsonl
run_on 0 run run > 2.out 2> 2.err
grep -q 'adopted=6' 2.err || fail "results were not adopted"
content_of run | diff calm.content -

# A flipped bit in each kind of file is found by verify.
for file in $(ls run/tasks/*/*.ckpt | head -n 1) run/ensembles/SBI.h5 run/ratios.h5; do
    cp "$file" saved
    flip "$file"
    expect_code 2 ratiofarm verify --out run > verify.out 2> verify.err
    grep -q "${file#run/}" verify.out || fail "verify does not name $file"
    cp saved "$file"
done
expect_code 0 ratiofarm verify --out run > verify.out

# A truncated result is trained again, and so is one with a flipped bit, whose size is right.
truncate -s 100 "$(ls run/tasks/*/*.ckpt | head -n 1)"
rm run/ensembles/*.h5
run_on 0 run run > 3.out 2> 3.err
expect_equal "nets trained again" "$(grep -c 'task done.*member' 3.err)" 1
content_of run | diff calm.content -

flip "$(ls run/tasks/*/*.ckpt | head -n 1)"
rm run/ensembles/*.h5
run_on 0 run run > 4.out 2> 4.err
expect_equal "nets trained again" "$(grep -c 'task done.*member' 4.err)" 1
content_of run | diff calm.content -

# Gathering alone trains nothing: it says what to do.
flip "$(ls run/tasks/*/*.ckpt | head -n 1)"
rm run/ensembles/*.h5
expect_code 75 run_on 0 run gather > 5.out 2> 5.err
grep -q 'run the same command again' 5.err || fail "no way on is named"
run_on 0 run run > 5.out 2> 5.err
content_of run | diff calm.content -

# One bit of a weight: nothing is computed from it. The file is set aside and gathered again.
"$RATIOFARM_PYTHON" - << 'END'
import h5py
with h5py.File("run/ensembles/SBI.h5") as f:
    place = f["nets/weights"].id.get_offset() + 4 * 9 + 3
with open("run/ensembles/SBI.h5", "r+b") as f:
    f.seek(place)
    byte = f.read(1)[0]
    f.seek(place)
    f.write(bytes([byte ^ 1]))
END
cp run/ratios.h5 run/fit.json . && rm run/ratios.h5
expect_code 75 run_on 2 run run > 6.out 2> 6.err
expect_in "SBI.h5.*was set aside" 6.err
cmp run/fit.json fit.json || fail "a fit was made from a damaged net"
run_on 0 run run > 6.out 2> 6.err
rm run/ensembles/SBI.h5.damaged
content_of run | diff calm.content -

# Nothing is left to do, and the report finds one bit of a table: it is set aside and made again.
for file in ratios.h5 ensembles/S.h5; do
    "$RATIOFARM_PYTHON" - run/$file << 'END'
import sys, h5py
with h5py.File(sys.argv[1]) as f:
    place = (f["events/S/log_r"] if "events" in f else f["nets/weights"]).id.get_offset() + 9
with open(sys.argv[1], "r+b") as f:
    f.seek(place)
    byte = f.read(1)[0]
    f.seek(place)
    f.write(bytes([byte ^ 1]))
END
    if [ $file = ratios.h5 ]; then
        run_on 0 run report > 6.out 2> 6.err
        expect_in "ratiofarm infer' makes it again" 6.err
    else
        expect_code 2 run_on 0 run report > 6.out 2> 6.err
    fi
    expect_code 75 run_on 2 run run > 6.out 2> 6.err
    expect_in "$file.*was set aside.*run the same command again" 6.err
    run_on 0 run run > 6.out 2> 6.err
    content_of run | diff calm.content -
done
ratiofarm clean campaign.toml --out run --verbose > 6.out
expect_in 'ratios.h5.damaged' 6.out
rm run/ratios.h5.damaged run/ensembles/S.h5.damaged

# A process that was killed in fit or gather leaves files, too.
touch run/progress.json run/fit.json.123.partial run/ensembles/B.h5.partial run/lock.124.partial
run_on 0 run run > 6.out 2> 6.err
expect_in 'left half written.*files=2' 6.err
expect_equal "files that are left" "$(find run -name '*.partial' -o -name progress.json)" run/lock.124.partial
rm run/lock.124.partial

# The events file changes while nets train: nothing of the new one enters, and a rerun says so.
cp toy.h5 toy.kept
sed 's/^epochs.*/epochs = 4000/' campaign.toml > long.toml
ratiofarm train long.toml --out changed > changed.out 2> changed.err &
farm=$!
wait_for_checkpoint changed $farm
touch toy.h5
code=0
wait $farm || code=$?
expect_equal "exit code after the events were touched" $code 75
expect_in "toy.h5' was replaced or written to" changed.out
mv toy.kept toy.h5

# Two farms on one directory: the second one is refused. A program that holds the lock with flock()
# lives, whatever its file says.
exec 9> run/lock
flock 9
expect_code 2 run_on 0 run run > 6.out 2> 6.err
grep -q "in use by another farm" 6.err || fail "the reason is not named"
exec 9>&-

# Closed descriptors: what is printed goes nowhere, and no socket or file of the farm gets it.
ratiofarm run campaign.toml --out closed >&- 2> 7.err || fail "a closed stdout ends the farm"
content_of closed | diff calm.content -
rm -r closed
ratiofarm run campaign.toml --out closed > 7.out 2>&- || fail "a closed stderr ends the farm"
content_of closed | diff calm.content -
