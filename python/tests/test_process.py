"""Programs that are started from Python: progress, results, and errors in their own words."""
import json
import re

import pytest
import toy_campaign
from conftest import program

import ratiofarm
from ratiofarm import Problem, RunFailed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("process")
    (folder / "c.toml").write_text(toy_campaign.campaign("signal", {"simulate.events": "1500"}, gates=False))
    program("simulate", "c.toml", "--ratios", "exact.h5", folder=folder)
    return folder


def test_ranks_are_started_and_give_the_same_fit(folder):
    texts = []
    fits = [ratiofarm.run(folder / "c.toml", out=folder / f"{ranks}.run", ranks=ranks, command="fit",
                          options=["--ratios", folder / "exact.h5"], progress=texts.append).fit for ranks in (1, 2)]

    assert json.dumps(fits[0]) == json.dumps(fits[1])
    assert any(text.startswith("ended with exit code 0") for text in texts)


def test_progress_is_shown_while_a_campaign_runs(folder, monkeypatch):
    monkeypatch.setenv("RATIOFARM_FAILPOINT", "*:step@2=slow")  # each net takes longer than between two looks
    texts = []
    run = ratiofarm.run(folder / "c.toml", out=folder / "c.run", progress=texts.append)

    assert run.fit["converged"]
    assert texts[-1].startswith("ended with exit code 0 after")
    stages = list(dict.fromkeys(text.split()[0].rstrip(":") for text in texts[:-1]))
    known = ["starts", "train", "gather", "infer", "fit", "report"]
    assert "train" in stages and stages == [stage for stage in known if stage in stages]  # short ones may go by unseen


def test_an_interrupted_run_writes_checkpoints_and_goes_on(folder):
    def interrupt(text):
        if re.match(r"train: [1-9][0-9]* %, 0 tasks done, 1 running, 1 waiting", text):
            raise KeyboardInterrupt

    (folder / "long.toml").write_text((folder / "c.toml").read_text().replace("epochs = 3", "epochs = 1000000"))
    with pytest.raises(KeyboardInterrupt):
        ratiofarm.run(folder / "long.toml", out=folder / "long.run", progress=interrupt)

    assert list((folder / "long.run" / "tasks").glob("*/*.state"))
    with pytest.raises(RunFailed, match="exit code 75: stopped early; call it again to go on"):
        ratiofarm.run(folder / "long.toml", out=folder / "long.run", options=["--time-budget", "0:01"], progress=False)


def test_an_interrupted_run_is_waited_for(tmp_path, monkeypatch):
    (tmp_path / "ratiofarm").write_text(f"""#!/usr/bin/env bash
cd {tmp_path}
trap 'sleep 1; touch ended; exit 75' INT
mkdir x.run
echo '{{"fraction": 0.5, "done": 1, "running": 1, "waiting": 0}}' > x.run/progress.json
while :; do sleep 0.05; done
""")
    (tmp_path / "ratiofarm").chmod(0o755)
    (tmp_path / "x.toml").write_text("")
    monkeypatch.setenv("RATIOFARM_BIN", str(tmp_path))

    def interrupt(text):
        if "50 %" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ratiofarm.run(tmp_path / "x.toml", out=tmp_path / "x.run", progress=interrupt)
    assert (tmp_path / "ended").exists()


def test_a_mistake_is_told_in_the_words_of_the_program(folder):
    (folder / "wrong.toml").write_text((folder / "c.toml").read_text().replace("coefficient = \"mu\"", "coefficient = \"nu\""))

    with pytest.raises(RunFailed, match="(?s)exit code 2: .*'nu'") as caught:
        ratiofarm.run(folder / "wrong.toml", out=folder / "wrong.run", progress=False)
    assert caught.value.code == 2 and "nu" in caught.value.log


def test_what_cannot_be_started_is_one_clear_error(folder, monkeypatch):
    with pytest.raises(Problem, match="ranks = 0"):
        ratiofarm.run(folder / "c.toml", ranks=0)
    with pytest.raises(Problem, match="does not exist"):
        ratiofarm.run(folder / "none.toml")
    monkeypatch.setenv("RATIOFARM_BIN", str(folder))
    with pytest.raises(Problem, match="no program 'ratiofarm' in RATIOFARM_BIN"):
        ratiofarm.run(folder / "c.toml")
