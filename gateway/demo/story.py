"""What does the demo show? A partner's day, step by step, over real HTTP; every receipt verified at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import ProofError
from gateway.council.directory import Council
from gateway.demo import telling
from gateway.demo.asking import BODY, CHILD_BODY, CONSENT, TENANCY_BODY, context_of
from gateway.demo.making import CALDER_CHILDREN, DPO, HARBOUR, HOPE, DemoPartner
from gateway.demo.partner import CallFailedError, PartnerSystem, Reply, details_of, send


class StepFailedError(Exception):
    """A step did not do what it should; says what came instead."""


@dataclass(slots=True)
class Story:
    """What happened, step by step."""

    directory: Path
    council: Council
    console: Console
    partner: PartnerSystem
    office: PartnerSystem
    steps: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Path] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Tell whether every step did what it should."""
        return len(self.steps) == len(STEPS) and all(step["ok"] for step in self.steps)

    def document(self) -> dict[str, Any]:
        """Return the story as one JSON document, with a request that works."""
        return {
            "ok": self.is_good,
            "steps": self.steps,
            "log": {"origin": self.council.settings.origin, "vkey": self.council.signer.vkey},
            "try": {
                "issuer": self.partner.issuer,
                "client_id": HARBOUR.client_id,
                "key_file": str((self.directory / "partners" / f"{HARBOUR.client_id}.jwk.json").resolve()),
                "authorization_details": details_of(HARBOUR.agreement),
                "method": "POST",
                "path": "/v1/disclosures",
                "body": BODY,
            },
        }

    def system_of(self, partner: DemoPartner) -> PartnerSystem:
        """Return another partner's system, with a token for its agreement."""
        file = self.directory / "partners" / f"{partner.client_id}.jwk.json"
        system = PartnerSystem.from_file(self.partner.issuer, partner.client_id, file)
        expect(system.get_token(agreement=partner.agreement), 200)
        return system

    def ask(
        self, body: dict[str, Any], name: str, *, wanted: int, by: PartnerSystem | None = None, **headers: str
    ) -> dict[str, Any]:
        """Ask, keep the exact answer beside its receipt, and return it parsed."""
        reply = (by or self.partner).call("POST", "/v1/disclosures", body, **headers)
        expect(reply, wanted)
        answer: dict[str, Any] = reply.json()
        kept = self.directory / "answers" / f"{answer['disclosure']['disclosure_id']}-{name}.json"
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(reply.body)
        self.answers.append(kept)
        return answer


def tell(console: Console, directory: Path, council: Council) -> Story:
    """Tell the story; a step that fails ends it, and `is_good` is then False."""
    issuer = council.settings.public_url
    story = Story(
        directory,
        council,
        console,
        PartnerSystem.from_file(issuer, HARBOUR.client_id, directory / "partners" / f"{HARBOUR.client_id}.jwk.json"),
        PartnerSystem.from_file(issuer, DPO, directory / "offices" / f"{DPO}.jwk.json"),
    )
    telling.title(console, council)
    for name, step in STEPS:
        begun = time.perf_counter()
        done: dict[str, Any] = {"name": name}
        try:
            done |= {"ok": True, **step(story)}
        except (StepFailedError, CallFailedError, ProofError, KeyError, ValueError) as error:
            done |= {"ok": False, "why": f"{type(error).__name__}: {error}"}
        done["milliseconds"] = round((time.perf_counter() - begun) * 1000, 1)
        story.steps.append(done)
        if not done["ok"]:
            telling.failed(console, name, done["why"])
            break
    return story


def expect(reply: Reply, status: int) -> None:
    """Raise StepFailedError unless the answer has this status."""
    if reply.status != status:
        raise StepFailedError(f"the answer was {reply.status}, not {status}: {reply.body[:500].decode(errors='replace')}")


def check(holds: bool, what: str) -> None:  # noqa: FBT001 -- reads as "check that"
    """Raise StepFailedError unless something holds."""
    if not holds:
        raise StepFailedError(what)


# -- the steps


def _token(story: Story) -> dict[str, Any]:
    reply = story.partner.get_token(agreement=HARBOUR.agreement)
    expect(reply, 200)
    granted = reply.json()["authorization_details"]
    telling.token(story.console, HARBOUR.name, granted[0], reply.json()["expires_in"])
    check(granted[0]["purpose"] == "tenancy-sustainment", "the token is for another purpose")
    return {"client_id": HARBOUR.client_id, "authorization_details": granted}


def _disclosure(story: Story) -> dict[str, Any]:
    answer = story.ask(BODY, "disclosure", wanted=200)
    telling.disclosure(story.console, 2, "Harbour's caseworker asks about Grace Okafor", answer)
    disclosure = answer["disclosure"]
    check(disclosure["outcome"] == "partial", "not partial")
    check(_withheld(answer).get("arrears") == "consent_needed", "arrears should wait for consent")
    return _ids(answer)


