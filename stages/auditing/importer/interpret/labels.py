"""Labels of tables: the metrics, coordinates and names that they stand for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import count
from keyword import iskeyword
from typing import NamedTuple

SCRIPT = re.compile(r"[\^_]\{([^{}]*)\}")
NOTE_MARKS = re.compile(r"[*†‡§¶#]+|\[\d[\d,\s-]*\]")
# The labels that many papers write for the same coordinate.
SAME = {
    "methods": "method",
    "approach": "method",
    "approaches": "method",
    "algorithm": "method",
    "models": "model",
    "datasets": "dataset",
    "data_set": "dataset",
    "data_sets": "dataset",
    "data": "dataset",
    "nfe": "steps",
    "step": "steps",
    "sampling_steps": "steps",
    "number_of_steps": "steps",
    "task": "task",
    "tasks": "task",
}
TAKEN = {
    "paper",
    "table",
    "row",
    "column",
    "metric",
    "value",
    "where",
    "source",
    "note",
    "improvement",
    "sd",
    "place",
    "kind",
    "label",
    "key",
    "axes",
    "columns",
    "of_source",
    "spread",
    "bold",
    "min",
    "max",
    "mean",
    "exact",
    "count",
    "index",
    "beside",
}


def plain_label(text: str) -> str:
    """Return a label as its table prints it, in one line, without arrows and without what the tables' files forbid."""
    text = SCRIPT.sub(lambda script: NOTE_MARKS.sub("", script[1]), text)
    text = re.sub(r"[↑↓]", "", text).replace('"', "'").replace("|", "/").replace(" ,", ",").replace("$", "")
    return " ".join(text.split())


def word_of(label: str) -> str:
    """Return a label as a word of a coordinate: lower case, letters, digits, ``.``, ``_`` and ``-``."""
    text = unicodedata.normalize("NFKC", plain_label(label)).replace("Δ", "delta").casefold().replace("+", " plus ")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    return re.sub(r"[^\w.]+", "-", text).strip("-._")


def words_of(labels: Iterable[str]) -> dict[str, str]:
    """Return the words of several labels, no two the same."""
    words: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        word = word_of(label) or ("yes" if label in ("✓", "✔") else "no" if label in ("✗", "✘", "×") else "other")
        alike = (f"{word}-{i}" if i > 1 else word for i in count(1))
        words[label] = next(name for name in alike if name not in words.values()) if label else ""
    return words


def name_of(header: str) -> str:
    """Return a header as the name of a coordinate, empty where it has none."""
    text = re.sub(r"\([^()]*\)", " ", plain_label(header)).casefold()
    name = re.sub(r"[^a-z0-9]+", "_", text).strip("_")
    name = SAME.get(name, name)
    if name in TAKEN or iskeyword(name):
        name += "_"
    return name if name[:1].isalpha() else f"x_{name}" if name else ""


def paper_name(stem: str) -> str:
    """Return the name of a paper from its file's: made of a-z, 0-9 and ``-``."""
    ascii_ = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_).strip("-") or "paper"


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
)
# Where they stand alone these may as well be a mean over the other columns, or a setting.
WEAK = ("mean", "n", "p", "sd")
ARROWS = {"↓": "lower", "↑": "higher"}
PATTERNS = [(name, re.compile(rf"(?<![\w-])#?(?:{words})(?![\w-]|\.\d)")) for name, _, _, _, words in METRICS]
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
