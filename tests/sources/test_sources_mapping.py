"""What may a mapping's text say, and what is told of what it may not?"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.council.sources import SourceRegistry
from gateway.sources.columns import Column
from gateway.sources.contract import SourceFailedError
from gateway.sources.mapping import Mapping, digest_of, mapped_paths, parse_mapping
from gateway.sources.mapping_findings import mapping_findings
from gateway.sources.sql import SqlSource
from policies.reading.findings import TextError
from schemas.dataset import Dataset
from schemas.terms import Environment

SMALL = """\
source: revenues
version: 1
dataset: council-tax@2
url: sqlite:///{dir}/revenues.sqlite
from: ctaccount a
row: a.account_ref
people: {liable: a.party_ref}
keys: {account_ref: a.account_ref}
confirm:
  surname: {liable: [a.lead_liab_surname]}
fields:
  arrears: a.arrears
"""


def refusal_of(text: str) -> str:
    with pytest.raises(TextError) as refused:
        parse_mapping(text)
    assert all(one.remedy for one in refused.value.findings)
    return str(refused.value)


def test_a_small_mapping_is_read() -> None:
    mapping = parse_mapping(SMALL)

    assert mapping.fields == {"arrears": Column(sql="a.arrears")}
    assert (mapping.timeout, mapping.live, mapping.groups) == (5.0, None, {})
    assert mapped_paths(mapping) == {"arrears"}


def test_the_demos_mapping_fits_its_dataset(mapping_from, dataset: Dataset) -> None:
    """Every field that is not computed has its place, but for one: no revenues system holds NHS numbers."""
    mapping = mapping_from()

    assert [one.message.split()[0] for one in mapping_findings(mapping, dataset)] == ["nhs_number"]
    assert set(dataset.fields) - mapped_paths(mapping) == {"age", "joint_age", "nhs_number"}


def test_a_digest_names_the_text() -> None:
    assert digest_of(SMALL) == digest_of(SMALL)
    assert digest_of(SMALL) != digest_of(SMALL + "\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "  arrears: {sql: a.arrears, cleen: [trim]}",
            "line 12, column 29: a column has no member cleen. Did you mean clean?",
        ),
        ("  arrears: {sql: a.arrears, clean: [shout]}", "line 12, column 37: unknown word 'shout'"),
        ("  arrears: {sql: a.arrears, clean: trim}", "a list belongs here"),
        ("  arrears: {clean: [trim]}", "gives neither sql nor by_person, or both"),
        ("  arrears: {sql: a.arrears, by_person: {liable: a.b}}", "gives neither sql nor by_person, or both"),
        ("  arrears: {sql: [a.arrears]}", "one value belongs here"),
        ("  arrears: [a.arrears]", "a column must have members"),
        ("  arrears: {sql: a.arrears, blank: maybe}", "'maybe' is neither true nor false"),
        ("  arrears: {sql: a.arrears, blank: [{}]}", "one code belongs here"),
        ("  arrears: {sql: a.arrears, dates: [dd/mm/yyyy]}", "is not the format of a date"),
        ("  arrears: {sql: a.arrears, yes: [J], no: [J]}", "a code means both yes and no"),
        ("  arrears: a.arrears\n  arrears: a.balance", "arrears stands here twice"),
        ("  Arrears: a.arrears", "'Arrears' is not a name"),
    ],
)
def test_a_column_that_is_not_right_is_told_with_its_place(line: str, words: str) -> None:
    assert words in refusal_of(SMALL.replace("  arrears: a.arrears", line))


def with_format(form: str) -> str:
    return SMALL.replace("  arrears: a.arrears", f'  arrears: {{sql: a.arrears, dates: ["%d/%m/%Y", "{form}"]}}')


NO_DATES = (
    "%d/%d/%Y|%d/%m/%m/%Y|%d/%m/%Y %Y|%d/%m/%Y %y|%d/%m/%b/%Y|%d/%Y|%m/%Y|%d/%m|%d-%j-%Y|%j-%m-%Y|%j|%%d/%m/%Y|"
    "%d/%m/%Y %H:%H|%d/%m/%Y %x|%d/%m/%Y %Q|%d/%m/%Y%"
)


@pytest.mark.parametrize("form", NO_DATES.split("|"))
def test_a_format_that_can_not_read_a_date_is_told_with_its_place(form: str) -> None:
    """Published, it would fail every call that meets a date."""
    told = refusal_of(with_format(form))
    assert told.startswith("line 12, column 49: is not the format of a date. Name day, month and year once each")


@pytest.mark.parametrize(
    "form",
    [
        "%d %b %Y",
        "%d %B %y",
        "%Y-%j",
        "%y%j",
        "%Y%m%d",
        "%d/%m/%Y %H:%M:%S",
        "100%% %d.%m.%Y",
        "%-d/%-m/%Y",
        "%Y-%m-%dT%H:%M:%S%z",
    ],
)
def test_a_format_that_reads_dates_is_taken(form: str) -> None:
    assert parse_mapping(with_format(form)).fields["arrears"].dates == ("%d/%m/%Y", form)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("source: revenues", "source: Revenues & Benefits", "line 1, column 9: 'Revenues & Benefits' is not an id"),
        ("version: 1", "version: one", "'one' is not a whole number"),
        ("dataset: council-tax@2", "dataset: council-tax", "'council-tax' names no version"),
        ("url: sqlite:///{dir}/revenues.sqlite\n", "", "the mapping lacks url"),
        ("row: a.account_ref", "row: a.account_ref\ntimeout: 0", "is not a number of seconds"),
        ("row: a.account_ref", "row: a.account_ref\ntimeout: 61", "is not a number of seconds"),
        ("row: a.account_ref", "row: a.account_ref\ntimeout: .inf", "is not a number of seconds"),
        ("row: a.account_ref", "row: a.account_ref\ntext: mine", "the mapping has no member text"),
        ("from: ctaccount a", "form: ctaccount a", "the mapping has no member form. Did you mean from?"),
    ],
)
def test_a_mapping_that_is_not_right_is_told_with_its_place(old: str, new: str, words: str) -> None:
    assert words in refusal_of(SMALL.replace(old, new))


def test_every_mistake_is_told_at_once() -> None:
    broken = SMALL.replace("version: 1", "version: 0").replace("a.arrears", "'a; b'").replace("row: a.account_ref\n", "")

    assert len(refusal_of(broken).splitlines()) == 3


@pytest.mark.parametrize(
    "text",
    [
        "a.arrears; DROP TABLE ctaccount",
        "a.arrears -- all of it",
        "a.arrears /* all */",
        "'?'",
        "a.x ? 'y'",
        ":row",
        "' :row'",
        "@p1",
        "$1",
        "$$x$$",
    ],
)
@pytest.mark.parametrize(
    "place", ["from: {}", "row: {}", "live: {}", "as_at: {}", "people: {{liable: {}}}", "keys: {{account_ref: {}}}"]
)
def test_sql_is_one_expression_without_parameters(place: str, text: str) -> None:
    """A question mark or a colon in a literal can't shift a parameter, for none may stand there at all."""
    quoted = '"' + text + '"'
    name = place.partition(":")[0]
    kept = "".join(line + "\n" for line in SMALL.splitlines() if not line.startswith(name + ":"))

    assert "holds more than one SQL expression, or a parameter" in refusal_of(kept + place.format(quoted) + "\n")


