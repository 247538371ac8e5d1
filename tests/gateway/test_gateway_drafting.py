"""`stile dataset draft`: guesses that parse at once, each marked, and never a value of the source."""

from __future__ import annotations

import csv
import random
import re
import string
from collections.abc import Callable
from pathlib import Path

import pysqlite3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.demo.residents import generate
from gateway.drafting.guessing import guess_fields
from gateway.drafting.mapping_text import draft_csv_mapping, draft_sql_mapping
from gateway.drafting.sample import MOST_COLUMNS, DraftError, table_of
from gateway.drafting.words import says, tokens
from gateway.drafting.writing import Draft, draft_dataset
from gateway.sources.mapping import parse_mapping
from gateway.sources.mapping_findings import mapping_findings
from policies.reading.parse import parse_dataset
from schemas.dataset import Dataset
from schemas.forms import FieldType
from schemas.terms import Classification, Origin, SpecialCategory, Tag

STRUCTURE = re.compile(r"#.*|version: 1|dataset: .*@1|(people|keys|confirm|fields|groups|csv):|  \w+:|    fields:")


def stile(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def drafted(*words: object) -> Dataset:
    status, text = stile("dataset", "draft", *words)
    assert status == 0, text
    return parse_dataset(text)


def of(names: list[str], *rows: list[str | None]) -> Draft:
    return draft_dataset([table_of("people", names, list(rows))], "people")


def guessed(name: str, *values: str):
    (found, *_) = guess_fields(table_of("t", [name], [[one] for one in values]))
    return found


def database(path: Path, names: list[str], rows: list[list[object]], table: str = "people") -> Path:
    connection = pysqlite3.connect(str(path))
    quoted = [name.replace('"', '""') for name in (table, *names)]
    connection.execute('CREATE TABLE "{}" ({})'.format(quoted[0], ", ".join(f'"{one}"' for one in quoted[1:])))
    marks = ", ".join("?" * len(names))
    connection.executemany(f'INSERT INTO "{quoted[0]}" VALUES ({marks})', rows)
    connection.commit()
    connection.close()
    return path


def sheet(path: Path, *rows: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows(rows)
    return path


# -- never a value


def letters(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_letters, k=rng.randint(6, 12)))


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "surname": letters,
    "status_code": lambda rng: rng.choice(("QZXV", "WKJH", "PLMN")),
    "date_of_birth": lambda rng: f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1930, 2015)}",
    "postcode": lambda rng: f"LS{rng.randint(1, 28)} {rng.randint(1, 9)}{rng.choice('ABD')}{rng.choice('EFG')}",
    "arrears": lambda rng: f"{rng.uniform(1000, 9000):.2f}",
    "account_ref": lambda rng: str(rng.randint(10**6, 10**8)),
    "notes": lambda rng: " ".join(letters(rng) for _ in range(9)),
    "phone": lambda rng: f"07700 900{rng.randint(100, 999)}",
    "uprn": lambda rng: str(rng.randint(9 * 10**11, 10**12 - 1)),
    "nino": lambda rng: f"QQ{rng.randint(10**5, 10**6 - 1)}C",
    "zzz_unknown": letters,
}


@pytest.mark.parametrize("seed", range(25))
def test_no_value_of_the_source_is_printed_or_written(tmp_path: Path, seed: int) -> None:
    """Codes, dates, names, numbers: over random data, none that was read occurs in either text."""
    rng = random.Random(seed)
    names = rng.sample(sorted(MAKERS), k=rng.randint(3, len(MAKERS)))
    rows = [[MAKERS[name](rng) if rng.random() > 0.1 else rng.choice((None, "", " ")) for name in names] for _ in range(60)]
    held = {str(one).strip() for row in rows for one in row if one and str(one).strip()}
    if seed % 3:
        file = database(tmp_path / "source.sqlite", names, rows)
    else:
        file = sheet(tmp_path / "source.csv", names, *([one or "" for one in row] for row in rows))

    status, text = stile("dataset", "draft", "--source", file, "--mapping", tmp_path / "m.yaml")

    assert status == 0, text
    assert len(held) > 60
    both = text + (tmp_path / "m.yaml").read_text()
    assert [one for one in held if one in both] == []


