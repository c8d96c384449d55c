"""Formulas of claims: arithmetic over named operands, evaluated on intervals and spelled out with printed values."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction

from stages.papers.numbers import PRINTED, Interval, Printed, greatest, least, mean

LONGEST = 300
ATTRIBUTES = ("value", "improvement", "steps", "eta", "k", "b")
# Counted or set, not measured: taken as printed.
EXACT = ("steps", "eta")
REDUCERS: dict[str, Callable[[Sequence[Interval]], Interval]] = {"min": least, "max": greatest, "mean": mean}
FUNCTIONS = (*REDUCERS, "exact")
OPERATORS: dict[type[ast.operator], Callable[[Interval, Interval], Interval]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip

# Gives the printed numbers of an operand's attribute: one, or several under a reducer.
Read = Callable[[str, str], Sequence[Printed]]


def parse_formula(text: str) -> ast.expr:
    """Return the formula: + - * /, numbers, operands, their attributes, and min, max, mean or exact of an operand.

    Raises:
        ValueError: anything else, or more than 300 characters.
    """
    if len(text) > LONGEST:
        raise ValueError(f"formula of {len(text)} characters: must have at most {LONGEST}")
    try:
        formula = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"formula {text!r}: not arithmetic") from None
    _check(formula, text)
    return formula


def is_operand(formula: ast.expr) -> bool:
    """Return whether a formula is an operand or an attribute of one, nothing computed."""
    match formula:
        case ast.Name():
            return True
        case ast.Attribute(ast.Name(), attribute):
            return attribute in ATTRIBUTES
        case _:
            return False


def is_printed(formula: ast.expr) -> bool:
    """Return whether a formula is a printed number, perhaps exact, and nothing computed."""
    match formula:
        case ast.Call(ast.Name("exact")):
            return True
        case _:
            return is_operand(formula)


def operands_of(formula: ast.expr) -> dict[str, set[str]]:
    """Return the operands of a formula, and whether each stands "alone", "reduced" by min, max or mean, or both."""
    match formula:
        case ast.Name(name) | ast.Attribute(ast.Name(name)):
            return {name: {"alone"}}
        case ast.Call(ast.Name(function), [operand]):
            (name,) = operands_of(operand)
            return {name: {"reduced" if function in REDUCERS else "alone"}}
        case ast.BinOp(left, _, right):
            first, second = operands_of(left), operands_of(right)
            return {name: first.get(name, set()) | second.get(name, set()) for name in first | second}
        case ast.UnaryOp(operand=operand):
            return operands_of(operand)
        case _:
            return {}


def evaluate(formula: ast.expr, read: Read, slack: Fraction) -> Interval:
    """Return the range of a formula when every printed number may be ``slack`` units of its last digit off.

    exact(a) is a setting that somebody typed; it is taken as printed, as steps and eta are.

    Raises:
        ZeroDivisionError: a divisor may be 0.
    """
    match formula:
        case ast.Constant(value):
            return Interval(Fraction(str(value)), Fraction(str(value)))
        case ast.BinOp(left, operation, right):
            return OPERATORS[type(operation)](evaluate(left, read, slack), evaluate(right, read, slack))
        case ast.UnaryOp(operand=operand):
            return -evaluate(operand, read, slack)
        case ast.Call(ast.Name("exact"), [operand]):
            return evaluate(operand, read, PRINTED)
        case ast.Call(ast.Name(function), [operand]):
            return REDUCERS[function](_intervals(operand, read, slack))
        case _:
            (interval,) = _intervals(formula, read, slack)
            return interval


def spell(formula: ast.expr, read: Read) -> str:
    """Return the formula with the printed values in place of the operands, such as 100 × (1 − 31.11 / 31.30)."""
    return ast.unparse(_spelled(formula, read)).translate(str.maketrans({"*": "×", "-": "−"}))


def _spelled(formula: ast.expr, read: Read) -> ast.expr:
    match formula:
        case ast.BinOp(left, operation, right):
            return ast.BinOp(_spelled(left, read), operation, _spelled(right, read))
        case ast.UnaryOp(operation, operand):
            return ast.UnaryOp(operation, _spelled(operand, read))
        case ast.Call(ast.Name("exact"), [operand]):
            return _spelled(operand, read)
        case ast.Call(function, [operand]):
            return ast.Call(function, [ast.Name(number.text) for number in read(*_address(operand))], [])
        case ast.Constant():
            return formula
        case _:
            return ast.Name(read(*_address(formula))[0].text)


def _intervals(operand: ast.expr, read: Read, slack: Fraction) -> list[Interval]:
    name, attribute = _address(operand)
    return [number.within(PRINTED if attribute in EXACT else slack) for number in read(name, attribute)]


def _address(operand: ast.expr) -> tuple[str, str]:
    match operand:
        case ast.Attribute(ast.Name(name), attribute):
            return name, attribute
        case _:
            assert isinstance(operand, ast.Name)
            return operand.id, "value"


def _check(node: ast.expr, text: str) -> None:
    match node:
        case ast.Constant(value) if type(value) is int or (type(value) is float and abs(value) < float("inf")):
            return
        case ast.BinOp(left, operation, right) if type(operation) in OPERATORS:
            _check(left, text)
            _check(right, text)
        case ast.UnaryOp(ast.USub(), operand):
            _check(operand, text)
        case ast.Call(ast.Name(function), [operand], []) if function in FUNCTIONS and is_operand(operand):
            return
        case _ if is_operand(node):
            return
        case _:
            allowed = f"+ - * /, numbers, operands, their {', '.join(ATTRIBUTES)}, and {', '.join(FUNCTIONS)} of one"
            raise ValueError(f"formula {text!r}: {ast.unparse(node)!r} is not allowed; only {allowed}")
