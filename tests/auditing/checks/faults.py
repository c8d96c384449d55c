"""For each check the smallest table that makes it speak, and no other check."""

from __future__ import annotations

from tests.auditing.checks.tables import grid

BESIDE = ("n", "sd", "df", "improvement")
MARKS = ("bold",)
# The number of samples is stated, so that n is missing nowhere but where it is meant to be.
N = {"n": "50000"}


def _bold(*places: str) -> list[list[str]]:
    return [["yes" if mark == "x" else "" for mark in line] for line in places]


FAULTS: dict[str, list[dict[str, str]]] = {
    "grim": [{"metric": "rating", "value": "5.19", "n": "28"}],
    "grimmer": [{"metric": "rating", "value": "2.0", "sd": "1.12", "n": "5"}],
    "percentages": grid(
        [["8.00", "6.00", "5.00", "10.20"], ["6.00", "3.00", "4.00", "9.18"]],
        improvement=[[""] * 4, ["25.0", "50.0", "20.0", "19.0"]],
        **N,
    ),
    "averages": [
        {"row": row, "value": value} | N for row, value in (("a", "4.10"), ("b", "5.20"), ("Average", "4.56"))
    ],
    "statcheck": [
        {"metric": "t", "value": "1.20", "df": "28"},
        {"metric": "p", "value": "0.03", "column": "p"},
    ],
    "bold": grid([["8.00", "6.10", "5.00"], ["6.20", "3.30", "5.50"]], bold=_bold("---", "xxx"), **N),
    "overlaps": grid([["3.04"], ["3.31"]], bold=_bold("x", "-"), sd=[["0.20"], ["0.15"]], **N),
    "duplicates": grid([["41.57", "13.72", "6.91", "4.71"], ["38.09", "11.93", "6.12", "4.16"]] * 2, **N)[:12],
    "digits": grid([["3.51"], ["4.62"], ["5.73"], ["3.5"]], **N),
    "exchanged": [
        {"row": f"m{i}", "method": f"m{i}", "column": metric, "metric": metric, "value": value} | N
        for i, pair in enumerate(["0.69 0.60", "0.70 0.61", "0.68 0.59", "0.71 0.58", "0.60 0.69"])
        for metric, value in zip(("precision", "recall"), pair.split(), strict=True)
    ],
    "unstated": [{"value": "4.71"}],
}