def test_a_file_without_a_header_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """What stands in its first row would be printed as names of columns, and is somebody's."""
    for number, first in enumerate(
        (["1000042", "OKAFOR"], ["OKAFOR", "14/02/1985"], ["GRACE", "LS1 4AB"], ["a@b.example", "X"])
    ):
        status, text = stile("dataset", "draft", "--source", sheet(tmp_path / f"f{number}.csv", first, first))
        assert status == 1
        assert "does not look like the names" in text
        assert not [one for one in first if len(one) > 1 and one in text]


def test_a_header_that_is_a_row_like_the_others_is_refused(tmp_path: Path) -> None:
    status, text = stile(
        "dataset", "draft", "--source", sheet(tmp_path / "f.csv", ["Okafor", "Mill Lane"], ["Okafor", "Elm Walk"])
    )

    assert status == 1
    assert "Okafor" not in text


WITHOUT_NAMES = {
    "a street's number": [["Okafor", "Grace", "12 High Street"], ["Price", "Jo", "3 Low Road"]],
    "a street of words that columns have, too": [["Surname", "12 County Street"], ["Price", "3 Ward Close"]],
    "names alone": [["Okafor", "Grace"], ["Price", "Jo"]],
    "a surname that columns are called by, too": [["Price", "Jo"], ["Okafor", "Grace"]],
    "surnames that begin like names of columns": [["Townsend", "Wardle"], ["Homer", "Flatley"]],
    "not known, where the others have a date": [["Okafor", "Grace", "n/a"], ["Price", "Jo", "14/02/1985"]],
    "a word, where the others have a date": [["Okafor", "Grace", "withheld"], ["Price", "Jo", "14/02/1985"]],
    "one person and no more": [["Okafor", "Grace", "Leeds"]],
    "a title": [["Okafor", "Mrs", "Reference"], ["Price", "Mr", "R1"]],
    "a town on a river": [["Stratford on Avon", "Okafor"], ["Stoke on Trent", "Price"]],
    "one column": [["Okafor"], ["Price"]],
}


@pytest.mark.parametrize("case", WITHOUT_NAMES)
def test_nobody_is_printed_where_a_file_has_no_names_of_columns(tmp_path: Path, case: str) -> None:
    rows = WITHOUT_NAMES[case]

    status, text = stile("dataset", "draft", "--source", sheet(tmp_path / "f.csv", *rows))

    assert (status, "does not look like the names" in text) == (1, True), text
    assert [one for row in rows for one in row if one in text.replace("`surname`", "")] == []


WITH_NAMES = {
    "numbered lines": [["ref", "address line 1", "Address Line 2"], ["R1", "12 High Street", "Leeds"]],
    "a name that begins with a number": [["Surname", "2nd name", "1st line of address"], ["Price", "Jo", "3 Low Road"]],
    "a number of words that are understood": [["ref", "12 month arrears"], ["R1", "640.00"]],
    "two words": [["CT band", "CT ref"], ["D", "R1"]],
    "an old system's, which nobody understands": [
        ["ACNBR", "LSTNM", "FSTNM", "DTBTH", "PCD"],
        ["1000042", "OKAFOR", "GRACE", "14/02/1985", "LS1 4AB"],
    ],
    "words joined": [["FIRSTNAME", "LASTNAME", "ADDRESSLINE1"], ["GRACE", "OKAFOR", "Mill House"]],
    "words in camel case": [["LeadSurname", "IsDisabled"], ["OKAFOR", "Y"]],
    "no row yet": [["surname", "forenames"]],
    "one that nobody understands": [["surname", "forename", "ZZQ"], ["Okafor", "Grace", "abc"]],
}


@pytest.mark.parametrize("case", WITH_NAMES)
def test_what_columns_are_really_called_is_drafted(tmp_path: Path, case: str) -> None:
    rows = WITH_NAMES[case]

    found = drafted("--source", sheet(tmp_path / "f.csv", *rows))

    assert len(found.fields) >= len(rows[0])


