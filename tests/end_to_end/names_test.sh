#!/usr/bin/env bash
# Processes that are called like tasks, files or folders of a run are processes like all others:
# nothing goes by the words of a name. Lines of a journal that an older version wrote have nothing
# but names; a run directory of that version is taken over, and nothing is trained again.
source "$(dirname "$0")/library.sh"

make_campaign 3000 2 1 "[4]"
rename() { # the three processes, in the order S, SBI, B
    sed -e "s|^name = \"S\"|name = \"$1\"\nsample = \"S\"|" \
        -e "s|^name = \"SBI\"|name = \"$2\"\nsample = \"SBI\"|" \
        -e "s|^name = \"B\"|name = \"$3\"\nsample = \"B\"|" \
        -e "s|^mixture = .*|mixture = { \"$1\" = 1, \"$2\" = 1, \"$3\" = 1 }|" campaign.toml
}

# Kinds, families and counts of the tasks that costs were learned from.
costs_of() { # run directory
    ratiofarm status --out "$1" --json | python3 -c "
import json, sys
for cost in json.load(sys.stdin)['costs']: print(cost['task'], cost['kind'], cost['tasks'])"
}

check_names() { # name of the case, the three processes
    local name=$1 file=$1.toml
    rename "$2" "$3" "$4" > "$file"
    ratiofarm check "$file" > "$name.check"
    ratiofarm plan "$file" --out "$name" > "$name.plan"
    for stage in train gather infer fit report; do
        mpirun --oversubscribe -n 2 ratiofarm "$stage" "$file" --out "$name" > "$name.$stage" 2> "$name.err"
    done
    ratiofarm toys "$file" --out "$name" --toys 20 --block 10 > "$name.toys" 2> "$name.err"
    ratiofarm gof "$file" --out "$name" --toys 20 --block 10 > "$name.gof" 2> "$name.err"
    ratiofarm verify --out "$name" > "$name.verify" || fail "$name: $(cat "$name.verify")"
    expect_in '^nets       3 of 3 trained' <(ratiofarm status --out "$name")
    expect_in '^toys       4 tasks done' <(ratiofarm status --out "$name")
    expect_in '^learned' <(ratiofarm plan "$file" --out "$name")
    expect_equal "learned trainings of $name" "$(costs_of "$name" | grep -c '^training ')" 3
    expect_equal "learned evaluations of $name" "$(costs_of "$name" | grep -c '^inference ')" 9
    expect_equal "learned toys of $name" "$(costs_of "$name" | grep -cE '^(toys|gof) ')" 2
    for process in "$2" "$3" "$4"; do
        local word=${process//\//%2F}
        [ -f "$name/ensembles/$word.h5" ] || fail "no ensemble of '$process'"
        ratiofarm explain "$word/member 0" --out "$name" > "$name.explain"
        expect_in '^state        done' "$name.explain"
        expect_in 'FLOP, about .* (learned from 1 task of its kind)' "$name.explain"
    done
    ratiofarm explain 'toys/mu = 1/0' --out "$name" > "$name.explain"
    expect_in 'cost         10 toys, about .* (learned from 2 tasks of its kind)' "$name.explain"
}

check_names words toys gof search
check_names paths a/member "S/fold 1" a
expect_equal "folders of ensembles" "$(find paths/ensembles -mindepth 1 -type d | wc -l)" 0

# A process with a slash needs a sample of its own; other characters are refused with the rule.
sed -e 's|^name = "S"|name = "a/member"|' -e 's|{ S = 1|{ "a/member" = 1|' campaign.toml > missing.toml
expect_code 2 ratiofarm check missing.toml > missing.out 2> missing.err
cat missing.out missing.err > missing.txt
expect_in "sample is missing" missing.txt
sed -e 's|^name = "S"|name = "a\\\\b"|' -e 's|{ S = 1|{ "a\\\\b" = 1|' campaign.toml > refused.toml
expect_code 2 ratiofarm check refused.toml > refused.out 2> refused.err
cat refused.out refused.err > refused.txt
expect_in "letters, digits, blanks" refused.txt

# A search beside a process of that name: its trials are no nets of the process.
rename search SBI B > trials.toml
cat >> trials.toml <<'END'
[search]
trials = 4
first_rung = 1
processes = ["search"]
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 3e-2] }
END
ratiofarm run trials.toml --out trials > trials.out 2> trials.err
expect_in '^nets       3 of 3 trained' <(ratiofarm status --out trials)
costs_of trials > trials.costs
expect_in '^trial search/search ' trials.costs
expect_in '^training search ' trials.costs

# The journal of the version before: schema 1, without kinds and families.
cp -r words old
python3 - old/journal.jsonl <<'END'
import json, sys, zlib
lines = []
for line in open(sys.argv[1]):
    event = json.loads(line)
    event.pop("crc")
    event["schema"] = 1
    for key in ("kind", "family", "nets", "first", "fold", "folds", "replacement"):
        event.pop(key, None)
    text = json.dumps(event, separators=(",", ":"))
    crc = zlib.crc32(text.encode())
    lines.append(f'{text[:-1]},"crc":"{crc:08x}"}}\n')
open(sys.argv[1], "w").writelines(lines)
END
ratiofarm verify --out old > old.verify || fail "$(cat old.verify)"
expect_equal "status of the older journal" "$(ratiofarm status --out old | grep -E '^(nets|toys) ')" \
    "$(ratiofarm status --out words | grep -E '^(nets|toys) ')"
expect_equal "costs of nets from the older journal" "$(costs_of old | grep -vE '^(toys|gof) ')" \
    "$(costs_of words | grep -vE '^(toys|gof) ')"
expect_in 'cost .* toys' <(ratiofarm explain 'toys/mu = 1/0' --out old)
rm old/fit.json
ratiofarm run words.toml --out old > old.out 2> old.err
expect_in '^train *up to date' old.out
expect_in '^infer *up to date' old.out
expect_equal "tasks that were done again" "$(grep -c 'task done' old.err || true)" 0
ratiofarm toys words.toml --out old --toys 20 --block 10 > old.toys 2> old.err
expect_equal "toys that were thrown again" "$(grep -c 'task done' old.err || true)" 0
cmp old/fit.json words/fit.json || fail "another fit from the older run directory"
