"""./run gpu: what needs a GPU, in order of importance; written down after every part.

Runs in the folder that package.sh makes, or one like it, with the machine's own PyTorch. Parts:
  tests     every engine, kind and activation against the CPU; TF32 and bf16 where declared
  campaign  events to mu on the device and on the CPU: the same gates, mu within a third of its error
  graphs    the same nets to the last bit with CUDA graphs and without
  resume    stopped in the middle and gone on with; a trainer killed: the same bits
  likelihood sums over events by the trainer on the device beside the kernels of the processor
  memory    nets that do not fit are an error that says so, the others are trained
  train     steps of training beside PyTorch eager, compiled and with CUDA graphs
  evaluate  evaluation of ensembles beside PyTorch
  several   trainers side by side on one device
With --device cpu the same parts run on the CPU, but for what needs a GPU by nature, which says so.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

try:
    import torch
except ImportError as error:
    sys.exit(f"./run gpu: {sys.executable} has no usable PyTorch ({error}); PYTHON=/path/to/python3 names another")

HERE = Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(prog="./run gpu", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="what package.sh made")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true", help="smaller cases, about two minutes")
    parser.add_argument("--only", default="", help="parts, such as tests,resume")
    parser.add_argument("--minutes", type=float, default=8.0, help="no part begins after this time")
    parser.add_argument("--out", type=Path, default=Path("gpu_checks"),
                        help="folder of results.json and table.md")
    return parser.parse_args()


class Skip(Exception):
    """A part that this device cannot do."""


class Failed(Exception):
    """A check of a part did not hold."""


def expect(holds, text):
    if not holds:
        raise Failed(text)


class Checks:
    def __init__(self, given):
        self.given = given
        self.folder = given.folder.resolve()
        self.cuda = given.device == "cuda"
        self.scratch = Path(tempfile.mkdtemp(prefix="ratiofarm-gpu-"))
        self.environment = {
            **os.environ,
            "LD_LIBRARY_PATH": f"{Path(torch.__file__).parent / 'lib'}:{self.folder / 'lib'}",
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "OPAL_PREFIX": str(self.folder),
            "OMPI_MCA_mca_base_component_path": str(self.folder / "lib/openmpi"),
            "PMIX_MCA_mca_base_component_path": str(self.folder / "lib/pmix"),
            "OMPI_MCA_ess_singleton_isolated": "1",  # a rank alone starts no daemon
            "OMPI_MCA_plm": "isolated", "OMPI_MCA_btl": "self,vader", "OMPI_MCA_pml": "ob1",
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

    def run(self, *command, code=0, programs=None, **options):
        """\\return what it printed; Failed unless it ends with the code"""
        folder = programs or self.folder / "bin"
        done = subprocess.run([str(folder / command[0]), *map(str, command[1:])], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=self.environment, cwd=self.scratch, timeout=240, **options)
        if done.returncode != code:
            raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}, not {code}:\n"
                         + done.stdout[-3000:])
        return done.stdout

    # The campaign of examples/01_interference, made smaller.

    def campaign(self, name, members=2, **changes):
        """\\return its file, beside events that all campaigns share"""
        text = (self.folder / "campaign_1d.toml").read_text()
        events = 200_000 if self.given.quick or not self.cuda else 2_000_000
        for key, value in {"events": events, "members": members, **changes}.items():
            lines = [f"{key} = {value}" if line.split("=")[0].strip() == key else line
                     for line in text.splitlines()]
            text = "\n".join(lines) + "\n"
        path = self.scratch / f"{name}.toml"
        path.write_text(text.replace('name = "interference_1d"', f'name = "{name}"'))
        if not (self.scratch / "interference_1d.h5").exists():
            self.run("ratiofarm", "simulate", path)
        return path

    def ratiofarm(self, command, campaign, *options, device=None, ranks=None, **more):
        start = ("mpirun", "--oversubscribe", "--bind-to", "none", "-n", ranks, "ratiofarm") if ranks else (
            "ratiofarm",)
        return self.run(*start, command, campaign, "--device", device or self.given.device, *options,
                        **more)

    def nets(self, name):
        """Digest of the bytes of each trained net."""
        files = sorted((self.scratch / f"{name}.run" / "tasks").rglob("*.ckpt"))
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def same_nets(self, name, other, what):
        mine, theirs = self.nets(name), self.nets(other)
        # Tasks are named by a digest that knows neither campaign nor folder.
        expect(mine and mine == theirs, f"{what}: {len(mine)} nets, "
               f"{sum(mine.get(k) == v for k, v in theirs.items())} of {len(theirs)} equal")
        return len(mine)

    # The parts.

    def tests(self):
        others = {} if self.cuda else {"RATIOFARM_GPU_TESTS_ON": "cpu"}
        self.environment.update(others)
        text = self.run("test_trainer_gpu", code=0)
        return {"says": text.strip().splitlines()[-1]}

    def campaign_part(self):
        """Fitted on both devices."""
        fits = {}
        for device in ("cpu", self.given.device):
            name = f"fit_{device}"
            begin = time.time()
            self.ratiofarm("run", self.campaign(name), device=device)
            fit = json.loads((self.scratch / f"{name}.run" / "fit.json").read_text())
            mu = next(p for p in fit["parameters"] if p["name"] == "mu")
            fits[device] = {"mu": mu["value"], "error": mu["error"], "seconds": time.time() - begin}
        here, cpu = fits[self.given.device], fits["cpu"]
        expect(abs(here["mu"] - cpu["mu"]) < cpu["error"] / 3, f"mu differs: {fits}")
        return fits

    def graphs(self):
        if not self.cuda:
            raise Skip("CUDA graphs need a GPU")
        self.ratiofarm("train", self.campaign("recorded"))
        plain = self.scratch / "without_graphs"
        shutil.copytree(self.folder / "bin", plain)
        (plain / "libratiofarm_cuda_graph.so").unlink()
        self.environment["LD_LIBRARY_PATH"] += f":{plain}"
        self.ratiofarm("train", self.campaign("plain"), programs=plain)
        return {"equal nets": self.same_nets("plain", "recorded", "without CUDA graphs")}

    def resume(self):
        """Stopped, and with a killed trainer."""
        self.ratiofarm("train", self.campaign("straight", members=3))
        stopped = self.stop_in_the_middle("stopped", members=3)
        killed = self.kill_a_trainer("killed", members=3)
        return {"stopped after": stopped, "trainer killed after": killed,
                "equal nets": self.same_nets("stopped", "straight", "stopped and gone on with") +
                self.same_nets("killed", "straight", "with a killed trainer")}

    def begin_training(self, name, members):
        path = self.campaign(name, members)
        process = subprocess.Popen([str(self.folder / "bin/ratiofarm"), "train", str(path), "--device",
                                    self.given.device], env=self.environment, cwd=self.scratch,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return path, process

    def trainer_of(self, process):
        """Once it computes: the program's grandchild, by way of the launcher."""
        for _ in range(2000):
            for child in Path("/proc").glob("[0-9]*"):
                try:
                    words = (child / "cmdline").read_bytes().split(b"\0")
                    parent = (child / "stat").read_text().rpartition(")")[2].split()[1]
                    grand = (Path("/proc") / parent / "stat").read_text().rpartition(")")[2].split()[1]
                except OSError:
                    continue
                if words[0].endswith(b"ratiofarm-trainer") and str(process.pid) in (parent, grand):
                    return int(child.name)
            if process.poll() is not None:
                raise Failed(f"train ended with {process.returncode} before it could be disturbed")
            time.sleep(0.01)
        raise Failed("no trainer was seen")

    def stop_in_the_middle(self, name, members):
        path, process = self.begin_training(name, members)
        self.trainer_of(process)
        begin = time.time()
        while not list((self.scratch / f"{name}.run" / "tasks").rglob("*.ckpt")) and process.poll() is None:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)
        after = time.time() - begin
        expect(code == 75, f"stopped training ended with {code}, not 75 (too quick to be stopped?)")
        self.ratiofarm("train", path)
        return after

    def kill_a_trainer(self, name, members):
        _, process = self.begin_training(name, members)
        trainer = self.trainer_of(process)
        begin = time.time()
        time.sleep(3.0 if self.cuda else 1.0)
        os.kill(trainer, signal.SIGKILL)
        after = time.time() - begin
        code = process.wait(timeout=200)
        expect(code == 0, f"training with a killed trainer ended with {code}")
        return after

    def memory(self):
        if not self.cuda:
            raise Skip("a GPU's memory")
        total = torch.cuda.mem_get_info()[1]
        batch, width = 100_000, 8192
        layers = int(1.3 * total / (4 * batch * width)) + 1  # what layers put out alone does not fit
        path = self.campaign("too_wide", hidden=str([width] * layers), batch=batch, epochs=1)
        text = self.ratiofarm("train", path, code=3)
        says = [line for line in text.splitlines() if "out of memory" in line]
        expect(says, "nothing says that the memory was too small:\n" + text[-2000:])
        return {"layers": layers, "says": says[0][-300:]}

    def bench(self):
        sys.path.insert(0, str(self.peers()))
        import contenders
        import gpu_sections
        pool = contenders.Pool(self.folder / "bin/train_peer_bench", sys.stderr, self.given.device)
        pool.environment = self.environment
        return gpu_sections, pool

    def peers(self):
        packed = self.folder / "peers"
        return packed if packed.is_dir() else HERE.parent / "bench/peers"

    def train(self):
        gpu_sections, pool = self.bench()
        try:
            return {"markdown": gpu_sections.training(pool, self.given.quick, self.cuda, str(self.scratch))}
        finally:
            pool.close()

    def evaluate(self):
        gpu_sections, pool = self.bench()
        try:
            return {"markdown": gpu_sections.evaluation(pool, self.given.quick, self.cuda, str(self.scratch))}
        finally:
            pool.close()

    def likelihood(self):
        """One fit with two parameters of shapes: by the kernels, and by the device in both precisions."""
        path = self.scratch / "systematics.toml"
        shutil.copy(self.folder / "systematics.toml", path)
        self.run("ratiofarm", "simulate", path, "--ratios", "exact.h5")
        found = {}
        for name, options, limit in (("kernels", ("--kernel", "automatic", "--device", "cpu"), None),
                                     ("fp64", ("--kernel", "device"), 1e-9),
                                     ("fp32", ("--kernel", "device", "--precision", "fp32"), 1e-4)):
            begin = time.time()
            self.run("ratiofarm", "fit", path, "--ratios", "exact.h5", "--out", f"{name}.run",
                     *(options if "--device" in options else (*options, "--device", self.given.device)))
            seconds = time.time() - begin
            parameters = json.loads((self.scratch / f"{name}.run" / "fit.json").read_text())["parameters"]
            numbers = {p["name"]: (p["value"], p["error"]) for p in parameters}
            exact = found.setdefault("kernels", {"numbers": numbers})["numbers"]
            off = max(abs(a - b) / exact[key][1] for key in exact for a, b in zip(numbers[key], exact[key]))
            expect(limit is None or off < limit, f"{name}: off by {off:.3g} errors (at most {limit})")
            found[name] = {"numbers": numbers, "errors off": off, "seconds": seconds}
        return {name: {key: value for key, value in one.items() if key != "numbers"}
                for name, one in found.items()}

    def several(self):
        """Seconds of the same trainings by 1, 2 and 4 trainers on one device."""
        seconds = {}
        for ranks in (1, 2) if not self.cuda else (1, 2, 4):
            name = f"ranks_{ranks}"
            path = self.campaign(name, members=4)
            begin = time.time()
            self.ratiofarm("train", path, ranks=ranks)
            seconds[ranks] = time.time() - begin
            if ranks > 1:
                self.same_nets(name, "ranks_1", f"on {ranks} ranks")
        return {"seconds by ranks": seconds}

    PARTS = {"tests": tests, "campaign": campaign_part, "graphs": graphs, "resume": resume,
             "likelihood": likelihood, "memory": memory, "train": train, "evaluate": evaluate, "several": several}


