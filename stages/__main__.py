"""Run one stage of the pipeline: ``python -m stages STAGE ...``, which is what every command in dvc.yaml calls."""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from stages.pipeline.errors import InputError

STAGES: dict[str, tuple[str, ...]] = {
    "prepare": (),
    "extractor": (),
    "reference": (),
    "plan": (),
    "check": (),
    "grid": ("-j/--jobs", "--address"),
    "search": ("-j/--jobs", "--cell"),
    "times": (),
    "explain": ("paper", "table", "row", "column", "--metric"),
    "autoencoder": ("autoencoder",),
    "train": ("model",),
    "moments": ("model",),
    "diagnose": ("model",),
    "guide": ("model",),
    "trajectory": ("model",),
    "sample": ("cell",),
    "evaluate": ("cell",),
    "audit": ("--published", "--paper", "--table", "--fail-on", "--strict", "--watch", "--init", "files"),
    "report": (),
    "compare": (),
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "autoencoder": {"help": "an autoencoder of params.yaml"},
    "model": {"help": "a model of cells.yaml"},
    "cell": {"help": "a cell of cells.yaml, such as adm-ddim-none-10"},
    "paper": {"help": "ip, es or ts"},
    "table": {"help": "number of the table"},
    "row": {"help": "label of the row as the page has it, levels separated by ' | '"},
    "column": {"help": "label of the column"},
    "-j/--jobs": {
        "metavar": "N",
        "help": "stages at a time; else one a processor, or one with a GPU",
    },
    "--address": {"help": "a Ray cluster to run on, auto for the one that this machine belongs to"},
    "--cell": {"help": "one cell alone, whose result the whole search takes up"},
    "--metric": {"help": "which of the numbers of that place, such as sfid"},
    "--published": {"type": Path, "metavar": "DIR", "help": "folder of published tables and claims"},
    "--paper": {"help": "only findings on this paper"},
    "--table": {"help": "only findings on this table"},
    "--fail-on": {"choices": ("inconsistent", "wording", "rounding"), "help": "exit status 1 at this or worse"},
    "--strict": {"action": "store_true", "help": "refuse claims that name rows which are part of no comparison"},
    "--watch": {"action": "store_true", "help": "again at every change of the folder, until interrupted"},
    "--init": {"type": Path, "metavar": "DIR", "help": "make this folder from the tables of the files, to be audited"},
    "files": {"type": Path, "nargs": "*", "metavar": "FILE", "help": "with --init: LaTeX, HTML, Markdown or CSV"},
}


# What torch says where a processor, and where an accelerator, has no more memory.
OUT_OF_MEMORY = ("can't allocate memory", "out of memory")


class Parser(argparse.ArgumentParser):
    """Refuses wrong arguments in one line, as every other fault of the inputs."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


# Threads that wait for one another sleep: spinning, they slow each other tenfold beside another busy process.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def end_with_parent() -> None:
    """End this process once the one that started it is gone: its results would be in the way of others."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def make_ready(stdout: object) -> None:
    """Let stdout take any text, such as signs that its encoding lacks; where it is closed, nothing is printed."""
    if isinstance(stdout, io.TextIOWrapper):
        stdout.reconfigure(errors="backslashreplace")
    elif stdout is None:
        sys.stdout = io.StringIO()


def discard_stdout() -> None:
    """Let nothing more be flushed into a stdout that takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse_arguments(arguments: list[str] | None) -> tuple[str, dict[str, Any]]:
    """Return the stage that a command line names, and its options."""
    parser = Parser(prog="python -m stages", description=__doc__)
    commands = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for stage, names in STAGES.items():
        command = commands.add_parser(stage)
        for name in names:
            command.add_argument(*name.split("/"), **ARGUMENTS[name])
    options = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    return options.pop("stage"), options


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status of one stage: 0, its own, or 2 after one line on stderr where the inputs are at fault."""
    stage, options = parse_arguments(arguments)
    make_ready(sys.stdout)
    try:
        status = import_module(f"stages.{stage}").run(**options) or 0
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"{stage}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        sys.unraisablehook = lambda _: None  # what was interrupted halfway would complain as it is taken away
        print(f"{stage}: interrupted; what is complete is kept, the same command goes on from there", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        discard_stdout()  # its reader has seen enough, as in "| head"
        return 128 + signal.SIGPIPE
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(text in str(error) for text in OUT_OF_MEMORY):
            raise
        print(f"{stage}: out of memory; lower runtime.batch_size or the sizes of the network", file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        if error.filename is None:
            discard_stdout()  # files are written under their names
        print(f"{stage}: {error.filename or 'stdout'}: {error.strerror}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    # Set by DVC for the commands that it runs; a command of the user's own may outlive its shell.
    if "DVC_STAGE" in os.environ:
        end_with_parent()
    sys.exit(main())