# -- every guess is one


def test_every_line_that_guesses_says_so(tmp_path: Path) -> None:
    generate(tmp_path / "revenues.sqlite", residents=60, seed=3)
    mapping = tmp_path / "m.yaml"

    words = [
        "--source",
        tmp_path / "revenues.sqlite",
        "--table",
        "ctaccount",
        "--group",
        "ctoccupation",
        "--mapping",
        mapping,
    ]
    status, text = stile("dataset", "draft", *words)

    assert status == 0, text
    lines = [line for line in (text + mapping.read_text()).splitlines() if not STRUCTURE.fullmatch(line)]
    assert len(lines) > 80
    assert [line for line in lines if not re.search(r"  # guess: .*confirm", line)] == []


def test_a_revenues_system_is_recognised(tmp_path: Path) -> None:
    """The demo's own, dirty as it is: people, key, details, markers and dates in two spellings."""
    generate(tmp_path / "revenues.sqlite", residents=200, seed=3)

    found = drafted("--source", tmp_path / "revenues.sqlite", "--table", "ctaccount", "--id", "council-tax-draft")

    assert found.id == "council-tax-draft"
    assert set(found.people) == {"subject", "joint"}
    assert found.keys["account_ref"].confirm == ("lead_liab_surname", "lead_birth_date", "for_postcode")
    assert {path for path, one in found.fields.items() if one.marker} == {"protected_address", "deceased"}
    assert found.fields["lead_birth_date_age"].derived_from == "lead_birth_date"
    assert found.fields["joint_liab_surname"].of == "joint"
    assert found.fields["arrears"].type is FieldType.MONEY
    assert found.fields["equal_access_code"].categories == {SpecialCategory.HEALTH}
    assert Tag.GENDER_HISTORY in found.fields["lead_former_surname"].reveals


def test_a_draft_can_be_published_with_its_mapping(council_directory: Path, tmp_path: Path) -> None:
    """From a source that nobody has described to its survey, with what was printed and not a word more."""
    generate(tmp_path / "revenues.sqlite", residents=60, seed=3)
    words = ["--source", tmp_path / "revenues.sqlite", "--table", "ctaccount", "--group", "ctoccupation", "--id", "drafted"]
    status, text = stile("dataset", "draft", *words, "--mapping", tmp_path / "m.yaml")
    assert status == 0, text
    (tmp_path / "d.yaml").write_text(text)

    for command in (
        ("dataset", "publish", tmp_path / "d.yaml"),
        ("source", "map", tmp_path / "m.yaml"),
        ("source", "check", "drafted"),
    ):
        status, text = stile(*command, "--dir", council_directory)
        assert status == 0, text
    assert re.search(r"lead_liab_surname +60 held", text)
    assert re.search(r"ctoccupation.occupation_date +\d+ held", text)


