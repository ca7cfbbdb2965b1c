#!/usr/bin/env bash
# USR1 writes checkpoints and goes on; USR2 and TERM stop with exit code 75, and the same command
# continues to the same bits.
source "$(dirname "$0")/library.sh"

make_campaign 30000 350 1 "[48, 48]"
sed -i 's/^checkpoint_seconds = .*/checkpoint_seconds = 3600/' campaign.toml # none unless asked
run_on 0 calm run > calm.out 2> calm.err
content_of calm > calm.content

# Asks for checkpoints until there is one: the first training has begun, and has far to go.
checkpoint() { # run directory, pid of the farm
    for _ in $(seq 200); do
        ! compgen -G "$1/tasks/*/*.state" > /dev/null || return 0
        # Before the handler is there the signal would end the program.
        ! grep -q 'stage=train' "$1.err" || kill -USR1 "$2"
        sleep 0.1
    done
    fail "USR1 wrote no checkpoint"
}

stop() { # run directory, signal, pid
    touch mark
    sleep 0.05
    kill "-$2" "$3"
    local code=0
    wait "$3" || code=$?
    expect_equal "exit code after $2" $code 75
    [ -n "$(find "$1/tasks" -newer mark -name '*.state')" ] || fail "$2 left no checkpoint"
    [ ! -e "$1/lock" ] || fail "the lock is still held"
}

go_on() { # run directory, ranks
    run_on "$2" "$1" run >> "$1.out" 2>> "$1.err"
    grep -q 'resumed=yes' "$1.err" || fail "$1 started from the beginning"
    content_of "$1" | diff calm.content - || fail "$1 ends with other bits"
}

for signal in USR2 TERM; do
    ratiofarm run campaign.toml --out $signal > $signal.out 2> $signal.err &
    farm=$!
    checkpoint $signal $farm
    stop $signal $signal $farm
    go_on $signal 0
done

# Under mpirun USR1 and USR2 reach all ranks.
mpirun --oversubscribe -n 2 ratiofarm run campaign.toml --out ranks > ranks.out 2> ranks.err &
farm=$!
checkpoint ranks $farm
stop ranks USR2 $farm
go_on ranks 2

# Ranks that the program started itself: Ctrl-C stops them in order, and the last word is ours.
ratiofarm run campaign.toml --out own --ranks 2 > own.out 2> own.err &
farm=$!
checkpoint own $farm
stop own INT $farm
! grep -E 'Primary job|mpirun' own.err || fail "the launcher had the last word"
ratiofarm run campaign.toml --out own -n 2 >> own.out 2>> own.err
grep -q 'resumed=yes' own.err || fail "own started from the beginning"
content_of own | diff calm.content - || fail "own ends with other bits"

# Stages after the training obey, too: each on one rank and on two, once it has begun.
obeys_in() { # stage, file that it makes, option...
    local stage=$1 made=$2 code=0
    shift 2
    rm -rf "own/$made" own/report.html
    : > stage.err # what the one before said
    # A shell lets what it starts in the background ignore Ctrl-C.
    env --default-signal=INT ratiofarm run campaign.toml --out own "$@" > stage.out 2> stage.err &
    farm=$!
    for _ in $(seq 1000); do
        ! grep -q "stage begins stage=$stage" stage.err || break
        sleep 0.01
    done
    kill -INT $farm
    wait $farm || code=$?
    # Only the last stage may have been over before the signal came.
    [ $code = 75 ] || { [ $code = 0 ] && [ "$stage" = report ]; } || fail "exit code $code after Ctrl-C in $stage $*"
    if [ $code = 75 ]; then
        expect_in 'stopping early by a signal' stage.err
        [[ $(cat stage.out stage.err) == *"run the same command again to go on"* ]] || fail "no word on Ctrl-C in $stage $*"
    fi
    [ ! -e own/lock ] || fail "the lock is still held after Ctrl-C in $stage $*"
}
for stage in gather:ensembles infer:ratios.h5 fit:fit.json report:report.html; do
    obeys_in ${stage%:*} ${stage#*:}
    obeys_in ${stage%:*} ${stage#*:} -n 2
done
ratiofarm run campaign.toml --out own -n 2 > stage.out 2> stage.err
content_of own | diff calm.content - || fail "Ctrl-C in later stages changed bits"

expect_code 2 mpirun --oversubscribe -n 2 ratiofarm run campaign.toml --out own -n 2 > twice.out 2> twice.err
expect_in 'leave out either mpirun or --ranks' twice.err
expect_code 2 ratiofarm run campaign.toml --out own -n 5000 > many.out 2> many.err
expect_in 'ranks = 5000: at most [0-9]* start here' many.err

# A scan that would take minutes obeys within seconds, alone and on two ranks, and leaves no lock.
obeys() { # pid of the scan
    sleep 2
    local began=$SECONDS code=0
    kill -TERM "$(ranks_of "$1" | head -n 1)"
    wait "$1" || code=$?
    expect_equal "exit code of a scan after TERM" $code 75
    [ $((SECONDS - began)) -lt 20 ] || fail "the scan went on for $((SECONDS - began)) s"
    expect_in 'stopped early by a signal' scan.err
    [ ! -e calm/lock ] || fail "the scan left its lock"
}
scan=(ratiofarm scan campaign.toml --out calm --points 100000 --exact)
"${scan[@]}" > scan.out 2> scan.err &
obeys $!
mpirun --oversubscribe -n 2 "${scan[@]}" > scan.out 2> scan.err &
obeys $!
