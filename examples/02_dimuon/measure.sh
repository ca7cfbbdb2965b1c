#!/usr/bin/env bash
# The whole measurement, from generator events to unblinded pseudo-data: measure.sh [run directory].
# Programs and Python are taken from PATH; RATIOFARM_BIN, a folder, comes before them if it is set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="${RATIOFARM_BIN:+$RATIOFARM_BIN:}$PATH"
out=${1:-measurement.run}
ranks=${RANKS:-$(nproc)}
ranks=$((ranks < 4 ? ranks : 4))
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # containers have only root

ratiofarm() { command mpirun --oversubscribe -n "$ranks" ratiofarm "$@"; }
began=$SECONDS
step() {
    echo "== $1 (after $((SECONDS - began)) s)"
}

step "generating events"
[[ -f measurement.h5 ]] || python3 generate.py --full
step "selecting, training and fitting, blind"
ratiofarm run measurement.toml --out "$out"
step "impacts, scan and toys"
ratiofarm impacts measurement.toml --out "$out" --refit
ratiofarm scan measurement.toml --out "$out" --from 0.5 --to 1.6 --points 12
for mu in 1 2; do
    ratiofarm toys measurement.toml --out "$out" --toys 500 --at mu=$mu
done
step "pseudo-data"
ratiofarm run measurement.toml --out "$out" --unblind "the example is complete"
ratiofarm gof measurement.toml --out "$out" --toys 200
step "a histogram of the mass, by pyhf"
python3 compare_pyhf.py measurement.toml "$out"
step "done"
