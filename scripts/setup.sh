# Installs what the project needs: system packages, then LibTorch and Python helpers into .deps.
# Sourced by ./run. Every step is skipped when its result is there already.

# Prints the packages of the named groups (files in scripts/packages) that are not installed.
missing_packages() {
    local group package
    for group in "$@"; do
        while read -r package; do
            dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
                echo "$package"
        done <"scripts/packages/$group.txt"
    done
    # Debian's python3 cannot make a virtual environment without this package; others can.
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

# Installs the packages of the named groups, or says exactly what is missing and stops.
install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        require_tools
        return
    fi
    local missing
    missing=$(missing_packages "$@" | sort -u | tr '\n' ' ')
    [[ -n $missing ]] || return 0
    if [[ $(id -u) != 0 ]]; then
        stop "system packages are missing. Install them, then run the same command again:" \
            "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
    fi
    note "installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # one word per package
    apt-get install -qq -y --no-install-recommends $missing >/dev/null
}

# Not a Debian: the compiler and MPI come from the site (modules, conda, spack); CMake checks the rest.
require_tools() {
    local tool missing=()
    for tool in cmake ninja c++ mpicxx mpirun pkg-config "$PYTHON"; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    [[ ${#missing[@]} == 0 ]] || stop "not found: ${missing[*]}. Load or install them; on Debian:" \
        "    sudo apt-get install -y --no-install-recommends $(sort -u scripts/packages/build.txt | tr '\n' ' ')"
}

# up_to_date NAME TEXT: whether step NAME was last finished for the same TEXT.
up_to_date() { [[ -f .deps/stamps/$1 && $(<".deps/stamps/$1") == "$2" ]]; }
finished() { mkdir -p .deps/stamps && printf '%s' "$2" >".deps/stamps/$1"; }

# Version and home of the python3 at hand; the virtual environment is made anew when it changes.
python_identity() { "$PYTHON" -c 'import sys; print(sys.version, sys.base_prefix)'; }

# A virtual environment with the packages of a requirements file.
install_python() {
    local requirements=$1 name identity wanted
    name=$(basename "$requirements")
    identity=$(python_identity)
    wanted="$identity $(<"$requirements")"
    if ! .deps/venv/bin/python -c 'import pip' 2>/dev/null || ! up_to_date python "$identity"; then
        "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            stop "$("$PYTHON" --version) is too old: 3.11 or later is needed (PYTHON=/path/to/python3)"
        rm -rf .deps/venv .deps/stamps/requirements*
        "$PYTHON" -m venv .deps/venv
        finished python "$identity"
    fi
    up_to_date "$name" "$wanted" && return
    note "installing Python helpers into .deps/venv"
    # What is imported is compiled then; compiling everything would take a minute.
    .deps/venv/bin/python -m pip install -q --no-compile --disable-pip-version-check -r "$requirements"
    # The package of this checkout, as it is now.
    .deps/venv/bin/python -c 'import pathlib, sys, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "ratiofarm.pth").write_text(sys.argv[1])' \
        "$PWD/python/src"
    finished "$name" "$wanted"
}

# install_environment NAME: a virtual environment .deps/NAME-venv with scripts/requirements-NAME.txt,
# apart from the helpers: it may want other versions of their packages.
install_environment() {
    local requirements=scripts/requirements-$1.txt wanted
    wanted="$(python_identity) $(<"$requirements")"
    up_to_date "$1" "$wanted" && return
    note "installing $requirements into .deps/$1-venv"
    rm -rf ".deps/$1-venv" ".deps/stamps/$1-"*
    "$PYTHON" -m venv ".deps/$1-venv"
    ".deps/$1-venv/bin/python" -m pip install -q --disable-pip-version-check -r "$requirements"
    finished "$1" "$wanted"
}

# The peers of ./run bench fit.
install_bench_python() { install_environment bench; }

# PyTorch as a peer of ./run bench train: the version that the trainer links, with all that Python
# needs to load it (its CUDA libraries among them, GPU or not).
install_bench_torch() {
    local wanted
    install_bench_python
    wanted=$(grep '^torch==' scripts/requirements-libtorch.txt)
    up_to_date bench-torch "$wanted" && return
    note "installing PyTorch for Python into .deps/bench-venv (a download of 3 GB)"
    .deps/bench-venv/bin/python -m pip install -q --disable-pip-version-check "$wanted"
    finished bench-torch "$wanted"
}

# The LibTorch of the PyPI wheel, without the Python packages that it names as dependencies.
install_libtorch() {
    if [[ -n ${LIBTORCH:-} ]]; then
        [[ -e $LIBTORCH/lib/libtorch_cpu.so ]] ||
            stop "LIBTORCH=$LIBTORCH holds no lib/libtorch_cpu.so"
        return
    fi
    local requirements=scripts/requirements-libtorch.txt wanted pip
    pip=(.deps/venv/bin/python -m pip install -q --disable-pip-version-check)
    wanted=$(<"$requirements")
    if ! up_to_date libtorch "$wanted"; then
        note "installing LibTorch into .deps/wheel (a download of 530 MB)"
        rm -rf .deps/wheel .deps/wheel.partial .deps/stamps/gpu
        "${pip[@]}" --no-deps --target .deps/wheel.partial -r "$requirements"
        mv .deps/wheel.partial .deps/wheel
        ln -sfn wheel/torch .deps/libtorch
        finished libtorch "$wanted"
    fi
    [[ -e /dev/nvidiactl ]] || return 0
    up_to_date gpu "$(<scripts/requirements-gpu.txt)" && return
    note "installing the CUDA libraries of LibTorch into .deps/wheel (about 2 GB)"
    "${pip[@]}" --upgrade --target .deps/wheel -r scripts/requirements-gpu.txt
    finished gpu "$(<scripts/requirements-gpu.txt)"
}
