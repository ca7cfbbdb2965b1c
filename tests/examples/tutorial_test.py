"""Runs docs/tutorial.md as it stands: tutorial_test.py BIN SOURCES [--show]

Blocks of the page in their order: `toml` with a title writes (or appends to) the file, `sh` is run, and the
`text` that follows it must be found in the output line after line, whatever the numbers; "..." stands for anything.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

programs, source = Path(sys.argv[1]), Path(sys.argv[2])
NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?")


def blocks(page):
    """(language, title, text) of every fenced block."""
    for fence in re.finditer(r"^```(\w+)(?: title=\"([^\"]*)\")?\n(.*?)^```$", page, re.M | re.S):
        yield fence.groups()


def pattern(line):
    """What matches a line of the page: numbers and blanks may differ."""
    parts = []
    for part in line.split("..."):
        words = [r"\s+".join(re.escape(word) for word in re.split(r"\s+", text)) for text in NUMBER.split(part)]
        parts.append(r"\s*[-\d.,e+]+".join(words))
    return re.compile(r"\s*" + ".*".join(parts) + r"\s*")


def expect_lines(page, output, command):
    lines = iter(output.splitlines())
    for wanted in filter(None, map(str.strip, page.splitlines())):
        if wanted != "..." and not any(pattern(wanted).fullmatch(line) for line in lines):
            sys.exit(f"FAILED: '{command.strip()}' does not print (after the lines before it)\n  {wanted}\nbut\n{output}")


def run(command, folder):
    command = "\n".join(line for line in command.splitlines() if not line.startswith("export "))
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "REPOSITORY": str(source)}
    # A group of its own, so that no rank outlives a command that takes too long.
    process = subprocess.Popen(["bash", "-euc", command], cwd=folder, env=environment, text=True, start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output = process.communicate(timeout=200)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        sys.exit(f"FAILED: '{command}' took longer than 200 s:\n{process.communicate()[0]}")
    if process.returncode:
        sys.exit(f"FAILED: '{command}' ended with {process.returncode}:\n{output}")
    return output


def main():
    page = (source / "docs/tutorial.md").read_text()
    found = list(blocks(page))
    with tempfile.TemporaryDirectory() as folder:
        command, output, asimov, compared = "", "", None, 0
        for language, title, text in found:
            if language == "toml":
                with open(Path(folder, title.removeprefix("append to ")), "a" if title.startswith("append") else "w") as file:
                    file.write(text)
            elif language == "sh":
                command, output = text, run(text, folder)
                if "--show" in sys.argv:
                    print(f"$ {command}{output}")
                fit = Path(folder, "resonance.run/fit.json")
                if asimov is None and fit.exists():
                    asimov = json.loads(fit.read_text())
            else:
                expect_lines(text, output, command)
                compared += 1
        # What the page is about: the truth is 1, and the fit beats the histograms.
        fitted = json.loads(fit.read_text())
        for what, fit, most in ("Asimov", asimov, 0.5), ("data", fitted, 3.0):
            mu = next(p for p in fit["parameters"] if p["name"] == "mu")
            distance = abs(mu["value"] - 1.0) / mu["error"]
            if distance > most or not 0.1 < mu["error"] < 0.2:
                sys.exit(f"FAILED: {what}: mu = {mu['value']} +- {mu['error']}, {distance} errors from the truth")
        subprocess.run([sys.executable, source / "tests/support/read_run.py", Path(folder, "resonance.run")], check=True)
        if compared < 8:
            sys.exit(f"FAILED: only {compared} outputs of the page were compared")
    print(f"{compared} outputs as on the page")


if __name__ == "__main__":
    main()
