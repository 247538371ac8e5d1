"""Rows that somebody changed by hand, with no key in hand, are found before an answer rests on them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from gateway_working import CONSENT
from house import House, open_house, released
from httpx2 import Response

from audit.stores.checked import LogCorruptError
from audit.writing.said import RowsDifferError
from gateway.council.database import store_of
from gateway.council.directory import open_council
from gateway.desk.log_check import check_log
from gateway.oauth.clients import Role
from gateway.settings import load_settings

AGREEMENT = "northmoor-harbour-tenancies"
HELD = {
    "dataset": "council-tax",
    "person": "P0000042",
    "kind": "objection_pending",
    "recipients": ["harbour-housing"],
    "fields": ["full_name"],
}


def ask(house: House) -> Response:
    """Get a token and ask by it; return the first answer that is none."""
    caller = house.caller("harbour-case-system")
    details = [{"type": "stile_disclosure_v1", "agreement": AGREEMENT}]
    answer = caller.ask_token(authorization_details=json.dumps(details))
    if answer.status_code != 200:
        return answer
    caller.token = answer.json()["access_token"]
    return caller.ask(fields=["arrears", "postcode"])


def edit(directory: Path, *statements: str) -> None:
    """Write into the database as who has the file and nothing else does: no trigger keeps them from it."""
    store = store_of(directory, load_settings(directory))
    with contextlib.closing(store.session()) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


@pytest.fixture
def stopped(either_directory: Path) -> Path:
    """A council with a consent that was withdrawn, an objection and a clerk, whose gateway is stopped."""
    with open_house(either_directory) as house:
        dpo = house.dpo()
        given = dpo.call("POST", "/control/v1/consents", CONSENT)
        assert given.status_code == 201, given.text
        withdrawn = dpo.call("POST", f"/control/v1/consents/{given.json()['consent_id']}/withdrawal", {"how": "letter"})
        assert withdrawn.status_code == 201, withdrawn.text
        assert dpo.call("POST", "/control/v1/restrictions", HELD).status_code == 201
        clerk = {"name": "clerk", "password": "$argon2id$", "roles": frozenset({Role.AUDITOR}), "by": "test"}
        house.append(house.changes().operators.grant("op_clerk", **clerk))
        house.append(house.changes().tokens.revoke("some-token", client_id="nobody", by="test"))
        assert house.harbour().ask(fields=["arrears", "postcode"]).status_code == 200
    return either_directory


WITHDRAWAL = (
    "DELETE FROM consent WHERE state = 'withdrawn'",
    "DELETE FROM state_key WHERE key LIKE 'consent/%'",
)
KEY = "client_id, kid, thumbprint, jwk, added_at, added_by"
FORGED_KEY = (
    f"INSERT INTO client_key ({KEY}) SELECT 'harbour-case-system', 'mine', 'mine', jwk, added_at, added_by "
    "FROM client_key WHERE client_id = 'calder-discharge-hub'"
)
EDITS: dict[str, tuple[tuple[str, ...], str]] = {
    "a withdrawal, deleted together with its state key": (WITHDRAWAL, "consent/"),
    "a withdrawal, deleted alone": (WITHDRAWAL[:1], "consent/"),
    "a withdrawal, turned into a yes": (("UPDATE consent SET state = 'given' WHERE state = 'withdrawn'",), "consent/"),
    "all that a person said, deleted": (("DELETE FROM consent",), "consent/"),
    "an objection's scope": (("UPDATE restriction SET fields = '[\"arrears\"]'",), "restriction/"),
    "an objection, lifted": (("UPDATE restriction SET lifted_at = 1",), "restriction/"),
    "an objection, deleted with its state key": (
        ("DELETE FROM restriction", "DELETE FROM state_key WHERE key LIKE 'restriction/%'"),
        "restriction/",
    ),
    "a client's environment": (
        ("UPDATE client SET environment = 'sandbox' WHERE client_id = 'harbour-case-system'",),
        "client/harbour-case-system",
    ),
    "a client that is another partner's": (
        ("UPDATE client SET partner_id = 'calder-nhs-trust' WHERE client_id = 'harbour-case-system'",),
        "client/harbour-case-system",
    ),
    "a client's key, added": ((FORGED_KEY,), "client/harbour-case-system"),
    "a partner's status": (
        ("UPDATE partner SET status = 'suspended' WHERE partner_id = 'harbour-housing'",),
        "partner/harbour-housing",
    ),
    "a partner's kind": (
        ("UPDATE partner SET kind = 'nhs_body' WHERE partner_id = 'harbour-housing'",),
        "partner/harbour-housing",
    ),
    "a text with its digest": (
        (f"UPDATE text SET digest = 'sha256:' || digest WHERE kind = 'agreement' AND id = '{AGREEMENT}'",),
        f"agreement/{AGREEMENT}",
    ),
    "an agreement, ended": (
        (f"UPDATE text SET ended_at = 1 WHERE kind = 'agreement' AND id = '{AGREEMENT}'",),
        f"agreement/{AGREEMENT}",
    ),
    "a dataset, deleted": (("DELETE FROM text WHERE kind = 'dataset' AND id = 'council-tax'",), "dataset/council-tax"),
    "a core, deleted": (
        ("DELETE FROM text WHERE kind = 'core' AND id = 'tenancy-sustainment'",),
        "core/tenancy-sustainment",
    ),
    "a core's number": (
        ("UPDATE text SET semantics = 1 WHERE kind = 'core' AND id = 'statutory-bars'",),
        "core/statutory-bars",
    ),
    "the index of who is named by which agreement": (
        (f"DELETE FROM recipient WHERE agreement_id = '{AGREEMENT}'",),
        f"agreement/{AGREEMENT}",
    ),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edited_row_answers_nothing(stopped: Path, case: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It is 503, operators are told which state key it is, and `/readyz` says so for as long as it stands so."""
    statements, key = EDITS[case]
    edit(stopped, *statements)

    with open_house(stopped) as house:
        answer = ask(house)
        readiness = house.http.get("/readyz")
        house.differs = True

    assert answer.status_code == 503, answer.text
    assert readiness.status_code == 503
    alarms = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"damage_found"' in line]
    assert alarms
    assert all(one["kind"] == "rows" and one["state_key"].startswith(key) for one in alarms)


