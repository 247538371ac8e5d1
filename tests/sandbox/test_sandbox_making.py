"""A sandbox is like a council in its texts and partners, and has nothing else of it: no key, no person, no source."""

from __future__ import annotations

import hashlib
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from click.testing import Result
from house import ISSUER, House, open_house
from sandbox_playing import asker, play
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.council.directory import open_council
from gateway.demo.known import KnownPerson, known_people
from gateway.demo.making import DATASETS, MORE_PARTNERS, PARTNERS, append_all, text_of
from gateway.problems import SOURCE_UNAVAILABLE

SAME = ("dataset", "core", "agreement")


def run(*words: str) -> Result:
    return CliRunner().invoke(make_app(words), list(words))


def init_like(council: Path, directory: Path, *words: str) -> Result:
    return run("sandbox", "init", str(directory), "--like", str(council), "--public-url", ISSUER, "--people", "20", *words)


def published(house: House, kind: str) -> list[tuple[Any, ...]]:
    return house.rows("SELECT id, version, digest, text FROM text WHERE kind = ? ORDER BY id, version", kind)


def digests(directory: Path) -> dict[str, str]:
    files = [one for one in directory.rglob("*") if one.is_file() and not one.name.endswith(("-wal", "-shm"))]
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


# -- like a council


def test_a_sandbox_is_made_without_the_councils_keys_and_sources(council_directory: Path, tmp_path: Path) -> None:
    """They are not there at all, so that whatever opened one would fail."""
    for name in ("keys.sqlite", "master.key", "revenues.sqlite", "housing.json", "housing.token"):
        (council_directory / name).unlink()
    before = digests(council_directory)

    done = init_like(council_directory, tmp_path / "like")

    assert done.exit_code == 0, done.output
    assert digests(council_directory) == before, "nothing of the council was written"


def test_texts_and_partners_are_the_councils_own(house: House, tmp_path: Path) -> None:
    """Beside a gateway that serves it."""
    init_like(house.directory, tmp_path / "like")

    with open_house(tmp_path / "like") as like:
        for kind in SAME:
            assert published(like, kind) == published(house, kind)
            assert published(like, kind)
        partners = "SELECT partner_id, name, kind FROM partner ORDER BY partner_id"
        assert like.rows(partners) == house.rows(partners)


def test_people_consents_clients_and_keys_are_not(house: House, tmp_path: Path) -> None:
    assert house.rows("SELECT count(*) FROM client") > [(0,)]
    init_like(house.directory, tmp_path / "like")

    with open_house(tmp_path / "like") as like:
        for table in ("client", "client_key", "consent", "restriction"):
            assert like.rows(f"SELECT count(*) FROM {table}") == [(0,)]
        assert like.council.issuer_key.kid != house.council.issuer_key.kid
        assert like.council.settings.origin == house.council.settings.origin + "/sandbox"
        assert like.council.settings.environment == "sandbox"


def test_a_dataset_without_made_up_people_is_named(council_directory: Path, tmp_path: Path) -> None:
    council = open_council(council_directory)
    text = council_tax_text().replace("version: 2\n", "version: 3\n", 1)
    append_all(council, lambda changes: [changes.texts.publish_dataset(text, by="test")])
    council.keyring.close()

    done = init_like(council_directory, tmp_path / "like")

    assert done.exit_code == 0, done.output
    assert "the people of council-tax@3" in done.output
    assert "council-tax@2" in done.output.splitlines()[0]


def council_tax_text() -> str:
    return files("schemas.catalogue").joinpath("council-tax.yaml").read_text(encoding="utf-8")


def test_an_agreement_that_was_ended_is_left_out_and_named(council_directory: Path, tmp_path: Path) -> None:
    council = open_council(council_directory)
    append_all(council, lambda changes: [changes.texts.end_agreement(PARTNERS[0].agreement, reason="over", by="test")])
    council.keyring.close()

    done = init_like(council_directory, tmp_path / "like")

    assert f"agreement {PARTNERS[0].agreement}@4, which was ended" in done.output
    with open_house(tmp_path / "like") as like:
        assert PARTNERS[0].agreement not in {row[0] for row in published(like, "agreement")}


def test_a_text_that_was_changed_where_it_lies_is_not_taken_over(council_directory: Path, tmp_path: Path) -> None:
    connection = pysqlite3.connect(str(council_directory / "state.sqlite"))
    with connection:
        connection.execute("UPDATE text SET text = text || '\n' WHERE kind = 'agreement'")
    connection.close()

    done = init_like(council_directory, tmp_path / "like")

    assert done.exit_code == 1
    assert "is not the text that was published" in done.output
    assert not (tmp_path / "like").exists(), "whole, or not at all"


@pytest.mark.parametrize("words", [(), ("--demo", "--like", "council")])
def test_one_likeness_is_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run("sandbox", "init", str(tmp_path / "new"), *words).exit_code == 2


