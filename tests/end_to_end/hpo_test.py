#!/usr/bin/env python3
"""Studies whose trials other programs train: two trainers in two languages of which one is killed, a service that is killed
with -9 again and again, the conversation over a socket, and one clear error for each thing that can go wrong."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RATIOFARM = str(Path(sys.argv[1]).resolve() / "ratiofarm")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "python" / "src"), "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
sys.path.insert(0, str(ROOT / "python" / "src"))
# The client alone: it must not need the rest of the package.
sys.modules["ratiofarm"] = type(sys)("ratiofarm")
sys.modules["ratiofarm"].__path__ = [str(ROOT / "python" / "src" / "ratiofarm")]
from ratiofarm.hpo import Study  # noqa: E402

STUDY = """
[study]
name = "calo"
epochs = {epochs}
lease_seconds = {lease}
retry_seconds = 0.05
[search]
trials = {trials}
first_rung = {first}
sampler = "{sampler}"
[search.parameters]
x = {{ uniform = [-5.0, 10.0] }}
y = {{ uniform = [0.0, 15.0] }}
"""

# ask, train, report, without a word of Python: sed takes the numbers out of the answers.
SHELL_TRAINER = r"""
cd "$1"
say() {
    seq=$((seq + 1))
    printf '%s' "$1" | sed "s/SEQ/$seq/" > "requests/shell.$seq.partial"
    mv "requests/shell.$seq.partial" "requests/shell.$seq.json"
    until [ -f "answers/shell.$seq.json" ]; do [ ! -f DONE ] || exit 0; sleep 0.02; done
    answer=$(cat "answers/shell.$seq.json")
}
number() { printf '%s' "$answer" | sed -n "s/.*\"$1\":\([-+.e0-9]*\).*/\1/p"; }
while true; do
    say '{"ask": 1, "seq": SEQ}'
    case "$answer" in *finished*) exit 0;; *retry_s*) sleep 0.05; continue;; esac
    loss=$(awk -v x="$(number x)" -v y="$(number y)" 'BEGIN { printf "%.17g", x * x + y }')
    say "{\"report\": {\"trial\": $(number trial), \"attempt\": $(number attempt), \"rung\": 0, \"values\": {\"loss\": $loss}}, \"seq\": SEQ}"
done
"""


def wait_for(what, condition):
    for _ in range(6000):  # at most two minutes
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen")


class Service:
    """`ratiofarm hpo serve` of a study file."""

    def __init__(self, study, *options):
        self.words = [RATIOFARM, "hpo", "serve", str(study), "--poll", "0.01", *options]
        self.log = open(study.with_suffix(".log"), "a")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.words, stdout=self.log, stderr=self.log, env=ENVIRONMENT)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self, code=0):
        assert self.process.wait(timeout=120) == code, Path(self.log.name).read_text()


def write_study(name, **values):
    study = Path(name)
    study.write_text(STUDY.format(**{"epochs": 1, "lease": 600.0, "trials": 10, "first": 1, "sampler": "sobol"} | values))
    return study, study.with_suffix(".study")


def lines(folder):
    journal = folder / "study.jsonl"
    return journal.read_text().count("\n") if journal.exists() else 0


def trials_of(folder):
    record = json.loads((folder / "study.json").read_text())
    assert record["finished"], record
    return [(trial["point"], [rung["loss"] for rung in trial["rungs"]]) for trial in record["trials"]]


def refused(*words, code=2):
    done = subprocess.run([RATIOFARM, *map(str, words)], text=True, capture_output=True, env=ENVIRONMENT)
    assert done.returncode == code, (words, done.returncode, done.stderr)
    return done.stderr


def shell_trainer(folder):
    return subprocess.Popen(["bash", "-c", SHELL_TRAINER, "trainer", str(folder)])


def two_trainers():
    """One is killed while it has a trial, the service with it; all trials are trained, with the values of an undisturbed study."""
    study, calm = write_study("calm.toml")
    service = Service(study)
    wait_for("the service", (calm / "requests").exists)
    assert shell_trainer(calm).wait() == 0
    service.end()

    study, folder = write_study("killed.toml", lease=2.0)
    service = Service(study)
    holder = subprocess.Popen([sys.executable, "-c", f"""
