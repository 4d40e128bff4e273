"""Studies and priors: what a study fixes, where it comes from, and what it leaves open."""

import pytest

from objectives.electrode import UTILISATION_REFERENCE, Electrodes
from objectives.literature import load_literature
from objectives.physics import find_study
from objectives.studies import NEW_STUDY_OFFSET_SD, OFFSETS, Prior, Study, UnknownStudyError, load_priors, load_studies

STUDIES = tuple(load_studies().values())
EACH = pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)


def test_bundled_studies_in_file_order() -> None:
    assert list(load_studies()) == ["kim2025", "lee2026", "schlautmann2023", "minnmann2021", "bazzoun2026", "cho2024"]


@EACH
def test_source_of_a_study_is_in_the_table(study: Study) -> None:
    assert study.source in {row.source for row in load_literature()}


@EACH
def test_study_fixes_only_inputs_of_the_electrode(study: Study) -> None:
    assert set(study.fixed) <= set(Electrodes.__dataclass_fields__)


@EACH
def test_latent_sets_an_input_that_the_study_does_not_fix(study: Study) -> None:
    for latent in study.latents:
        assert latent.sets in Electrodes.__dataclass_fields__
        assert latent.sets not in study.fixed


@EACH
def test_latent_has_an_origin_and_a_wide_prior(study: Study) -> None:
    for latent in study.latents:
        assert latent.prior.origin.startswith(("[A] ", "[F] ", "[K] "))
        assert latent.prior.spread > (1.0 if latent.prior.log else 0.0)


@EACH
def test_labels_of_a_study_are_labels_of_its_rows(study: Study) -> None:
    rows = {row.label for row in load_literature() if row.study == study.name}
    assert set(study.designs) <= rows
    assert {label for latent in study.latents for label in latent.labels} <= rows


@EACH
def test_offsets_of_a_study_are_known_kinds_with_a_positive_spread(study: Study) -> None:
    assert set(study.offset_sd) <= set(OFFSETS)
    assert all(spread > 0.0 for spread in study.offset_sd.values())


@EACH
def test_active_material_has_a_utilisation_reference(study: Study) -> None:
    assert study.active_material in UTILISATION_REFERENCE


@EACH
def test_pressure_and_bulk_conductivity_have_a_provenance(study: Study) -> None:
    assert {"pressure_mpa", "sigma_fine"} <= set(study.provenance)
    assert all(text.strip() for text in study.provenance.values())


def test_reference_study_leaves_only_the_large_se_open() -> None:
    assert [latent.prior.name for latent in load_studies()["kim2025"].latents] == ["kim2025.large_se_um"]


@pytest.mark.parametrize(("quantity", "c_rate", "sd"), [("discharge_capacity", 0.05, 3.0), ("discharge_capacity", 0.2, 5.0), ("porosity", 0.05, 0.6)])
def test_row_noise_is_that_of_its_rate_before_that_of_its_quantity(quantity: str, c_rate: float, sd: float) -> None:
    assert load_studies()["kim2025"].row_sd(quantity, c_rate) == sd


def test_quantity_without_noise_has_no_row_sd() -> None:
    assert load_studies()["kim2025"].row_sd("mean_radius", 0.05) is None


def test_unknown_study_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownStudyError, match=r"^there is no study 'kim'; use one of kim2025, lee2026, .*, cho2024, new$"):
        find_study("kim")


def test_new_study_has_the_reference_materials_and_nothing_measured() -> None:
    new = find_study("new")
    assert new.fixed == load_studies()["kim2025"].fixed
    assert (new.name, new.latents, dict(new.offset_sd), new.source) == ("new", (), {}, "")


def test_new_study_is_as_uncertain_as_the_widest_prior_between_studies() -> None:
    for kind in ("porosity", "ionic", "electronic"):
        assert max(study.offset_sd.get(kind, 0.0) for study in STUDIES) == NEW_STUDY_OFFSET_SD[kind]


@pytest.mark.parametrize("prior", load_priors(), ids=lambda prior: prior.name)
def test_prior_has_a_meaning_a_unit_and_an_origin(prior: Prior) -> None:
    assert prior.meaning
    assert prior.unit
    assert prior.origin.startswith(("[F]", "[K]", "[A]"))
    assert prior.spread > (1.0 if prior.log else 0.0)


def test_priors_have_distinct_names() -> None:
    names = [prior.name for prior in load_priors()]
    assert len(set(names)) == len(names)


def test_studies_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        load_studies()["mine"] = STUDIES[0]  # type: ignore[index]