def test_files_of_the_yearly_return_are_recognised(tmp_path: Path) -> None:
    folder = tmp_path / "903"
    folder.mkdir()
    rows = [
        [str(1000 + n), "1" if n % 2 else "2", f"{n % 28 + 1:02}/03/20{n % 10 + 10}", "WBRI", "1" if n == 5 else ""]
        for n in range(40)
    ]
    sheet(folder / "header.csv", ["CHILD", "SEX", "DOB", "ETHNIC", "CONVICTED"], *rows)
    spells = [[str(1000 + n // 2), f"01/0{n % 9 + 1}/2025", "LS8 1PF", "LS9 7TF"] for n in range(80)]
    sheet(folder / "episodes.csv", ["CHILD", "DECOM", "HOME_POST", "PL_POST"], *spells)
    mapping = tmp_path / "m.yaml"

    found = drafted(
        "--source", f"file://{folder}", "--table", "header.csv", "--group", "episodes.csv", "--mapping", mapping
    )

    assert set(found.keys) == {"child"}
    assert found.fields["dob"].type is FieldType.DATE
    assert found.fields["ethnic"].categories == {SpecialCategory.RACIAL_OR_ETHNIC_ORIGIN}
    assert found.fields["convicted"].classification is Classification.CRIMINAL_OFFENCE
    assert found.groups["episodes"].order_by == "episodes.decom"
    assert found.fields["episodes.pl_post"].type is FieldType.POSTCODE
    mapped = parse_mapping(mapping.read_text())
    assert [one for one in mapping_findings(mapped, found) if one.severity == "error"] == []
    assert mapped.fields["dob"].dates == ("%d/%m/%Y",)


# -- what a column could be


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("dob", ["14/02/1985", "30/11/1961"], FieldType.DATE),
        ("born", ["19850214", "19611130"], FieldType.DATE),
        ("pc", ["ls14ab", "LS11 5TB", "?"] + ["LS6 3QN"] * 9, FieldType.POSTCODE),
        ("ni", ["AB123456C", "AB 12 34 56 D"], FieldType.NINO),
        ("nhs", ["9434765919"], FieldType.NHS_NUMBER),
        ("uprn", ["900000000042"], FieldType.UPRN),
        ("pupil", ["H801200001001"], FieldType.UPN),
        ("arrears", ["642.18", "0.00"], FieldType.MONEY),
        ("beds", ["2", "3", "1"] * 4, FieldType.CODE),
        ("is_live", ["1", "0"], FieldType.BOOLEAN),
        ("x", ["1", "0"], FieldType.NUMBER),
        ("live", ["Y", "N"], FieldType.BOOLEAN),
        ("exemption", ["N", "N"], FieldType.TEXT),
        ("surname", ["OKAFOR"], FieldType.NAME),
        ("account_ref", ["1000042"], FieldType.REFERENCE),
        ("notes", ["spoke to her"], FieldType.TEXT),
        ("protected_ind", [], FieldType.BOOLEAN),
        ("anything", [], FieldType.TEXT),
    ],
)
def test_what_type_a_column_could_be(name: str, values: list[str], kind: FieldType) -> None:
    assert guessed(name, *values).type is kind


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("disabled_ind", SpecialCategory.HEALTH),
        ("DiagnosisText", SpecialCategory.HEALTH),
        ("pregnant", SpecialCategory.HEALTH),
        ("ethnic_origin", SpecialCategory.RACIAL_OR_ETHNIC_ORIGIN),
        ("religion", SpecialCategory.RELIGION_OR_BELIEF),
        ("sexual_orientation", SpecialCategory.SEXUAL_ORIENTATION),
        ("trade_union_member", SpecialCategory.TRADE_UNION),
        ("voting_intention", SpecialCategory.POLITICAL_OPINIONS),
        ("fingerprint", SpecialCategory.BIOMETRIC),
        ("dna_profile", SpecialCategory.GENETIC),
        ("comments", SpecialCategory.HEALTH),  # free text may tell of anything
        ("xq17", SpecialCategory.HEALTH),  # not understood
        ("child_xq", SpecialCategory.HEALTH),  # understood in part
    ],
)
def test_what_is_special_or_not_understood_is_special(name: str, wanted: SpecialCategory) -> None:
    found = guessed(name, "abc", "def")

    assert (found.classification, wanted in found.categories) == (Classification.SPECIAL_CATEGORY, True)


@pytest.mark.parametrize("name", ["convicted", "offence_date", "caution_ind", "police_ref", "custody_days", "court_date"])
def test_what_speaks_of_crime_is_criminal(name: str) -> None:
    assert guessed(name, "1").classification is Classification.CRIMINAL_OFFENCE


def test_long_texts_are_special_whatever_their_name() -> None:
    assert (
        guessed("title", "She came to the office and was in tears about her son").classification
        is Classification.SPECIAL_CATEGORY
    )


