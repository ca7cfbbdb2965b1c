#!/usr/bin/env python3
"""The layering check, run on a small tree full of violations, reports each of them and fails."""

import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
fixture = here / "layering_fixture"
run = subprocess.run([sys.executable, here / "layering.py", fixture], capture_output=True, text=True)
expected = (fixture / "expected.txt").read_text().splitlines()
missing = [line for line in expected if line not in run.stdout.splitlines()]
if run.returncode == 0 or missing:
    sys.exit(f"not reported: {missing}\nThe report was (exit {run.returncode}):\n{run.stdout}")