import time
from ratiofarm.hpo import Study
trial = Study({str(folder)!r}, client="holder").ask()
open("held", "w").write(str(trial.number))
time.sleep(600)"""], env=ENVIRONMENT)
    wait_for("a trial of the trainer that is killed", Path("held").exists)
    other = shell_trainer(folder)
    wait_for("three more trials", lambda: lines(folder) >= 7)
    holder.kill()
    holder.wait()
    service.kill()
    service.start()
    service.end()
    assert other.wait() == 0
    assert trials_of(folder) == trials_of(calm)
    lost = json.loads((folder / "study.json").read_text())["trials"][int(Path("held").read_text())]
    assert lost["attempts"] == 2, lost
    assert "a trial was lost" in Path("killed.log").read_text()
    assert (folder / "study.csv").read_text().startswith("trial,x,y,loss after 1 epochs,epochs\n0,")
    assert "Trial" in (folder / "report.html").read_text()


def killed_service():
    """One trainer, a sampler that learns, rungs: whatever the service is killed, the journal has the same bytes."""
    values = {"sampler": "tpe", "trials": 16, "epochs": 54, "first": 6}

    def train(folder, client):
        return subprocess.Popen([sys.executable, "-c", f"""
import sys
sys.argv = ["trainer", {str(folder)!r}]
import ratiofarm.hpo


class Named(ratiofarm.hpo.Study):
    def __init__(self, folder): super().__init__(folder, "{client}", 0.005)