def test_nothing_is_ever_guessed_to_be_nobodys() -> None:
    names = ["title", "version", "count", "parish", "team_phone"]

    assert {guessed(name, "1", "2").classification for name in names} <= {
        Classification.PERSONAL,
        Classification.SPECIAL_CATEGORY,
    }


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("addr1", Tag.LOCATION),
        ("home_postcode", Tag.LOCATION),
        ("easting", Tag.LOCATION),
        ("maiden_name", Tag.GENDER_HISTORY),
        ("sex_at_birth", Tag.GENDER_HISTORY),
        ("date_placed", Tag.ADOPTION),
        ("birth_mother", Tag.ADOPTION),
        ("birth_mother", Tag.THIRD_PERSON),
        ("next_of_kin", Tag.THIRD_PERSON),
        ("partner_forename", Tag.THIRD_PERSON),
    ],
)
def test_what_a_column_could_reveal(name: str, tag: Tag) -> None:
    assert tag in guessed(name, "abc").reveals


@pytest.mark.parametrize(
    ("name", "origin"),
    [("universal_credit", Origin.DWP), ("hb", Origin.DWP), ("paye_ref", Origin.HMRC), ("nhs_no", Origin.NHS)],
)
def test_where_a_column_could_come_from(name: str, origin: Origin) -> None:
    assert guessed(name, "12").origin is origin


def test_words_of_a_name_are_found_by_their_beginning() -> None:
    assert tokens("LeadBirthDate") == tokens("lead_birth-date") == ("lead", "birth", "date")
    assert says("disabledInd", "disab")
    assert not says("pill", "ill"), "a short word must stand alone"
    assert says("illness_type_3", "illness")


# -- wide, hostile, empty


HOSTILE = [
    'x"; DROP TABLE person; --',
    "per%cent",
    ":colon",
    "new\nline",
    "ünïcødé",
    "🏠",
    "select",
    "a'b",
    "{brace}",
    "# hash",
    "null",
    "true",
    "on",
]


@pytest.mark.parametrize("table", HOSTILE)
def test_odd_names_are_quoted_and_do_no_harm(tmp_path: Path, table: str) -> None:
    file = database(tmp_path / "s.sqlite", [*HOSTILE, "surname"], [["v"] * (len(HOSTILE) + 1)] * 3, table)
    before = file.read_bytes()

    found = drafted("--source", file, "--table", table)

    assert len(found.fields) == len(HOSTILE) + 1
    assert file.read_bytes() == before
    status, text = stile("dataset", "draft", "--source", file, "--table", 'no"; DROP TABLE x; --')
    assert (status, file.read_bytes()) == (1, before)
    assert "has no table" in text


@settings(max_examples=120, deadline=None)
@given(
    names=st.lists(st.text(max_size=80), min_size=1, max_size=8),
    rows=st.lists(st.lists(st.one_of(st.none(), st.text(max_size=30)), min_size=8, max_size=8), max_size=5),
)
def test_whatever_a_table_is_called_the_draft_parses(names: list[str], rows: list[list[str | None]]) -> None:
    drawn = draft_dataset([table_of("t", names, rows)], "drafted")

    dataset = parse_dataset(drawn.text)

    assert {one.name for one in drawn.fields} == set(dataset.fields)
    assert len(drawn.fields) >= len(names)


@settings(max_examples=80, deadline=None)
@given(names=st.lists(st.text(alphabet="abc_ .-Z9", min_size=1, max_size=12), min_size=2, max_size=6, unique=True))
def test_a_mapping_of_it_fits(names: list[str]) -> None:
    drawn = of(names, ["1"] * len(names), ["2"] * len(names))
    if any("--" in name or not name.strip() for name in names):
        return  # what can't be written is left out or refused: the tests below

    text = draft_csv_mapping(drawn, Path("/exports"), ";")
    found = mapping_findings(parse_mapping(text), parse_dataset(drawn.text))

    assert [one for one in found if one.severity == "error"] == []


def test_a_wide_table_is_refused_with_what_to_do(tmp_path: Path) -> None:
    names = [f"column_{number}" for number in range(MOST_COLUMNS + 1)]
    file = database(tmp_path / "wide.sqlite", names, [])

    assert stile("dataset", "draft", "--source", file)[0] == 1
    assert "make a view" in stile("dataset", "draft", "--source", file)[1]


def test_the_widest_table_that_fits_is_drafted(tmp_path: Path) -> None:
    names = [f"column_{number}" for number in range(MOST_COLUMNS)]
    file = database(tmp_path / "wide.sqlite", names, [["v"] * MOST_COLUMNS] * 20)

    assert len(drafted("--source", file).fields) == MOST_COLUMNS


