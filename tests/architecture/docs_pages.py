#!/usr/bin/env python3
"""Holds the pages to the program: docs_pages.py PROGRAM [ROOT]

Every page is in the navigation of mkdocs.yml; links, anchors and pictures exist; commands, their options and those of
`./run` exist; each line of a `text` block of docs/troubleshooting.md is printed by some source ("..." stands for what
differs); the campaign of the README is that of the tutorial.
"""
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parents[2]).resolve()
PROGRAM = sys.argv[1]
LARGEST_PICTURE = 100_000
# Options of sbatch, srun, mpirun, cmake, and of ./run and its programs, that pages name by themselves.
OF_OTHERS = set("gpus-per-node gpu-bind signal mpi changed check tables oversubscribe".split())
faults = []


def fault(page, text):
    faults.append(f"{page.relative_to(ROOT)}: {text}")


def without_blocks(text):
    """A page without fenced and indented blocks, whose brackets are no links."""
    return re.sub(r"^(    |\t).*$", "", re.sub(r"^( *)```.*?^ *```$", "", text, flags=re.M | re.S), flags=re.M)


@cache
def anchors(page):
    """Ids of the headings, as GitHub and mkdocs make them."""
    found = set()
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for heading in re.findall(r"^#+ +(.*?)\s*$", text, re.M):
        words = re.sub(r"[^\w\s-]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).strip()
        found.add(re.sub(r"[\s]+", "-", words))
    return found


def check_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists():
            fault(page, f"link to {target}: no such file")
        elif anchor and anchor not in anchors(there):
            fault(page, f"link to {target}: no such heading; there are {', '.join(sorted(anchors(there)))}")
        elif there.suffix == ".svg" and there.stat().st_size > LARGEST_PICTURE:
            fault(page, f"{path} has {there.stat().st_size} bytes (allowed: {LARGEST_PICTURE})")


def check_navigation(pages):
    listed = re.findall(r":\s*([\w/]+\.md)\s*$", (ROOT / "mkdocs.yml").read_text(), re.M)
    for page in pages:
        if str(page.relative_to(ROOT / "docs")) not in listed:
            fault(page, "is not in the navigation of mkdocs.yml")
    for name in listed:
        if not (ROOT / "docs" / name).exists():
            fault(ROOT / "mkdocs.yml", f"names {name}, which does not exist")


@cache
def options_of(command):
    """Options that `ratiofarm COMMAND --help` lists; none for a command that does not exist."""
    done = subprocess.run([PROGRAM, command, "--help"], text=True, capture_output=True)
    return frozenset(re.findall(r"--([a-z][a-z-]*)", done.stdout)) if done.returncode == 0 else None


def code_of(page):
    """Inline code, and the lines of fenced and indented blocks, continued lines joined."""
    text = page.read_text().replace("\\\n", " ")
    blocks = re.findall(r"^ *```.*?^ *```$", text, re.M | re.S)
    return (re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S))
            + [line for block in blocks for line in block.splitlines()] + re.findall(r"^(?:    |\t)(.*)$", text, re.M))


@cache
def all_options():
    listed = subprocess.run([PROGRAM, "--help"], text=True, capture_output=True).stdout
    return OF_OTHERS.union(*(options_of(command) for command in re.findall(r"^  ([a-z]+) ", listed, re.M)))


@cache
def commands_of_run():
    help_text = subprocess.run([ROOT / "run", "help"], text=True, capture_output=True).stdout
    return {"help"} | set(re.findall(r"^  ([a-z]+) ", help_text, re.M))


def check_commands(page):
    for line in code_of(page):
        option = re.match(r"--([a-z][a-z-]*)", line)
        if option and page.parent in (ROOT, ROOT / "docs") and option[1] not in all_options():
            fault(page, f"no command has an option {option[0]}")
        unquoted = re.sub(r'"[^"]*"', '""', line)  # options in quotes are those of another program
        for command, rest in re.findall(r"(?<![\w./-])(?<!-m )ratiofarm ([a-z]+)(?!\.?\w)((?: [^`'|;#()]*)?)", unquoted):
            known = options_of(command)
            if known is None:
                fault(page, f"'ratiofarm {command}' is no command")
            for option in re.findall(r"(?<![\w-])--([a-z][a-z-]*)", rest):
                if known is not None and option not in known:
                    fault(page, f"'ratiofarm {command}' has no option --{option}")
        for command in re.findall(r"\./run ([a-z]+)", line):
            if command not in commands_of_run():
                fault(page, f"'./run {command}' is no command")


@cache
def printed():
    """Literals of the sources, joined where the language joins them; what is put into them is a line break."""
    texts = []
    for folder in ("src", "scheduler", "workers", "fit", "include", "scripts", "slurm"):
        for source in sorted((ROOT / folder).rglob("*")):
            if source.suffix in (".cpp", ".hpp", ".py", ".sh", ".sbatch"):
                text = re.sub(r'"\s*\n\s*f?"', "", source.read_text())
                text = re.sub(r"\\\\", "\\\\", text).replace('\\"', '"').replace("{{", "{").replace("}}", "}")
                texts.append(re.sub(r"\s+", " ", text))
    return "\n".join(texts)


def check_messages(page):
    for block in re.findall(r"^```text\n(.*?)^```$", page.read_text(), re.M | re.S):
        for line in block.splitlines():
            for part in re.split(r"\s*\.\.\.\s*", line.strip()):
                if re.sub(r"\s+", " ", part) not in printed():
                    fault(page, f"no source prints '{part}' (of '{line.strip()}')")


def check_campaign():
    first, second = (re.search(r"```toml[^\n]*\n(.*?)```", (ROOT / name).read_text(), re.S)[1]
                     for name in ("README.md", "docs/tutorial.md"))
    if first != second:
        fault(ROOT / "README.md", "its campaign is not that of docs/tutorial.md")


def main():
    pages = sorted((ROOT / "docs").glob("**/*.md"))
    others = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")]
    check_navigation(pages)
    for page in [*pages, *others, *(ROOT / "examples").glob("*/README.md"), *(ROOT / "tests").glob("*/README.md")]:
        check_links(page)
        check_commands(page)
    check_messages(ROOT / "docs/troubleshooting.md")
    check_campaign()
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(pages)} pages, {len(printed())} characters of sources")


if __name__ == "__main__":
    main()