@pytest.mark.parametrize(
    "text", ["a.seen_at::date", "substr(a.x, 1, 2)", "a.x || '10:30'", "CASE WHEN a.x = 'Y' THEN 1 END"]
)
def test_ordinary_expressions_are_accepted(text: str) -> None:
    mapping = parse_mapping(SMALL.replace("arrears: a.arrears", f'arrears: "{text}"'))

    assert mapping.fields["arrears"].sql == text


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("o.account_ref = 7", "does not say of which record"),
        ("o.account_ref = :row AND o.x = :key", "or another parameter"),
        ("o.account_ref = :row; SELECT 1", "or another parameter"),
        ("o.account_ref = :rows", "does not say of which record"),
    ],
)
def test_a_groups_rows_are_found_by_the_record_alone(where: str, words: str) -> None:
    group = f"groups: {{occupations: {{from: ctoccupation o, where: '{where}', fields: {{occupied_to: o.x}}}}}}\n"

    assert words in refusal_of(SMALL + group)


BOMB = "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(9))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(BOMB, "can't begin with & or *", id="aliases"),
        pytest.param("source: [&a x, *a]", "can't begin with & or *", id="aliases in a row"),
        pytest.param("source: !!python/object:os.system x", "can't begin with !", id="tags"),
        pytest.param("x: " + "[" * 50 + "]" * 50, "nested deeper", id="deep"),
        pytest.param("x: " + "[" * 20_000, "", id="very deep"),
        pytest.param("x: " + "y" * 300_000, "more than 262144", id="giant"),
        pytest.param("x: [" + "1," * 30_000 + "]", "more than 20000 values", id="many"),
        pytest.param("<<: {a: b}", "can't be called <<", id="merge"),
        pytest.param("source: a\n---\nsource: b", "a second text begins", id="two documents"),
        pytest.param("source: \u202efoo", "hidden character", id="bidirectional"),
        pytest.param("source: [", "the bracket that opens here is not closed", id="broken"),
        pytest.param("", "does not consist of members", id="empty"),
        pytest.param("- a", "does not consist of members", id="list"),
    ],
)
def test_no_text_hurts(text: str, words: str) -> None:
    assert words in refusal_of(text)


