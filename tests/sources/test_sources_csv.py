"""What happens when a file of an export is not what was declared, or holds what a spreadsheet would run?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sources_files import GRACE, fetch, written
from sources_people import CARDS, LOANS, asking, card, csv_text, source_of, write_files

from gateway.sources.contract import SourceFailedError
from gateway.sources.csv_reading import read_lines
from schemas.decision import Unusable
from schemas.terms import Match


def spoilt(folder: Path, spoil: Callable[[bytes], bytes], name: str = "cards") -> Path:
    write_files(folder, CARDS, LOANS)
    file = folder / f"{name}.csv"
    content = file.read_bytes()
    file.write_bytes(spoil(content))
    assert file.read_bytes() != content
    return folder


# -- refused, with file and line, and without a value

LINE = b"secret,C1,"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda all_: all_.replace("Ë".encode(), b"\xcb"), "cards.csv, line 10: not utf-8-sig; declare `encoding`"),
        (lambda all_: all_.decode().encode("utf-16"), "cards.csv, line 1: "),
        (lambda all_: all_.replace(LINE, b"secret,C1,extra,"), "cards.csv, line 2: 17 values under 16 columns"),
        (lambda all_: all_.replace(LINE, b"C1,"), "cards.csv, line 2: 15 values under 16 columns"),
        (lambda all_: all_[:-20], "cards.csv, line 10: 13 values under 16 columns"),
        (lambda all_: all_.replace(b",fines,", b",fine,"), "cards.csv, line 1: no column is called fines"),
        (lambda all_: all_.replace(b",visits,", b",fines,"), "cards.csv, line 1: columns 12 and 13 have one name"),
        (lambda all_: all_.replace(b"unread,", b"uprn,"), "cards.csv, line 1: columns 1 and 15 have one name"),
        (lambda all_: all_.partition(b"\n")[2], "cards.csv, line 1: "),
        (lambda _: b"", "cards.csv, line 1: no column is called no"),
        (lambda all_: all_.replace(b"secret,C3,", b"secret,C2,"), "cards.csv, lines 3 and 4: one and the same no"),
        (lambda all_: all_.replace(b"secret,C3,", b"secret, C2 ,"), "cards.csv, lines 3 and 4: one and the same no"),
        (lambda all_: all_.replace(b"secret,C3,", b"secret, ,"), "cards.csv, line 4: no is blank"),
        (lambda all_: all_.replace(b"OKAFOR", b"OKA\0FOR"), "cards.csv, line 2: a NUL byte; export it as utf-8-sig text"),
        (lambda all_: all_.replace(LINE, b'"secret"x,C1,'), "cards.csv, line 2: "),
        (lambda all_: all_ + b'"never closed', "cards.csv, line 11: "),
        (lambda all_: all_.replace(b"\r\n", b"\r"), "cards.csv, line 1: "),
        (lambda all_: all_.replace(b"secret", b"s" * 200_000), "cards.csv, line 2: field larger than field limit"),
    ],
)
def test_a_file_that_is_not_as_declared_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes], words: str) -> None:
    source = source_of(csv_text(), spoilt(tmp_path, spoil))

    with pytest.raises(SourceFailedError) as failed:
        asking(source, lambda one: one.identify([GRACE]))

    assert str(failed.value).startswith(f"library: {words}")
    assert not [word for word in ("OKAFOR", "P1", "C1", "secret", "1985", "sss") if word in str(failed.value)]
    assert failed.value.__cause__ is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_bytes": "500"}, "cards.csv: over 500 bytes; raise max_bytes if that is right"),
        ({"max_rows": "8"}, "cards.csv, line 10: over 8 rows; raise max_rows if that is right"),
    ],
)
def test_too_large_a_file_is_refused(tmp_path: Path, options: dict[str, str], words: str) -> None:
    source = source_of(csv_text(**options), written(tmp_path))

    with pytest.raises(SourceFailedError, match=f"^library: {words}$"):
        asking(source, lambda one: one.identify([GRACE]))


def test_a_file_that_grows_while_it_is_read_is_still_bounded(tmp_path: Path) -> None:
    """Its size is looked at once; what is counted is what is read."""
    system: Any = source_of(csv_text(max_bytes="3000"), written(tmp_path))._indexing._export
    lines = read_lines(str(tmp_path / "cards.csv"), "cards.csv", system, ["no"])
    next(lines)
    with (tmp_path / "cards.csv").open("ab") as file:
        file.write(b"\r\n" * 20_000)

    with pytest.raises(Exception, match="over 3000 bytes"):
        list(lines)


def test_rows_of_a_group_are_refused_alike(tmp_path: Path) -> None:
    for content, words in (
        (b"no,lent,shelf\nC1,1\n", "line 2: 2 values"),
        (b"no,lent,shelf\n,1,2\n", "line 2: no is blank"),
    ):
        source = source_of(csv_text(), written(tmp_path, loans=content))
        with pytest.raises(SourceFailedError, match=f"^library: loans.csv, {words}"):
            asking(source, lambda one: one.identify([GRACE]))


@pytest.mark.parametrize("missing", ["cards.csv", "loans.csv"])
def test_a_file_that_is_not_there_fails(tmp_path: Path, missing: str) -> None:
    (written(tmp_path) / missing).unlink()

    with pytest.raises(SourceFailedError, match=f"^library: {missing}: no such file$"):
        asking(source_of(csv_text(), tmp_path), lambda one: one.identify([GRACE]))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (written(tmp_path) / "loans.csv").unlink()
    os.mkfifo(tmp_path / "loans.csv")

    with pytest.raises(SourceFailedError, match=r"^library: loans.csv: not a file$"):
        asking(source_of(csv_text(), tmp_path), lambda one: one.identify([GRACE]))


def test_a_declared_encoding_and_delimiter_are_read(tmp_path: Path) -> None:
    write_files(tmp_path, CARDS, LOANS)
    for file in tmp_path.glob("*.csv"):
        text = file.read_text(encoding="utf-8-sig").replace('"', "").replace(" 1,204.50", "12").replace(",", ";")
        file.write_bytes(text.encode("windows-1252"))
    source = source_of(csv_text(encoding="windows-1252", delimiter='";"'), tmp_path)

    assert fetch(source, "surname", row="C9").values == {"surname": "Zoë"}


def test_a_value_may_hold_delimiters_and_quotation_marks(tmp_path: Path) -> None:
    cards = [card("C1", "P1", 'Van, der "Berg"', "14/02/1985"), card("C2", "P2", "NEXT", "")]
    write_files(tmp_path, cards, LOANS)

    assert fetch(source_of(csv_text(), tmp_path), "surname").values == {"surname": 'Van, Der "Berg"'}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('no,lent,shelf\nC1,"1,2\nC2,3",4\n', 2),  # C1 would have C2's shelf, and C2 none
        ('no,lent,shelf\nC1,1,2\n\nC2,"1\n\n,2\nC3,3",4\n', 4),
        ('no,lent,shelf\r\nC1,1,2\r\nC2,"1\r\n2",3\r\n', 3),
        ('no,lent,shelf\nC1,1,2\nC2,"1\r2",3\n', 3),
        ('no,lent,shelf,"unread\nC1,1,2,",\n', 1),  # a row in the header is a row that is gone
    ],
)
def test_no_row_takes_anothers_columns(tmp_path: Path, text: str, line: int) -> None:
    """Each is well formed, and of the right width: it is the break that tells of a mark that was never closed."""
    source = source_of(csv_text(), written(tmp_path, loans=text.encode()))

    with pytest.raises(SourceFailedError, match=f"^library: loans.csv, line {line}: a line break inside a value; "):
        asking(source, lambda one: one.identify([GRACE]))


def test_a_value_may_hold_line_breaks_where_the_mapping_says_so(tmp_path: Path) -> None:
    cards = [card("C1", "P1", "Van,\nder Berg", "14/02/1985"), card("C2", "P2", "NEXT", "", former="A\rB")]
    write_files(tmp_path, cards, LOANS)
    source = source_of(csv_text(multiline="true"), tmp_path)

    assert fetch(source, "surname").values == {"surname": "Van, Der Berg"}
    with pytest.raises(SourceFailedError, match=r"cards.csv, line 2: a line break .* declare `multiline: true`"):
        fetch(source_of(csv_text(multiline="false"), tmp_path), "surname")


# -- a formula is no value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("=cmd|' /C calc'!A0", Unusable.INVALID),
        (' =HYPERLINK("x")', Unusable.INVALID),
        ("@SUM(A1)", Unusable.INVALID),
        ("+cmd", Unusable.INVALID),
        ("+1+cmd", Unusable.INVALID),
        ("-cmd", Unusable.INVALID),
        ('="00123"', Unusable.INVALID),
        ("Smith-Jones", "Smith-Jones"),
        ("a=b", "A=B"),
    ],
)
def test_a_formula_is_never_a_name(tmp_path: Path, raw: str, value: object) -> None:
    write_files(tmp_path, [card("C1", "P1", raw, "14/02/1985")], LOANS)

    assert fetch(source_of(csv_text(), tmp_path), "surname").values == {"surname": value}


def test_a_formula_confirms_nobody(tmp_path: Path) -> None:
    write_files(tmp_path, [card("C1", "P1", "=Okafor", "14/02/1985")], LOANS)

    (found,) = asking(source_of(csv_text(), tmp_path), lambda one: one.identify([GRACE]))

    assert found.match is Match.MISMATCH


@pytest.mark.parametrize(("raw", "value"), [("-5", -5), ("+44 (0)113 496 0000", Unusable.INVALID), ("-", Unusable.INVALID)])
def test_a_sign_before_a_number_is_no_formula(tmp_path: Path, raw: str, value: object) -> None:
    """What a number's own type makes of it is another matter."""
    write_files(tmp_path, [card("C1", "P1", "OKAFOR", "", visits=raw)], LOANS)

    assert fetch(source_of(csv_text(), tmp_path), "visits").values == {"visits": value}