ratiofarm.hpo.Study = Named
exec(open({str(ROOT / 'examples' / '07_search' / 'trainer.py')!r}).read())"""], env=ENVIRONMENT)

    journals = []
    for name, kills in (("steady", []), ("shaken", [1, 4, 9, 17, 30])):
        study, folder = write_study(name + ".toml", **values)
        service = Service(study)
        trainer = train(folder, "trainer")
        for count in kills:
            wait_for(f"{count} lines", lambda: lines(folder) >= count)
            service.kill()
            service.start()
        service.end()
        assert trainer.wait() == 0
        journals.append(((folder / "study.jsonl").read_bytes(), (folder / "study.json").read_bytes(), (folder / "study.csv").read_bytes()))
    assert journals[0] == journals[1]


def replay_and_changes():
    said = subprocess.run([RATIOFARM, "hpo", "replay", "steady.toml"], text=True, capture_output=True, env=ENVIRONMENT)
    assert said.returncode == 0 and said.stdout.startswith(f"replayed    {lines(Path('steady.study'))} lines"), said
    text = Path("steady.toml").read_text()
    Path("other.toml").write_text(text.replace("15.0", "14.0"))
    assert "the study file was changed" in refused("hpo", "replay", "other.toml", "--out", "steady.study")
    assert "the study file was changed" in refused("hpo", "serve", "other.toml", "--out", "steady.study")
    assert Path("steady.study/DONE").exists()  # what did not open is over as before
    shutil.copytree("steady.study", "damaged.study")
    journal = Path("damaged.study/study.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"attempt', b'"Attempt', 1))
    assert "line 1 is damaged" in refused("hpo", "serve", "steady.toml", "--out", "damaged.study")
    journal.write_bytes(Path("steady.study/study.jsonl").read_bytes()[:-20])  # torn: it was never answered
    assert subprocess.run([RATIOFARM, "hpo", "replay", "steady.toml", "--out", "damaged.study"], capture_output=True, env=ENVIRONMENT).returncode == 0
    kept = Path("steady.study/study.jsonl").read_bytes().splitlines(keepends=True)
    for order, place in ((kept[:4] + kept[5:], "line 5"), (kept[:5] + kept[4:], "line 6"), (kept[:-1] + kept[-3:-2], f"line {len(kept)}")):
        journal.write_bytes(b"".join(order))
        said = refused("hpo", "replay", "steady.toml", "--out", "damaged.study")
        assert f"{place} has the number" in said and "lines are missing" in said, said
    # More trials go on from what was told, and not to who asked before the study was over.
    Path("steady.study/requests/gone.1.json").write_text('{"ask": 1, "seq": 1}')
    Path("steady.toml").write_text(text.replace("trials = 16", "trials = 17"))
    service = Service(Path("steady.toml"))
    wait_for("the study to open again", lambda: not Path("steady.study/DONE").exists())
    with Study("steady.study", seconds_between_looks=0.005) as study:
        for trial in study:
            while trial.goes_on:
                trial.report(loss=1.0)
    service.end()
    assert len(trials_of(Path("steady.study"))) == 17
    assert "retry_s" in Path("steady.study/answers/gone.1.json").read_text()
    assert "there is no 'none.study/study.jsonl'" in refused("hpo", "replay", "steady.toml", "--out", "none.study")
    assert "must be serve or replay" in refused("hpo", "server", "steady.toml")
    Path("wrong.toml").write_text("[study]\nname = 'a'\n[search]\n[search.parameters]\nx = { uniform = [1.0, 0.0] }\ny = 3\n")
    error = refused("hpo", "serve", "wrong.toml")
    assert "2 mistakes in wrong.toml" in error and "low < high" in error, error
    Path("wrong.toml").write_text("[study]\nname = 'a'\n[search]\n[search.parameters]\nepochs = { uniform = [0.0, 1.0] }\n")
    assert "search.parameters.epochs (must not be attempt, epochs or trial" in refused("hpo", "serve", "wrong.toml")
    try:
        Study("steady.study", client="gpu node 1")
        raise AssertionError("a name of a client with blanks")
    except ValueError as error:
        assert "gpu node 1" in str(error)


def socket_and_stop():
    study, folder = write_study("socket.toml", trials=3)
    service = Service(study, "--socket")
    wait_for("the socket", (folder / "socket").exists)
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(str(folder / "socket"))
    file = stream.makefile("rw", newline="\n")

    def say(line):
        file.write(line + "\n")
        file.flush()
        return json.loads(file.readline())

    assert "begins with" in say('{"ask": 1, "seq": 1}')["error"]
    welcome = say('{"hello": 1, "client": "raw", "protocol": "ratiofarm-hpo/1"}')
    assert welcome["study"] == "calo" and welcome["rungs"] == [1] and set(welcome["space"]) == {"x", "y"}, welcome
    (folder / "requests" / "raw.0.json").mkdir()  # no bytes to read
    first = say('{"ask": 1, "seq": 1}')
    assert say('{"ask": 1, "seq": 1}') == first
    assert "NaN" in say('{"report": {"trial": 0, "attempt": 1, "rung": 0, "values": {"loss": NaN}}, "seq": 2}')["error"]

    once = socket.socket(socket.AF_UNIX)  # says all it has to say, as socat does
    once.connect(str(folder / "socket"))
    once.sendall(b'{"hello": 1, "client": "once"}\n{"best": 1, "seq": 1}\n')
    once.shutdown(socket.SHUT_WR)
    with once.makefile() as answers:
        assert ["welcome" in answers.readline(), answers.read()] == [True, '{"seq":1,"best":null}\n']
    (folder / "requests" / "large.partial").write_text('{"enqueue": [' + " " * 1000000 + '], "seq": 1}')
    (folder / "requests" / "large.partial").rename(folder / "requests" / "large.1.json")
    wait_for("an answer to a large request", (folder / "answers" / "large.1.json").exists)
    assert "at most 1000000 bytes" in (folder / "answers" / "large.1.json").read_text()

    service.process.send_signal(signal.SIGTERM)
    service.end(75)
    assert study.with_suffix(".log").read_text().count("a request has no answer: it cannot be read") == 1
    (folder / "requests" / "raw.0.json").rmdir()
    service.start()
    with Study(folder, seconds_between_looks=0.005) as trainer:
        trial = trainer.ask()
        assert trial.number == 1  # the lease of the first began anew
        assert not trial.report(loss=float("nan"))
        assert trainer.best() is None and trainer.status()["failed"] == 1
    (folder / "DONE").touch()  # somebody has seen enough
    service.end()
    assert not json.loads((folder / "study.json").read_text())["finished"]


def main():
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        for test in (two_trainers, killed_service, replay_and_changes, socket_and_stop):
            print(test.__name__, flush=True)
            test()


main()