def test_an_empty_table_is_drafted_by_its_names(tmp_path: Path) -> None:
    found = drafted("--source", database(tmp_path / "e.sqlite", ["surname", "protected_ind", "postcode"], []))

    assert [one.type for one in found.fields.values()] == [FieldType.NAME, FieldType.BOOLEAN, FieldType.POSTCODE]


def test_large_objects_are_not_read(tmp_path: Path) -> None:
    file = database(tmp_path / "b.sqlite", ["ref", "photo", "notes"], [["R1", b"\x89PNG" * 100_000, "n" * 3_000_000]])

    assert set(drafted("--source", file).fields) == {"ref", "photo", "notes"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,a\n1,2\n", "have one name"),
        (b"a,\n1,2\n", "does not look like"),
        (b"a,b\n\x00,1\n", "is no CSV|ok"),
    ],
)
def test_a_file_that_gives_nothing_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "f.csv").write_bytes(content)

    status, text = stile("dataset", "draft", "--source", tmp_path / "f.csv")

    assert re.search(said, text) or (status == 0 and "ok" in said)


def test_what_can_not_be_opened_read_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite").touch()
    for source, said in (
        ("mysql://db/x", "SQLite or PostgreSQL"),
        ("postgresql+nodriver://db/x", "can't be opened"),
        ("sqlite:////nowhere/at/all.sqlite", "can't be read"),
        ("http//", "no file or folder"),
        (f"sqlite:///{tmp_path}/empty.sqlite", "no table"),
    ):
        status, text = stile("dataset", "draft", "--source", source)
        assert (status, said in text) == (1, True), text


def test_several_files_are_listed_and_asked_for(tmp_path: Path) -> None:
    assert "holds no .csv file" in stile("dataset", "draft", "--source", tmp_path)[1]
    sheet(tmp_path / "one.csv", ["ref"], ["R1"])
    assert set(drafted("--source", tmp_path).fields) == {"ref"}
    sheet(tmp_path / "two.csv", ["ref"], ["R1"])

    status, text = stile("dataset", "draft", "--source", tmp_path)

    assert (status, "one of: one.csv, two.csv" in text) == (1, True)


def test_a_file_in_the_encoding_of_an_old_system_is_read(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes("ref;surname;größe\nR1;BJÖRK;1\n".encode("windows-1252"))

    assert set(drafted("--source", tmp_path / "f.csv").fields) == {"ref", "surname", "gr_e"}


def test_of_a_long_file_no_more_than_its_beginning_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of what was read may be half a line, or half a letter."""
    monkeypatch.setattr("gateway.drafting.csv_files.MOST_BYTES", 25)
    (tmp_path / "f.csv").write_bytes(b"ref,born\nR1,14/02/1985\nR2,\xc3\xa9\xc3\xa9")

    assert drafted("--source", tmp_path / "f.csv").fields["born"].type is FieldType.DATE


def test_a_table_that_comes_to_nothing_is_read_no_longer_than_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view may never end."""
    file = database(tmp_path / "v.sqlite", ["ref"], [["R1"]])
    connection = pysqlite3.connect(str(file))
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) AS top FROM n"
    connection.execute(f"CREATE VIEW endless AS {endless}")
    connection.close()
    monkeypatch.setattr("gateway.drafting.databases.SECONDS", 0.2)

    status, text = stile("dataset", "draft", "--source", file, "--table", "endless")

    assert (status, "can't be read" in text) == (1, True)


def test_several_tables_are_listed_and_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "two.sqlite"
    database(file, ["a"], [], "one")
    database(file, ["b"], [], "two")

    status, text = stile("dataset", "draft", "--source", file)

    assert status == 1
    assert "one of: one, two" in text


def test_no_password_is_written_into_a_mapping() -> None:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 -- this test's alone

    text = draft_sql_mapping(
        of(["ref", "surname"], ["R1", "a"]), make_url("postgresql://reader:hunter2@db/x?sslkey=secret")
    )

    assert "hunter2" not in text
    assert "secret" not in text
    assert "postgresql://reader@db/x" in text


