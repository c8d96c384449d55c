"""Formulas of claims: arithmetic over named operands, filled in with printed numbers and spelled out."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from stages.auditing.tables.numbers import Printed

LONGEST = 300
DEEPEST = 100
GREATEST_EXPONENT = 20
# Functions of one operand or formula over all its rows; min and max also take several values.
REDUCERS = ("min", "max", "mean", "sum", "std")
OF_SEVERAL = ("min", "max")
OF_ONE = ("abs", "sqrt")
# They select the row with the least or the largest value: argmin(a).steps is a coordinate of that row.
SELECTORS = ("argmin", "argmax")
FUNCTIONS = ("exact", *OF_ONE, *REDUCERS, *SELECTORS)
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
ALLOWED = (
    "+ - * /, whole powers up to 20, numbers, operands, their attributes, "
    f"{', '.join(('exact', *OF_ONE, *REDUCERS))} of them, "
    f"at most {DEEPEST} deep; or argmin(a).steps or argmax(a).steps alone"
)

# Reads the printed numbers of an operand's attribute, each with the name of its cell; several only under a reducer.
Read = Callable[[str, str], Sequence[tuple[str, Printed]]]


class Mention(NamedTuple):
    """A place where a formula names an operand: the attribute, and whether it is reduced over all rows."""

    name: str
    attribute: str
    reduced: bool


class Filled(NamedTuple):
    """A formula over the cells of one comparison; the argument of a reducer is repeated for each row.

    ``plain`` says that interval arithmetic gives its exact range: no cell is mentioned twice.
    """

    formula: ast.expr
    cells: Mapping[str, Printed]
    plain: bool = False


def parse_formula(text: str) -> ast.expr:
    """Return the parsed formula: + - * / and whole powers, numbers, operands, their attributes, and functions of these.

    Raises:
        ValueError: it holds anything else, has more than 300 characters, or is nested deeper than 100.
    """
    if len(text) > LONGEST:
        raise ValueError(f"formula of {len(text)} characters: must have at most {LONGEST}")
    try:
        formula = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"formula {text!r}: not arithmetic") from None
    if is_selection(formula):
        return formula
    faulty = next(_faulty(formula, DEEPEST), None)
    if faulty is not None:
        raise ValueError(f"formula {text!r}: {ast.unparse(faulty)!r} is not allowed; only {ALLOWED}")
    return formula


def is_operand(formula: ast.expr) -> bool:
    """Return whether a formula is an operand or an attribute of one, without any computation."""
    return isinstance(formula, ast.Name | ast.Attribute) and isinstance(getattr(formula, "value", formula), ast.Name)


def is_selection(formula: ast.expr | None) -> bool:
    """Return whether a formula is a coordinate of the row with the least or the largest value."""
    match formula:
        case ast.Attribute(ast.Call(ast.Name(function), [operand], [])):
            return function in SELECTORS and is_operand(operand)
        case _:
            return False


def is_printed(formula: ast.expr) -> bool:
    """Return whether a formula is a printed number, perhaps under exact(), without any computation."""
    match formula:
        case ast.Call(ast.Name("exact")):
            return True
        case _:
            return is_operand(formula)


def mentions(formula: ast.expr, *, reduced: bool = False) -> Iterator[Mention]:
    """Yield every place where a formula names an operand."""
    match formula:
        case ast.Attribute(ast.Call(_, [operand]), attribute) if is_selection(formula):
            (mention,) = mentions(operand, reduced=True)
            yield from (mention, mention._replace(attribute=attribute))
        case ast.Name() | ast.Attribute(ast.Name()):
            yield Mention(*address(formula), reduced)
        case ast.Call(_, arguments):
            for argument in arguments:
                yield from mentions(argument, reduced=reduced or _reduces(formula))
        case ast.BinOp(left, _, right):
            yield from mentions(left, reduced=reduced)
            yield from mentions(right, reduced=reduced)
        case ast.UnaryOp(operand=operand):
            yield from mentions(operand, reduced=reduced)


# Called once per comparison of a claim.
@lru_cache(maxsize=2**10)
def operands_of(formula: ast.expr) -> Mapping[str, set[str]]:
    """Return the operands of a formula, and whether each is used "alone", "reduced" over its rows, or both."""
    found: dict[str, set[str]] = {}
    for mention in mentions(formula):
        found.setdefault(mention.name, set()).add("reduced" if mention.reduced else "alone")
    return found


@lru_cache(maxsize=2**10)
def computes(formula: ast.expr, function: str) -> bool:
    """Return whether a formula calls a function anywhere."""
    calls = (node for node in ast.walk(formula) if isinstance(node, ast.Call))
    return any(isinstance(call.func, ast.Name) and call.func.id == function for call in calls)


def reduced_together(formula: ast.expr) -> list[set[str]]:
    """Return, for every reducer of a formula, the operands under it, whose rows belong together."""
    return [set(operands_of(call)) for call in ast.walk(formula) if isinstance(call, ast.Call) and _reduces(call)]


def address(operand: ast.expr) -> tuple[str, str]:
    """Return an operand's name and attribute, which is its value unless named."""
    match operand:
        case ast.Attribute(ast.Name(name), attribute):
            return name, attribute
        case _:
            assert isinstance(operand, ast.Name)
            return operand.id, "value"


