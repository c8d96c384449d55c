"""Schemas: the columns of a folder's tables that distinguish numbers, and those of numbers beside a value."""

from __future__ import annotations

from keyword import iskeyword
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

# Columns of every table: the cell's address, the metric and the value, and the place in the paper.
ADDRESS = ("paper", "table", "row", "column")
METRIC = "metric"
VALUE = "value"
PLACE = ("where", "source", "note")
Column = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class FaultyFile(ValueError):
    """A fault in a file of published numbers: one line with the file, the line and what is allowed."""


class Schema(BaseModel):
    """The columns of a folder's tables.

    ``coordinates`` distinguish and pair numbers; as settings or counts they are exact. ``beside`` are numbers printed
    beside a value, rounded like it. ``marks`` are "yes" or empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    coordinates: tuple[Column, ...] = Field(min_length=1)
    beside: tuple[Column, ...] = ()
    marks: tuple[Column, ...] = ()

    @model_validator(mode="after")
    def _each_column_once(self) -> Self:
        # "spread" is the attribute of a plus-minus in formulas; the others are attributes of rows.
        taken = [*self.columns, "spread", "place", "kind", "axes", "label", "key", "of_source"]
        twice = sorted({name for name in taken if taken.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: that name is already taken")
        # Python's parser reads the formulas, and rows are named tuples.
        words = [name for name in taken if iskeyword(name)]
        if words:
            raise ValueError(f"{', '.join(words)}: must not be a Python keyword")
        return self

    @property
    def axes(self) -> tuple[str, ...]:
        """The coordinates and the metric."""
        return (*self.coordinates, METRIC)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of a table's file, in order."""
        return (*ADDRESS, *self.axes, VALUE, *self.beside, *self.marks, *PLACE)


DIFFUSION = Schema(
    coordinates=("dataset", "model", "sampler", "spacing", "eta", "fix", "steps"), beside=("improvement", "k", "b")
)


def parse_schema(name: str, text: str) -> Schema:
    """Return the schema of a folder.

    Raises:
        FaultyFile: the text is not YAML, a key is unknown or missing, a column name is malformed or there twice.
    """
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise FaultyFile(f"{name}{f':{mark.line + 1}' if mark else ''}: not YAML") from None
    except RecursionError:
        raise FaultyFile(f"{name}: nested too deep") from None
    try:
        return Schema.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        allowed = "coordinates, beside and marks are lists of column names made of a-z, 0-9 and _"
        raise FaultyFile(f"{name}: {place + ': ' if place else ''}{message}; {allowed}") from None
