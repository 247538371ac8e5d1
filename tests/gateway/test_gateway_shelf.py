"""Texts don't get lost: each is listed, printed byte for byte, and read aloud with where it stands, as on any day."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from house import HARBOUR, House, republish
from typer.testing import CliRunner

from audit.format.entry import Kind
from audit.stores.instants import to_micros
from gateway.cli import make_app
from gateway.commands.common import operator
from gateway.demo.making import text_of
from policies.reading.findings import TextError
from policies.telling.wording import day_text

NAME = HARBOUR.agreement
CORE = "core: tenancy-sustainment\nversion: 4\nfor: {purpose: tenancy-sustainment}\nceiling: {full_name: full}\n"


def stile(house: House, *words: object) -> tuple[int, str]:
    given = [*map(str, words), "--dir", str(house.directory)]
    result = CliRunner().invoke(make_app(given), given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def listed(house: House, kind: str, *more: str) -> dict[str, dict[str, Any]]:
    status, printed = stile(house, kind, "list", "--json", *more)
    assert status == 0, printed
    return {f"{one['id']}@{one['version']}": one for one in json.loads(printed)}


def first_line(house: House, *words: object) -> str:
    status, printed = stile(house, *words)
    assert status == 0, printed
    return printed.splitlines()[0]


def today(house: House) -> date:
    return house.clock.today


def end(house: House, name: str = NAME, reason: str = "the service moved") -> None:
    house.append(house.changes().texts.end_agreement(name, reason=reason, by="operator:mquinn (uid 1004)"))


def later(house: House, days: int, *changes: tuple[str, str]) -> date:
    """Publish a next version of the agreement that begins so many days from now."""
    starts_on = today(house) + timedelta(days=days)
    began_on = next(one for one in listed(house, "agreement").values() if one["id"] == NAME and one["counts"])["first_day"]
    republish(house, NAME, (f"starts_on: {began_on}", f"starts_on: {starts_on.isoformat()}"), *changes)
    return starts_on


# -- where each version stands


def test_what_is_in_force_is_live(house: House) -> None:
    one = listed(house, "agreement")[f"{NAME}@4"]

    left = (date.fromisoformat(one["last_day"]) - today(house)).days
    assert (one["state"], one["counts"], one["days_left"]) == ("live", True, left)
    assert first_line(house, "agreement", "show", NAME).startswith("Live: in force from ")


def test_the_last_day_has_no_day_left(house: House) -> None:
    """Both ends are included; on the day after, it is over."""
    last = listed(house, "agreement")[f"{NAME}@4"]["last_day"]
    after = (date.fromisoformat(last) + timedelta(days=1)).isoformat()

    assert listed(house, "agreement", "--on", last)[f"{NAME}@4"]["days_left"] == 0
    assert "this is its last day" in first_line(house, "agreement", "show", NAME, "--on", last)
    assert listed(house, "agreement", "--on", after)[f"{NAME}@4"]["state"] == "over"
    told = first_line(house, "agreement", "show", NAME, "--on", after)
    assert told == f"Over: its last day was {day_text(date.fromisoformat(last))}."


def test_a_version_to_come_does_not_hide_the_one_in_force(house: House) -> None:
    starts_on = later(house, 30, ("{fields: [postcode], as: sector}", "{fields: [postcode], as: area}"))

    found = listed(house, "agreement")

    assert (found[f"{NAME}@4"]["state"], found[f"{NAME}@5"]["state"]) == ("live", "future")
    assert found[f"{NAME}@4"]["days_left"] == 29
    shown = stile(house, "agreement", "show", NAME)[1]
    assert f"until version 5 takes its place on {day_text(starts_on)}; 29 days left" in shown.splitlines()[0]
    assert f"{NAME}, version 4." in shown
    assert "the postcode sector only" in shown
    assert first_line(house, "agreement", "show", f"{NAME}@5").startswith(f"Future: it begins on {day_text(starts_on)}")


def test_an_agreement_reads_as_on_any_day(house: House) -> None:
    starts_on = later(house, 30).isoformat()

    found = listed(house, "agreement", "--on", starts_on)

    assert (found[f"{NAME}@4"]["state"], found[f"{NAME}@5"]["state"]) == ("over", "live")
    assert "version 5 took its place" in first_line(house, "agreement", "show", f"{NAME}@4", "--on", starts_on)
    assert f"{NAME}, version 5." in stile(house, "agreement", "show", NAME, "--on", starts_on)[1]


def test_what_was_not_published_yet_is_not_listed(house: House) -> None:
    yesterday = (today(house) - timedelta(days=1)).isoformat()

    assert listed(house, "agreement", "--on", yesterday) == {}
    assert stile(house, "agreement", "list", "--on", yesterday)[1] == "no agreement is published yet\n"


def test_an_end_says_by_whom_and_why(house: House) -> None:
    end(house)

    told = first_line(house, "agreement", "show", NAME)

    assert told == f"Ended on {day_text(today(house))} by operator:mquinn (uid 1004): the service moved"
    one = listed(house, "agreement")[f"{NAME}@4"]
    assert (one["state"], one["days_left"], one["ended"]["reason"]) == ("ended", None, "the service moved")
    assert told in stile(house, "agreement", "list")[1]


def test_each_of_two_ends_at_one_instant_has_its_own_reason(house: House) -> None:
    """Entries of one batch share their instant."""
    other = "northmoor-aire-admissions"
    for name in (NAME, other):
        change = house.changes().texts.end_agreement(name, reason=f"of {name}", by="test")
        house.wiring.sequencer.submit(change, lambda _done: None)
    end(house, "northmoor-calder-discharge")

    found = listed(house, "agreement")

    assert [found[f"{name}@{version}"]["ended"]["reason"] for name, version in ((NAME, 4), (other, 1))] == [
        f"of {NAME}",
        f"of {other}",
    ]


def test_an_end_from_before_reasons_says_that_none_was_recorded(house: House) -> None:
    def within(connection: Any, moment: Any) -> Any:
        connection.run("UPDATE text SET ended_at = ? WHERE id = ?", (to_micros(moment.at), NAME))
        said = {"what": {"agreement": NAME}, "who": {"by": "operator:clerk"}}
        return house.changes().entries.plain(Kind.AGREEMENT_ENDED, connection, moment, (f"agreement/{NAME}",), said)

    house.append(within)

    told = first_line(house, "agreement", "show", NAME)
    assert told.endswith("by operator:clerk: no reason was recorded: none was asked for at that time")


def test_an_end_that_no_entry_supports_names_nobody(house: House) -> None:
    write(house, "UPDATE text SET ended_at = published_at + 1 WHERE id = ?", NAME)

    assert first_line(house, "agreement", "show", NAME).startswith("Ended, and no entry of the log says by whom.")


def write(house: House, statement: str, *values: object) -> None:
    house.differs = True
    connection = pysqlite3.connect(str(house.directory / "state.sqlite"))
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_a_text_that_was_changed_where_it_lies_is_unreadable(house: House) -> None:
    """So are the agreement's other versions: which one counts can't be told. No byte of it is handed out as published."""
    later(house, 30)
    write(house, "UPDATE text SET text = replace(text, 'sector', 'full') WHERE id = ? AND version = 5", NAME)

    found = listed(house, "agreement")

    assert {found[f"{NAME}@{version}"]["state"] for version in (4, 5)} == {"unreadable"}
    assert stile(house, "agreement", "show", f"{NAME}@5")[1].startswith("Unreadable: ")
    assert "Postcode" not in stile(house, "agreement", "show", f"{NAME}@5")[1]
    status, printed = stile(house, "agreement", "show", f"{NAME}@5", "--yaml")
    assert (status, "is not the text that was published" in printed) == (1, True)
    assert house.dpo().call("GET", f"/control/v1/agreements/{NAME}@5/text").status_code == 409


# -- cores, datasets, sources


def test_an_older_core_is_live_while_an_agreement_follows_it(house: House) -> None:
    house.append(house.changes().texts.publish_core(CORE, by="test"))

    found = listed(house, "core")

    assert [found[f"tenancy-sustainment@{version}"]["state"] for version in (3, 4)] == ["live", "live"]
    assert f"this one is kept by {NAME}@4" in found["tenancy-sustainment@3"]["says"]
    end(house)
    assert listed(house, "core")["tenancy-sustainment@3"]["state"] == "over"
    assert "tenancy-sustainment, version 4: a common core." in stile(house, "core", "show", "tenancy-sustainment")[1]


def test_the_councils_own_rules_are_listed_with_the_cores(house: House) -> None:
    cap = "{{id: x, says: Never a name, at_most: {{fields: [full_name], as: initial}}}}"
    rules = f"council: northmoor\nversion: {{}}\ncaps: [{cap}]\n"
    for version in (1, 2):
        house.append(house.changes().texts.publish_core(rules.format(version), by="test"))

    found = listed(house, "core")

    assert [(found[f"northmoor@{one}"]["kind"], found[f"northmoor@{one}"]["state"]) for one in (1, 2)] == [
        ("council", "over"),
        ("council", "live"),
    ]
    assert "1. Never a name. (full_name: at most initial; cap x)" in stile(house, "core", "show", "northmoor")[1]


def test_a_source_is_listed_by_its_own_name_with_its_dataset(house: House) -> None:
    found = listed(house, "source")
    (name,) = [name for name, one in found.items() if one["dataset"] == "council-tax@2"]

    status, printed = stile(house, "source", "show", name)

    assert status == 0
    assert "where the dataset council-tax@2 lies" in printed
    assert "SQL, minimised at the source" in printed


@pytest.mark.parametrize("kind", ["agreement", "core", "dataset", "source"])
def test_a_printed_text_is_what_its_entry_names(house: House, kind: str) -> None:
    """`--yaml` and the control API give the same bytes, and their digest stands in an entry of the log."""
    published = [
        house.truth(one)["what"]["digest"] for one in house.entries() if one["kind"].endswith((".published", ".changed"))
    ]
    office = house.dpo()
    for name, one in listed(house, kind).items():
        given = [kind, "show", name, "--yaml", "--dir", str(house.directory)]
        printed = CliRunner().invoke(make_app(given), given).stdout_bytes
        digest = "sha256:" + hashlib.sha256(printed).hexdigest()

        assert digest == one["digest"]
        assert digest in published
        answer = office.call("GET", f"/control/v1/{kind}s/{name}/text")
        if kind != "source":
            assert (answer.content, answer.headers["content-type"].partition(";")[0]) == (printed, "application/yaml")


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("agreement", "northmoor-harbour-tenancys", f"Did you mean {NAME}?"),
        ("agreement", f"{NAME}@9", "has no version 9. Published: 4"),
        ("core", "statutory-bar", "Did you mean statutory-bars?"),
        ("dataset", "council-taxes@2", "Did you mean council-tax?"),
        ("source", "none", "no source called none is published"),
        ("agreement", "", "no agreement called"),
        ("agreement", f"{NAME}@x", "has no version x"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(house: House, kind: str, name: str, told: str) -> None:
    status, printed = stile(house, kind, "show", name)

    assert (status, told in printed) == (1, True), printed


def test_a_draft_reads_as_a_draft(house: House, tmp_path: Path) -> None:
    file = tmp_path / "draft.yaml"
    file.write_text(text_of(NAME, today(house)).replace("version: 4\n", "version: 5\n"), encoding="utf-8")

    assert first_line(house, "agreement", "show", file) == "Draft: not published."


# -- the control API says the same


@pytest.mark.parametrize("kind", ["agreement", "core", "dataset", "source"])
def test_the_control_api_gives_the_same_lists_and_readings(house: House, kind: str) -> None:
    office = house.dpo()
    found = office.call("GET", f"/control/v1/{kind}s").json()[f"{kind}s"]

    assert found == list(listed(house, kind).values())
    assert found
    for one in found:
        name = f"{one['id']}@{one['version']}"
        answer = office.call("GET", f"/control/v1/{kind}s/{name}").json()
        assert answer["reading"] == stile(house, kind, "show", name)[1]
        assert answer == {**one, "reading": answer["reading"]}


def test_the_control_api_answers_for_a_day_too(house: House) -> None:
    starts_on = later(house, 30).isoformat()
    office = house.dpo()

    assert office.call("GET", f"/control/v1/agreements/{NAME}?on={starts_on}").json()["version"] == 5
    assert office.call("GET", f"/control/v1/agreements/{NAME}").json()["version"] == 4
    assert office.call("GET", "/control/v1/agreements/none").status_code == 404
    assert office.call("GET", f"/control/v1/agreements/{NAME}@0").status_code == 400


# -- an end is meant, and says why


def test_an_end_is_not_made_where_nobody_can_be_asked(house: House) -> None:
    status, printed = stile(house, "agreement", "end", NAME, "--reason", "the service moved")

    assert (status, "Give --yes where it is meant" in printed) == (1, True)
    assert listed(house, "agreement")[f"{NAME}@4"]["state"] == "live"


def test_an_end_needs_its_reason(house: House) -> None:
    assert stile(house, "agreement", "end", NAME, "--yes")[0] == 2
    for reason in ("", "  ", "a\x00b", "x" * 501):
        assert stile(house, "agreement", "end", NAME, "--yes", "--reason", reason)[0] == 1
    assert listed(house, "agreement")[f"{NAME}@4"]["state"] == "live"


@pytest.mark.parametrize(("answered", "state"), [("y\n", "ended"), ("n\n", "live"), ("\n", "live")])
def test_an_end_asks_at_a_terminal(house_by_the_machine: House, answered: str, state: str) -> None:
    """It shows what it is about to end; no answer is no yes."""
    house = house_by_the_machine
    command = [str(Path(sys.executable).with_name("stile")), "agreement", "end", NAME, "--reason", "the service moved"]
    ours, theirs = pty.openpty()
    os.write(ours, answered.encode())
    done = subprocess.run(
        [*command, "--dir", str(house.directory)], stdin=theirs, capture_output=True, text=True, timeout=60, check=False
    )
    os.close(theirs)
    os.close(ours)

    assert f"End every version of {NAME} now?" in done.stdout + done.stderr
    assert listed(house, "agreement")[f"{NAME}@4"]["state"] == state
    if state == "ended":
        assert house.last()["what"] == {"agreement": NAME, "reason": "the service moved"}
        assert house.last()["who"] == {"by": operator()}


def test_what_was_ended_is_not_ended_twice(house: House) -> None:
    end(house)

    status, printed = stile(house, "agreement", "end", NAME, "--reason", "again", "--yes")

    assert (status, "no live agreement" in printed) == (1, True)


# -- and what was ended does not come back without a word


def test_a_later_version_of_an_ended_agreement_says_why_it_resumes(house: House) -> None:
    end(house)
    with pytest.raises(TextError, match=r"line 2, column 1: .* was ended on .*resumes:"):
        republish(house, NAME)

    republish(house, NAME, ("controller: northmoor\n", "controller: northmoor\nresumes: it moved back\n"))

    assert house.last()["what"]["resumes"] == "it moved back"
    found = listed(house, "agreement")
    assert (found[f"{NAME}@4"]["state"], found[f"{NAME}@5"]["state"]) == ("ended", "live")
    shown = stile(house, "agreement", "show", NAME)[1]
    assert "It takes up again what had been ended: it moved back." in shown
    assert house.harbour().ask(fields=["age"]).status_code == 200


def test_a_reason_that_stayed_behind_does_not_bring_it_back_again(house: House) -> None:
    """A text that still says why it once resumed is refused: after the next end it would pass unseen."""
    end(house)
    republish(house, NAME, ("controller: northmoor\n", "controller: northmoor\nresumes: it moved back\n"))

    with pytest.raises(TextError, match="version 5 is not ended"):
        republish(house, NAME)


def test_a_check_says_that_a_version_would_bring_it_back(house: House, tmp_path: Path) -> None:
    end(house)
    file = tmp_path / "next.yaml"
    file.write_text(text_of(NAME, today(house)).replace("version: 4\n", "version: 5\n"), encoding="utf-8")

    status, printed = stile(house, "agreement", "check", file)

    assert (status, "add `resumes:` with the reason" in printed) == (1, True)


def test_the_first_version_that_a_council_publishes_may_say_that_it_resumes(house: House) -> None:
    """As in a sandbox, which takes the text over and not its history."""
    text = text_of(NAME, today(house)).replace(NAME, "northmoor-new").replace("version: 4\n", "version: 4\nresumes: x\n")

    house.append(house.changes().texts.publish_agreement(text, by="test"))

    assert listed(house, "agreement")["northmoor-new@4"]["state"] == "live"
