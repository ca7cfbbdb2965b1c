#!/usr/bin/env bash
# Paths as nobody should choose them, and links within a run directory. From submit to the report all
# works in folders with blanks, quotes, dollars and newlines, and no part of a name is run as a
# command. What a link within a run directory leads to stays as it is.
source "$(dirname "$0")/library.sh"

odd=$work/$'it\'s "odd" $(touch owned) `touch owned` %j\n; touch owned'
run="$odd/a run"
mkdir "$odd" bin
cp -r "$shared/../../slurm" "$odd/batch scripts"
make_campaign 400 1 1 "[8]"
mv campaign.toml toy.h5 "$odd"
export RATIOFARM_SLURM="$odd/batch scripts" RATIOFARM_SITE="$odd/the site's.sh" WORK=$work
echo 'launch=(); touch "$WORK/the site was read"' > "$RATIOFARM_SITE"

# Stands in for Slurm: keeps the words it gets; runs a copy of the script if it is asked to.
cat > bin/sbatch << 'END'
#!/usr/bin/env bash
printf '%s\0' "$@" > "$WORK/words"
echo 17
[ -n "${RUN_IT:-}" ] || exit 0
while [[ $1 == -* ]]; do shift; done
cp "$1" "$WORK/spooled"
shift
SLURM_JOB_ID=17 SLURM_JOB_NODELIST=here bash "$WORK/spooled" "$@" > "$WORK/job.out" 2> "$WORK/job.err"
END
printf '#!/bin/sh\n' > bin/scontrol
cp bin/scontrol bin/sinfo
chmod +x bin/*
export PATH="$work/bin:$PATH"

submit() { # option...
    ratiofarm submit "$odd/campaign.toml" --out "$run" "$@" > submit.out 2> submit.err ||
        fail "submit $*: $(cat submit.err)"
    mapfile -d '' -t words < words
    expect_equal "what $* submits" "${words[*]: -4}" \
        "$odd/batch scripts/run.sbatch $odd/campaign.toml --out $run"
    printf '%s\n' "${words[@]}" > words.txt
    expect_in ' %%j$' words.txt # nothing for sbatch to replace but the number of the job
}
submit --as array --shards 2
submit --as chain --jobs 2
RUN_IT=yes submit
expect_in 'ended with exit code 0' job.err
[ -s "$run/report.html" ] || fail "the job made no report: $(cat job.out job.err)"
[ -e "the site was read" ] || fail "the site's file was not read"
"$odd/batch scripts/local.sh" 1 "$odd/campaign.toml" --out "$run" > local.out 2> local.err ||
    fail "local.sh: $(cat local.err)"
expect_in '^train *up to date' local.out
ratiofarm verify --out "$run" > verify.out || fail "$(cat verify.out)"
ratiofarm status --out "$run" > status.out
ratiofarm explain 'S/member 0' --out "$run" > explain.out
expect_equal "what names ran" "$(find . -name 'owned*')" ""

# Links within the run directory, to files that are called as those of the farm.
mkdir precious
task=0123456789abcdef0123456789abcdef
for file in $task.ckpt $task.state SBI.h5 SBI.h5.damaged ratios journal lock report; do
    echo "worth a lot" > "precious/$file"
done
find precious -type f -exec cksum {} + | sort > precious.before
link_out() {
    ln -sfn "$work/precious" "$run/tasks/$1"
    ln -sfn "$work/precious" "$run/ensembles/$1"
    ln -sf "$work/precious/ratios" "$run/ratios.h5.partial"
    ln -sf "$work/precious/report" "$run/report.html.partial"
    ln -sf "$work/precious/SBI.h5" "$run/ensembles/SBI.h5.partial"
}
expect_precious() { # what was done
    find precious -type f -exec cksum {} + | sort | diff precious.before - >&3 ||
        fail "$1 followed a link out of the run directory"
}
link_out 01
ratiofarm verify --out "$run" > verify.out || fail "$(cat verify.out)"
ratiofarm clean "$odd/campaign.toml" --out "$run" --yes > clean.out
expect_in '^removed 0 files' clean.out
expect_precious clean
rm "$run/ratios.h5" "$run/report.html" "$run/ensembles/SBI.h5"
ratiofarm run "$odd/campaign.toml" --out "$run" > run.out 2> run.err
expect_precious run
link_out 02
rm "$run/journal.jsonl"
ln -s "$work/precious/journal" "$run/journal.jsonl"
ln -s "$work/precious/lock" "$run/lock"
fresh() { ratiofarm run "$odd/campaign.toml" --out "$run" --fresh --yes > fresh.out 2> fresh.err; }
expect_code 2 fresh
expect_in 'levels of symbolic links' fresh.err
expect_precious "a lock that is a link"
rm "$run/lock"
fresh || fail "--fresh: $(cat fresh.err)"
expect_precious "--fresh"
[ -f "$run/report.html" ] || fail "--fresh made no report"

# Where no folder can be made another try does not help.
expect_code 2 ratiofarm run "$odd/campaign.toml" --out /proc/nowhere/run > nowhere.out 2> nowhere.err
expect_in "'/proc/nowhere/run'" nowhere.err
