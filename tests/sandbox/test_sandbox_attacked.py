"""A sandbox is attacked with what would disclose or lock elsewhere: each defence is missed where it is taken out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from attack_serving import broken_among, client_of, gateway_at, tried
from breaking import Break, broken
from house import GRACE, HARBOUR, copy_template, open_house, republish

from gateway.attack import Verdict, aim, attacks, place_of
from gateway.attack.target import Target
from gateway.demo.making import MORE_PARTNERS

RIDINGS = next(one for one in MORE_PARTNERS if one.client_id == "ridings-analysis")
ATTACKS = {one.id: one for one in attacks()}
COUNTING = "gateway.limits.counting:Counting"


@dataclass(frozen=True)
class Sandbox:
    """A sandbox that is served: to one who asks about accounts, and to one who asks about children."""

    directory: Path
    accounts: Target
    children: Target

    def forget(self) -> None:
        """Let a new day begin: nothing of anybody's is counted or locked."""
        connection = pysqlite3.connect(str(self.directory / "state.sqlite"), timeout=10)
        connection.execute("DELETE FROM usage")
        connection.commit()
        connection.close()


def child_by(key: str, directory: Path, number: str) -> dict[str, Any]:
    """Return a child by one of the keys that the source holds."""
    connection = pysqlite3.connect(f"file:{directory / 'children.sqlite'}?mode=ro", uri=True)
    columns = "CHILD, UPN, SURNAME, DOB"
    row = connection.execute(f"SELECT {columns} FROM header WHERE CHILD = ?", (number,)).fetchone()
    connection.close()
    child, upn, surname, born = (str(one).strip() for one in row)
    day, month, year = born.split("/")
    return {key: {"child": child, "upn": upn}[key], "confirm": {"surname": surname, "dob": f"{year}-{month}-{day}"}}


