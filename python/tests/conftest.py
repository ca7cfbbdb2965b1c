"""What the tests share: the built programs, a run made by the first notebook, and fits of exact ratios."""
import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python" / "src"), str(ROOT / "tests" / "support")]
matplotlib.use("agg")
import ratiofarm  # noqa: E402


def program(*words, folder):
    """Runs a command of ratiofarm in a folder; it must end with 0."""
    done = subprocess.run([ratiofarm.process.program(), *map(str, words)], cwd=folder, text=True, capture_output=True)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def execute(notebook, folder):
    """The cells of a notebook, one after the other, in a folder. Returns their variables."""
    before, names = os.getcwd(), {"__name__": "__main__"}
    os.chdir(folder)
    try:
        for cell in json.loads((ROOT / "python" / "notebooks" / notebook).read_text())["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), f"{notebook}, {cell['id']}", "exec"), names)
    finally:
        os.chdir(before)
        matplotlib.pyplot.close("all")
    return names


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """The folder of everything that is made once."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def notebook(work):
    """What the first notebook leaves: its variables, and peak.run in `work`."""
    return execute("events_to_mu.ipynb", work)


@pytest.fixture(scope="session")
def run(notebook, work):
    """The run of the first notebook: two processes, two features, a learned systematic, two members, Asimov data."""
    return ratiofarm.open_run(work / "peak.run")
