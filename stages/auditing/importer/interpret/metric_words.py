"""Metrics by the words of headers, with the direction that their definition gives; arrows in a header go before it.

Distances, errors, losses, times and sizes are better when lower, shares of what is right and similarities when higher.
Settings, counts and statistics have no direction. Only what is so by definition is here; the rest a person decides.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# metric, type, better, heading, the words as a pattern: (?i:...) where capitals do not matter.
METRICS = (
    ("sfid", "number", "lower", "sFID", "sFID"),
    ("fid", "number", "lower", "FID", "FID(?:-?[0-9]+[kK])?|(?i:fr[eé]chet inception distance)"),
    ("kid", "number", "lower", "KID", "KID"),
    ("fvd", "number", "lower", "FVD", "FVD"),
    ("inception_score", "number", "higher", "IS", "IS|(?i:inception score)"),
    ("precision", "number", "higher", "precision", "(?i:precision|prec[.]?)"),
    ("recall", "number", "higher", "recall", "(?i:recall|rec[.])"),
    ("accuracy", "number", "higher", "accuracy", "(?i:accuracy|acc[.]?)"),
    ("f1", "number", "higher", "F1", "(?i:f1|f_1|f-?1|(?:micro|macro)[- ]?f1)(?:[- ]?(?i:score))?"),
    ("auc", "number", "higher", "AUC", "(?i:auc|auroc|roc[- ]auc|auprc)"),
    ("map", "number", "higher", "mAP", "mAP|MAP"),
    ("ap", "number", "higher", "AP", "AP"),
    ("iou", "number", "higher", "IoU", "(?i:m?iou)"),
    ("dice", "number", "higher", "Dice", "Dice|DSC"),
    ("bleu", "number", "higher", "BLEU", "(?i:(?:sacre)?bleu)(?:-?[1-4])?"),
    ("rouge", "number", "higher", "ROUGE", "(?i:rouge)(?:-?(?:1|2|L))?|R-[12L]"),
    ("meteor", "number", "higher", "METEOR", "METEOR"),
    ("cider", "number", "higher", "CIDEr", "(?i:cider)"),
    ("clip_score", "number", "higher", "CLIP score", "(?i:clip[- ]?(?:score|sim))"),
    ("exact_match", "number", "higher", "EM", "EM|(?i:exact match)"),
    ("psnr", "number", "higher", "PSNR", "PSNR"),
    ("ssim", "number", "higher", "SSIM", "(?:MS-)?SSIM"),
    ("lpips", "number", "lower", "LPIPS", "LPIPS"),
    ("wer", "number", "lower", "WER", "WER|(?i:word error rate)"),
    ("cer", "number", "lower", "CER", "CER|(?i:character error rate)"),
    ("perplexity", "number", "lower", "perplexity", "(?i:perplexity|ppl[.]?)"),
    ("bits_per_dim", "number", "lower", "bits/dim", "(?i:bits/dim|bpd)"),
    ("nll", "number", "lower", "NLL", "NLL|(?i:negative log[- ]likelihood)"),
    ("rmse", "number", "lower", "RMSE", "RMSE"),
    ("mse", "number", "lower", "MSE", "MSE"),
    ("mae", "number", "lower", "MAE", "MAE"),
    ("mape", "number", "lower", "MAPE", "MAPE"),
    ("ece", "number", "lower", "ECE", "ECE"),
    ("error", "number", "lower", "error", "(?i:error|err[.]?)(?:[- ](?i:rate))?"),
    ("loss", "number", "lower", "loss", "(?i:loss)"),
    ("time", "number", "lower", "time", "(?i:time|latency|runtime|seconds|wall[- ]clock)"),
    ("throughput", "number", "higher", "throughput", "(?i:throughput|fps)"),
    ("memory", "number", "lower", "memory", "(?i:memory|mem[.]?)"),
    ("flops", "number", "lower", "FLOPs", "(?i:[gt]?flops|macs)"),
    ("params", "number", "lower", "params", r"(?i:#?\s?param(?:eter)?s?[.]?)"),
    ("r_squared", "number", "higher", "R²", r"(?i:r)(?:\^\{2\}|²|2)"),
    ("p", "number", "", "p", "p|P|(?i:p-?values?)"),
    ("n", "count", "", "n", "n|N"),
    ("mean", "number", "", "mean", "M|(?i:mean)"),
    ("sd", "number", "", "sd", r"SD|(?i:sd|std[.]?|s\.d\.|standard deviation)"),
)  # fmt: skip
# Where they stand alone these may as well be a mean over the other columns, or a setting.
WEAK = ("mean", "n", "p", "sd")
ARROWS = {"↓": "lower", "↑": "higher"}
PATTERNS = [
    (name, re.compile(rf"(?<![\w-])#?(?:{words})(?![\w-]|\.\d)")) for name, _, _, _, words in METRICS
]  # fmt: skip
DERIVED = re.compile(r"(?i:delta|diff(?:erence|\.)?|gain|improvement|improv\.|impr\.|speed-?up|reduction)|[Δ∆]")
AVERAGE = re.compile(r"(?i:avg\.?|average|mean|overall)|μ")
TOTAL = re.compile(r"(?i:total|sum)")


class Word(NamedTuple):
    """A metric found in a header: its name, and what the header says beside it."""

    metric: str
    rest: str


def find_metric(header: str) -> Word | None:
    """Return the first metric that a header names, the longest word where several begin there."""
    found = [(match.start(), -len(match[0]), name, match) for name, word in PATTERNS if (match := word.search(header))]
    if not found:
        return None
    *_, name, match = min(found, key=lambda hit: hit[:2])
    rest = re.sub(
        r"[↑↓]|\((?:%|s|ms|M|K|G|B|sec|hours?|h)\)|\[%\]|%", " ", header[: match.start()] + header[match.end() :]
    )
    return Word(name, " ".join(rest.split()).strip("()[]:, "))


def direction_of(header: str) -> str:
    """Return the direction that an arrow of a header gives, or none."""
    found = {way for arrow, way in ARROWS.items() if arrow in header}
    return found.pop() if len(found) == 1 else ""


def is_derived(label: str) -> bool:
    """Return whether a row or column says that it holds differences, such as Δ, gain or speed-up."""
    return any(_headed(DERIVED, level) for level in label.split(" | "))


def is_average(label: str) -> bool:
    """Return whether a row or column says that it holds means over others."""
    return any(_headed(AVERAGE, level) for level in label.split(" | "))


def is_total(label: str) -> bool:
    """Return whether a row or column says that it holds sums over others."""
    return any(_headed(TOTAL, level) for level in label.split(" | "))


def _headed(words: re.Pattern[str], level: str) -> bool:
    plain = re.sub(r"\([^()]*\)|[%↑↓]", " ", level).strip()
    return bool(re.match(rf"(?:{words.pattern})(?![\w])", plain)) and len(plain.split()) <= 3
