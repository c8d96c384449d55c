"""ES's Table 1, which prints formulas: what was measured beside them, in words."""

from __future__ import annotations

from collections.abc import Iterable

from stages.plan.planning import PlannedRow
from stages.store.record_types import AgainstFormula, DiagnosisRecord

SYMBOLIC = ("mean", "variance")


def formula_settings(rows: Iterable[PlannedRow], record: DiagnosisRecord) -> dict[tuple[str, ...], str]:
    """Return, by the row's key, what a model's diagnosis has beside each published formula of a mean or variance.

    Rows of x_t given x_0 are of training; the others of one step of sampling.
    """
    found = {}
    for planned in rows:
        row = planned.row
        if planned.status == "setting" and row.metric in SYMBOLIC:
            phase = "training" if "|x_0)" in row.row else "sampling"
            against = {name: value for name, value in record.formulas.items() if name == f"{phase}_{row.metric}"}
            found[row.key] = "".join(_told(row.metric, value, record) for value in against.values())
    return found


def _told(metric: str, against: AgainstFormula, record: DiagnosisRecord) -> str:
    """Return measurement and formula of one cell."""
    place = f"{record.model}, t = {record.formulas_at}"
    if metric == "mean":
        return f"mean of x_t - sqrt(alpha_bar_t) x_0 = {against.value:.3f} ± {against.margin:.3f} ({place})"
    return f"{against.value:.3f} ± {against.margin:.3f}, by the formula {against.formula:.3f} ({place})"
