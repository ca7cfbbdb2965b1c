"""A trainer in Python against the program: what it is given, what it reports, and what is refused."""
import json
import subprocess
import time

import pytest

import ratiofarm
from ratiofarm.hpo import Refused, Study

STUDY = """
[study]
name = "small"
epochs = 4
retry_seconds = 0.02
objectives = { loss = "min", auc = "max" }
[search]
trials = 4
reduction = 2
first_rung = 2
points = [{ lr = 0.01, kind = "sgd" }]
[search.parameters]
lr = { log_uniform = [1e-4, 1e-1] }
kind = { choice = ["adam", "sgd"] }
"""


@pytest.fixture(params=[False, True], ids=["files", "socket"])
def folder(request, tmp_path):
    (tmp_path / "small.toml").write_text(STUDY)
    words = [ratiofarm.process.program(), "hpo", "serve", tmp_path / "small.toml", "--poll", "0.01"] + ["--socket"] * request.param
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
        while not (tmp_path / "small.study" / ("socket" if request.param else "answers")).exists():
            assert service.poll() is None
        yield tmp_path / "small.study"
        service.terminate()


def test_a_trainer_reports_trials_until_the_study_is_over(folder):
    with Study(folder, seconds_between_looks=0.01) as study:
        assert study.best() is None
        first = study.ask()
        assert (first.number, first.attempt, first.point, first.until, first.resume) == (0, 1, {"lr": 0.01, "kind": "sgd"}, 2, None)
        assert first.renew()
        assert not first.report(loss=0.5, auc=0.7)
        with pytest.raises(Refused, match="values.auc is missing"):
            study.ask().report(loss=0.1)
    with Study(folder, seconds_between_looks=0.01) as study:  # the first client gave its trial back
        deadline = time.monotonic() + 60
        while not study.say({"status": 1})["status"]["lost"] and time.monotonic() < deadline:
            time.sleep(0.01)  # nobody waited for the answer to its bye
        again = study.ask()
        assert (again.number, again.attempt) == (1, 2)
        assert again.report(loss=0.1, auc=0.9) and again.until == 4  # the best of two
        assert not again.report(loss=0.05, auc=0.95)
        lost = study.ask()
        assert not lost.report(loss=float("nan"), auc=0.5)
        study.ask().fail("no memory")
        best = study.best()
        assert best == {"trial": 1, "point": again.point, "epochs": 4, "values": {"loss": 0.05, "auc": 0.95}}
    for trial in Study(folder, seconds_between_looks=0.01):  # half of four went on; nothing is left but the second of them
        assert trial.resume == {"attempt": 1, "epochs": 2}
        trial.report(loss=0.4, auc=0.7)
    record = json.loads((folder / "study.json").read_text())
    assert [trial["state"] for trial in record["trials"]] == ["done", "done", "failed", "failed"]
    assert record["front"] == [1] and record["finished"]