@pytest.fixture(scope="module")
def sandbox(sandbox_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One whose limits are those of a council's agreement, and not the demo's, which let a tester go on."""
    directory = copy_template(sandbox_template, tmp_path_factory.mktemp("attacked") / "sandbox")
    with open_house(directory) as house:
        of_accounts = (("per_minute: 60", "per_minute: 3000"), ("subjects_per_day: 500", "subjects_per_day: 40"))
        republish(house, HARBOUR.agreement, *of_accounts)
        of_children = (
            ("same_subject_per_day: 500", "same_subject_per_day: 6"),
            ("batch: 100", "batch: 100, misses_per_day: 40"),
        )
        republish(house, RIDINGS.agreement, ("per_minute: 60", "per_minute: 3000"), *of_children)
    locked = tuple(child_by(key, directory, "903002") for key in ("child", "upn"))
    with gateway_at(directory) as url:
        accounts = aim(place_of(url), partner=client_of(directory), subject=GRACE)
        one = child_by("child", directory, "903001")
        children = aim(place_of(url), partner=client_of(directory, RIDINGS), subject=one, locked=locked)
        yield Sandbox(directory, accounts, children)


def verdicts(target: Target, names: Sequence[str]) -> dict[str, tuple[Verdict, str]]:
    results = tried(target, [ATTACKS[name] for name in names])
    return {name: (one.verdict, one.why) for name, one in results.items()}


IN_SANDBOX = ("alike-", "guess-claims", "token-end-played", "lock-", "people-a-day", "person-a-day", "scenario-list-")


def test_every_attack_that_needs_a_sandbox_is_made_and_holds(sandbox: Sandbox) -> None:
    """By one agreement or the other: what an agreement has no such limit of is not run, and says so."""
    some = [one for one in attacks() if one.id.startswith(IN_SANDBOX)]
    sandbox.forget()
    found = [tried(target, some) for target in (sandbox.accounts, sandbox.children)]
    held = {name for results in found for name, one in results.items() if one.verdict is Verdict.HELD}

    assert [broken_among(results) for results in found] == [set(), set()]
    assert held == {one.id for one in some}
    assert all(one.why for results in found for one in results.values() if one.verdict is Verdict.NOT_RUN)


NO_MORE = "a limit of the day is reached already: stile misses lift, or tomorrow"


def test_calls_a_minute_hold_where_no_role_is_asked_for(sandbox: Sandbox) -> None:
    """They are refused before anybody is looked for, so that no limit of misses comes in between."""
    sandbox.forget()
    fewer = Break("so many a minute", (), f"{COUNTING}.call_reached", "<= self._limits.per_minute:", "<= 50:")
    described = {**sandbox.children.described}
    described["limits"] = {**described["limits"], "per_minute": 50}
    with broken(fewer):
        found = verdicts(replace(sandbox.children, described=described), ["calls-a-minute"])

    assert found == {"calls-a-minute": (Verdict.HELD, "")}


def test_after_a_run_that_locked_the_client_a_second_says_why_it_can_not_try(sandbox: Sandbox) -> None:
    sandbox.forget()
    described = {**sandbox.children.described}
    described["limits"] = {**described["limits"], "per_minute": 50}
    locked = verdicts(sandbox.children, ["lock-client"])
    names = ["alike-read", "guess-key", "guess-caseworker", "repeats-a-day", "calls-a-minute"]

    assert locked["lock-client"][0] is Verdict.HELD
    found = verdicts(replace(sandbox.children, described=described), names)
    assert found == dict.fromkeys(names, (Verdict.NOT_RUN, NO_MORE))


def test_somebody_and_nobody_are_not_compared_where_the_day_takes_nobody_new(sandbox: Sandbox) -> None:
    """Then who was asked about before is answered, and whoever was not is refused: as it is agreed."""
    sandbox.forget()
    names = ["alike-read", "alike-many"]
    before = verdicts(sandbox.accounts, [*names, "people-a-day"])

    assert {verdict for verdict, _ in before.values()} == {Verdict.HELD}
    assert verdicts(sandbox.accounts, names) == dict.fromkeys(names, (Verdict.NOT_RUN, NO_MORE))


def test_a_locked_person_is_told_apart_from_one_who_can_not_be_tried(sandbox: Sandbox) -> None:
    """A second run of the day says that it could not try, and that the lock of the first is why."""
    sandbox.forget()
    first, again = (verdicts(sandbox.children, ["lock-person"])["lock-person"] for _ in range(2))

    assert first[0] is Verdict.HELD
    assert again == (Verdict.NOT_RUN, "the second person is not confirmed by each key: locked today, or not held so")


OF_ACCOUNTS = (
    Break("wrong claims", ("guess-claims",), values={"gateway.limits.counting:MOST_WRONG": 50}),
    Break(
        "people a day",
        ("people-a-day",),
        f"{COUNTING}.person_reached",
        "most is not None and same == 0",
        "False",
    ),
    Break(
        "a token's end, by the sandbox's clock",
        ("token-end-played",),
        "gateway.oauth.access_token:Tokens.inspect",
        "found.expires <= now",
        "found.expires + 3600 <= now",
    ),
    Break(
        "one answer for nobody and for a wrong guess: when it was read",
        ("alike-read", "alike-verify", "alike-many"),
        "gateway.journey.answer:disclosure_of",
        "as_text(record.as_at) if record else None",
        "as_text(judged.at) if judged.found.near else None",
    ),
    Break(
        "one answer for nobody and for a wrong guess: what the entry commits to",
        ("alike-read", "alike-verify"),
        "gateway.journey.entry_names:names_of_ask",
        '"matter": (keys.subject, matter_of(ask))',
        '**({"matter": (keys.subject, matter_of(ask))} if judged.found.near else {})',
    ),
)
OF_CHILDREN = (
    Break(
        "one person a day",
        ("person-a-day",),
        f"{COUNTING}.person_reached",
        "self._limits.same_subject_per_day is not None and asked",
        "False and asked",
    ),
    Break(
        "a person by all keys",
        ("lock-person",),
        f"{COUNTING}.is_locked",
        ">= locks.MOST_MISSES + self._use.tries",
        ">= 500",
    ),
    Break(
        "the client's own misses",
        ("lock-client",),
        f"{COUNTING}._misses_reached",
        "most is not None and self._count(self.names.client())",
        "False and self._count(self.names.client())",
    ),
)
EVERY = [*((one, "accounts") for one in OF_ACCOUNTS), *((one, "children") for one in OF_CHILDREN)]


@pytest.mark.parametrize(("one", "whom"), EVERY, ids=lambda one: getattr(one, "name", one).replace(" ", "-"))
def test_a_defence_that_only_a_sandbox_shows_is_noticed_when_taken_out(sandbox: Sandbox, one: Break, whom: str) -> None:
    """By each attack that it withstands, which holds before."""
    target = getattr(sandbox, whom)
    sandbox.forget()
    before = verdicts(target, one.noticed_by)
    sandbox.forget()
    with broken(one):
        after = verdicts(target, one.noticed_by)

    assert {verdict for verdict, _ in before.values()} == {Verdict.HELD}, before
    assert {verdict for verdict, _ in after.values()} == {Verdict.BROKEN}, after
