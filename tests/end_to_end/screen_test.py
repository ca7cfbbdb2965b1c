#!/usr/bin/env python3
"""What people read fits their terminal: every command in a terminal of 80 and of 50 columns.

No line may be longer than the terminal, unless it is one word (a path is to be copied). What goes to a
pipe is not folded; JSON and scripts never are.
"""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from toy_campaign import campaign  # noqa: E402

PROGRAM = os.path.abspath(os.path.join(sys.argv[1], "ratiofarm"))
SYSTEMATIC = """
[[systematic]]
name = "a_normalisation_with_a_long_name_from_a_workspace"
[systematic.yield]
B = { up = 1.1, down = 0.9 }
S = { up = 0.95, down = 1.05 }
"""
COMMANDS = [
    "check campaign.toml", "check wrong.toml", "plan campaign.toml", "run campaign.toml",
    "run campaign.toml", "run campaign.toml --out two -n 2", "status", "status --cost", "verify", "clean --verbose",
    "explain S/member\\ 0", "fit campaign.toml --fresh", "impacts campaign.toml --refit", "limits campaign.toml",
    "scan campaign.toml", "toys campaign.toml --toys 20 --block 10", "gof campaign.toml --toys 20 --block 10",
    "report campaign.toml", "run campaign.toml --out strangers", "run campaign.toml --out campaign.toml",
    "fit campaign.toml --out nothing", "init --template systematics",
    "help", "help run", "chek",
]


def in_terminal(columns, command):
    """What a terminal shows: lines without what redraws them."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv("/bin/bash", ["bash", "-c", f"exec '{PROGRAM}' {command}"])
    output = b""
    while True:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # nobody writes any more
            break
        if not piece:
            break
        output += piece
    _, status = os.waitpid(pid, 0)
    assert not os.WIFSIGNALED(status), (command, output)
    return re.sub(r"\r\x1b\[K|\x1b\[[0-9;]*[A-Za-z]", "\n", output.decode().replace("\r\n", "\n")).split("\n")


def check(columns, command):
    lines = in_terminal(columns, command)
    assert any(lines), command
    for line in lines:
        assert len(line) <= columns or len(line.split()) == 1, f"{columns} columns, '{command}': {len(line)}\n{line}"
    return len(lines)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")
        text = campaign("signal", gates=False) + SYSTEMATIC
        with open("campaign.toml", "w") as file:
            file.write(text)
        with open("wrong.toml", "w") as file:
            file.write(text.replace('"x"', '"energy_of_the_leading_jet", "x"').replace("batch = 512", "batch = 5000000"))
        os.mkdir("strangers")
        with open("strangers/thesis.tex", "w") as file:
            file.write("mine")
        subprocess.run([PROGRAM, "simulate", "campaign.toml"], check=True, stdout=subprocess.DEVNULL)
        for command in COMMANDS:
            check(80, command)
        for command in ("check wrong.toml", "impacts campaign.toml --refit", "run campaign.toml", "status"):
            check(50, command)

        plain = subprocess.run([PROGRAM, "run", "campaign.toml"], capture_output=True, text=True, check=True)
        assert max(map(len, plain.stdout.split("\n"))) > 80, "a pipe is folded"
        shown = "".join(in_terminal(50, "limits campaign.toml --json 2> /dev/null"))
        assert json.loads(shown)["limits"], "JSON is folded"
        assert os.listdir("strangers") == ["thesis.tex"] and not os.path.exists("nothing")


main()
