from __future__ import annotations

import pytest

from optimizer.lab_table.units import UnitError, scale_between


@pytest.mark.parametrize(
    ("text", "canonical", "factor"),
    [
        ("mAh/g", "mAh/g", 1.0),
        ("mAh g⁻¹", "mAh/g", 1.0),
        ("mAh g^-1", "mAh/g", 1.0),
        ("Ah/kg", "mAh/g", 1.0),
        ("mAh/gAM", "mAh/g", 1.0),
        ("mAh/g(AM)", "mAh/g", 1.0),
        ("mAh g_AM^-1", "mAh/g", 1.0),
        ("S/cm", "mS/cm", 1000.0),
        ("S cm-1", "mS/cm", 1000.0),
        ("S/m", "mS/cm", 10.0),
        ("nm", "um", 1e-3),
        ("µm", "um", 1.0),
        ("μm", "um", 1.0),
        ("kg/m3", "g/cm3", 1e-3),
        ("g cm⁻³", "g/cm3", 1.0),
        ("mm²", "cm2", 0.01),
        ("kΩ", "ohm", 1000.0),
        ("g", "mg", 1000.0),
        ("bar", "MPa", 0.1),
        ("kgf/cm2", "MPa", 0.0980665),
        ("mV", "V", 1e-3),
        ("1/min", "1/h", 60.0),
        ("C", "1/h", 1.0),
        ("%", "1", 0.01),
        ("vol%", "1", 0.01),
        ("1", "wt%", 100.0),
        ("wt.%", "wt%", 1.0),
        ("%", "%", 1.0),
        ("cycles", "cycles", 1.0),
    ],
)
def test_unit_as_labs_write_it_converts(text: str, canonical: str, factor: float) -> None:
    scale = scale_between(text, canonical)
    assert scale.factor == pytest.approx(factor, rel=1e-12)
    assert scale.offset == 0.0


@pytest.mark.parametrize(("text", "value", "celsius"), [("K", 333.15, 60.0), ("°F", 140.0, 60.0), ("℃", 60.0, 60.0), ("C", 60.0, 60.0)])
def test_temperature_converts_with_its_offset(text: str, value: float, celsius: float) -> None:
    assert scale_between(text, "degC").value(value) == pytest.approx(celsius, abs=1e-9)


def test_standard_error_converts_without_the_offset() -> None:
    assert scale_between("K", "degC").sd(2.0) == 2.0
    assert scale_between("%", "1").sd(2.0) == 0.02


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("vol%", "wt%"),
        ("wt%", "1"),
        ("mAh/g electrode", "mAh/g"),
        ("mAh", "mAh/g"),
        ("kg", "um"),
        ("m", "degC"),
        ("", "um"),
        ("1", "um"),
        ("2", "um"),
        ("9**9**9**9", "um"),
        ("__import__('os')", "um"),
        ("um" * 30, "um"),
        ("°C", "1/h"),
    ],
)
def test_what_is_no_unit_of_the_column_is_refused(text: str, canonical: str) -> None:
    with pytest.raises(UnitError, match="is no unit of the kind asked for"):
        scale_between(text, canonical)
