"""The campaign on a study that runs: inputs changed and signals sent at drawn moments, under each command that records.

``python -m tests.campaign.running [SEED] [EVENTS]`` runs the long form.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.dvc_study import attempt, build_study, run

CELL = "adm-ip-ddim-es-4"
STAGE = f"sample@{CELL}"
IMAGES = f"data/samples/{CELL}.npz"
COMMANDS = ("repro", "exp", "grid")
SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL")
# Seconds after the start of the stage within which something happens; it takes about as long.
MOMENTS = 5
LIMIT = 600


class Event(NamedTuple):
    """What happened, the kind of its outcome, and what was printed."""

    done: str
    kind: str
    printed: str


def change_params(study: Path, random: Random) -> None:
    """Write another b of ES, as an editor does."""
    path = study / "params.yaml"
    path.write_text(_with_b(path.read_text(), _drawn_b(random)))


def change_data(study: Path, random: Random) -> None:
    path = study / "data/models/adm-ip.safetensors"
    content = path.read_bytes()
    place = random.randrange(len(content))
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


def change_code(study: Path, random: Random) -> None:
    """Scale the prediction otherwise: images of other code are other images."""
    path = study / "stages/methods/fixes/epsilon_scaling.py"
    changed = path.read_text().replace("k * index + b)", f"k * index + b + {random.uniform(0.01, 0.1):.4f})")
    assert changed != path.read_text()
    path.write_text(changed)


CHANGES: dict[str, Callable[[Path, Random], None]] = {
    "params": change_params,
    "data": change_data,
    "code": change_code,
}


def happen(study: Path, command: str, what: str, random: Random) -> Event:
    """Start a command that runs the stage, let something happen, and return what came of it.

    The study is then brought up to date by ``dvc repro``, and the stage run once more by hand: were the images recorded
    under inputs that they were not made from, those of these inputs would be others.
    """
    b = _drawn_b(random)
    moment = random.uniform(0, MOMENTS)
    done = f"{command}: {what} after {moment:.1f} s"
    printed = study / ".scratch/printed.log"
    printed.parent.mkdir(exist_ok=True)
    process = _start(study, command, b, printed)
    _wait_for_the_stage(study, process, printed)
    time.sleep(moment)
    if what in CHANGES:
        CHANGES[what](study, random)
    elif process.poll() is None:
        os.killpg(process.pid, signal.Signals[what])
    status = process.wait(LIMIT)
    _end_group(process.pid)
    text = printed.read_text(errors="replace")
    if command == "exp" and status and what in SIGNALS:
        run(study, "git", "restore", "--staged", "--worktree", "params.yaml")
        if run(study, "git", "diff", "HEAD", "--name-only", "--", "params.yaml"):
            return Event(done, "silent", f"the remedy left another params.yaml\n{text}")
    kind = _outcome(study, status, text)
    run(study, "git", "checkout", "-q", "HEAD", "--", "params.yaml", "stages")
    return Event(done, *kind)


def _start(study: Path, command: str, b: float, printed: Path) -> subprocess.Popen[bytes]:
    params = study / "params.yaml"
    if command != "exp":
        params.write_text(_with_b(params.read_text(), b))
    line = {
        "repro": ["dvc", "repro", STAGE],
        "exp": ["dvc", "exp", "run", "-S", f"es.b={b}", STAGE],
        "grid": [sys.executable, "-m", "stages", "grid", "-j", "2"],
    }[command]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(study),
    }
    with printed.open("wb") as stream:
        return subprocess.Popen(
            line,
            cwd=study,
            env=environment,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            # A shell that runs the campaign in the background ignores Ctrl-C, and so would the command.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def _wait_for_the_stage(study: Path, process: subprocess.Popen[bytes], printed: Path) -> None:
    log = study / f".scratch/grid/{STAGE}.log"
    started = time.time()
    while process.poll() is None and f"Running stage '{STAGE}'" not in printed.read_text(errors="replace"):
        if log.exists() and log.stat().st_mtime >= started:
            return
        time.sleep(0.05)


def _end_group(group: int) -> None:
    """Wait until the processes of a command are gone: of a killed one, stages end within a second."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)


def _outcome(study: Path, status: int, text: str) -> tuple[str, str]:
    if "Traceback" in text:
        return "traceback", text
    again = attempt(study, "dvc", "repro", STAGE)
    if again.returncode:
        again = attempt(study, "dvc", "repro", STAGE)
    text += again.stdout + again.stderr
    if again.returncode:
        return "traceback", text
    recorded = _digest(study / IMAGES)
    run(study, sys.executable, "-m", "stages", "sample", CELL)
    if _digest(study / IMAGES) != recorded:
        return "silent", text
    if not status:
        return "harmless", text
    return ("clear line" if "changed while it ran" in text else "clean resume"), text


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _drawn_b(random: Random) -> float:
    return round(random.uniform(1.01, 1.5), 6)


def _with_b(text: str, b: float) -> str:
    changed, count = re.subn(r"(?m)^(es:\n(?:  .*\n)*?  b: ).*$", rf"\g<1>{b}", text)
    assert count == 1
    return changed


def main(seed: int = 0, events: int = 30) -> int:
    """Print the counts and what is wrong; return 1 where something is."""
    random = Random(seed)
    wrong = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        study = Path(name) / "study"
        study.mkdir()
        build_study(study)
        for _ in range(events):
            event = happen(study, random.choice(COMMANDS), random.choice([*CHANGES, *SIGNALS]), random)
            counts[event.kind] += 1
            print(f"{event.kind:13} {event.done}", file=sys.stderr)
            if event.kind in ("silent", "traceback"):
                wrong.append(f"{event.kind}: {event.done}\n{event.printed[-2500:]}")
    print("\n\n".join(wrong))
    print(", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items())))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
