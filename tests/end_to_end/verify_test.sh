#!/usr/bin/env bash
# verify finds one flipped bit anywhere in any file of a run directory, says nothing of a sound one,
# also while a farm works in it or after products were made again.
source "$(dirname "$0")/library.sh"

make_campaign 6000 3 1 "[8]"
run_on 0 run run > run.out 2> run.err
ratiofarm toys campaign.toml --out run --toys 20 --block 10 > toys.out 2> toys.err
ratiofarm submit campaign.toml --out run --dry-run > submit.out

expect_sound() { # run directory
    ratiofarm verify --out "$1" > "$1.verify" || fail "false alarm in $1: $(cat "$1.verify")"
}

cat > flip.py << 'PYTHON'
import os, random, subprocess, sys

root, seed, more = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names)
flips = missed = 0


def put(path, place, byte):
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(bytes([byte]))


for path in files:
    with open(path, "rb") as file:
        content = file.read()
    size = len(content)
    places = {0, 1, size // 2, size - 2, size - 1} | {random.randrange(size) for _ in range(more)}
    for place in sorted(places):
        bit = 1 << random.randrange(8)
        put(path, place, content[place] ^ bit)
        verify = subprocess.run(["ratiofarm", "verify", "--out", root], capture_output=True, text=True)
        put(path, place, content[place])
        flips += 1
        if verify.returncode == 2 and os.path.relpath(path, root) + ": " in verify.stdout:
            continue
        print(f"seed {seed}: {path} byte {place} of {size} bit {bit}: exit code "
              f"{verify.returncode}\n{verify.stdout}{verify.stderr}")
        missed += 1
print(f"{flips} flips in {len(files)} files: {' '.join(os.path.basename(path) for path in files)}")
sys.exit(1 if missed else 0)
PYTHON

# Every file of a finished run: bits of its first and last bytes and at places by chance.
expect_sound run
expect_equal "files that are not checked" "$(grep -c 'not checked' run.verify || true)" 0
seed=$RANDOM
python3 flip.py run $seed 6 > flip.out || fail "$(cat flip.out)"
cat flip.out
for file in campaign.toml fit.json journal.jsonl ratios.h5 report.html submit.sh toys.json; do
    expect_in " $file" flip.out
done
expect_sound run

# What was damaged stops no look, verify names what makes it again, and that does.
cp -r run mended
sed -i 's/^epochs/epoch5/' mended/campaign.toml
sed -i '3s/"event"/"evenT"/' mended/journal.jsonl
expect_code 2 ratiofarm verify --out mended > mended.verify
expect_in "^campaign.toml: .*; 'ratiofarm run CAMPAIGN.toml --out .*mended' with the campaign file writes it again" mended.verify
expect_in "^journal.jsonl: 1 damaged line, skipped; the next 'ratiofarm run' removes it" mended.verify
ratiofarm status --out mended > mended.status || fail "a damaged copy of the campaign stops status"
expect_in "^damaged .*campaign.toml.*writes it again" mended.status
expect_in "^result .*mu = " mended.status
run_on 0 mended run > mended.out 2> mended.err
expect_in "damaged lines of a journal are removed" mended.err
expect_equal "nets trained again" "$(grep -c 'task done.*member' mended.err)" 0
expect_sound mended

# A farm that was killed: checkpoints of both generations, the lock it left.
sed -i 's/^epochs = .*/epochs = 1500/; s/^events = .*/events = 20000/' campaign.toml
ratiofarm simulate campaign.toml --force > simulate.out
ratiofarm run campaign.toml --out killed > killed.out 2> killed.err &
farm=$!
for _ in $(seq 600); do
    ! compgen -G "killed/tasks/*/*.state.old" > /dev/null || break
    sleep 0.05
done
kill -9 $farm
wait $farm || true
expect_sound killed
python3 flip.py killed $seed 3 > flip.out || fail "$(cat flip.out)"
cat flip.out
for file in lock '[0-9a-f]*.state' '[0-9a-f]*.state.old'; do expect_in " $file" flip.out; done

# Looked at again and again while a farm works: what is renamed or removed meanwhile is no damage.
looks=0
mpirun --oversubscribe -n 2 ratiofarm run campaign.toml --out busy > busy.out 2> busy.err &
farm=$!
while kill -0 $farm 2> /dev/null; do
    [ ! -d busy ] || expect_sound busy
    looks=$((looks + 1))
done
wait $farm || fail "the farm was disturbed"
expect_sound busy
[ $looks -ge 10 ] || fail "only $looks looks"

# Products that are made again are sound, too.
ratiofarm fit campaign.toml --out busy --minos mu > fit.out 2> fit.err
ratiofarm report campaign.toml --out busy > report.out 2> report.err
expect_sound busy

# Damaged products are made again; a damaged copy of the campaign is not taken for the campaign.
cp busy/fit.json whole.json
flip_bit busy/fit.json
ratiofarm report campaign.toml --out busy > damaged.out 2> damaged.err # without the fit
expect_in 'left out of the page.*fit.json.* does not match' damaged.err
expect_in "'ratiofarm fit' makes it again" damaged.err
ratiofarm fit campaign.toml --out busy --minos mu > fit.out 2> fit.err
cmp busy/fit.json whole.json || fail "fit.json was not made again"
sed -i 's/mu = 1.0/mu = 3.0/' busy/campaign.toml
expect_code 2 ratiofarm run --out busy > damaged.out 2> damaged.err
expect_in 'campaign.toml.* does not match' damaged.err
ratiofarm run campaign.toml --out busy > run.out 2> run.err
expect_sound busy
ratiofarm run --out busy > run.out 2> run.err || fail "the copy of the campaign is refused"
