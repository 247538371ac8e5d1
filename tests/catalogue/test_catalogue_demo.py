"""Do the demo's agreements hold together, and is its database what it says it is?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import pysqlite3
import pytest

from gateway.demo.cast import CAST
from gateway.demo.residents import generate
from gateway.sources.mapping import mapped_paths, parse_mapping
from policies.compile import compile_rules
from policies.compose import compose
from policies.decide import decide
from policies.parse import parse_agreement, parse_core, parse_dataset
from policies.shape import shape
from schemas.agreement import Agreement, Core, RuleSet
from schemas.dataset import Dataset, FieldType
from schemas.decision import Record, Release
from schemas.request import Circumstances
from schemas.terms import Action, Classification, EmergencyKind, RecipientKind, Tag

AGREEMENTS: Final = ("northmoor-harbour-tenancies", "northmoor-calder-discharge", "northmoor-aire-admissions")
KINDS: Final = {
    "harbour-housing": RecipientKind.HOUSING_ASSOCIATION,
    "calder-nhs-trust": RecipientKind.NHS,
    "aire-academies": RecipientKind.ACADEMY_TRUST,
}
ROLE: Final = {
    "northmoor-harbour-tenancies": "tenancy-sustainment-officer",
    "northmoor-calder-discharge": "discharge-coordinator",
    "northmoor-aire-admissions": "admissions-officer",
}
AT: Final = datetime(2026, 10, 2, 9, 14, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def council_tax() -> Dataset:
    return parse_dataset((files("schemas.catalogue") / "council-tax.yaml").read_text())


def core_called(name: str) -> Core:
    return parse_core((files("policies.core") / f"{name}.yaml").read_text())


def agreement_called(name: str) -> Agreement:
    return parse_agreement((files("gateway.demo") / "texts" / f"{name}.yaml").read_text())


def rules_of(name: str, dataset: Dataset) -> RuleSet:
    agreement = agreement_called(name)
    mapping = parse_mapping((files("gateway.demo") / "texts" / "source-council-tax.yaml").read_text())
    cores = [core_called(core) for core, _ in agreement.follows] + [core_called("statutory-bars")]
    return compose(agreement, dataset=dataset, cores=cores, recipient_kinds=KINDS, mapped=mapped_paths(mapping))


def asked_by(name: str, rules: RuleSet, **more: object) -> Circumstances:
    return Circumstances(
        at=AT,
        recipient=rules.agreement.recipients[0],
        token_purpose=rules.agreement.purpose,
        token_dataset=rules.dataset.id,
        token_fields=None,
        token_actions=frozenset({Action.READ}),
        action=Action.READ,
        asked=None,
        role=ROLE[name],
        has_caseworker=True,
        has_case_reference=True,
        subject="liable",
        **more,  # type: ignore[arg-type]  # a test's shorthand
    )


# -- the agreements


@pytest.mark.parametrize("name", AGREEMENTS)
def test_every_agreement_of_the_demo_may_be_published(name: str, council_tax: Dataset) -> None:
    rules = rules_of(name, council_tax)

    assert rules.agreement.id == name
    assert (rules.agreement.starts_on, rules.agreement.ends_on) == (date(2026, 4, 1), date(2027, 3, 31))


@pytest.mark.parametrize("name", AGREEMENTS)
def test_what_an_agreement_of_the_demo_releases(name: str, council_tax: Dataset) -> None:
    """Without any consent or emergency. For Harbour, at least the twelve fields of the benchmark."""
    rules = rules_of(name, council_tax)
    decision = decide(compile_rules(rules), asked_by(name, rules))
    released = {path for path, one in decision.fields.items() if isinstance(one, Release)}

    assert decision.permits
    assert len(released) >= {"northmoor-harbour-tenancies": 12}.get(name, 7)
    assert not released & {"arrears", "recovery_stage", "last_payment_on", "balance", "protected_address"}


def test_a_protected_persons_place_leaves_under_no_agreement_of_the_demo(council_tax: Dataset) -> None:
    """Not in an emergency either: none of these recipients is a blue-light service."""
    values = {path: "LS1 4AB" if one.type is FieldType.POSTCODE else "x" for path, one in council_tax.fields.items()}
    values = {path: value for path, value in values.items() if Tag.LOCATION in council_tax.fields[path].reveals}
    for name in AGREEMENTS:
        rules = rules_of(name, council_tax)
        compiled = compile_rules(rules)
        circumstances = asked_by(name, rules, emergency=EmergencyKind.RISK_TO_LIFE)
        decision = decide(compiled, circumstances)
        for marker in (True, None):
            record = Record({**values, "protected_address": marker}, {}, AT)
            shaped = shape(
                record,
                decision,
                compiled,
                people=frozenset({"liable"}),
                on=AT.date(),
                emergency=EmergencyKind.RISK_TO_LIFE,
                recipient=circumstances.recipient,
                pseudonym=lambda path, value: f"{path}:{value}",
            )
            assert not [path for path in shaped.fields if Tag.LOCATION in council_tax.fields[path].reveals]
            assert not shaped.tripped


def test_special_category_data_rest_on_a_condition(council_tax: Dataset) -> None:
    """The accessible format tells of a disability: it leaves under the line of law that names Article 9(2)(h)."""
    rules = rules_of("northmoor-calder-discharge", council_tax)
    laws = {law.id: law for law in rules.agreement.lawful}
    lines = [
        line
        for line in rules.agreement.releases
        for path in line.fields
        if council_tax.fields[path].classification is Classification.SPECIAL_CATEGORY
    ]

    assert lines
    assert all(laws[line.under or "main"].discloser.condition is not None for line in lines)


# -- the demo's database


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[pysqlite3.Connection, Path]]:
    file = tmp_path_factory.mktemp("generated") / "revenues.sqlite"
    generate(file, residents=300, seed=11)
    connection = pysqlite3.connect(str(file))
    yield connection, file
    connection.close()


def test_the_same_seed_makes_the_same_people(generated, tmp_path: Path) -> None:
    connection, _ = generated
    generate(tmp_path / "again.sqlite", residents=300, seed=11)
    again = pysqlite3.connect(str(tmp_path / "again.sqlite"))

    for table in ("ctaccount", "ctproperty", "ctoccupation"):
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        assert rows
        assert again.execute(f"SELECT * FROM {table}").fetchall() == rows
    again.close()


def test_the_cast_comes_first_and_whole(generated) -> None:
    connection, _ = generated

    rows = connection.execute("SELECT account_ref, protected_ind FROM ctaccount ORDER BY rowid").fetchall()

    assert len(rows) == 300
    assert rows[: len(CAST)] == [(one.account_ref, one.protected) for one in CAST]


def test_the_data_are_dirty_on_purpose(generated) -> None:
    """Padding, text dates in two spellings, blanks in three, values that do not fit: or nothing would be proved."""
    connection, _ = generated

    def has(condition: str) -> bool:
        return bool(connection.execute(f"SELECT count(*) FROM ctaccount WHERE {condition}").fetchone()[0])

    assert has("lead_liab_surname LIKE '% '")
    assert has("lead_birth_date LIKE '__/__/____'")
    assert has("lead_birth_date GLOB '[12][0-9][0-9][0-9][01][0-9][0-3][0-9]'")
    assert has("lead_birth_date IN ('00/00/0000', '31/02/1980', 'UNKNOWN')")
    assert has("lead_email IS NULL")
    assert has("lead_email = ''")
    assert has("lead_email = ' '")
    assert has("protected_ind = '?'")


def test_nobody_generated_can_be_real(generated) -> None:
    """UPRNs from a range that was never allocated, telephone numbers of the drama ranges, addresses of examples."""
    connection, _ = generated

    uprns = [row[0] for row in connection.execute("SELECT uprn FROM ctproperty")]
    phones = [row[0] for row in connection.execute("SELECT lead_phone FROM ctaccount WHERE trim(lead_phone) > ''")]
    emails = [row[0] for row in connection.execute("SELECT lead_email FROM ctaccount WHERE trim(lead_email) > ''")]

    assert uprns
    assert all(uprn.startswith("9000") and len(uprn) == 12 for uprn in uprns)
    assert phones
    assert all("7700" in phone and "900" in phone for phone in phones)
    assert emails
    assert all(email.rpartition("@")[2] in {"example.com", "example.org", "example.net"} for email in emails)