def whole(exponent: ast.expr) -> float:
    """Return the exponent of a power; infinity unless it is a whole number."""
    match exponent:
        case ast.Constant(value) if type(value) is int:
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(value)) if type(value) is int:
            return -value
        case _:
            return float("inf")


def fill(formula: ast.expr, read: Read) -> Filled:
    """Return the formula with the cells of its operands' numbers in place of the operands.

    exact(a) is a setting that was typed, not rounded, so its printed value is exact.
    """
    mentioned: list[tuple[str, Printed]] = []
    filled = _filled(formula, read, mentioned)
    cells = dict(mentioned)
    # Interval arithmetic over its parts does not give the range of a standard deviation.
    return Filled(filled, cells, len(cells) == len(mentioned) and not computes(formula, "std"))


def spell(filled: Filled) -> str:
    """Return the formula as text with the printed values of its operands, such as 100 × (1 − 31.11 / 31.30)."""
    text = ast.unparse(_spelled(filled.formula, filled.cells)).replace(" ** ", "^")
    return text.translate(str.maketrans({"*": "×", "-": "−"}))


def _reduces(call: ast.Call) -> bool:
    function = call.func.id if isinstance(call.func, ast.Name) else ""
    return function in SELECTORS or (function in REDUCERS and len(call.args) == 1)


def _faulty(formula: ast.expr, depth: int, *, reduced: bool = False) -> Iterator[ast.expr]:
    """Yield the parts of a formula that are not allowed; reducers must not be nested."""
    parts: Sequence[ast.expr] = ()
    match formula:
        case _ if depth == 0:
            yield formula
        case ast.Constant(value) if type(value) is int or (type(value) is float and abs(value) < float("inf")):
            pass
        case ast.BinOp(base, ast.Pow(), exponent) if abs(whole(exponent)) <= GREATEST_EXPONENT:
            parts = [base]
        case ast.BinOp(left, operation, right) if type(operation) in OPERATORS:
            parts = [left, right]
        case ast.UnaryOp(ast.USub(), operand):
            parts = [operand]
        case ast.Call(ast.Name("exact"), [operand], []) if is_operand(operand):
            pass
        case ast.Call(ast.Name(function), [operand], []) if function in OF_ONE:
            parts = [operand]
        case ast.Call(ast.Name(function), [part], []) if function in REDUCERS and operands_of(part) and not reduced:
            parts = [part]
            reduced = True
        case ast.Call(ast.Name(function), [_, _, *_] as operands, []) if function in OF_SEVERAL:
            parts = operands
        case _ if not is_operand(formula):
            yield formula
    for part in parts:
        yield from _faulty(part, depth - 1, reduced=reduced)


def _filled(formula: ast.expr, read: Read, mentioned: list[tuple[str, Printed]]) -> ast.expr:
    match formula:
        case ast.Constant():
            return formula
        case ast.BinOp(left, operation, right):
            return ast.BinOp(_filled(left, read, mentioned), operation, _filled(right, read, mentioned))
        case ast.UnaryOp(operation, operand):
            return ast.UnaryOp(operation, _filled(operand, read, mentioned))
        case ast.Call(ast.Name("exact"), [operand]):
            ((cell, number),) = read(*address(operand))
            mentioned.append((f"exact {cell}", number.exact()))
            return ast.Name(f"exact {cell}")
        case ast.Call(function, [argument]) if _reduces(formula):
            return ast.Call(function, [_filled(argument, each, mentioned) for each in _each(argument, read)], [])
        case ast.Call(function, arguments):
            return ast.Call(function, [_filled(argument, read, mentioned) for argument in arguments], [])
        case _:
            ((cell, number),) = read(*address(formula))
            mentioned.append((cell, number))
            return ast.Name(cell)


def _each(formula: ast.expr, read: Read) -> Iterator[Read]:
    """Yield a reader of each row under a reducer; an operand with a single row has that row every time."""
    addresses = list(dict.fromkeys(mention[:2] for mention in mentions(formula)))
    numbers = [read(*where) for where in addresses]
    rows = range(max(map(len, numbers)))
    for row in dict.fromkeys(tuple(column[i % len(column)] for column in numbers) for i in rows):
        found = dict(zip(addresses, row, strict=True))
        yield lambda name, attribute, found=found: [found[name, attribute]]


def _spelled(formula: ast.expr, cells: Mapping[str, Printed]) -> ast.expr:
    match formula:
        case ast.Name(cell):
            return ast.Name(cells[cell].text)
        case ast.BinOp(left, operation, right):
            return ast.BinOp(_spelled(left, cells), operation, _spelled(right, cells))
        case ast.UnaryOp(operation, operand):
            return ast.UnaryOp(operation, _spelled(operand, cells))
        case ast.Call(function, arguments):
            return ast.Call(function, [_spelled(argument, cells) for argument in arguments], [])
        case _:
            return formula
