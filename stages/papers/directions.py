"""The papers' directional claims that a study of any size can test: what is compared, and which way it should go."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Direction(NamedTuple):
    """A claim that ``changed`` has a lower ``metric`` than ``base``, all else equal, at every step count.

    ``axis`` names what differs between the two, the model or the fix. ``where`` is the table that shows it. ``note``
    is what the papers themselves report against it.
    """

    id: str
    paper: Literal["ip", "es", "ts"]
    where: str
    statement: str
    axis: Literal["model", "fix"]
    base: str
    changed: str
    sampler: str
    metric: str = "fid"
    model: str = "adm"
    note: str = ""


DIRECTIONS = (
    Direction("es-ddpm", "es", "Table 2", "Epsilon Scaling lowers FID of DDPM sampling", "fix", "none", "es", "ddpm"),
    Direction("es-ddim", "es", "Table 3", "Epsilon Scaling lowers FID of DDIM sampling", "fix", "none", "es", "ddim"),
    Direction(
        "es-linear-ddpm", "es", "Table 2", "Linear Epsilon Scaling lowers FID further than uniform",
        "fix", "es", "es-linear", "ddpm", note="claimed at 20 steps; at 50 the paper gains 0.02",
    ),
    Direction("ts-ddpm", "ts", "Table 1", "Time-Shift lowers FID of DDPM sampling", "fix", "none", "ts", "ddpm"),
    Direction("ts-ddim", "ts", "Table 1", "Time-Shift lowers FID of DDIM sampling", "fix", "none", "ts", "ddim"),
    Direction(
        "ts-ddim-clipped", "ts", "Table 2", "Time-Shift lowers FID of ADM's DDIM sampling",
        "fix", "none", "ts", "ddim-clipped",
    ),
    Direction("ts-s-pndm", "ts", "Table 1", "Time-Shift lowers FID of S-PNDM sampling", "fix", "none", "ts", "s-pndm"),
    Direction("ts-f-pndm", "ts", "Table 1", "Time-Shift lowers FID of F-PNDM sampling", "fix", "none", "ts", "f-pndm"),
    Direction(
        "ip-ddpm", "ip", "Table 3", "Input perturbation lowers FID of DDPM sampling", "model", "adm", "adm-ip", "ddpm"
    ),
    Direction(
        "ip-ddpm-sfid", "ip", "Table 3", "Input perturbation lowers sFID of DDPM sampling",
        "model", "adm", "adm-ip", "ddpm", metric="sfid",
    ),
    Direction(
        "ip-ddim", "ip", "Table 5", "Input perturbation lowers FID of DDIM sampling", "model", "adm", "adm-ip", "ddim",
        note="TS Table 2 prints the opposite for ADM at 5 and 10 steps",
    ),
)  # fmt: skip
