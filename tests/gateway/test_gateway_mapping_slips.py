"""Is every slip in a mapping told at once, by itself and beside others: each one time, and nothing that it made?"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pysqlite3
import pytest
from house import House
from test_gateway_misses import stile

from gateway.demo.making import text_of
from gateway.sources.mapping import digest_of
from gateway.store.mapping_checks import check_mapping
from gateway.store.state import Reader
from policies.reading.findings import Finding, TextError
from schemas.semantics import NEWEST

NEEDED = {"source", "version", "dataset", "row", "people", "keys", "confirm", "fields", "url", "from", "http", "csv"}


def told(reader: Reader, text: str) -> tuple[Finding, ...]:
    try:
        check_mapping(reader, text)
    except TextError as error:
        return error.findings
    return ()


def blocks(text: str) -> dict[str, list[str]]:
    """Return the lines of each of a mapping's members."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.split("\n"):
        member = re.match(r"([a-z_]+):", line)
        name = member[1] if member else name
        found.setdefault(name, []).append(line)
    return found


def slips(text: str) -> list[tuple[str, list[str], list[str]]]:
    """Return one slip after another: the member that it is in, the member's lines, and what is written in their place."""
    found: list[tuple[str, list[str], list[str]]] = []
    for member, lines in blocks(text).items():
        if member not in NEEDED | {"groups", "live", "as_at", "timeout"}:
            continue
        found.append((member, lines, [lines[0].replace(f"{member}:", f"{member}x:", 1), *lines[1:]]))
        if member in NEEDED:
            found.append((member, lines, []))
        for at, line in enumerate(lines):
            inner = re.fullmatch(r"( +)([a-z_0-9]+): ([^#]+)", line)
            if inner is not None:
                wrong = f"{inner[1]}{inner[2]}: [[1]]", f"{inner[1]}{inner[2]}zq: {inner[3]}"
                found += [(member, lines, [*lines[:at], one, *lines[at + 1 :]]) for one in wrong]
    return found


def put(text: str, *some: tuple[str, list[str], list[str]]) -> str:
    held = blocks(text)
    for member, _, lines in some:
        held[member] = lines
    return "\n".join(line for lines in held.values() for line in lines)


def test_each_slip_is_one_finding_alone_and_beside_another(house: House) -> None:
    """Two slips of two members are two findings; keys stand aside, for what they say decides how a service is searched."""
    reader, r = house.wiring.services.reader, Random(7)
    for name, _, text, _ in reader.texts("mapping"):
        assert told(reader, text) == ()
        every = slips(text)
        for one in r.sample(every, 60):
            assert len(told(reader, put(text, one))) == 1, (name, one[2][:2])
        for _ in range(25):
            first, second = r.sample(every, 2)
            if first[0] != second[0] and not {first[0], second[0]} & {"keys", "dataset"}:
                assert len(told(reader, put(text, first, second))) == 2, (name, first[2][:2], second[2][:2])


def test_mistakes_of_form_and_what_does_not_fit_the_dataset_come_together(house: House, tmp_path: Path) -> None:
    text = text_of("source-council-tax", house.clock.today)
    for old, new in (
        ("dataset: council-tax@2", "dataset: council-tx@2"),
        ("version: 1\n", "version: one\n"),
        ("email: {sql: a.lead_email", "emial: {sql: a.lead_email"),
        ("joint_full_name: {sql:", "joint_full_name: {sq:"),
        ("account_ref: trim(a.account_ref)\n  uprn:", "account_rf: trim(a.account_ref)\n  uprn:"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")

    done = stile(house, "source", "map", str(tmp_path / "m.yaml"))

    assert done.exit_code == 1
    for words in (
        "dataset council-tx@2 is not published. Did you mean council-tax@2?",
        "'one' is not a whole number",
        "fields.emial is not in dataset council-tax. Did you mean email?",
        "a column has no member sq. Did you mean sql?",
        "keys.account_rf is not in dataset council-tax. Did you mean account_ref?",
    ):
        assert words in " ".join(done.output.split()), words
    assert len([line for line in done.output.split("\n") if "line " in line]) == 5


LIFTED = "caps: [{id: c, says: s, when: [no_objection], at_most: {fields: [age], as: withheld}}]\n"
CORE = "core: lent\nversion: 1\nfor: {purpose: p, recipient_kinds: [charity], dataset: council-tax}\n"
# What earlier builds may have published: kind and name of the text, how it is made of what is there, and what is told.
LENIENT = {
    "core": ("lent", CORE + LIFTED, "core lent@9: line 4", "an objection would lift the cap c"),
    "council": (
        "northmoor",
        "council: northmoor\nversion: 1\n" + LIFTED,
        "council northmoor@9: line 3",
        "an objection would",
    ),
    "dataset": ("council-tax", ", protects: [location]", "dataset council-tax@9: line", "no marker protects that"),
    "mapping": ("council-tax@2", "%Y%m%d", "the source of council-tax@2: line", "Give `pivot`"),
}


@pytest.mark.parametrize("kind", LENIENT)
def test_a_dry_run_tells_of_every_live_text_that_would_be_refused_today(house: House, kind: str) -> None:
    """As an earlier, less strict build had published it."""
    name, written, where, why = LENIENT[kind]
    assert "0 reasons" in stile(house, "upgrade", "--dry-run").output
    published = house.wiring.services.reader.find_text(kind, name)
    text = written if published is None else published[1].replace(written, "%y%m%d" if kind == "mapping" else "")
    connection = pysqlite3.connect(str(house.directory / "state.sqlite"))
    row = (kind, name, 9, digest_of(text), text, 0, NEWEST)
    columns = "kind, id, version, digest, text, published_at, semantics"
    connection.execute(f"INSERT INTO text ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    house.differs = True

    said = stile(house, "upgrade", "--dry-run").output

    assert any(where in line and why in line for line in said.split("\n")), said
