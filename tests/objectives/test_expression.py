"""Formulas of campaign files: right arithmetic, and nothing but arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.expression import ExpressionError, formula

COLUMNS = {"loading": np.array([3.0, 6.0, 9.0]), "density": np.array([1.5, 1.2, 0.0])}


def test_formula_is_evaluated_column_by_column() -> None:
    assert formula("10 * loading / density", COLUMNS)(COLUMNS)[:2] == pytest.approx([20.0, 50.0])
    assert formula("-(loading - 1) ** 2 + max(density, 1.3)", COLUMNS)(COLUMNS) == pytest.approx([-4.0 + 1.5, -25.0 + 1.3, -64.0 + 1.3])
    assert formula("sqrt(loading) + log(exp(density)) - log10(100) * abs(-1)", COLUMNS)(COLUMNS) == pytest.approx(
        np.sqrt(COLUMNS["loading"]) + COLUMNS["density"] - 2.0
    )


def test_constant_formula_has_a_value_for_each_recipe() -> None:
    assert formula("2", COLUMNS)(COLUMNS).tolist() == [2.0, 2.0, 2.0]


def test_division_by_zero_is_infinite_and_raises_nothing() -> None:
    assert np.isinf(formula("loading / density", COLUMNS)(COLUMNS)[2])
    assert np.isinf(formula("9 ** 9 ** 9 ** 9", COLUMNS)(COLUMNS)).all()


@given(st.floats(-1e3, 1e3), st.floats(0.1, 1e3))
def test_formula_agrees_with_python(a: float, b: float) -> None:
    columns = {"a": np.array([a]), "b": np.array([b])}
    assert formula("(a + 2) * b - a / b", columns)(columns)[0] == pytest.approx((a + 2.0) * b - a / b)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os').system('true')", "may hold numbers, names"),
        ("loading.__class__", "got 'loading.__class__'"),
        ("loading[0]", "got 'loading[0]'"),
        ("lambda: 1", "may hold"),
        ("[x for x in (1,)]", "may hold"),
        ("loading if density else 1", "may hold"),
        ("loading > 1", "may hold"),
        ("True", "may hold"),
        ("'text'", "may hold"),
        ("1j", "may hold"),
        ("open(1)", "may hold"),
        ("sqrt(loading, density)", "sqrt in the formula"),
        ("min(loading)", "must have 2 arguments, got 1"),
        ("thickness * 2", '"thickness" in the formula'),
        ("10 *", "must be arithmetic such as"),
        ("", "must be arithmetic such as"),
        ("x = 1", "must be arithmetic such as"),
        ("(" * 300 + "1" + ")" * 300, "at most 500 characters"),
        ("(" * 240 + "1" + ")" * 240, "must be arithmetic such as"),
    ],
)
def test_anything_but_arithmetic_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        formula(text, COLUMNS)
    assert said in str(caught.value)
