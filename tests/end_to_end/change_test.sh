#!/usr/bin/env bash
# A changed campaign trains only what changed, and is refused where results would be mixed.
source "$(dirname "$0")/library.sh"

make_campaign 6000 2 1 "[8]"
run_on 0 run run > 1.out 2> 1.err

# More members: only the new ones are trained.
sed -i 's/^members = 1/members = 2/' campaign.toml
run_on 0 run run > 2.out 2> 2.err
expect_equal "nets trained for the new members" "$(grep -c 'task done.*member' 2.err)" 3

# Another fit: nothing is trained.
sed -i 's/asimov = { mu = 1.0/asimov = { mu = 2.0/' campaign.toml
run_on 0 run run > 3.out 2> 3.err
grep -q '^train *up to date' 3.out || fail "the data point made nets train again"
grep -q 'at mu = 2' 3.out || fail "the fit was not repeated"

# Another learning rate: refused with the difference, nothing touched.
sed -i 's/^learning_rate = 2e-3/learning_rate = 1e-3/' campaign.toml
sed 's/^learning_rate = 1e-3/learning_rate = 2e-3/' campaign.toml > earlier.toml
before=$(content_of run)
expect_code 2 run_on 0 run run > 4.out 2> 4.err
grep -q 'training.learning_rate: 0.002 -> 0.001' 4.err || fail "the difference is not shown"
grep -q -- '--accept-change' 4.err || fail "no way out is named"
expect_equal "content after the refusal" "$(content_of run)" "$before"

ratiofarm run campaign.toml --out run --accept-change > 5.out 2> 5.err
expect_equal "nets trained again" "$(grep -c 'task done.*member' 5.err)" 6
run_on 0 run run > 6.out 2> 6.err   # the plain command goes on from there
# A run directory that is not there yet takes the campaign of this folder.
ratiofarm run --out fresh --fresh > 7.out 2> 7.err
expect_equal "content after accepting the change" "$(content_of run)" "$(content_of fresh)"

# Nobody works here any more.
expect_in 'nothing works on this run' <(timeout 60 ratiofarm status --out run --watch)

# A side file that is damaged stops nobody from looking.
cp -r run side
sed -i 's/"ensembles"/"ensemblez"/' side/nets.json
ratiofarm status --out side > side.out
expect_in '^nets  *6 of 6 trained' side.out
expect_in "^damaged  *side/nets.json.*'ratiofarm run' writes it again" side.out
run_on 0 side run > side.out 2> side.err
cmp run/nets.json side/nets.json || fail "nets.json was not written again"

