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
# Common labels of the same coordinate.
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
SIGNS = {"✓": "yes", "✔": "yes", "✗": "no", "✘": "no", "×": "no"}
# Names that a column must not have.
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
    """Return a printed label in one line, without arrows and without characters that the tables' files forbid."""
    text = SCRIPT.sub(lambda script: NOTE_MARKS.sub("", script[1]), text)
    text = re.sub(r"[↑↓]", "", text).replace('"', "'").replace("|", "/").replace(" ,", ",").replace("$", "")
    return " ".join(text.split())


def word_of(label: str) -> str:
    """Return a label as the value of a coordinate: lower case, letters, digits, ``.``, ``_`` and ``-``."""
    text = unicodedata.normalize("NFKC", plain_label(label)).replace("Δ", "delta").casefold().replace("+", " plus ")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    return re.sub(r"[^\w.]+", "-", text).strip("-._")


def words_of(labels: Iterable[str]) -> dict[str, str]:
    """Return distinct words for several labels."""
    words: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        word = word_of(label) or SIGNS.get(label, "other")
        alike = (f"{word}-{i}" if i > 1 else word for i in count(1))
        words[label] = next(name for name in alike if name not in words.values()) if label else ""
    return words


def name_of(header: str) -> str:
    """Return a header as the name of a coordinate; empty if nothing is left of it."""
    text = re.sub(r"\([^()]*\)", " ", plain_label(header)).casefold()
    name = re.sub(r"[^a-z0-9]+", "_", text).strip("_")
    name = SAME.get(name, name)
    if name in TAKEN or iskeyword(name):
        name += "_"
    return name if name[:1].isalpha() else f"x_{name}" if name else ""


def paper_name(stem: str) -> str:
    """Return the name of a paper from that of its file, made of a-z, 0-9 and ``-``."""
    ascii_ = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_).strip("-") or "paper"


class KnownMetric(NamedTuple):
    """A metric by its usual names in headers: ``words`` is a pattern, (?i:...) where capitals do not matter.

    ``better`` is the direction that the definition of the metric gives: distances, errors, losses, times and sizes are
    better when lower, shares of correct results and similarities when higher; settings, counts and statistics have
    none. Metrics without such a definition are left to a person. An arrow in a header takes precedence.
    """

    name: str
    type: str
    better: str
    heading: str
    words: str


