"""Sums that are tried are those that the audit works out."""

from __future__ import annotations

import pytest

from stages.auditing.claims.formulas import fill, parse_formula
from stages.auditing.claims.ranges import enclose
from stages.auditing.importer.propose.derived import OF_SEVERAL, OF_TWO, fits
from stages.auditing.importer.propose.printed_claims import same
from stages.auditing.tables.numbers import Printed, parse_number
from tests.auditing.importer.test_proposals import numbers_of, table_of

A, B, C = numbers_of(table_of("Method|FID\na|8.00\nb|6.0\nc|0.0"))[0]


@pytest.mark.parametrize("formula", [*OF_TWO, *OF_SEVERAL])
def test_a_formula_means_what_the_audit_takes_it_for(formula: str) -> None:
    """The middle of the audit's range fits; what is beyond its ends, rounded to as many digits, does not."""
    cells = {"a": [A, B] if formula in OF_SEVERAL else [A], "b": [B]}

    def read(name: str, _: str) -> list[tuple[str, Printed]]:
        return [(f"{name}{i}", parse_number(number.value)) for i, number in enumerate(cells[name])]

    filled = fill(parse_formula(formula), read)
    middle = float(enclose(filled, parse_number("0").value).range.low)
    assert fits(formula, cells, f"{middle:.2f}") is True
    assert fits(formula, cells, f"{middle + abs(middle) / 5 + 1:.2f}") is False


def test_what_cannot_be_computed_is_neither() -> None:
    assert fits("b / a", {"a": [C], "b": [A]}, "1.0") is None


def test_a_number_may_be_printed_with_fewer_digits() -> None:
    assert same("8.04", "8.0")
    assert same("8.0", "8.04")
    assert not same("8.2", "8.0")
