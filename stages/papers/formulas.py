"""Formulas of claims: arithmetic over named operands, evaluated on intervals and spelled out with printed values."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction

from stages.papers.numbers import PRINTED, Interval, Printed, greatest, least, mean

ATTRIBUTES = ("value", "improvement", "steps", "k", "b", "eta")
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
        ValueError: anything else.
    """
    try:
        formula = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"formula {text!r}: not arithmetic") from None
    _check(formula, text)
    return formula


def operands_of(formula: ast.expr) -> dict[str, bool]:
    """Return the operands of a formula, and whether each stands under min, max or mean wherever it stands."""
    reduced = {id(n) for call in ast.walk(formula) if _is_reducer(call) for n in ast.walk(call)}
    functions = {id(call.func) for call in ast.walk(formula) if isinstance(call, ast.Call)}
    names: dict[str, bool] = {}
    for node in ast.walk(formula):
        if isinstance(node, ast.Name) and id(node) not in functions:
            names[node.id] = names.get(node.id, True) and id(node) in reduced
    return names


def evaluate(formula: ast.expr, read: Read, slack: Fraction) -> Interval:
    """Return the range of a formula when every printed number may be ``slack`` units of its last digit off.

    Steps are counted, not measured, and exact(a) is a setting that somebody typed: these are taken as printed.

    Raises:
        ZeroDivisionError: a divisor may be 0.
    """
    match formula:
        case ast.Constant(value):
            return _point(Fraction(str(value)))
        case ast.BinOp(left, operation, right):
            return OPERATORS[type(operation)](evaluate(left, read, slack), evaluate(right, read, slack))
        case ast.UnaryOp(operand=operand):
            return -evaluate(operand, read, slack)
        case ast.Call(ast.Name("exact"), [operand]):
            return evaluate(operand, read, PRINTED)
        case ast.Call(ast.Name(function), [operand]):
            return REDUCERS[function]([number.within(slack) for number in read(*_address(operand))])
        case _:
            name, attribute = _address(formula)
            (number,) = read(name, attribute)
            return number.within(PRINTED if attribute == "steps" else slack)


def spell(formula: ast.expr, read: Read) -> str:
    """Return the formula with the printed values in place of the operands, such as 100 × (1 − 31.11 / 31.30)."""
    return ast.unparse(_Spelled(read).visit(ast.parse(ast.unparse(formula), mode="eval"))).translate(
        str.maketrans({"*": "×", "-": "−"})
    )


class _Spelled(ast.NodeTransformer):
    def __init__(self, read: Read) -> None:
        self.read = read

    def visit_Call(self, node: ast.Call) -> ast.AST:
        numbers: list[ast.expr] = [ast.Name(number.text) for number in self.read(*_address(node.args[0]))]
        return numbers[0] if isinstance(node.func, ast.Name) and node.func.id == "exact" else _call(node, numbers)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Name(self.read(*_address(node))[0].text)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.read(node.id, "value")[0].text)


def _call(node: ast.Call, numbers: list[ast.expr]) -> ast.Call:
    return ast.Call(node.func, numbers, [])


def _point(value: Fraction) -> Interval:
    return Interval(value, value)


def _address(node: ast.expr) -> tuple[str, str]:
    match node:
        case ast.Name(name):
            return name, "value"
        case ast.Attribute(ast.Name(name), attribute):
            return name, attribute
        case _:
            raise AssertionError(ast.dump(node))


def _is_reducer(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REDUCERS


def _is_operand(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Attribute(ast.Name(), attribute):
            return attribute in ATTRIBUTES
        case _:
            return False


def _check(node: ast.expr, text: str) -> None:
    match node:
        case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
            return
        case ast.BinOp(left, operation, right) if type(operation) in OPERATORS:
            _check(left, text)
            _check(right, text)
        case ast.UnaryOp(ast.USub(), operand):
            _check(operand, text)
        case ast.Call(ast.Name(function), [operand], []) if function in FUNCTIONS and _is_operand(operand):
            return
        case _ if _is_operand(node):
            return
        case _:
            allowed = f"+ - * /, numbers, operands, their {', '.join(ATTRIBUTES)}, and {', '.join(FUNCTIONS)} of one"
            raise ValueError(f"formula {text!r}: {ast.unparse(node)!r} is not allowed; only {allowed}")
