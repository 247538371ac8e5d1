"""Is this the answer to my request, and did the log hold it? Nothing leaves this module that was not verified."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from audit.checking.verify import LARGEST, Verified, verify_answer, verify_answers
from audit.format.commitment import DISCLOSURE_NAMES, PARTNER_NAMES
from audit.format.entry import canonical
from audit.format.opened import canonical_object, digests_in, open_names, read_base64
from audit.format.people import SHARED_NAMES
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import ProofError, leaf_hash, verify_inclusion
from gateway.client.errors import IncompleteError, NotVerifiedError, ProblemError, UnexpectedReplyError, problem_error
from gateway.client.results import Answer, Receipt, answer_of

STALE: Final = 120.0  # seconds before the call was made from which an entry is not its


@dataclass(frozen=True, slots=True)
class Expected:
    """What the receipt of an answer must show: this log, this client, this very request, and not an old answer to it."""

    vkey: str = field(repr=False)
    client_id: str
    body: bytes = field(repr=False)
    asked_at: float

    def check(self, verified: Verified) -> None:
        """Raise NotVerifiedError unless the entry is of this request."""
        request, parties = verified.openings.get("request"), verified.openings.get("parties")
        digest = "sha256:" + hashlib.sha256(self.body).hexdigest()
        if not isinstance(request, dict) or request.get("digest") != digest:
            raise NotVerifiedError("the receipt is genuine, and of another request than this one")
        if not isinstance(parties, dict) or parties.get("client") != self.client_id:
            raise NotVerifiedError("the receipt is genuine, and of another client than this one")
        if _instant(verified.at) < self.asked_at - STALE:
            raise NotVerifiedError("the receipt is genuine, and older than this call: an old answer, or a wrong clock")


@dataclass(frozen=True, slots=True)
class Proved:
    """Verified answers, and the bytes to keep before they are given out."""

    name: str
    content: bytes = field(repr=False)
    answers: tuple[Answer, ...]
    refused: Mapping[str, ProblemError] = field(default_factory=dict)


def prove(raw: bytes, expected: Expected, *, refused: bool) -> Proved:
    """Return one person's answer; NotVerifiedError where there is no receipt, or not one that proves it."""
    try:
        verified = verify_answer(raw, vkey=expected.vkey)
    except ProofError as error:
        raise _unproved(error) from error
    expected.check(verified)
    disclosure = orjson.loads(raw)["disclosure"]
    return Proved(f"{verified.entry_id}.json", raw, (typed_answer(disclosure, verified, raw=raw, refused=refused),))


def prove_lines(raw: bytes, expected: Expected, refs: list[str], *, refused: bool) -> Proved:
    """Return the answers of one document about many people: all of them, in the order that they were asked in."""
    try:
        found = verify_answers(raw, vkey=expected.vkey)
    except ProofError as error:
        raise _unproved(error) from error
    for one in found:
        expected.check(one)
    whole = orjson.loads(raw)["lines"]
    unasked = {one["ref"]: problem_of(one["problem"]) for one in whole if "problem" in one and "ref" in one}
    if [one.ref for one in found] != [one for one in refs if one not in unasked]:
        raise NotVerifiedError("the answer is genuine, and its lines are not the people who were asked about, in order")
    lines = [one for one in whole if "disclosure" in one]
    answers = (
        typed_answer(one["disclosure"], proof, raw=raw, refused=refused) for one, proof in zip(lines, found, strict=True)
    )
    return Proved(f"{found[0].entry_id}.json", raw, tuple(answers), unasked)


def problem_of(problem: object) -> ProblemError:
    """Return the error of a line that tells why one person could not be asked about."""
    if not isinstance(problem, dict):
        raise NotVerifiedError("a line's problem is none")
    return problem_error(problem)


