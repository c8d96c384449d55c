"""Base types of the sections of params.yaml: strict values, sections, and sections that select a method."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number, not a boolean")
    return value


def _name(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", value):
        raise ValueError("a name made of a-z, 0-9 and '-'")
    return value


Float = Annotated[float, BeforeValidator(_no_bool), Strict(), Field(allow_inf_nan=False)]
Int = Annotated[int, Strict()]
Bool = Annotated[bool, Strict()]
Name = Annotated[str, BeforeValidator(_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Section(BaseModel):
    """A params section: frozen, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Method(Section):
    """A section that selects a method and its settings; the module named after the method implements it."""

    method: str

    @property
    def module(self) -> str:
        """The name of the module of this method, in the package of its kind."""
        return self.method.replace("-", "_")

    def settings(self) -> dict[str, Any]:
        """Return the keywords of the method's function."""
        return self.model_dump(exclude={"method"})


M = TypeVar("M", bound=Method)


def methods(kind: type[M]) -> dict[str, type[M]]:
    """Return the section types of one kind by the method that each stands for."""
    found: dict[str, type[M]] = {}
    for each in kind.__subclasses__():
        # A type between has no method of its own.
        named = get_args(each.model_fields["method"].annotation)
        found |= {named[0]: each} if named else methods(each)
    return found
