"""Runs the trainings whose figures README quotes, and writes a record of each.

    python benchmarks/quality.py --list
    python benchmarks/quality.py lstm_grammar
    python benchmarks/quality.py gpt2_char lstm_char --data ../shared/data

A record, `benchmarks/records/<date>_<name>/`, holds the command, commit, machine, versions, seed,
the log, metrics.json and the figures.
"""

import argparse
import datetime
import hashlib
import itertools
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from recipes import RUNS, Run

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "benchmarks" / "records"
BAR = re.compile(r" *\d+/\d+ \u2501")  # a progress bar of Keras
KEPT = ("*.json", "*.csv", "*.md", "*.png")
LOG_BYTES = 95_000
PEERS = str(ROOT / ".venv-peers" / "bin" / "python")


def main() -> None:
    """Runs what is named on the command line, one after the other."""
    parser = argparse.ArgumentParser(description="Runs trainings and records their figures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    parser.add_argument("--data", default="../shared/data", help="folder of the data sets")
    parser.add_argument("--list", action="store_true", help="print the runs and their commands")
    args = parser.parse_args()
    unknown = set(args.names) - set(RUNS)
    if unknown:
        parser.error(f"no run {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    for name in RUNS if args.list else args.names:
        if args.list:
            print(f"{name}: {RUNS[name].goal}\n    python {RUNS[name].command}")
        else:
            record(name, RUNS[name], args.data)


def record(name: str, run: Run, data: str) -> None:
    """Runs one command and writes its record."""
    folder = RECORDS / f"{datetime.date.today().isoformat()}_{name}"
    out = ROOT / "runs" / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/records")
    commit = _git("rev-parse", "HEAD") + (" (changed)" if changed else "")
    command = run.command.format(data=data, out=out.relative_to(ROOT))
    start = time.monotonic()
    log, status = _run(command, PEERS if run.peers else sys.executable)
    seconds = time.monotonic() - start
    (folder / "log.txt").write_text(log, "utf-8")
    for pattern in KEPT:
        for path in out.glob(pattern):
            if path.name == "tokenizer.json" or path.stat().st_size >= 200_000:
                continue
            if path.suffix == ".png":
                shutil.copy(path, folder / path.name)
            else:
                text = _without_place(path.read_text("utf-8"))
                (folder / path.name).write_text(text, "utf-8")
    lines = [
        f"# {name}",
        "",
        f"Asked: {run.goal}.",
        "",
        f"- command: `python {command}` (by `python benchmarks/quality.py {name}`)",
        f"- commit: {commit}",
        f"- machine: {_machine()}",
        f"- seed: {_seed(log, out)}",
        f"- versions: {_versions(run.peers)}",
        f"- wall time: {seconds:.1f} s, the whole process; exit status {status}",
        *[f"- data: {file}, SHA-256 {_digest(Path(data) / file)}" for file in run.files],
        "",
        "Result (the last line that the command printed):",
        "",
        "```json",
        log.strip().splitlines()[-1] if log.strip() else "",
        "```",
    ]
    (folder / "README.md").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{name}: exit status {status}, {seconds:.0f} s, recorded in {folder.relative_to(ROOT)}")


def _run(command: str, python: str) -> tuple[str, int]:
    """Runs `python command`, printing what it prints; returns that and the exit status."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [python, *shlex.split(command)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    pieces = []
    for line in process.stdout:
        print(line, end="", flush=True)
        pieces.append(line)
    return _plain("".join(pieces)), process.wait()


def _plain(log: str) -> str:
    """The log without colors and without the passing states of progress bars."""
    log = re.sub(r"\x1b\[[0-9;]*m", "", log)
    lines = [re.sub(r"^.*[\r\b](?=.)", "", line.rstrip("\r\b")) for line in log.split("\n")]
    passing = [bool(BAR.match(a) and BAR.match(b)) for a, b in itertools.pairwise([*lines, ""])]
    lines = list(itertools.compress(lines, [not one for one in passing]))
    text = re.sub(
        r"^(source|reference): .*$", r"\1: (text of the data)", "\n".join(lines), flags=re.M
    )
    return _without_place(text)[-LOG_BYTES:]


def _without_place(text: str) -> str:
    """The text with paths as seen from the repository: where it lies is nobody's concern."""
    return text.replace(f"{ROOT}/", "").replace(f"{ROOT.parent}/", "../")


def _seed(log: str, out: Path) -> str:
    """The seed that the run names, in its flags or its last line."""
    flags = out / "arguments.json"
    texts = [flags.read_text("utf-8") if flags.exists() else "", *log.strip().splitlines()[-1:]]
    found = re.search(r'"seed": (\d+)', " ".join(texts))
    return found.group(1) if found else "none is drawn, or it is fixed in the script"


def _git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text("utf-8") if info.exists() else ""
    found = re.search(r"model name\s*:\s*(.+)", text)
    cpu = found.group(1) if found else platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def _versions(peers: bool) -> str:
    if peers:
        command = [
            PEERS,
            "-c",
            "import sys, torch; print(sys.version.split()[0], torch.__version__)",
        ]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return f"Python {found[0]}, PyTorch {found[1]}"
    packages = ("lmzoo", "keras", "tensorflow", "numpy")
    versions = [f"{package} {metadata.version(package)}" for package in packages]
    return ", ".join([f"Python {platform.python_version()}", *versions])


def _digest(path: Path) -> str:
    return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
