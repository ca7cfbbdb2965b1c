#!/usr/bin/env bash
# USR1 writes checkpoints and goes on; USR2 and TERM stop with exit code 75, and the same command
# continues to the same bits.
source "$(dirname "$0")/library.sh"

make_campaign 30000 80 1 "[48, 48]"
run_on 0 calm run > calm.out 2> calm.err
content_of calm > calm.content

for signal in USR2 TERM; do
    ratiofarm run campaign.toml --out $signal > $signal.out 2> $signal.err &
    farm=$!
    wait_into_training $signal $farm
    touch mark
    kill -USR1 $farm
    sleep 0.4
    [ -n "$(find $signal/tasks -newer mark -name '*.state')" ] || fail "USR1 wrote no checkpoint"
    kill -$signal $farm
    code=0
    wait $farm || code=$?
    expect_equal "exit code after $signal" $code 75
    ls $signal/tasks/*/*.state > /dev/null || fail "$signal left no checkpoint"
    [ ! -e $signal/lock ] || fail "the lock is still held"
    run_on 0 $signal run >> $signal.out 2>> $signal.err
    grep -q 'resumed=yes' $signal.err || fail "started from the beginning after $signal"
    content_of $signal | diff calm.content - || fail "other bits after $signal"
done

# Under mpirun USR2 reaches all ranks.
mpirun --oversubscribe -n 2 ratiofarm run campaign.toml --out ranks > ranks.out 2> ranks.err &
farm=$!
wait_into_training ranks $farm
kill -USR2 $farm
code=0
wait $farm || code=$?
expect_equal "exit code of mpirun after USR2" $code 75
run_on 2 ranks run >> ranks.out 2>> ranks.err
content_of ranks | diff calm.content -