def machine(device):
    gpu = torch.cuda.get_device_name(0) if device == "cuda" and torch.cuda.is_available() else None
    return {"device": gpu or "cpu", "python": platform.python_version(), "torch": torch.__version__,
            "cuda": torch.version.cuda, "cores": os.cpu_count(), "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}


def table(results):
    lines = [f"Device: {results['machine']['device']}, torch {results['machine']['torch']}, "
             f"{results['machine']['cores']} cores, {results['machine']['date']}; {results['version']}", "",
             "| part | result | seconds |", "| --- | --- | --- |"]
    for name, part in results["parts"].items():
        said = {k: v for k, v in part.get("found", {}).items() if k != "markdown"}
        text = part["state"] + (f": {part['why'].splitlines()[0]}" if part.get("why") else "") + (
            f": {json.dumps(said)}" if said else "")
        lines.append(f"| {name} | {text} | {part['seconds']:.0f} |")
    for name, part in results["parts"].items():
        if "markdown" in part.get("found", {}):
            lines += ["", f"## {name}", "", part["found"]["markdown"]]
    return "\n".join(lines) + "\n"


def main():
    given = arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    checks, begin = Checks(given), time.time()
    wanted = [name for name in given.only.split(",") if name] or list(Checks.PARTS)
    unknown = set(wanted) - set(Checks.PARTS)
    if unknown:
        sys.exit(f"./run gpu: no part {', '.join(sorted(unknown))} (there are {', '.join(Checks.PARTS)})")
    results = {"machine": machine(given.device), "quick": given.quick, "parts": {},
               "version": checks.run("ratiofarm", "--version").splitlines()[0]}
    for name in wanted:
        start, part = time.time(), {"state": "passed"}
        try:
            if start - begin > 60 * given.minutes:
                raise Skip(f"the {given.minutes:g} minutes are over")
            part["found"] = Checks.PARTS[name](checks)
        except Skip as reason:
            part.update(state="skipped", why=str(reason))
        except Exception as problem:  # a part that fails does not stop the others
            part.update(state="FAILED", why=str(problem) or repr(problem), trace=traceback.format_exc())
        part["seconds"] = time.time() - start
        results["parts"][name] = part
        print(f"{name}: {part['state']} ({part['seconds']:.0f} s) {part.get('why', '')}", file=sys.stderr, flush=True)
        (given.out / "results.json").write_text(json.dumps(results, indent=1))
        (given.out / "table.md").write_text(table(results))
    shutil.rmtree(checks.scratch)
    print((given.out / "table.md").read_text())
    sys.exit(any(part["state"] == "FAILED" for part in results["parts"].values()))


if __name__ == "__main__":
    main()