def test_what_nobody_has_edited_is_answered(stopped: Path) -> None:
    with open_house(stopped) as house:
        answer = house.harbour().ask(fields=["arrears", "postcode"])

        assert answer.status_code == 200
        assert set(released(answer)) == {"postcode"}
        assert house.http.get("/readyz").status_code == 200


def test_a_row_that_was_put_back_is_answered_again(stopped: Path) -> None:
    status = f"UPDATE text SET ended_at = {{}} WHERE kind = 'agreement' AND id = '{AGREEMENT}'"
    with open_house(stopped) as house:
        edit(stopped, status.format(1))
        house.append(house.changes().tokens.revoke("another", client_id="nobody", by="test"))
        house.wiring.services.reader._kept.clear()
        before = ask(house), house.http.get("/readyz")
        edit(stopped, status.format("NULL"))
        after = ask(house), house.http.get("/readyz")

    assert [one.status_code for one in (*before, *after)] == [503, 503, 200, 200]


def test_a_change_does_not_have_the_log_say_what_somebody_wrote_by_hand(stopped: Path) -> None:
    """Else the next honest change of a client would make a forged key of it good."""
    statements, _ = EDITS["a client's key, added"]
    edit(stopped, *statements)
    with open_house(stopped) as house:
        changes = house.changes()
        with pytest.raises(RowsDifferError, match="client/harbour-case-system"):
            house.append(changes.partners.set_binding("harbour-case-system", to_certificate=True, by="test"))
        house.append(changes.partners.set_binding("calder-discharge-hub", to_certificate=True, by="test"))
        house.differs = True


@pytest.mark.parametrize("how", ["deleted", "swapped"])
def test_what_entries_say_of_the_state_is_missed_when_it_is_taken_away(stopped: Path, how: str) -> None:
    """A gateway that has yet to follow them does not start."""
    last = "(SELECT max(idx) FROM log_entry WHERE kind = 'restriction.set')"
    before = "(SELECT max(idx) FROM log_entry WHERE kind = 'consent.withdrawn')"
    others = f"SELECT ciphertext FROM log_bundle WHERE idx = {before} LIMIT 1"
    swap = f"UPDATE log_bundle SET ciphertext = ({others}) WHERE idx = {last}"
    edit(stopped, f"DELETE FROM log_bundle WHERE idx = {last}" if how == "deleted" else swap)

    with pytest.raises(LogCorruptError, match="beside entry"), open_house(stopped):
        pass


def test_a_second_adoption_is_damage(stopped: Path) -> None:
    with open_house(stopped) as house:
        house.append(house.changes().adopting.adopt(by="test"))
        with pytest.raises(Exception, match="once is all"):
            house.append(house.changes().adopting.adopt(by="test"))


COUNCIL_CORE = """\
council: northmoor
version: 1
caps:
  - id: ages-of-charities
    says: Charities see no birth date closer than its year
    at_most: {fields: [date_of_birth], as: year}
    recipient_kinds: [charity]
"""


def test_a_council_core_that_is_deleted_while_it_serves_is_missed(stopped: Path) -> None:
    """Though all texts were compared before, and none has moved: without it more might leave from the next day on."""
    with open_house(stopped) as house:
        house.append(house.changes().texts.publish_core(COUNCIL_CORE, by="test"))
        assert ask(house).status_code == 200
        edit(stopped, "DELETE FROM text WHERE kind = 'council'")
        house.wiring.services.reader._kept.clear()

        assert ask(house).status_code == 503
        house.differs = True


SPELT = [
    '["\\u0068arbour-housing"]',
    "[",
    "harbour-housing",
    "{}",
]


@pytest.mark.parametrize("partners", SPELT)
def test_an_incident_is_found_however_its_partners_are_spelt(stopped: Path, partners: str) -> None:
    """And what can't be read silences no check."""
    columns = "incident_id, what, partners, kinds, most_people, begins, ends, declared_by"
    made = f"VALUES ('i_x', 'flood', '{partners}', '[\"risk_to_life\"]', 9, 0, 9000000000000000, 'me')"
    edit(stopped, f"INSERT INTO incident ({columns}) {made}")

    store, council = store_of(stopped, load_settings(stopped)), open_council(stopped)
    found = check_log(store, council.keyring, council.signer.vkey).findings
    council.keyring.close()

    assert [(one.state_key or "").partition("/")[0] for one in found] == ["incident"]


def test_what_is_no_text_is_a_finding(council_directory: Path) -> None:
    """A column of SQLite takes anything: nobody may blind the check by it."""
    edit(council_directory, "UPDATE client SET system = x'00ff' WHERE client_id = 'harbour-case-system'")
    council = open_council(council_directory)
    found = check_log(council.store, council.keyring, council.signer.vkey).findings
    council.keyring.close()
    assert [one.state_key for one in found] == ["client/harbour-case-system"]
    with open_house(council_directory) as house:
        assert ask(house).status_code == 503
        house.differs = True
