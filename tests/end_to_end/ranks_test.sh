#!/usr/bin/env bash
# The same campaign without mpirun and on 1 to 4 ranks gives the same bits.
source "$(dirname "$0")/library.sh"

make_campaign 9000 3 2 "[16, 16]"
for ranks in 0 1 2 3 4; do
    run_on $ranks "run$ranks" run > "$ranks.out" 2> "$ranks.err" || fail "$ranks ranks"
    content_of "run$ranks" > "$ranks.content"
    [ "$(grep -c '"/' "$ranks.content")" -gt 20 ] || fail "too few datasets were compared"
    diff 0.content "$ranks.content" || fail "$ranks ranks give other bits"
done

grep -q '^mu = ' 2.out || fail "no result was printed"
ls run2/report.html > /dev/null

# Everything is done: the same command has nothing to train, and changes no bit.
run_on 2 run2 run > again.out 2> again.err
grep -q '^train *up to date' again.out || fail "trained again"
grep -q '^infer *up to date' again.out || fail "evaluated again"
content_of run2 | diff 0.content -