METRICS = (
    KnownMetric("sfid", "number", "lower", "sFID", "sFID"),
    KnownMetric("fid", "number", "lower", "FID", "FID(?:-?[0-9]+[kK])?|(?i:fr[eé]chet inception distance)"),
    KnownMetric("kid", "number", "lower", "KID", "KID"),
    KnownMetric("fvd", "number", "lower", "FVD", "FVD"),
    KnownMetric("inception_score", "number", "higher", "IS", "IS|(?i:inception score)"),
    KnownMetric("precision", "number", "higher", "precision", "(?i:precision|prec[.]?)"),
    KnownMetric("recall", "number", "higher", "recall", "(?i:recall|rec[.])"),
    KnownMetric("accuracy", "number", "higher", "accuracy", "(?i:accuracy|acc[.]?)"),
    KnownMetric("f1", "number", "higher", "F1", "(?i:f1|f_1|f-?1|(?:micro|macro)[- ]?f1)(?:[- ]?(?i:score))?"),
    KnownMetric("auc", "number", "higher", "AUC", "(?i:auc|auroc|roc[- ]auc|auprc)"),
    KnownMetric("map", "number", "higher", "mAP", "mAP|MAP"),
    KnownMetric("ap", "number", "higher", "AP", "AP"),
    KnownMetric("iou", "number", "higher", "IoU", "(?i:m?iou)"),
    KnownMetric("dice", "number", "higher", "Dice", "Dice|DSC"),
    KnownMetric("bleu", "number", "higher", "BLEU", "(?i:(?:sacre)?bleu)(?:-?[1-4])?"),
    KnownMetric("rouge", "number", "higher", "ROUGE", "(?i:rouge)(?:-?(?:1|2|L))?|R-[12L]"),
    KnownMetric("meteor", "number", "higher", "METEOR", "METEOR"),
    KnownMetric("cider", "number", "higher", "CIDEr", "(?i:cider)"),
    KnownMetric("clip_score", "number", "higher", "CLIP score", "(?i:clip[- ]?(?:score|sim))"),
    KnownMetric("exact_match", "number", "higher", "EM", "EM|(?i:exact match)"),
    KnownMetric("psnr", "number", "higher", "PSNR", "PSNR"),
    KnownMetric("ssim", "number", "higher", "SSIM", "(?:MS-)?SSIM"),
    KnownMetric("lpips", "number", "lower", "LPIPS", "LPIPS"),
    KnownMetric("wer", "number", "lower", "WER", "WER|(?i:word error rate)"),
    KnownMetric("cer", "number", "lower", "CER", "CER|(?i:character error rate)"),
    KnownMetric("perplexity", "number", "lower", "perplexity", "(?i:perplexity|ppl[.]?)"),
    KnownMetric("bits_per_dim", "number", "lower", "bits/dim", "(?i:bits/dim|bpd)"),
    KnownMetric("nll", "number", "lower", "NLL", "NLL|(?i:negative log[- ]likelihood)"),
    KnownMetric("rmse", "number", "lower", "RMSE", "RMSE"),
    KnownMetric("mse", "number", "lower", "MSE", "MSE"),
    KnownMetric("mae", "number", "lower", "MAE", "MAE"),
    KnownMetric("mape", "number", "lower", "MAPE", "MAPE"),
    KnownMetric("ece", "number", "lower", "ECE", "ECE"),
    KnownMetric("error", "number", "lower", "error", "(?i:error|err[.]?)(?:[- ](?i:rate))?"),
    KnownMetric("loss", "number", "lower", "loss", "(?i:loss)"),
    KnownMetric("time", "number", "lower", "time", "(?i:time|latency|runtime|seconds|wall[- ]clock)"),
    KnownMetric("throughput", "number", "higher", "throughput", "(?i:throughput|fps)"),
    KnownMetric("memory", "number", "lower", "memory", "(?i:memory|mem[.]?)"),
    KnownMetric("flops", "number", "lower", "FLOPs", "(?i:[gt]?flops|macs)"),
    KnownMetric("params", "number", "lower", "params", r"(?i:#?\s?param(?:eter)?s?[.]?)"),
    KnownMetric("r_squared", "number", "higher", "R²", r"(?i:r)(?:\^\{2\}|²|2)"),
    KnownMetric("p", "number", "", "p", "p|P|(?i:p-?values?)"),
    KnownMetric("n", "count", "", "n", "n|N"),
    KnownMetric("mean", "number", "", "mean", "M|(?i:mean)"),
    KnownMetric("sd", "number", "", "sd", r"SD|(?i:sd|std[.]?|s\.d\.|standard deviation)"),
)
KNOWN_METRICS = {metric.name: metric for metric in METRICS}
# Alone, these words may also mean a mean over other columns, or a setting.
WEAK = ("mean", "n", "p", "sd")
ARROWS = {"↓": "lower", "↑": "higher"}
PATTERNS = {metric.name: re.compile(rf"(?<![\w-])#?(?:{metric.words})(?![\w-]|\.\d)") for metric in METRICS}
BESIDE_METRIC = re.compile(r"[↑↓]|\((?:%|s|ms|M|K|G|B|sec|hours?|h)\)|\[%\]|%")
DERIVED = re.compile(r"(?i:delta|diff(?:erence|\.)?|gain|improvement|improv\.|impr\.|speed-?up|reduction)|[Δ∆]")
AVERAGE = re.compile(r"(?i:avg\.?|average|mean|overall)|μ")
TOTAL = re.compile(r"(?i:total|sum)")


class Word(NamedTuple):
    """A metric found in a header: its name, and the rest of the header."""

    metric: str
    rest: str


def find_metric(header: str) -> Word | None:
    """Return the first metric that a header names (of several that begin there, the longest word), or None."""
    found: dict[str, re.Match[str]] = {}
    for name, pattern in PATTERNS.items():
        match = pattern.search(header)
        if match:
            found[name] = match
    if not found:
        return None
    name = min(found, key=lambda name: (found[name].start(), -len(found[name][0])))
    match = found[name]
    rest = BESIDE_METRIC.sub(" ", header[: match.start()] + header[match.end() :])
    return Word(name, " ".join(rest.split()).strip("()[]:, "))


def direction_of(header: str) -> str:
    """Return the direction that the arrows of a header give; empty if there is none, or if they differ."""
    found = {way for arrow, way in ARROWS.items() if arrow in header}
    return found.pop() if len(found) == 1 else ""


def is_derived(label: str) -> bool:
    """Return whether a label says that its row or column holds differences, such as Δ, gain or speed-up."""
    return any(_headed(DERIVED, level) for level in label.split(" | "))


def is_average(label: str) -> bool:
    """Return whether a label says that its row or column holds means over others."""
    return any(_headed(AVERAGE, level) for level in label.split(" | "))


def is_total(label: str) -> bool:
    """Return whether a label says that its row or column holds sums over others."""
    return any(_headed(TOTAL, level) for level in label.split(" | "))


def is_computed(label: str) -> bool:
    """Return whether a label says that its row or column is computed from others."""
    return is_derived(label) or is_average(label) or is_total(label)


def _headed(words: re.Pattern[str], level: str) -> bool:
    plain = re.sub(r"\([^()]*\)|[%↑↓]", " ", level).strip()
    return bool(re.match(rf"(?:{words.pattern})(?![\w])", plain)) and len(plain.split()) <= 3
