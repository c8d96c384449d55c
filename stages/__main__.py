"""Regenerate and audit the tables of papers on exposure bias in diffusion models."""

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
from typing import Any, NamedTuple, NoReturn

if not __package__:
    # Run as a folder, as dvc.yaml does: "python stages" here, "python ../../stages" in a study.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from stages.config.errors import InputError
from stages.config.params import forget_params

CELL = ("cell", {"help": "a cell of cells.json, such as adm-ddim-none-10"})
MODEL = ("model", {"help": "a model of cells.json"})
JOBS = ("-j/--jobs", {"metavar": "N", "help": "processes at a time; by default one per processor, or one with a GPU"})

Argument = tuple[str, dict[str, Any]]


class Command(NamedTuple):
    """One command: what it does, in a line, and its arguments."""

    help: str
    arguments: tuple[Argument, ...] = ()


AUDIT: tuple[Argument, ...] = (
    ("--published", {"type": Path, "metavar": "DIR", "help": "folder of published tables and claims"}),
    ("--paper", {"help": "only findings on this paper"}),
    ("--table", {"help": "only findings on this table"}),
    ("--fail-on", {"choices": ("inconsistent", "wording", "rounding"), "help": "exit status 1 at this or worse"}),
    ("--strict", {"action": "store_true", "help": "refuse claims that name rows which are part of no comparison"}),
    ("--watch", {"action": "store_true", "help": "again at every change of the folder, until interrupted"}),
    ("--init", {"type": Path, "metavar": "DIR", "help": "make this folder to audit from the tables of the files"}),
    ("files", {"type": Path, "nargs": "*", "metavar": "FILE", "help": "with --init: LaTeX, HTML, Markdown or CSV"}),
)
# What dvc.yaml runs: each is the module stages/NAME.py and the stage of that name.
STAGES: dict[str, Command] = {
    "prepare": Command("write the data set: images, labels, captions"),
    "extractor": Command("train or admit the feature network of the scores"),
    "reference": Command("extract features and statistics of the real images"),
    "autoencoder": Command("train one autoencoder", (("autoencoder", {"help": "an autoencoder of params.yaml"}),)),
    "train": Command("train one model", (MODEL,)),
    "moments": Command("estimate the mean square of one model's noise predictions", (MODEL,)),
    "guide": Command("train the classifier that guides one model", (MODEL,)),
    "diagnose": Command("measure the exposure bias of one model", (MODEL,)),
    "sample": Command("sample the images of one cell", (CELL,)),
    "evaluate": Command("score the images of one cell", (CELL,)),
    "trajectory": Command("measure FID along the training of one model", (MODEL,)),
    "audit": Command("check published numbers against one another", AUDIT),
    "report": Command("render every regenerated table as a page and as CSV"),
}
# What a person runs: each is the module stages/commands/NAME.py.
TOOLS: dict[str, Command] = {
    "new": Command(
        "make a study of your own, fitted to your data",
        (
            ("name", {"help": "name of the study; its folder is studies/NAME"}),
            (
                "--like",
                {"metavar": "STUDY", "help": "study to start from, or default; quick if not given"},
            ),
            ("--data", {"metavar": "DATA", "help": "a data set, or a folder, zip or tar file of images"}),
            ("--size", {"type": int, "metavar": "N", "help": "height and width of the images"}),
        ),
    ),
    "plan": Command("write cells.json, the models and cells that params.yaml asks for"),
    "check": Command("say whether params.yaml and cells.json are sound"),
    "grid": Command(
        "run all stale stages, several at a time",
        (JOBS, ("--address", {"help": "a Ray cluster to run on; auto for the one that this machine belongs to"})),
    ),
    "search": Command(
        "search the values of fixes that params.yaml calls tuned",
        (JOBS, ("--cell", {"help": "one cell alone, whose result the whole search takes up"})),
    ),
    "times": Command("time the samplers of the tables that print times"),
    "explain": Command(
        "explain how one published number is regenerated",
        (
            ("paper", {"help": "a paper, such as ip"}),
            ("table", {"help": "number of the table"}),
            ("row", {"help": "label of the row as the page has it, levels separated by ' | '"}),
            ("column", {"help": "label of the column"}),
            ("--metric", {"help": "which of the numbers of that place, such as sfid"}),
        ),
    ),
    "export": Command(
        "write the images of one cell as PNG files",
        (CELL, ("folder", {"type": Path, "metavar": "DIR", "help": "a folder that is new or empty"})),
    ),
    "compare": Command("compare the regenerated scores with the committed ones"),
}