def test_a_directory_in_use_is_refused(council_directory: Path) -> None:
    done = init_like(council_directory, council_directory)

    assert (done.exit_code, "is not empty" in done.output) == (1, True)


def test_a_sandbox_of_a_sandbox_is_refused(sandbox_directory: Path, tmp_path: Path) -> None:
    done = init_like(sandbox_directory, tmp_path / "again")

    assert (done.exit_code, "is a sandbox itself" in done.output) == (1, True)


# -- its people


def body_of(person: KnownPerson, listed: dict[str, Any]) -> dict[str, Any]:
    """Return a call that the agreement takes, about one person."""
    worker = {"id": "jb17", "name": "Jo Bright", "role": listed["roles"][0] if listed["roles"] else "analyst"}
    return {"subject": person.subject, "case_reference": "T-1", "caseworker": worker, "action": "match"}


def test_everybody_whom_the_list_names_is_there_as_it_says(sandbox: House) -> None:
    """Each of them is asked for over HTTP, by the details that the list gives."""
    people = known_people(sandbox.directory, most=12)
    callers = {}
    for client in (PARTNERS[0], MORE_PARTNERS[0], MORE_PARTNERS[3]):
        caller = sandbox.caller(client.client_id).get_token(client.agreement, actions=["match"])
        agreements = caller.call("GET", "/v1/agreements").json()["agreements"]
        (listed,) = [one for one in agreements if one["id"] == client.agreement]
        callers[listed["dataset"]] = (caller, listed)

    assert {one.dataset for one in people} == set(callers) == set(DATASETS)
    assert len({one.says for one in people}) >= 3
    for one in people:
        caller, listed = callers[one.dataset]
        answer = caller.call("POST", "/v1/disclosures", body_of(one, listed))
        assert (answer.status_code, answer.json()["disclosure"]["identity"]) == (200, one.identity.value), one
        sandbox.verify(answer)


def test_the_same_seed_makes_the_same_people(council_directory: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        init_like(council_directory, tmp_path / name, "--seed", "5")
    init_like(council_directory, tmp_path / "other", "--seed", "6")
    one, two, other = (known_people(tmp_path / name, most=50) for name in ("one", "two", "other"))

    assert one == two
    assert one != other


def test_identifiers_are_of_reserved_ranges(sandbox_directory: Path) -> None:
    """No UPRN that was ever allocated."""
    connection = pysqlite3.connect(str(sandbox_directory / "revenues.sqlite"))
    rows = connection.execute("SELECT uprn FROM ctproperty").fetchall()
    connection.close()

    assert len(rows) > 20
    assert [uprn for (uprn,) in rows if not uprn.startswith("9000")] == []


def test_the_people_of_a_council_are_nobodys_to_list(council_directory: Path) -> None:
    done = run("sandbox", "people", "--dir", str(council_directory))

    assert (done.exit_code, "is no sandbox" in done.output) == (1, True)


def test_made_up_people_never_grow_old(sandbox: House) -> None:
    """Their rows are of the day on which they were made; as of when they stand is the moment of asking."""
    before = sandbox.clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    record = play(asker(sandbox), None).json()["disclosure"]["record"]

    assert record["as_at"] >= before
    assert "stale" not in record


# -- what it can't ask


@pytest.mark.parametrize(
    "url", ["sqlite:////srv/revenues.sqlite", "sqlite:///{dir}/../revenues.sqlite", "postgresql://revenues/db"]
)
def test_a_sandbox_asks_no_system_but_files_in_its_own_directory(sandbox: House, url: str) -> None:
    """Also where somebody published such a mapping: the journey does not open it."""
    reader = sandbox.wiring.services.reader
    text = reader.find_text("mapping", "council-tax@2")[1]
    moved = text.replace("sqlite:///{dir}/revenues.sqlite", url).replace("version: 1\n", "version: 2\n", 1)
    assert moved != text
    sandbox.append(sandbox.changes().texts.publish_mapping(moved, by="test"))

    answer = play(asker(sandbox), None)

    assert (answer.status_code, answer.json()["code"]) == (502, SOURCE_UNAVAILABLE.code)


def test_a_mapping_of_a_councils_system_is_refused_in_a_sandbox(sandbox_directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(text_of("source-housing-tenancies", date(2026, 10, 2)), encoding="utf-8")

    done = run("source", "map", str(file), "--dir", str(sandbox_directory))

    assert (done.exit_code, "in its own directory" in done.output) == (1, True)


def test_a_council_that_is_set_to_be_a_sandbox_is_not_served(council_directory: Path) -> None:
    """Its people may be real, and scenarios are played on facts about people."""
    with (council_directory / "stile.toml").open("a", encoding="utf-8") as settings:
        settings.write('environment = "sandbox"\n')

    done = run("serve", "--dir", str(council_directory), "--port", "1")

    assert (done.exit_code, "no sandbox's" in done.output) == (1, True)
