"""What can be asked of a gateway, and what is made of its replies? Each journey is taken by a driver, in threads or not."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.client.asking import Action, Matter, Subject
from gateway.client.errors import LinesRefusedError, NotKeptError, NotVerifiedError, ProblemError, UnexpectedReplyError
from gateway.client.proving import Expected, Lines, Proved, prove, prove_again, prove_lines, prove_receipt
from gateway.client.results import Agreement, Answer, Explanation, Receipt, agreement_of
from gateway.client.session import OK, Session, Want, json_object
from gateway.client.signing import make_context
from gateway.client.steps import NDJSON, Journey, Keep, Reply

DISCLOSURES: Final = "/v1/disclosures"
SCENARIO: Final = "Stile-Scenario"
REFUSED: Final = 403
_AN_ID: Final = re.compile(r"[a-z]{1,8}_[0-9A-Z]{26}(\.\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Journeys:
    """A session with the key that its receipts are verified by. `narrow` asks for tokens of the asked fields alone."""

    session: Session
    vkey: str
    agreement: str | None
    narrow: bool
    keeps: bool

    def about_one(
        self,
        subject: Subject,
        matter: Matter,
        *,
        action: Action,
        claims: Mapping[str, str | bool | int] | None = None,
        key: str | None = None,
    ) -> Journey[Answer]:
        """Ask about one person, prove the answer, keep it, and only then give it."""
        claimed = {} if claims is None else {"claims": dict(claims)}
        body = self._body(matter, action, {"subject": subject.body(), **claimed})
        expected, want = self._expected(body), self._want(matter, action, claims)
        reply = yield from self.session.ask("POST", DISCLOSURES, want=want, body=body, headers=self._headers(matter, key))
        if not _has_answer(reply):
            raise self.session.failure(reply)
        _check_played(reply, matter)
        proved = prove(reply.body, expected, refused=reply.status == REFUSED)
        yield from self.kept(proved)
        return proved.answers[0]

    def about_many(
        self, subjects: Sequence[Subject], matter: Matter, *, action: Action, key: str | None = None
    ) -> Journey[Many]:
        """Begin an answer about many people: what came whole is proved and kept, the rest is read by the caller."""
        refs = [one.ref or "" for one in subjects]
        if "" in refs or len(set(refs)) != len(refs):
            raise ValueError("give each subject a ref of its own: it is how you tell the answers apart")
        body = self._body(matter, action, {"subjects": [one.named_body() for one in subjects]})
        expected, want = self._expected(body), self._want(matter, action, subjects[0].claims if subjects else None)
        headers = {**self._headers(matter, key), "Accept": NDJSON}
        reply = yield from self.session.ask("POST", DISCLOSURES, want=want, body=body, headers=headers, streams=True)
        if reply.rest is not None or _has_answer(reply):
            _check_played(reply, matter)
        if reply.rest is not None:
            return Many(reply.rest, Lines(expected, refs), ())
        if not _has_answer(reply):
            raise self.session.failure(reply)
        proved = prove_lines(reply.body, expected, refs, refused=reply.status == REFUSED)
        yield from self.kept(proved)
        return Many(None, None, proved.answers, proved.refused)

    def closed(self, lines: Lines) -> Journey[None]:
        """Have the line kept that closes an answer: behind its chunks it makes the whole, as it came."""
        yield from self.kept(Proved(f"{lines.first}.end", lines.closing, ()))

    def kept(self, proved: Proved) -> Journey[None]:
        """Have verified bytes kept, where there is a keeper."""
        for answer in proved.answers[-1:]:
            self.session.urgent_contact = answer.urgent_contact or self.session.urgent_contact
        if not self.keeps:
            return
        try:
            yield Keep(proved.name, proved.content)
        except OSError as error:
            why = f"{type(error).__name__}{f' {error.errno}' if error.errno else ''}"
            message = f"the answer verified and could not be kept ({why}): make room, and ask again; `answers` holds it"
            raise NotKeptError(message, proved.answers) from error

    def agreements(self, agreement: str | None) -> Journey[tuple[Agreement, ...]]:
        """List the client's own agreements."""
        want = Want(agreement or self.agreement)
        reply = yield from self.session.ask("GET", "/v1/agreements", want=want)
        if reply.status != OK:
            raise self.session.failure(reply)
        try:
            found = tuple(agreement_of(one) for one in json_object(reply)["agreements"])
        except (KeyError, TypeError) as error:
            raise UnexpectedReplyError("the list of agreements has a shape that this client does not know") from error
        if found:
            self.session.urgent_contact = found[0].urgent_contact
        return found

    def explain(self, matter: Matter) -> Journey[Explanation]:
        """Ask what would be decided, about nobody."""
        body = json.dumps({"agreement": self.agreement, **matter.body()}).encode()
        want = self._want(matter, Action.READ, None)
        reply = yield from self.session.ask("POST", "/v1/explain", want=want, body=body, headers=_staged(matter))
        found = json_object(reply)
        if reply.status != OK:
            raise self.session.failure(reply)
        _check_played(reply, matter)
        if not isinstance(found.get("fields"), dict) or not isinstance(found.get("permits"), bool):
            raise UnexpectedReplyError("the explanation has a shape that this client does not know")
        return Explanation(found.get("agreement"), found["permits"], found["fields"])

    def receipt(self, of: str | Answer, agreement: str | None) -> Journey[Receipt]:
        """Get a receipt made anew, and prove it: of an answer at hand, or down to the entry where only its id is."""
        disclosure_id = of if isinstance(of, str) else of.disclosure_id
        if not _AN_ID.fullmatch(disclosure_id):
            raise ValueError("give the disclosure_id of an answer or line of yours")
        path = f"{DISCLOSURES}/{disclosure_id}/receipt"
        reply = yield from self.session.ask("GET", path, want=Want(agreement or self.agreement))
        if reply.status != OK:
            raise self.session.failure(reply)
        if isinstance(of, str):
            return prove_receipt(reply.body, entry_id=of, vkey=self.vkey)
        return prove_again(reply.body, of, self.vkey)

    def describe(self, path: str, agreement: str | None) -> Journey[bytes]:
        """Get one of the gateway's descriptions of what this client may ask: it is about nobody."""
        reply = yield from self.session.ask("GET", path, want=Want(agreement or self.agreement))
        if reply.status != OK:
            raise self.session.failure(reply)
        return reply.body

    def _body(self, matter: Matter, action: Action, members: Mapping[str, Any]) -> bytes:
        named = {"agreement": self.agreement} if self.agreement is not None else {}
        return json.dumps({**named, "action": action.value, **matter.body(), **members}).encode()

    def _headers(self, matter: Matter, key: str | None) -> dict[str, str]:
        """Mark all tries as one call, so that one whose answer was lost is not counted again; vouch where asked to."""
        marked = {"Idempotency-Key": key or secrets.token_urlsafe(24), **_staged(matter)}
        if matter.vouch is None or matter.caseworker is None:
            return marked
        session, worker = self.session, matter.caseworker
        signed = make_context(
            session.key,
            client_id=session.client_id,
            issuer=session.issuer,
            practitioner={"id": worker.id, "name": worker.name, "role": worker.role},
            organisation=matter.vouch.organisation,
            reason=matter.vouch.reason,
            device=matter.vouch.device,
            now=session.timing.clock(),
        )
        return {**marked, "Stile-Context": signed}

    def _expected(self, body: bytes) -> Expected:
        return Expected(self.vkey, self.session.client_id, body, self.session.timing.clock())

    def _want(self, matter: Matter, action: Action, claims: Mapping[str, Any] | None) -> Want:
        asked = matter.fields if claims is None else tuple(claims)
        fields = tuple(sorted(set(asked))) if self.narrow and asked else None
        return Want(matter.agreement or self.agreement, (action.value,), fields)


