"""The package itself: it installs, it is typed, and its version is that of the project."""
import importlib
import re
import subprocess
import sys

import pytest
from conftest import ROOT

import ratiofarm
import ratiofarm.bundle
import ratiofarm.hepdata
import ratiofarm.onnx
import ratiofarm.plots


def test_it_installs_with_pip_and_needs_nothing_else_to_be_imported(tmp_path):
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-build-isolation", "--no-deps",
               "--no-index", "--no-compile", "--target", str(tmp_path), str(ROOT / "python")]
    subprocess.run(command, check=True)
    code = (f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import ratiofarm; print(ratiofarm.__file__); "
            "assert not {'pandas', 'matplotlib', 'onnx', 'yaml'} & set(sys.modules)")

    done = subprocess.run([sys.executable, "-I", "-c", code], check=True, text=True, capture_output=True)

    assert done.stdout.startswith(str(tmp_path)) and (tmp_path / "ratiofarm" / "py.typed").exists()


@pytest.mark.parametrize("package, extra, use", [
    ("pandas", "frames", lambda run, path: run.parameters.frame()), ("pandas", "frames", lambda run, path: run.ratios["signal"].frame()),
    ("matplotlib.pyplot", "plots", lambda run, path: ratiofarm.plots.scan(run)),
    ("onnx", "onnx", lambda run, path: ratiofarm.onnx.export(run.ensembles["signal"], path)),
    ("onnxruntime", "onnx", lambda run, path: ratiofarm.bundle.add_nets(run, run)),
    ("yaml", "hepdata", lambda run, path: ratiofarm.hepdata.write(run, path))])
def test_what_an_extra_brings_is_named_where_it_is_missing(package, extra, use, run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ratiofarm.Problem, match=rf"needs the package '{package}' .* pip install 'ratiofarm\[{extra}\]'"):
        use(run, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_its_version_is_that_of_the_project():
    project = re.search(r"project\(ratiofarm VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())

    assert project is not None and project.group(1) == ratiofarm.__version__


def test_it_is_typed(tmp_path):
    done = subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path)], cwd=ROOT / "python", text=True, capture_output=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_its_page_names_is_there():
    page = (ROOT / "docs" / "python.md").read_text()
    names = set(re.findall(r"ratiofarm\.([a-z_]+(?:\.[a-z_]+)?)\b(?!/)", page))
    assert {"write_events", "open_run", "onnx.export", "hepdata.write", "plots"} <= names
    for name in names:
        module, _, rest = name.partition(".")
        found = getattr(ratiofarm, module, None) or importlib.import_module(f"ratiofarm.{module}")
        assert not rest or hasattr(found, rest), name
    rows = page.split("| `run.` | what |")[1].split("\n\n")[0]
    for cell in re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE):
        for name in re.findall(r"`([a-z_]+)", cell):
            assert hasattr(ratiofarm.Run, name), name


def test_modules_with_extras_are_there_without_an_import_of_their_own():
    code = "import ratiofarm; ratiofarm.onnx.export, ratiofarm.hepdata.write, ratiofarm.hpo.Study"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="has no attribute 'onyx'"):
        ratiofarm.onyx
