#!/usr/bin/env bash
# Collects what a machine without MPI, HDF5 and network needs to check the GPU code: programs, the
# libraries they load but for LibTorch and glibc, Open MPI's components, the scripts of the checks.
# usage: package.sh BUILD FOLDER
set -euo pipefail
build=$(realpath "$1")
folder=$2
source=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
limit_mib=60

[[ -e $build/bin/libratiofarm_cuda.so ]] || { echo "$build was built without a CUDA toolkit: no GPU could be used" >&2; exit 2; }
rm -rf "$folder" "$folder.partial"
mkdir -p "$folder.partial"/{bin,lib/openmpi,lib/pmix,share}
cd "$folder.partial"

cp "$build"/bin/ratiofarm "$build"/bin/ratiofarm-trainer "$build"/bin/libratiofarm_cuda*.so \
    "$build"/tests/test_trainer_gpu "$build"/bench/parts/train_peer_bench bin/
strip bin/*
mpi_programs=$(dirname "$(readlink -f "$(command -v mpirun)")")
cp "$mpi_programs/orterun" bin/mpirun
cp "$mpi_programs/orted" bin/

# Components for networks that one machine does not have would ask for their drivers.
components=$(find "$(dirname "$(ldd bin/ratiofarm | awk '/libmpi\.so/ { print $3 }')")"/openmpi/lib \
    -maxdepth 1 -name 'openmpi*' -type d)
find "$components" -name 'mca_*.so' | grep -v -E '_(ofi|openib|psm2?|ucx|usnic|monitoring|flux)\.so$' |
    xargs cp -L -t lib/openmpi
pmix=$(ldd lib/openmpi/mca_pmix_ext3x.so | awk '/libpmix\.so/ { print $3 }')
pmix=$(dirname "$(readlink -f "$pmix")")
find "$pmix" -name 'pmix_mca_*.so' -exec cp -L -t lib/pmix {} +
cp -rL /usr/share/openmpi share/ 2>/dev/null || true

# glibc, libstdc++ and the driver are the machine's own, as new as these or newer; LibTorch and CUDA come with its Python.
own='^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|stdc\+\+|gcc_s)\.so.*|lib(torch|c10|cu(blas|da|dnn|dart|fft|file|pti|rand|solver|sparse)|gomp|nccl|nv|shm).*)$'
needed() { ldd "$@" | awk '/=> \// { print $3 }' | sort -u; }
for object in $(needed bin/* lib/openmpi/*.so lib/pmix/*.so); do
    [[ $(basename "$object") =~ $own ]] || cp -L -n "$object" lib/
done

cp -r "$source/tests/gpu" "$source/tests/bench/peers" .
cp "$source/examples/01_interference/campaign_1d.toml" .
cp "$source/examples/03_systematics/campaign.toml" systematics.toml
rm -rf gpu/package.sh gpu/__pycache__ peers/__pycache__
cd - >/dev/null
mv "$folder.partial" "$folder"
size=$(du -sm "$folder" | cut -f1)
echo "$folder: $size MiB"
[[ $size -le $limit_mib ]] || { echo "more than $limit_mib MiB: it is to travel as a whole" >&2; exit 1; }