@dataclass(slots=True)
class Many:
    """An answer about many people that has begun. `rest` gives its further bytes, for `lines` to prove."""

    rest: Any = field(repr=False)
    lines: Lines | None = field(repr=False)
    answers: tuple[Answer, ...]
    refused: Mapping[str, ProblemError] = field(default_factory=dict)

    def check_all_asked(self) -> None:
        """Raise LinesRefusedError where somebody could not be asked about."""
        refused = self.refused if self.lines is None else self.lines.refused
        if refused:
            raise LinesRefusedError(refused)

    def reader(self) -> Lines:
        """Return what proves the lines; only where there is more to read."""
        if self.lines is None:
            raise NotVerifiedError("this answer came whole: there is no more to read")
        return self.lines


def _staged(matter: Matter) -> dict[str, str]:
    return {} if matter.scenario is None else {SCENARIO: matter.scenario}


def _check_played(reply: Reply, matter: Matter) -> None:
    """Raise UnexpectedReplyError for an answer that does not say that the scenario was played: no test ran then."""
    told = reply.headers.get(SCENARIO.lower(), "").partition(";")[0]
    if matter.scenario is not None and told != matter.scenario:
        raise UnexpectedReplyError(f"the gateway did not play {matter.scenario}: ask a sandbox, of a version that knows it")


def _has_answer(reply: Reply) -> bool:
    """Tell whether a reply must hold an answer: 200 always, 403 where it is a refusal with its entry."""
    return reply.status == OK or (reply.status == REFUSED and json_object(reply).get("code") == "nothing_permitted")