# -- with its dataset


KEYS = """\
  account_ref: trim(a.account_ref)
  uprn: trim(p.uprn)
  person: [date_of_birth, postcode]      # by these the database is asked; names are compared as any detail is
"""


def findings(mapping: Mapping, dataset: Dataset) -> list[str]:
    return [f"{one.severity} {one.line}: {one.message}" for one in mapping_findings(mapping, dataset)]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("  uprn: p.uprn", "  uprm: p.uprn", "error 60: fields.uprm is not in dataset council-tax"),
        ("  title: {by_person: {liable:", "  title: {by_person: {lead:", "fields.title.by_person.lead is not in dataset"),
        ("  arrears: a.arrears", "  occupations: a.arrears", "fields.occupations is not in dataset"),
        ("  occupations:", "  reviews:", "groups.reviews is not in dataset"),
        ("      postcode: p.postcode", "      postcod: p.postcode", "groups.occupations.fields.postcod is not in dataset"),
        ("  joint: a.joint_party_ref", "  partner: a.joint_party_ref", "people.partner is not in dataset"),
        ("  joint: a.joint_party_ref\n", "", "people.joint is not mapped"),
        (KEYS, "  nhs_no: trim(p.uprn)\n", "no key is mapped"),
        ("  uprn: trim(p.uprn)", "  uprn_2: trim(p.uprn)", "keys.uprn_2 is not in dataset"),
        ("    joint: [a.joint_liab_surname]\n", "", "confirm.surname is not mapped for joint"),
        ("  surname:\n    liable: [", "  forename:\n    liable: [", "confirm.forename is not in dataset"),
        ("  arrears: a.arrears", "  age: a.arrears", "age is computed from date_of_birth"),
        ("  balance: a.balance", "  balance: {sql: a.balance, blank: false}", "balance is no boolean"),
        (
            "protected_address: a.protected_ind",
            "protected_address: {by_person: {liable: a.protected_ind}}",
            "protected_address is the whole record's",
        ),
        (
            "      postcode: p.postcode",
            "      postcode: {by_person: {liable: p.x}}",
            "occupations.postcode is the whole record's",
        ),
        ("council-tax@2\nurl", "council-tax@3\nurl", "error 5: maps council-tax@3, not council-tax@2"),
    ],
)
def test_what_does_not_fit_the_dataset_is_told(mapping_from, dataset: Dataset, old: str, new: str, finding: str) -> None:
    found = findings(mapping_from((old, new)), dataset)

    assert any(finding in one for one in found), found
    assert any(one.startswith("error") for one in found)


