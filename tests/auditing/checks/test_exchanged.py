"""Precision and recall that have changed places."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.checks.exchanged import candidates
from tests.auditing.checks.tables import paper, rows


def messages_of(*cells: tuple[str, str]) -> list[str]:
    """The candidates of a table with these precisions and recalls."""
    records = [
        {"method": f"m{i}", "row": f"m{i}", "column": metric, "metric": metric, "value": value}
        for i, pair in enumerate(cells)
        for metric, value in zip(("precision", "recall"), pair, strict=True)
    ]
    found = [candidate.message for candidate in candidates(paper(rows(*records)))]
    bare = [record | {"method": ""} for record in records]
    assert [candidate.message for candidate in candidates(paper(rows(*bare)))] == found
    return found


UPRIGHT = [("0.69", "0.60"), ("0.70", "0.61"), ("0.68", "0.59"), ("0.71", "0.58")]


def test_one_cell_the_other_way_round() -> None:
    assert messages_of(*UPRIGHT, ("0.69", "0.60")) == []
    assert messages_of(*UPRIGHT, ("0.60", "0.69")) == [
        "precision 0.60 and recall 0.69 fit the other 4 cells only when exchanged: there precision is from 0.68 to "
        "0.71 and recall from 0.58 to 0.61"
    ]
    assert len(messages_of(*((recall, precision) for precision, recall in UPRIGHT), ("0.69", "0.60"))) == 1


def test_what_may_be_a_trade_of_one_for_the_other_is_passed() -> None:
    assert messages_of(*UPRIGHT[:3], ("0.60", "0.69")) == []
    # 0.65 and 0.66 are no nearer to the other side than to their own; 0.40 and 0.90 fit neither.
    assert messages_of(*UPRIGHT, ("0.63", "0.64")) == []
    assert messages_of(*UPRIGHT, ("0.40", "0.69")) == []
    assert messages_of(*UPRIGHT, ("0.60", "0.90")) == []
    # Two of six.
    assert messages_of(*UPRIGHT, ("0.60", "0.69"), ("0.60", "0.69")) == []
    # Precision varies by more than the gap of 0.05.
    assert messages_of(*UPRIGHT[:3], ("0.80", "0.64"), ("0.60", "0.69")) == []


@given(
    st.integers(1, 30).flatmap(
        lambda gap: st.lists(st.tuples(st.integers(0, gap - 1), st.integers(0, gap - 1)), min_size=2, max_size=12).map(
            lambda offsets: [(40 + 2 * gap + upper, 40 + lower) for upper, lower in offsets]
        )
    )
)
def test_where_both_vary_by_less_than_their_gap_nothing_is_exchanged(cells: list[tuple[int, int]]) -> None:
    assert (
        messages_of(*((f"0.{upper}" if upper < 100 else f"{upper / 100}", f"0.{lower}") for upper, lower in cells))
        == []
    )