# Messages of torch when a CPU and when an accelerator is out of memory.
OUT_OF_MEMORY = ("can't allocate memory", "out of memory")


class Parser(argparse.ArgumentParser):
    """Reports wrong arguments in one line, as every other InputError."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


# Waiting threads sleep: spinning, they slow each other tenfold while another process is busy.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def end_with_parent() -> None:
    """Exit once the parent process is gone, so that an orphan writes no results."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def make_ready(stdout: object) -> None:
    """Let stdout accept characters that its encoding lacks; if it is closed, print nothing."""
    if isinstance(stdout, io.TextIOWrapper):
        stdout.reconfigure(errors="backslashreplace")
    elif stdout is None:
        sys.stdout = io.StringIO()


def discard_stdout() -> None:
    """Redirect a stdout that cannot be written to the null device."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse_arguments(arguments: list[str] | None) -> tuple[str, dict[str, Any]]:
    """Return the command of a command line, and its options."""
    parser = Parser(
        prog="python -m stages",
        description=__doc__,
        epilog=overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", help="one of those below")
    for name, command in (STAGES | TOOLS).items():
        subparser = commands.add_parser(name, description=command.help)
        for flags, options in command.arguments:
            subparser.add_argument(*flags.split("/"), **options)
    options = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    return options.pop("command"), options


def overview() -> str:
    """Return one line per command, tools and stages in separate groups."""
    lines = ["commands to run by hand:"]
    lines += [f"  {name:<12} {command.help}" for name, command in TOOLS.items()]
    lines += ["", "stages, which dvc repro and grid run:"]
    lines += [f"  {name:<12} {command.help}" for name, command in STAGES.items()]
    return "\n".join(lines)


def run_stage(stage: str, options: dict[str, Any]) -> int:
    """Run a stage and return its exit status; under DVC, refuse inputs that have changed since the start.

    The grid compares them itself, and a process of several that train together leaves it to the one that started them.
    """
    address = os.environ.get("DVC_STAGE", "").rpartition(":")[2]
    if not address or "RANK" in os.environ:
        return run_command("stages", stage, options)
    from stages.store.stage_inputs import check_inputs, read_inputs

    before = read_inputs(address)
    status = run_command("stages", stage, options)
    if not status:
        check_inputs(address, before)
    return status


def run_command(package: str, name: str, options: dict[str, Any]) -> int:
    """Run one command and return its exit status."""
    return import_module(f"{package}.{name}").run(**options) or 0


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 2 after an InputError, which is printed in one line on stderr."""
    stage, options = parse_arguments(arguments)
    make_ready(sys.stdout)
    forget_params()
    try:
        status = run_stage(stage, options) if stage in STAGES else run_command("stages.commands", stage, options)
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"{stage}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        sys.unraisablehook = lambda _: None  # interrupted objects would print errors when they are deleted
        print(f"{stage}: interrupted; what is complete is kept, the same command goes on from there", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        discard_stdout()  # the reader has closed it, as in "| head"
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
            discard_stdout()  # an error of a file would have its name
        print(f"{stage}: {error.filename or 'stdout'}: {error.strerror}", file=sys.stderr)
        return 2


def other_checkout() -> Path | None:
    """Return the project that the current folder belongs to, if it is another than that of this package."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        program = folder / "stages" / "__main__.py"
        if program.is_file():
            return None if program.samefile(__file__) else folder
    return None


if __name__ == "__main__":
    foreign = other_checkout()
    if foreign is not None:
        # As when two checkouts share an environment: a study would be computed with the code of the other one.
        code = Path(__file__).parent
        print(
            f"stages: {Path.cwd()} belongs to {foreign}, not to the code in {code}; install that one", file=sys.stderr
        )
        sys.exit(2)
    # DVC sets it for the commands that it runs; a command that a user started may outlive the shell.
    if "DVC_STAGE" not in os.environ:
        sys.exit(main())
    end_with_parent()
    status = main()
    # DVC reads the inputs once this process has ended. Skip the teardown of torch, during which a change of them would
    # go unnoticed.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
