#!/usr/bin/env bash
# Nets that diverge or learn nothing: found by the gates, excluded with the reason, replaced by nets
# with other seeds, reported; and the same bits whatever happens in between.
source "$(dirname "$0")/library.sh"

make_campaign 10000 8 4 "[16, 16]"
sed -i '/^\[gates\]/,/^loss_outlier/d' campaign.toml # their defaults

# Of a run that nobody began there is nothing to show, and no folder is made.
for command in report plots; do
    expect_code 2 ratiofarm $command campaign.toml --out ill > page.out 2> page.err
    expect_in "is not a run directory" page.err
    [ ! -e ill ] || fail "$command made a folder"
done

# In S one net diverges in its first epoch, one becomes NaN later, one stays constant.
steps=$((10000 * 45 / 100 * 3 / 512)) # of an epoch, about
poison="S/member 0:step@3=nan;S/member 1:step@$((steps * 2))=nan;S/member 3:step=zero"

RATIOFARM_FAILPOINT="$poison" ratiofarm run campaign.toml --out ill > ill.out 2> ill.err
expect_equal "exclusions" "$(grep -c 'net excluded' ill.err)" 3
expect_in 'S/member 0: diverged: training loss is -\?nan after epoch 1' ill.err
expect_in 'S/member 1: diverged: training loss is -\?nan after epoch [2-9]' ill.err
expect_in 'S/member 3: constant = 0' ill.err
expect_equal "strikes" "$(grep -c strike ill.err || true)" 0

ratiofarm status --out ill > ill.status
expect_in '^nets       12 of 12 trained, 0 with a checkpoint, 0 failed' ill.status
expect_in '^excluded   S/member 3: constant = 0, at least' ill.status
expect_in '^replaced   3 of 4 nets of S' ill.status
ratiofarm explain 'S/member 3' --out ill > ill.explain
expect_in '^net          S/member 3: excluded' ill.explain
expect_in 'constant = 0' ill.explain
expect_in "closure .* in 'x'" ill.explain
ratiofarm explain 'S/member 3/replacement 1' --out ill > ill.explain
expect_in 'in the ensemble' ill.explain
expect_in 'S/member 0: diverged' ill/report.html
expect_in 'S/member 3/replacement 1' ill/report.html
ratiofarm verify --out ill > ill.verify || fail "$(cat ill.verify)"
content_of ill > ill.content

# Nothing is left to do, and nothing is done twice.
lines=$(wc -l < ill/journal.jsonl)
ratiofarm train campaign.toml --out ill > again.out
expect_in 'up to date' again.out
expect_equal "commits when there is nothing to do" "$(nets_of ill)" 15
[ "$(wc -l < ill/journal.jsonl)" -le $((lines + 3)) ] || fail "an idle farm wrote lines"

# Healthy ensembles are those of a healthy campaign, bit by bit.
ratiofarm run campaign.toml --out well > well.out 2> well.err
expect_equal "exclusions without poison" "$(grep -c 'net excluded' well.err || true)" 0
expect_equal "commits without poison" "$(nets_of well)" 12
digests_of() { # run directory, ensemble
    ratiofarm verify --out "$1" --json | python3 -c "
import json, sys
for file in json.load(sys.stdin)['files']:
    if file['file'] == 'ensembles/$2.h5': print(file['datasets'])"
}
for healthy in SBI B; do
    [ -n "$(digests_of ill $healthy)" ] || fail "no $healthy"
    expect_equal "$healthy" "$(digests_of ill $healthy)" "$(digests_of well $healthy)"
done
[ "$(digests_of ill S)" != "$(digests_of well S)" ] || fail "S does not differ"

# Interrupted among the planned nets, then among replacements, on one rank and on two: the same bits.
begin() { # command...
    "$@" ratiofarm run campaign.toml --out $out > $out.out 2> $out.err &
    farm=$!
}
stop() {
    kill -USR2 $farm
    local code=0
    wait $farm || code=$?
    expect_equal "exit code of a stopped farm" $code 75
}
for launcher in env 'mpirun --oversubscribe -n 2'; do
    out=stopped${#launcher}
    export RATIOFARM_FAILPOINT="$poison;*:step=slow"
    begin $launcher
    wait_for_checkpoint $out $farm
    stop
    export RATIOFARM_FAILPOINT="$poison;S/member 0/replacement 1:step=slow"
    begin $launcher
    until grep -q 'net excluded' $out.err; do
        [ -d /proc/$farm ] || fail "$out ended without an exclusion"
        sleep 0.1
    done
    wait_for_checkpoint $out $farm
    # The report shows what there is, and disturbs nobody.
    ratiofarm report --out $out > page.out 2> page.err
    expect_in 'a farm is at work' $out/report.html
    expect_in 'S/member 0: diverged' $out/report.html
    expect_in 'S: loss of the [4-7] nets' $out/report.html
    [ -d /proc/$farm ] || fail "the report ended the farm"
    stop
    export RATIOFARM_FAILPOINT="$poison"
    $launcher ratiofarm run campaign.toml --out $out > $out.out 2> $out.err
    unset RATIOFARM_FAILPOINT
    expect_in 'resumed=yes' $out.err
    expect_equal "commits of $out" "$(nets_of $out)" 15
    content_of $out | diff ill.content - || fail "$out: other bits than an undisturbed run"
done

# Where no replacement passes, the farm does the rest and says all that was tried.
expect_code 3 env RATIOFARM_FAILPOINT='B/member 1:step=zero;B/member 1/replacement 1:step=zero;B/member 1/replacement 2:step@2=nan' \
    ratiofarm run campaign.toml --out lost > lost.out 2> lost.err
expect_in 'failed: B/member 1: no net passed' lost.out
expect_in 'B/member 1/replacement 1: constant = 0' lost.out
expect_in 'B/member 1/replacement 2: diverged' lost.out
expect_equal "nets of the lost campaign" "$(nets_of lost)" 14
expect_code 2 ratiofarm gather campaign.toml --out lost > gather.out 2> gather.err
expect_in 'B/member 1' gather.err
ratiofarm report campaign.toml --out lost > page.out 2> page.err
expect_in 'B/member 1: no net passed' lost/report.html
expect_in 'B/member 1/replacement 1: constant = 0' lost/report.html
expect_in 'B: loss of the 6 nets' lost/report.html
expect_in 'S: loss of the 4 nets' lost/report.html

# More replacements save it; nothing is trained again.
sed -i 's/^members = 4/members = 4\nreplacements = 3/' campaign.toml
ratiofarm run campaign.toml --out lost --accept-change > lost.out 2> lost.err
expect_equal "nets of the saved campaign" "$(nets_of lost)" 15
expect_in '^replaced   1 of 4 nets of B' <(ratiofarm status --out lost)

# Members until their mean is known: more of them, the planned ones as they were.
sed -i 's/^members = 4/members = 2\nuntil_spread = 0.012\nmax_members = 5/; s/^replacements.*//' campaign.toml
ratiofarm run campaign.toml --out spread > spread.out 2> spread.err
[ "$(nets_of spread)" -gt 6 ] || fail "no further members"
[ "$(nets_of spread)" -le 15 ] || fail "too many members"
python3 - spread/nets.json <<'END'
import json, sys
for ensemble in json.load(open(sys.argv[1]))["ensembles"]:
    assert ensemble["complete"], ensemble
    assert ensemble["spread"] <= 0.012 or ensemble["nets"] == 5, ensemble
END
