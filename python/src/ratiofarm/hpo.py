"""A trainer of a study: takes the trials that `ratiofarm hpo serve` gives out and reports what became of them.

    with Study("calo.study") as study:
        for trial in study:
            model = Model(**trial.point)
            while trial.goes_on:
                model.train(until_epoch=trial.until)
                trial.report(loss=model.loss())

Waits for the service where it is not there, or is started again. It needs only the standard library: where nothing
else of this package is installed, copy this file. `docs/hpo.md` has the conversation for other languages.
"""
import json
import math
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any


class Refused(Exception):
    """The service's word on a request that it does not take."""


class Trial:
    """A point to train up to `until` epochs. `resume` says which attempt has trained it before, and how far, or is None."""

    def __init__(self, study: "Study", given: dict[str, Any]) -> None:
        self.number, self.attempt, self.point = given["trial"], given["attempt"], given["point"]
        self.rung, self.until, self.resume = given["rung"], given["until"], given["resume"]
        self.goes_on = True
        self._study = study

    def report(self, **values: float) -> bool:
        """What was reached at `until`. Says whether the trial goes on, up to a new `until`. A number that is not finite is a failure."""
        told = {name: float(value) if math.isfinite(value) else None for name, value in values.items()}
        answer = self._say({"report": self._name() | {"rung": self.rung, "values": told}})
        self.rung += 1
        return answer

    def fail(self, reason: str) -> None:
        """It cannot be trained: no other trainer will try."""
        self._say({"fail": self._name() | {"reason": reason}})

    def renew(self) -> bool:
        """A sign of life during a long training. False: another has the trial by now; stop."""
        return self._say({"renew": self._name()})

    def _name(self) -> dict[str, int]:
        return {"trial": self.number, "attempt": self.attempt}

    def _say(self, request: dict[str, Any]) -> bool:
        answer = self._study.say(request)
        self.goes_on = answer["decision"] == "continue"
        self.until = answer.get("until", self.until)
        return self.goes_on


class Study:
    """A study by its folder: by the local socket in it, if this machine serves it so, or by files. Each client has a name of its own."""

    def __init__(self, folder: str | os.PathLike[str], client: str = "", seconds_between_looks: float = 0.2) -> None:
        self.folder, self.seconds = Path(folder), seconds_between_looks
        self.client = client or f"{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}", self.client):
            raise ValueError(f"client '{self.client}' (at most 100 letters, digits and _ . + - only, starting with a letter, digit or _)")
        self._seq = 0
        self._stream: Any = None
        self._connect()

    def ask(self) -> Trial | None:
        """The next trial; waits while there is none. None: the study is over."""
        while True:
            answer = self.say({"ask": 1})
            if answer.get("trials"):
                return Trial(self, answer["trials"][0])
            if answer.get("finished"):
                return None
            time.sleep(answer["retry_s"])

    def __iter__(self) -> Iterator[Trial]:
        while (trial := self.ask()) is not None:
            yield trial

    def enqueue(self, *points: dict[str, Any]) -> None:
        """Points to try next."""
        self.say({"enqueue": list(points)})

    def best(self) -> dict[str, Any] | None:
        return self.say({"best": 1}).get("best")

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.say({"status": 1}).get("status", {"finished": True})
        return status

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._seq += 1  # what it still has goes to others at once; nobody waits for the answer
        line = json.dumps({"bye": 1, "seq": self._seq})
        if self._stream:
            self._by_stream(line)
        elif not self._over():
            self._put(line)

    def say(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request and its answer. A repeated one gets the same answer, so none is lost when the service is killed.

        Raises Refused with the service's word on a request that it does not take.
        """
        self._seq += 1
        line = json.dumps(request | {"seq": self._seq}, allow_nan=False)
        answer: dict[str, Any] | None = None
        while answer is None:
            answer = self._by_stream(line) if self._stream else self._by_files(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def _over(self) -> bool:
        return (self.folder / "DONE").exists()

    def _by_files(self, line: str) -> dict[str, Any]:
        request = self._put(line)
        answer = self.folder / "answers" / request.name
        while not answer.exists():
            if self._over() and not answer.exists():  # in this order: answers come before DONE
                request.unlink(missing_ok=True)
                return {"finished": True, "decision": "stop"}
            time.sleep(self.seconds)
        text = answer.read_text()
        answer.unlink()
        result: dict[str, Any] = json.loads(text)
        return result

    def _put(self, line: str) -> Path:
        request = self.folder / "requests" / f"{self.client}.{self._seq}.json"
        request.parent.mkdir(parents=True, exist_ok=True)
        partial = request.with_suffix(".partial")
        partial.write_text(line)
        return partial.replace(request)

    def _connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self.folder / "socket"))
        except OSError:  # there is none, or it is that of another machine
            connection.close()
            return
        self._stream = connection.makefile("rw", encoding="utf-8", newline="\n")
        answer = self._by_stream(json.dumps({"hello": 1, "client": self.client, "protocol": "ratiofarm-hpo/1"}))
        if answer and "error" in answer:
            raise Refused(answer["error"])

    def _by_stream(self, line: str) -> dict[str, Any] | None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
            answer = self._stream.readline()
        except OSError:
            answer = ""
        if answer:
            result: dict[str, Any] = json.loads(answer)
            return result
        self._stream = None  # the service is gone; files wait for it
        return None
