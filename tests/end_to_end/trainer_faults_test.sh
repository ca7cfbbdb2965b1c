#!/usr/bin/env bash
# Trainers that hang, crash again and again, get no memory or diverge; damaged checkpoints. What can
# be saved continues to the bits of an undisturbed run, what cannot is reported, the rest is done.
source "$(dirname "$0")/library.sh"

make_campaign 20000 600 1 "[32, 32]"
make_calm 3

start() { # run directory, option...
    local out=$1
    shift
    ratiofarm run campaign.toml --out "$out" "$@" > "$out.out" 2> "$out.err" &
    farm=$!
}

# Hung: stopped by a signal, so that it neither ends nor answers. Killed and resumed, one strike.
start hung --hang-seconds 2
wait_for_checkpoint hung $farm
find_trainer $farm
kill -STOP "$trainer"
wait $farm || fail "a hung trainer ended the farm"
expect_in 'killing a trainer that hangs' hung.err
expect_in 'strike 1 of 3' hung.err
expect_in 'resumed=yes' hung.err
expect_calm hung

# Killed at random moments, as by the out-of-memory killer.
start killed --strikes 100
wait_into_training killed $farm
for _ in 1 2 3 4 5; do
    trainer=$(trainers_of $farm | head -n 1)
    [ -z "$trainer" ] || kill -9 "$trainer" 2> /dev/null || true
    sleep "0.$((RANDOM % 10))"
done
wait $farm || fail "killed trainers ended the farm"
expect_in 'signal 9' killed.err
expect_calm killed

# A poison task is given up after its strikes and everything else is done; without the poison the
# same command does the rest.
poison() { # run directory, failpoint, words of the reason
    expect_code 3 env RATIOFARM_FAILPOINT="$2" \
        ratiofarm run campaign.toml --out "$1" > "$1.out" 2> "$1.err"
    expect_equal "strikes of $1" "$(grep -c 'strike . of 3' "$1.err")" 3
    expect_in "failed: SBI/member 0: .*$3" "$1.out"
    expect_equal "nets of $1 beside the poison" "$(nets_of "$1")" 2
    ratiofarm run campaign.toml --out "$1" > "$1.out" 2> "$1.err"
    expect_calm "$1"
}
poison crashing 'SBI/member 0:step@40=abort' 'signal 6'

# A failure counts for the settings that it was of, and for no other.
expect_code 3 env RATIOFARM_FAILPOINT='SBI/member 0:step@40=abort' \
    ratiofarm train campaign.toml --out settings > settings.out 2> settings.err
expect_in '^failed  *SBI/member 0: ' <(ratiofarm status --out settings)
sed 's/^learning_rate = .*/learning_rate = 1e-3/' campaign.toml > other.toml
ratiofarm train other.toml --out settings --accept-change > settings.out 2> settings.err
ratiofarm status --out settings > settings.status
expect_in '3 of 3 trained, 0 with a checkpoint, 0 failed' settings.status
! grep '^failed' settings.status || fail "a failure of earlier settings is shown"
poison starving 'SBI/member 0:begin=out_of_memory' 'out of memory'

# A diverged net is no fault of a trainer: no strikes, another net takes its place.
RATIOFARM_FAILPOINT='B/member 0:step@30=nan' \
    ratiofarm run campaign.toml --out wild > wild.out 2> wild.err
expect_in 'net excluded.*B/member 0: diverged: training loss is' wild.err
expect_equal "strikes of a diverged net" "$(grep -c 'strike' wild.err || true)" 0
expect_equal "nets, the diverged one among them" "$(nets_of wild)" 4

# Damaged newest checkpoints: the generation before is used; two damaged ones: from the start.
damage() { # run directory, command on the newest checkpoint, command on the older one
    start "$1"
    for _ in $(seq 400); do
        ! compgen -G "$1/tasks/*/*.state.old" > /dev/null || break
        sleep 0.05
    done
    kill -USR2 $farm
    wait $farm && fail "$1 was not stopped"
    for state in "$1"/tasks/*/*.state; do
        $2 "$state"
        $3 "$state.old"
    done
    expect_code 2 ratiofarm verify --out "$1" > "$1.verify"
    expect_in '\.state: ' "$1.verify"
    ratiofarm run campaign.toml --out "$1" > "$1.out" 2> "$1.err"
    expect_in 'checkpoint cannot be used' "$1.err"
    expect_calm "$1"
}
empty() { : > "$1"; }
cut_short() { truncate -s 100 "$1"; }
leave() { test -s "$1"; }
damage flipped flip_bit leave
expect_in 'state.old epoch' flipped.err
damage cut cut_short leave
damage emptied empty flip_bit
expect_equal "attempts that were resumed" "$(grep -c 'resumed=yes' emptied.err || true)" 0
