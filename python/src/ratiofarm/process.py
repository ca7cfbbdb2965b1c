"""Starts the programs of ratiofarm and shows how far they are."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .files import Problem, read_toml
from .runs import Run

#: What a program says of its failure, up to what an MPI launcher adds.
PROBLEM = re.compile(r"^(?:ratiofarm:| +failed:) (.*?)(?=^-----|\Z)", re.MULTILINE | re.DOTALL)
STAGE = re.compile(r"info stage begins stage=(\w+)")
STOPPED = 75
SECONDS_BETWEEN_LOOKS = 0.25


class RunFailed(Problem):
    """A program ended with an exit code other than 0. `code` is that, `log` all that it said."""

    def __init__(self, message: str, code: int, log: str) -> None:
        super().__init__(message)
        self.code, self.log = code, log


def program(name: str = "ratiofarm") -> str:
    """The path of a program: on PATH, or in the folder that $RATIOFARM_BIN names. Raises Problem if there is none."""
    folder = os.environ.get("RATIOFARM_BIN", "")
    found = shutil.which(name, path=folder) if folder else shutil.which(name)
    if found is None:
        raise Problem(f"no program '{name}' " + (f"in RATIOFARM_BIN={folder}" if folder else
                      "on PATH; build it (./run build), then set PATH or RATIOFARM_BIN to the folder of the programs"))
    return found


def run(campaign: str | os.PathLike[str], *, out: str | os.PathLike[str] | None = None, ranks: int = 1, command: str = "run",
        options: Sequence[str | os.PathLike[str]] = (), progress: bool | Callable[[str], None] = True) -> Run:
    """Runs a campaign and waits for its end; what is done already is not done again.

    out: run directory; default `<name of the campaign>.run` in the working directory. ranks: one for each GPU or group
    of cores. command: "run", or another that works on a run directory ("fit", "scan", "toys", ...). options: further
    words of the command line.
    progress: one line that is renewed, in a notebook or a terminal; or a function that gets each new text.

    Returns the run directory. Raises RunFailed, with the program's own message, if it ends with another code than 0:
    2 is a mistake in campaign, events or options, 3 means that some tasks failed for good, 75 that it was stopped early
    and goes on when called again. Interrupting the cell writes checkpoints first.
    """
    if ranks < 1:
        raise Problem(f"ranks = {ranks} (must be at least 1)")
    folder = Path(out) if out is not None else Path(str(read_toml(campaign).get("campaign", {}).get("name", "")) + ".run")
    words = [program(), command, campaign, "--out", folder, *options, *(["-n", str(ranks)] if ranks > 1 else [])]
    show = progress if callable(progress) else _shown() if progress else lambda text: None
    code, log = _watched(words, folder, show)
    if code != 0:
        said = PROBLEM.search(log)
        reason = said.group(1).strip() if said else "stopped early; call it again to go on" if code == STOPPED else \
            "\n".join(log.splitlines()[-5:])
        raise RunFailed(f"ratiofarm {command} ended with exit code {code}: {reason}", code, log)
    return Run(folder)


def _watched(words: Sequence[str | os.PathLike[str]], folder: Path, show: Callable[[str], None]) -> tuple[int, str]:
    began, shown = time.monotonic(), ""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        def said() -> str:
            log.seek(0)
            return log.read()

        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True) as process:
            try:
                while process.poll() is None:
                    text = _state(said(), folder)
                    if text != shown:
                        shown = text
                        show(f"{text} ({time.monotonic() - began:.0f} s)")
                    time.sleep(SECONDS_BETWEEN_LOOKS)
            except BaseException:
                process.send_signal(signal.SIGINT)
                process.wait()  # for its checkpoints; leaving the block would wait a quarter of a second
                raise
        show(f"ended with exit code {process.returncode} after {time.monotonic() - began:.0f} s")
        return process.returncode, said()


def _state(log: str, folder: Path) -> str:
    """The stage, and what its farm does if it has one."""
    stage: str = (STAGE.findall(log) or ["starts"])[-1]
    try:
        farm = json.loads((folder / "progress.json").read_text())
        return f"{stage}: {100.0 * farm['fraction']:.0f} %, {farm['done']} tasks done, {farm['running']} running, {farm['waiting']} waiting"
    except (OSError, ValueError, KeyError):  # none, or written just now
        return stage


def _shown() -> Callable[[str], None]:
    """A line in a notebook's cell, or the last line of a terminal; nothing in a file."""
    shell: Any = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    if shell is not None and "kernel" in type(shell).__module__:
        import IPython.display

        handle: Any = getattr(IPython.display, "display")("ratiofarm starts", display_id=True)
        return lambda text: handle.update(text)
    if sys.stderr.isatty():
        return lambda text: print(f"\r\x1b[K{text}", end="\n" if text.startswith("ended") else "", file=sys.stderr, flush=True)
    return lambda text: None
