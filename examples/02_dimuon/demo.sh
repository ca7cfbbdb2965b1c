#!/usr/bin/env bash
# From generator events to a fitted mu: demo.sh [run directory]. `./run demo` calls it with the
# programs and Python on PATH; RATIOFARM_BIN, a folder, comes before them if it is set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="${RATIOFARM_BIN:+$RATIOFARM_BIN:}$PATH"
out=${1:-dimuon.run}
ranks=${RANKS:-$(nproc)}
ranks=$((ranks < 4 ? ranks : 4))

began=$SECONDS
if [[ ! -f events.h5 ]]; then
    echo "== generating events"
    python3 generate.py --out events.h5
fi
generation=$((SECONDS - began))

echo "== training, gathering, inferring and fitting on $ranks ranks"
began=$SECONDS
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # containers have only root
mpirun --oversubscribe -n "$ranks" ratiofarm run campaign.toml --out "$out"
run=$((SECONDS - began))

python3 - "$out" <<'PYTHON'
import json, pathlib, sys
out = pathlib.Path(sys.argv[1])
fit = json.loads((out / "fit.json").read_text())
mu = next(parameter for parameter in fit["parameters"] if parameter["name"] == "mu")
print(f"\nmu = {mu['value']:.3f} +- {mu['error']:.4f}" + ("" if fit["converged"] else "  (not converged)"))
for comparison in fit["comparisons"]:
    if "mass" in comparison["label"]:
        print(f"a fine {comparison['label']} on the same events gives +- {comparison['parameters'][0]['error']:.4f}")
for name in ("fit.json", "report.html", "ratios.h5", "ensembles"):
    if (out / name).exists():
        print(f"  {(out / name).resolve()}")
PYTHON
echo "generation took $generation s, ratiofarm run $run s"
