"""The one place where params.yaml is read, once per process."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from stages.config.errors import InputError
from stages.config.params import Params, ParamsFault, parse_params

PARAMS = Path("params.yaml")


def read_params() -> Params:
    """Return params.yaml, validated as a whole.

    A process reads the file once, so that an edit that is made meanwhile neither mixes two versions of the params nor
    stops a stage that has trained for hours.

    Raises:
        InputError: the file is missing or malformed, has an unknown key, a wrong type or a value out of range; one line
            says which and what is allowed.
    """
    return _read(PARAMS.absolute())


def forget_params() -> None:
    """Let the next call of ``read_params`` read the file again, for another command in the same process."""
    _read.cache_clear()


@cache
def _read(path: Path) -> Params:
    try:
        return parse_params(read_yaml(PARAMS))
    except ParamsFault as fault:
        raise InputError(f"{PARAMS}: {fault}") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds, read as DVC does: what it tracks must be what the stages use.

    Raises:
        InputError: the file is missing, no YAML 1.2, has a key twice, or holds something else.
    """
    # The audit, which reads no params, runs without this package.
    from ruamel.yaml import YAML, YAMLError
    from ruamel.yaml.constructor import DuplicateKeyError

    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run from the project's folder") from None
    except DuplicateKeyError as error:
        line, key = error.problem_mark.line + 1, str(error.problem).partition(" with ")[0]
        raise InputError(f"{path}: line {line}: {key}") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    except (YAMLError, ValueError, AttributeError) as error:
        # A ValueError is of bytes that are no UTF-8, or of what YAML takes for a date or number, such as 2024-13-01.
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected sections such as 'seed:', found {type(content).__name__}")
    return content
