"""Formulas of a campaign file, such as ``10 * loading / density``, as functions of columns by name.

Arithmetic only: the text is parsed, checked node by node and turned into numpy calls. Nothing is evaluated as code.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from objectives.composition import Array

Columns = Mapping[str, Array]
Formula = Callable[[Columns], Array]

LONGEST = 500  # characters; also bounds how deep a formula nests
FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int]] = MappingProxyType(  # with the number of arguments
    {
        "abs": (np.abs, 1),
        "exp": (np.exp, 1),
        "log": (np.log, 1),
        "log10": (np.log10, 1),
        "sqrt": (np.sqrt, 1),
        "min": (np.minimum, 2),
        "max": (np.maximum, 2),
    }
)
_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: np.divide,
        ast.Pow: np.power,
        ast.USub: operator.neg,
        ast.UAdd: operator.pos,
    }
)


class ExpressionError(ValueError):
    """Raised for a formula that is not arithmetic over known names."""


def formula(text: str, names: Collection[str]) -> Formula:
    """Return a function of columns by name, each ``(n,)``, to values ``(n,)``; NaN or infinite where the arithmetic is.

    Args:
        text: Numbers, names, ``+ - * / **``, brackets and the functions of `FUNCTIONS`.
        names: What may stand in it.

    Raises:
        ExpressionError: If it is anything else; names the part.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"a formula must have at most {LONGEST} characters, got {len(text)}; shorten it")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"a formula must be arithmetic such as 10 * a / b, got {text!r}; correct it") from error
    found = _compiled(tree, text, frozenset(names))

    def values(columns: Columns) -> Array:
        n = len(next(iter(columns.values())))
        with np.errstate(all="ignore"):  # a recipe at which the formula has no value is the caller's business
            return np.broadcast_to(np.asarray(found(columns), dtype=np.float64), (n,))

    return values


def _compiled(node: ast.AST, text: str, names: frozenset[str]) -> Callable[[Columns], Any]:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        number = np.float64(node.value)  # never a Python integer, whose powers could grow without end
        return lambda _: number
    if isinstance(node, ast.Name):
        name = node.id
        if name not in names:
            raise ExpressionError(f'"{name}" in the formula {text!r} is not known; use {", ".join(sorted(names))}')
        return lambda columns: columns[name]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        sign, inner = _OPERATORS[type(node.op)], _compiled(node.operand, text, names)
        return lambda columns: sign(inner(columns))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        apply, left, right = _OPERATORS[type(node.op)], _compiled(node.left, text, names), _compiled(node.right, text, names)
        return lambda columns: apply(left(columns), right(columns))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and not node.keywords:
        function, count = FUNCTIONS[node.func.id]
        if len(node.args) != count:
            raise ExpressionError(f"{node.func.id} in the formula {text!r} must have {count} arguments, got {len(node.args)}; correct it")
        arguments = [_compiled(argument, text, names) for argument in node.args]
        return lambda columns: function(*(argument(columns) for argument in arguments))
    part = ast.get_source_segment(text.strip(), node) or text
    raise ExpressionError(f"a formula may hold numbers, names, + - * / ** and {', '.join(FUNCTIONS)}, got {part!r}; correct {text!r}")
