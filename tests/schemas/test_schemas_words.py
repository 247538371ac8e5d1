"""Are the closed lists whole, and do they agree with each other?"""

from __future__ import annotations

from schemas.dataset import Dataset, Field
from schemas.forms import CHAINS, IDENTIFIERS, SHOWS_ROWS, WITHHELD, FieldType
from schemas.reasons import REMEDY_OF, Reason, Remedy
from schemas.terms import Classification


def test_every_reason_has_a_remedy_in_words():
    """A refusal always says what would change it."""
    assert set(REMEDY_OF) == set(Reason)
    assert {remedy for remedy, _ in REMEDY_OF.values()} == set(Remedy)
    assert all(text.endswith(".") for _, text in REMEDY_OF.values())


def test_what_the_record_causes_has_no_remedy():
    """A remedy would tell that there is something to remedy."""
    assert REMEDY_OF[Reason.NOT_AVAILABLE][0] is Remedy.NONE


def test_every_type_has_a_chain():
    """Nothing is below `withheld`, and no form stands in a chain twice."""
    assert set(CHAINS) == set(FieldType)
    for chain in CHAINS.values():
        assert chain
        assert WITHHELD not in chain
        assert len(set(chain)) == len(chain)
    assert set(CHAINS[FieldType.GROUP]) >= SHOWS_ROWS
    assert set(CHAINS) >= IDENTIFIERS


def test_a_rank_is_how_revealing_a_form_is():
    name = Field("name", FieldType.NAME, "Name", Classification.PERSONAL, CHAINS[FieldType.NAME])

    assert [name.rank(form) for form in (WITHHELD, "present", "initial", "full")] == [0, 1, 2, 3]
    assert [name.form(rank) for rank in range(4)] == [WITHHELD, "present", "initial", "full"]


def test_an_age_is_read_from_its_date():
    age = Field("age", FieldType.AGE, "Age", Classification.PERSONAL, ("years",), derived_from="born")
    born = Field("born", FieldType.DATE, "Born", Classification.PERSONAL, ("full",))
    fields = {"age": age, "born": born}
    dataset = Dataset("d", 1, "D", "a", "b", None, {}, {}, fields, {}, "", "")

    assert dataset.bases_of("age") == {"born"}
    assert dataset.bases_of("born") == {"born"}