# What is gone is named, and made again.
cp -r run holes
gone=$(cd holes && ls tasks/*/*.ckpt | head -n 1)
rm "holes/$gone" holes/ensembles/S.h5
ratiofarm verify --out holes > holes.verify
expect_in '^ensembles/S.h5: missing' holes.verify
expect_in '^[0-9]* files checked, 0 damaged, [12] missing' holes.verify
run_on 0 holes run > holes.out 2> holes.err
ratiofarm verify --out holes > holes.verify
expect_in '0 damaged, 0 missing' holes.verify
expect_equal "content after files were lost" "$(content_of holes)" "$(content_of run)"

# What the earlier setting left is found, and goes when asked; what the campaign needs stays.
cp -r run cleaned
ratiofarm clean --out cleaned > clean.out
expect_in '^there are [1-9][0-9]* files, .*--yes removes them' clean.out
ratiofarm clean --out cleaned --yes > clean.out
expect_equal "results left" "$(find cleaned/tasks -name '*.ckpt' | wc -l)" "$(find fresh/tasks -name '*.ckpt' | wc -l)"
run_on 0 cleaned run > clean.out 2> clean.err
expect_equal "tasks done again" "$(grep -c 'task done' clean.err)" 0
expect_in '^fit *up to date' clean.out

# Judged is only by the campaign of the run: one that is named and differs is refused, and loses nothing.
cp -r run named
before=$(content_of named)
expect_code 2 ratiofarm clean earlier.toml --out named --yes > named.out 2> named.err
expect_in 'holds results of another campaign than .earlier.toml., and .clean. would remove what this one needs' named.err
expect_in 'training.learning_rate: 0.001 -> 0.002' named.err
expect_equal "content after the refusal" "$(content_of named)" "$before"

# Back to the earlier setting: its nets are there, so nothing is asked; those of the later one, committed last, are found.
ratiofarm run earlier.toml --out named > named.out 2> named.err
expect_equal "nets trained again" "$(grep -c 'task done.*member' named.err)" 0
ratiofarm clean earlier.toml --out named --yes > named.out
expect_in '^removed [1-9]' named.out
expect_equal "results left" "$(find named/tasks -name '*.ckpt' | wc -l)" "$(find fresh/tasks -name '*.ckpt' | wc -l)"
ratiofarm run earlier.toml --out named > named.out 2> named.err
expect_equal "tasks done again" "$(grep -c 'task done' named.err)" 0

# Folds are other nets, all of them: asked before, and named by plan. So are another network and other epochs.
before=$(content_of run)
sed '/^inference = /d; s/^seed = 3/&\n/' campaign.toml | sed 's/^\[split\]/[split]\nfolds = 2/' > folds.toml
sed 's/hidden = \[8\]/hidden = [9]/' campaign.toml > network.toml
sed 's/^epochs = [0-9]*/epochs = 3/' campaign.toml > epochs.toml
for changed in folds network epochs; do
    cmp -s campaign.toml $changed.toml && fail "no change in $changed.toml"
    expect_code 2 ratiofarm run $changed.toml --out run > changed.out 2> changed.err
    expect_in 'trained nets of another campaign:' changed.err
    expect_in '^changed  *[0-9]* trainings of the run directory are of another campaign' <(ratiofarm plan $changed.toml --out run)
    expect_equal "content after the refusal" "$(content_of run)" "$before"
done

# --fresh makes the results of its command again and keeps what they are made of.
results=$(find fresh/tasks -name '*.ckpt' | wc -l)
sed -i 's/"value"/"valeu"/' fresh/fit.json # damaged: it would be refused
run_on 0 fresh fit --fresh > fresh.out 2> fresh.err
[ ! -e fresh/report.html ] || fail "a report outlived its fit"
run_on 0 fresh run > fresh.out 2>> fresh.err
expect_equal "nets trained again" "$(grep -c 'task done.*member' fresh.err)" 0
expect_equal "content after fit --fresh" "$(content_of run)" "$(content_of fresh)"
expect_code 2 run_on 0 fresh run --fresh > fresh.out 2> fresh.err
expect_in "--fresh would remove $results finished tasks" fresh.err
expect_equal "results after a refusal" "$(find fresh/tasks -name '*.ckpt' | wc -l)" "$results"
run_on 0 fresh train --fresh --yes > fresh.out 2> fresh.err
expect_equal "nets trained again" "$(grep -c 'task done.*member' fresh.err)" 6
[ ! -e fresh/fit.json ] || fail "a fit outlived its nets"

# What a user has in a folder stays as it is.
mkdir own
cp campaign.toml own/campaign.toml
echo mine > own/report.html
cp -r own kept
expect_code 2 ratiofarm run campaign.toml --out own > own.out 2> own.err
expect_in "own/campaign.toml' was not written by ratiofarm" own.err
rm own/campaign.toml kept/campaign.toml
expect_code 2 ratiofarm run campaign.toml --out own --fresh --yes > own.out 2> own.err
expect_in "own/report.html' in it would be replaced" own.err
rm -f own/lock
diff -r own kept || fail "a folder of a user was changed"

# The events file changes under the campaign: noticed as well.
sed -i 's/^seed = 3/seed = 4/' campaign.toml
ratiofarm simulate campaign.toml --force > /dev/null
expect_code 2 run_on 0 run run > 8.out 2> 8.err
grep -q 'events' 8.err || fail "the change of the events is not named"

# Stages one by one give the same as run.
for stage in train gather infer fit report; do
    run_on 2 stages $stage > $stage.out 2> $stage.err || fail "$stage"
done
ratiofarm run campaign.toml --out whole > 9.out 2> 9.err
expect_equal "content of single stages" "$(content_of stages)" "$(content_of whole)"
run_on 2 stages scan > scan.out 2> scan.err
[ "$(wc -l < scan.out)" -gt 40 ] || fail "the scan has too few points"

# What may be wrong with the events is told in full where nets learn from them, and else where it stands.
toy_campaign interference --no-gates simulate.events=600 training.epochs=1 training.batch=64 ensemble.members=1 \
    "network.hidden=[4]" 'events.file="few.h5"' > few.toml
ratiofarm simulate few.toml > /dev/null
ratiofarm train few.toml --out few > few.out 2> few.err
expect_in 'few to train and judge nets with: generate more' few.err
ratiofarm train few.toml --out few > few.out 2> few.err
expect_in "[0-9] warnings* about the events: 'ratiofarm check' shows" few.err
! grep 'few to train' few.err || fail "warnings are repeated although nothing is trained"
expect_in 'few to train and judge nets with: generate more' <(ratiofarm check few.toml)