def _refusal(story: Story) -> dict[str, Any]:
    body = {name: value for name, value in BODY.items() if name != "case_reference"}
    answer = story.ask(body, "refusal", wanted=403)
    telling.refusal(story.console, answer)
    check(set(_withheld(answer).values()) == {"case_reference_needed"}, "another reason than the missing case reference")
    return _ids(answer)


def _consent(story: Story) -> dict[str, Any]:
    expect(story.office.get_token(resource=f"{story.office.issuer}/control"), 200)
    reply = story.office.call("POST", "/control/v1/consents", CONSENT)
    expect(reply, 201)
    given = reply.json()
    answer = story.ask(BODY, "with-consent", wanted=200)
    telling.consent(story.console, given, answer)
    check("arrears" in answer["disclosure"]["record"]["fields"], "the consent did not count")
    return {"consent_id": given["consent_id"], "index": given["index"], **_ids(answer)}


def _withdrawal(story: Story) -> dict[str, Any]:
    consent_id = story.steps[-1]["consent_id"]
    reply = story.office.call("POST", f"/control/v1/consents/{consent_id}/withdrawal", {"how": "by telephone"})
    expect(reply, 201)
    answer = story.ask(BODY, "withdrawn", wanted=200)
    telling.withdrawal(story.console, reply.json(), answer)
    check(_withheld(answer).get("arrears") == "consent_needed", "the withdrawal did not count at once")
    return {"consent_id": consent_id, "withdrawn_at_index": reply.json()["index"], **_ids(answer)}


def _tenancy(story: Story) -> dict[str, Any]:
    """Another dataset, read over HTTP: rows, of which one is hidden, and a second person's own field."""
    answer = story.ask(TENANCY_BODY, "tenancy", wanted=200, by=story.system_of(HOPE))
    telling.disclosure(story.console, 6, "An adviser asks about Grace's tenancy, from a system over HTTP", answer)
    fields = answer["disclosure"]["record"]["fields"]
    check(fields["joint_full_name"]["value"] == "Samuel Okafor", "not the joint tenant's name")
    check([one["relat"] for one in fields["household"]["value"]] == ["child", "child"], "not the two who may be shown")
    check(_withheld(answer).get("arrears_stage") == "consent_needed", "what is owed should wait for consent")
    return _ids(answer)


def _child(story: Story) -> dict[str, Any]:
    """A third, read from files: the latest episode that is not confidential, and the mother as a person of her own."""
    system = story.system_of(CALDER_CHILDREN)
    vouched = {"Stile-Context": context_of(system, CHILD_BODY["caseworker"])}
    answer = story.ask(CHILD_BODY, "child", wanted=200, by=system, **vouched)
    check(answer["disclosure"]["caseworker"] == {"assurance": "vouched"}, "the trust does not vouch for its nurse")
    telling.disclosure(story.console, 7, "A nurse asks about a child in care, from files of an export", answer)
    fields = answer["disclosure"]["record"]["fields"]
    latest = {"decom": "2025-06", "place": "residential", "pl_post": "BD3 9"}
    check(fields["episodes"]["value"] == [latest], "not the latest episode that may be told")
    check(fields["mother_full_name"]["value"] == "D", "not the mother's initial")
    check(_withheld(answer).get("mother_health") == "consent_needed", "the mother's health should wait for her consent")
    return _ids(answer)


def _checkpoint(story: Story) -> dict[str, Any]:
    path = "/" + story.council.settings.origin.partition("/")[2] + "/checkpoint"
    reply = send("GET", story.partner.issuer + path, {}, None)
    expect(reply, 200)
    vkey = (story.directory / "log.vkey").read_text(encoding="ascii").strip()
    checkpoint = verify_checkpoint(reply.body.decode(), vkey)
    telling.checkpoint(story.console, reply.body.decode())
    return {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}


def _verification(story: Story) -> dict[str, Any]:
    vkey = (story.directory / "log.vkey").read_text(encoding="ascii").strip()
    command = [sys.executable, "-m", "gateway.cli", "verify", "--vkey", vkey, *map(str, story.answers)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 -- ourselves
    check(done.returncode == 0, done.stderr.strip())
    telling.verification(story.console, done.stdout)
    return {"verified": len(story.answers), "answers": [str(one) for one in story.answers]}


def _withheld(answer: dict[str, Any]) -> dict[str, str]:
    return {one["field"]: one["reason"] for one in answer["disclosure"]["withheld"]}


def _ids(answer: dict[str, Any]) -> dict[str, Any]:
    disclosure, receipt = answer["disclosure"], answer["receipt"]
    return {
        "disclosure_id": disclosure["disclosure_id"],
        "outcome": disclosure["outcome"],
        "released": sorted(disclosure["record"]["fields"]),
        "withheld": _withheld(answer),
        "entry": receipt["index"],
    }


STEPS: Final[tuple[tuple[str, Callable[[Story], dict[str, Any]]], ...]] = (
    ("token", _token),
    ("disclosure", _disclosure),
    ("refusal", _refusal),
    ("consent", _consent),
    ("withdrawal", _withdrawal),
    ("tenancy", _tenancy),
    ("child", _child),
    ("checkpoint", _checkpoint),
    ("verification", _verification),
)