def test_a_field_left_out_is_a_warning(mapping_from, dataset: Dataset) -> None:
    found = findings(mapping_from(("  email: {sql: a.lead_email, clean: [trim, lower]}\n", "")), dataset)

    assert [one.partition(":")[2] for one in found if "nhs_number" not in one] == [
        " email is not mapped: it will always be not_available"
    ]
    assert found[0].startswith("warning")


# -- a survey, and the registry


def test_a_survey_counts_and_shows_no_value(source: SqlSource, dataset: Dataset, mapping_from) -> None:
    counts = asyncio.run(source.survey(500)).counts

    assert set(counts) == mapped_paths(mapping_from()) - set(dataset.groups)
    assert {what for seen in counts.values() for what in seen} == {"held", "blank", "source_value_invalid"}
    assert sum(counts["arrears"].values()) == 120
    assert counts["protected_address"]["source_value_invalid"] >= 1
    assert counts["protected_address"]["blank"] >= 1
    assert all(isinstance(seen, Counter) for seen in counts.values())


def test_a_survey_counts_each_person_of_a_record(own_northmoor, source_from) -> None:
    """A name lies elsewhere for the joint holder, so both are looked at; arrears are the account's, once."""
    source = source_from(directory=own_northmoor())

    counts = asyncio.run(source.survey(500)).counts

    assert (counts["surname"]["held"], counts["arrears"]["held"]) == (12, 11)


def test_a_survey_may_take_longer_than_a_call(source_from) -> None:
    """The mapping's time is a partner's: an administrator's count of hundreds of records has its own."""
    source = source_from(("timeout: 2", "timeout: 0.001"))

    assert asyncio.run(source.survey(500))


def test_a_survey_reads_no_more_than_its_sample(source: SqlSource) -> None:
    counts = asyncio.run(source.survey(5)).counts

    assert sum(counts["arrears"].values()) == 5


@dataclass
class Published:
    """A reader that knows one mapping."""

    text: str | None

    def find_mapping(self, dataset: str) -> tuple[Mapping, str] | None:
        return (parse_mapping(self.text), digest_of(self.text)) if self.text and dataset == "council-tax@2" else None


@pytest.fixture
def registry(northmoor: Path):
    council = SimpleNamespace(
        directory=northmoor, settings=SimpleNamespace(environment=Environment.PRODUCTION, source_connections=1)
    )
    made = SourceRegistry(council, lambda: datetime(2026, 10, 2, tzinfo=UTC))  # type: ignore[arg-type]  # what it uses of a council
    yield made
    made.close()


def test_a_dataset_without_a_mapping_has_no_source(registry: SourceRegistry, dataset: Dataset) -> None:
    with pytest.raises(SourceFailedError, match="council-tax@2 is mapped to no source"):
        registry.source_of(dataset, Published(None))  # type: ignore[arg-type]  # a reader's one function


def test_a_source_is_made_once_for_each_mapping(registry: SourceRegistry, dataset: Dataset, mapping_text: str) -> None:
    first = registry.source_of(dataset, Published(mapping_text))  # type: ignore[arg-type]  # as above
    again = registry.adapter_of(dataset, Published(mapping_text))  # type: ignore[arg-type]  # as above
    remapped = registry.source_of(dataset, Published(mapping_text + "# another\n"))  # type: ignore[arg-type]  # as above

    assert first is again
    assert first is not remapped
    assert asyncio.run(again.survey(1))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "is given by what is no URL of a database"),
        ("nosuch://{dir}", "is in a kind of database, or by a driver, that is not known"),
        ("mssql+nosuch://x/y", "is in a kind of database, or by a driver, that is not known"),
    ],
)
def test_a_database_that_is_not_known_is_a_failure_of_the_source(
    registry, dataset, mapping_text: str, url: str, words: str
) -> None:
    text = mapping_text.replace("sqlite:///{dir}/revenues.sqlite", url)

    with pytest.raises(SourceFailedError, match=f"northmoor-revenues {words}"):
        registry.source_of(dataset, Published(text))