@dataclass(slots=True)
class Lines:
    """Reads NDJSON as it comes. People are given out once the receipt of their chunk has come and proved each of them."""

    expected: Expected
    refs: list[str]
    answered: int = 0
    _rest: bytes = b""
    _chunk: list[bytes] = field(default_factory=list)
    _people: int = 0
    _problem: Mapping[str, Any] | None = None
    _end: Mapping[str, Any] | None = None
    first: str | None = None
    closing: bytes = b""
    refused: dict[str, ProblemError] = field(default_factory=dict)

    def feed(self, data: bytes) -> Iterator[Proved]:
        """Give each chunk that these bytes complete. Raises NotVerifiedError, after what was proved before it."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            if self._end is not None or self._problem is not None:
                raise NotVerifiedError("there are lines behind the one that closes the answer")
            yield from self._take(line)
        if len(self._rest) > LARGEST:
            raise NotVerifiedError(f"a line is over {LARGEST} bytes")

    def finish(self, why: str = "it ended without its closing line") -> None:
        """Raise IncompleteError unless everybody was answered and the closing line agrees."""
        if self._end is not None and not self._chunk and not self._rest and self.answered == len(self.refs):
            if (self._end.get("lines"), self._end.get("refused", 0)) != (self.answered, len(self.refused)):
                raise NotVerifiedError("the closing line counts other lines than came")
            return
        problem = problem_error(self._problem) if self._problem is not None else None
        because = f"{problem.code}: {problem.detail}" if problem else why
        raise IncompleteError(
            f"{self.answered} of {len(self.refs)} people were answered and proved: {because}. "
            "Ask again for those that `remaining` names",
            remaining=tuple(self.refs[self.answered :]),
            problem=problem,
        )

    def _take(self, line: bytes) -> Iterator[Proved]:
        try:
            members = canonical_object(line, "line")
        except ProofError as error:
            raise _unproved(error) from error
        if "disclosure" in members:
            self._chunk.append(line)
            self._people += 1
            if self.answered + self._people > len(self.refs):
                raise NotVerifiedError("there are lines of more people than were asked about")
        elif "receipt" in members:
            yield self._prove_chunk(line)
        elif members.keys() == {"problem", "ref"}:
            self._refuse(line, members)
        elif isinstance(members.get("problem"), dict):
            self._problem = members["problem"]
        elif isinstance(members.get("end"), dict):
            self._end, self.closing = members["end"], line + b"\n"
        else:
            raise NotVerifiedError("a line is neither a person's, nor a receipt, nor a problem, nor the end")

    def _refuse(self, line: bytes, members: Mapping[str, Any]) -> None:
        """Note somebody who was not asked about: no entry names them, so that they lack an answer is all that shows it."""
        ref = members["ref"]
        if ref not in self.refs[self.answered :]:
            raise NotVerifiedError("a line refuses somebody who was not asked about, or was answered")
        self.refused[ref] = problem_of(members["problem"])
        self.refs = [one for one in self.refs if one != ref]
        self._chunk.append(line)

    def _prove_chunk(self, receipt: bytes) -> Proved:
        lines, self._chunk, self._people = self._chunk, [], 0
        content = b"\n".join([*lines, receipt, b""])
        try:
            found = verify_answers(content, vkey=self.expected.vkey)
        except ProofError as error:
            raise _unproved(error) from error
        for one in found:
            self.expected.check(one)
        if [one.ref for one in found] != self.refs[self.answered : self.answered + len(found)]:
            raise NotVerifiedError("the lines are genuine, and not the people who were asked about, in order")
        self.answered += len(found)
        self.first = self.first or found[0].entry_id
        answers = (
            typed_answer(orjson.loads(line)["disclosure"], proof, raw=b"\n".join([line, receipt, b""]), refused=False)
            for line, proof in zip((one for one in lines if one.startswith(b'{"disclosure":')), found, strict=True)
        )
        return Proved(f"{found[0].entry_id}.ndjson", content, tuple(answers))


def prove_receipt(raw: bytes, *, entry_id: str, vkey: str) -> Receipt:
    """Return what a receipt without its answer proves: that this entry stands in the signed tree, and opens."""
    try:
        found = _proved_entry(canonical_object(raw, "receipt"), raw, vkey)
    except ProofError as error:
        raise _unproved(error) from error
    except (KeyError, TypeError) as error:
        raise NotVerifiedError("the receipt does not have the members of a receipt") from error
    if found.entry_id != entry_id.partition(".")[0]:
        raise NotVerifiedError("the receipt is genuine, and of another disclosure than was asked for")
    return found


def _proved_entry(receipt: Mapping[str, Any], raw: bytes, vkey: str) -> Receipt:
    entry_raw = read_base64(receipt["entry"], "entry")
    entry = canonical_object(entry_raw, "entry")
    checkpoint = verify_checkpoint(receipt["checkpoint"], vkey)
    if receipt["origin"] != checkpoint.origin:
        raise ProofError("the receipt names another log than its checkpoint")
    path = tuple(read_base64(one, "proof") for one in receipt["proof"])
    leaf, size = leaf_hash(entry_raw), checkpoint.size
    verify_inclusion(leaf, index=receipt["index"], tree_size=size, proof=path, root=checkpoint.root)
    committed, names = (SHARED_NAMES,) * 2 if "people" in entry else (DISCLOSURE_NAMES, PARTNER_NAMES)
    open_names(receipt["openings"], names, digests_in(entry, len(committed), "entry"))
    return Receipt(entry["id"], receipt["index"], size, entry["at"], entry["outcome"], raw, answers=False)


def prove_again(raw: bytes, answer: Answer, vkey: str) -> Receipt:
    """Return a receipt that was made anew, proved to be of an answer at hand."""
    disclosure = _disclosure_in(answer)
    joined = b'{"disclosure":' + canonical(disclosure) + b',"receipt":' + raw + b"}"
    try:
        found = verify_answer(joined, vkey=vkey)
    except ProofError as error:
        raise _unproved(error) from error
    return Receipt(found.entry_id, found.index, found.size, found.at, found.outcome, raw, answers=True)


def _disclosure_in(answer: Answer) -> Any:
    parts = [orjson.loads(line) for line in answer.raw.splitlines()]
    lines = [one for part in parts for one in part.get("lines", [part])]
    return next(
        one["disclosure"] for one in lines if one.get("disclosure", {}).get("disclosure_id") == answer.disclosure_id
    )


def typed_answer(disclosure: Mapping[str, Any], verified: Verified, *, raw: bytes, refused: bool) -> Answer:
    """Return a verified disclosure as a value; UnexpectedReplyError where this client is too old to read it."""
    try:
        return answer_of(disclosure, verified, raw=raw, refused=refused)
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedReplyError(
            "a verified answer has a shape that this client does not know: install a newer one"
        ) from error


def _unproved(error: ProofError) -> NotVerifiedError:
    return NotVerifiedError(f"the answer is refused, for its receipt does not verify: {error}")


def _instant(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotVerifiedError("the entry's time can't be read") from error
    if at.tzinfo is None:
        raise NotVerifiedError("the entry's time can't be read")
    return at.timestamp()