def test_a_day_in_a_files_name_stands_for_the_newest(tmp_path: Path) -> None:
    sheet(tmp_path / "header-2026-10-02.csv", ["CHILD", "SURNAME"], ["903001", "REID"], ["903002", "BELL"])
    sheet(tmp_path / "episodes-2026-10-02.csv", ["CHILD", "DECOM"], ["903001", "01/03/2022"])
    words = ["--table", "header-2026-10-02.csv", "--group", "episodes-2026-10-02.csv", "--mapping", tmp_path / "m.yaml"]

    found = drafted("--source", tmp_path, *words)

    assert (found.id, set(found.groups)) == ("header", {"episodes"})
    assert '"header-%Y-%m-%d.csv"' in (tmp_path / "m.yaml").read_text()
    assert '"episodes-%Y-%m-%d.csv"' in (tmp_path / "m.yaml").read_text()


def test_a_marker_of_a_group_hides_its_own_row(tmp_path: Path) -> None:
    """It keeps its name: `protected_address` is the whole record's, and is read so when a place is asked for."""
    sheet(tmp_path / "people.csv", ["REF", "SURNAME"], ["1", "REID"])
    sheet(tmp_path / "stays.csv", ["REF", "FROM", "CONFIDENTIAL"], ["1", "01/03/2022", "Y"], ["1", "01/03/2023", "N"])

    found = drafted("--source", tmp_path, "--table", "people.csv", "--group", "stays.csv")

    assert [path for path, one in found.fields.items() if one.marker] == ["stays.confidential"]


@pytest.mark.parametrize("outside", ["../other.csv", "/etc/passwd", "..", ""])
def test_no_file_outside_the_folder_is_read(tmp_path: Path, outside: str) -> None:
    sheet(tmp_path / "other.csv", ["ref"], ["R1"])
    (tmp_path / "in").mkdir()
    sheet(tmp_path / "in" / "people.csv", ["ref"], ["R1"])

    for option in ("--table", "--group"):
        given = ["--table", "people.csv"] if option == "--group" else []
        status, text = stile("dataset", "draft", "--source", tmp_path / "in", *given, option, outside)
        assert (status, "there is no file" in text) == (1, True), text


def test_a_mapping_that_stands_there_is_not_written_over(tmp_path: Path) -> None:
    file = database(tmp_path / "s.sqlite", ["ref", "surname"], [["R1", "a"]])
    (tmp_path / "m.yaml").write_text("mended")

    status, text = stile("dataset", "draft", "--source", file, "--mapping", tmp_path / "m.yaml")

    assert (status, (tmp_path / "m.yaml").read_text()) == (1, "mended")
    assert "File exists" in text


def test_a_name_that_a_mapping_can_not_hold_is_left_out_with_a_word() -> None:
    drawn = of(["ref", "surname", "a;b"], ["R1", "x", "y"])

    text = draft_csv_mapping(drawn, Path("/exports"), ",")

    assert "# guess: a_b is left out" in text
    assert "a;b" not in text


def test_a_key_that_a_mapping_can_not_hold_is_refused() -> None:
    with pytest.raises(DraftError, match="make a view"):
        draft_csv_mapping(of(["account;ref", "surname"], ["R1", "x"]), Path("/exports"), ",")


def test_a_group_without_the_records_key_is_refused() -> None:
    tables = [table_of("people", ["ref", "surname"], [["R1", "x"]]), table_of("loans", ["lent_on"], [["2026-01-02"]])]

    with pytest.raises(DraftError, match="loans has no column that is called as the record's key"):
        draft_csv_mapping(draft_dataset(tables, "people"), Path("/exports"), ",")


def test_an_id_that_is_none_is_told(tmp_path: Path) -> None:
    file = database(tmp_path / "s.sqlite", ["ref"], [])

    for own in ("Not An Id", "null", "x" * 57, "two--hyphens"):
        assert "is not an id" in stile("dataset", "draft", "--source", file, "--id", own)[1]
