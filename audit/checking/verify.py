"""Is this answer the one that the council recorded? An auditor's tool: needs neither gateway nor database.

A receipt shows what the council signed, not that it signed the same for everybody: for that its checkpoint has to
be compared with a published, cosigned one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from audit.format.commitment import DISCLOSURE_NAMES, PARTNER_NAMES
from audit.format.entry import canonical
from audit.format.opened import (
    canonical_object,
    check_values,
    committed_in,
    digests_in,
    open_names,
    read_base64,
    released_in,
    stated_in,
)
from audit.format.people import LEAF_NAMES, LEAF_OPENINGS, MOST_LEAVES, SHARED_NAMES
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import ProofError, leaf_hash, verify_inclusion

LARGEST: Final = 4_194_304  # bytes of an answer, or of one line
LARGEST_OF_MANY: Final = 268_435_456  # bytes of an answer about many people
RECEIPT_NAMES: Final = {"origin", "entry", "index", "size", "proof", "checkpoint", "openings", "seed"}
CHUNK_NAMES: Final = RECEIPT_NAMES - {"seed"}  # the receipt of an entry about several people: their leaves have seeds
SHOWN_LEAF: Final = {"place", "leaf", "path", "openings", "seed"}
LINE_NAMES: Final = {"disclosure", "leaves", "ref"}
PROBLEM_NAMES: Final = {
    "type",
    "title",
    "status",
    "code",
    "detail",
    "remedy",
    "request_id",
    "urgent_contact",
}

__all__ = ["ProofError", "Verified", "is_complete", "verify_answer", "verify_answers"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a receipt proves: this entry, at this place of this log, holds this answer. `ref` is a line's own label."""

    origin: str
    entry_id: str
    index: int
    size: int
    outcome: str
    at: str
    counter: int
    openings: Mapping[str, Any]
    disclosure_id: str
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class _Proven:
    """An entry that stands in a signed tree, and what it commits to."""

    entry: dict[str, Any]
    origin: str
    index: int
    size: int
    openings: dict[str, Any]


def verify_answer(answer: bytes, *, vkey: str) -> Verified:
    """Return what the receipt of an answer proves, or raise ProofError at the first step that fails.

    `vkey` is a key that the verifier already had; one that came with the receipt would prove nothing. Of a refusal
    (403), the problem's own members (`title`, `detail` …) are not covered: the disclosure says the same. They stand
    beside it all, or none, as where a receipt was asked for again; nothing else may.
    """
    whole = _read(answer, "answer")
    disclosure, receipt = whole.get("disclosure"), whole.get("receipt")
    if not isinstance(disclosure, dict) or not isinstance(receipt, dict):
        raise ProofError("the answer holds no disclosure and receipt")
    leaves = receipt.pop("leaves", None)
    proven = _prove(receipt, vkey)
    _check_beside(proven.entry["kind"], {name: one for name, one in whole.items() if name not in ("disclosure", "receipt")})
    if leaves is not None or "people" in proven.entry:
        return _verify_people(proven, disclosure, leaves)
    _check_answer(proven.entry, proven.openings, disclosure)
    check_values(proven.openings["values"], receipt["seed"], list(released_in(disclosure).items()))
    return _verified(proven, disclosure, proven.openings)


def verify_answers(answer: bytes, *, vkey: str) -> list[Verified]:
    """Return the same for each line of an answer about many people, as NDJSON or JSON, or for the one answer.

    A line is proved by itself and its chunk's receipt: any others may be missing. Whether all came is `is_complete`.
    """
    lines, beside = _lines_of(answer)
    if lines is None:
        return [verify_answer(answer, vkey=vkey)]
    receipts = [one["receipt"] for one in lines if "receipt" in one]
    proven = {one.entry["id"]: one for one in (_prove(receipt, vkey) for receipt in receipts)}
    if len(proven) < len(receipts):
        raise ProofError("a receipt stands here twice")
    people = [one for one in lines if "disclosure" in one]
    if not people:
        raise ProofError("there is no line of a person here")
    kinds = {one.entry["kind"] for one in proven.values()}
    _check_beside("refusal" if kinds == {"refusal"} else "disclosure", beside)
    found = [_verify_line(one, proven) for one in people]
    if len({one.disclosure_id for one in found}) < len(found):
        raise ProofError("a person's line stands here twice")
    return found


def is_complete(answer: bytes) -> bool:
    """Tell whether an answer about many people, that verified, came to its end; one about a single person always has.

    Of each entry every leaf is shown: that is signed. That no whole chunk was cut out, with its receipt, says only the
    closing line, which is not; the gap in the recipient's counter shows it to who keeps all receipts.
    """
    lines, _ = _lines_of(answer)
    if lines is None:
        return True
    ends = [one["end"] for one in lines if "end" in one]
    people = [one for one in lines if "disclosure" in one]
    refused = sum("problem" in one and "ref" in one for one in lines)
    entries = [
        canonical_object(read_base64(one["receipt"]["entry"], "entry"), "entry") for one in lines if "receipt" in one
    ]
    shown = {(_entry_of(one), leaf["place"]) for one in people for leaf in one["leaves"]}
    signed = {(entry["id"], place) for entry in entries for place in range(entry["people"]["size"])}
    return len(ends) == 1 and _counts(ends[0], people=len(people), refused=refused) and shown == signed


def _counts(end: object, *, people: int, refused: int) -> bool:
    """Tell whether the closing line counts these lines: the people of entries, and whom nobody was asked about."""
    return isinstance(end, dict) and end.get("lines") == people and end.get("refused", 0) == refused


def _entry_of(line: Mapping[str, Any]) -> str:
    return str(line["disclosure"].get("disclosure_id")).partition(".")[0]


def _read(raw: bytes, what: str) -> dict[str, Any]:
    if len(raw) > LARGEST:
        raise ProofError(f"the {what} is over {LARGEST} bytes")
    return canonical_object(raw, what)


def _lines_of(answer: bytes) -> tuple[list[dict[str, Any]] | None, dict[str, Any]]:
    """Return the lines of an answer about many people, and what stands beside them; None for an answer about one."""
    if len(answer) > LARGEST_OF_MANY:
        raise ProofError(f"the answer is over {LARGEST_OF_MANY} bytes")
    if b"\n" in answer:
        texts = answer.removesuffix(b"\n").split(b"\n")
        return _checked([_read(text, f"line {number}") for number, text in enumerate(texts, start=1)]), {}
    try:
        whole = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise ProofError("the answer is not JSON of the kind that we write") from error
    if not isinstance(whole, dict) or "lines" not in whole:
        return None, {}
    whole = canonical_object(answer, "answer")
    lines = whole["lines"]
    if not isinstance(lines, list) or not all(isinstance(one, dict) for one in lines):
        raise ProofError("the answer's lines are not lines")
    beside = {name: one for name, one in whole.items() if name not in ("lines", "end", "problem")}
    return _checked([*lines, {"end": whole["end"]}] if "end" in whole else lines), beside


def _checked(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Refuse a line that is no person's, no receipt, no problem and no end."""
    kinds = (LINE_NAMES, {"receipt"}, {"problem"}, {"problem", "ref"}, {"end"})
    for number, line in enumerate(lines, start=1):
        if line.keys() not in kinds:
            raise ProofError(f"line {number} is neither a person's, nor a receipt, nor a problem, nor the end")
    return lines


# -- receipt, entry, checkpoint


def _prove(receipt: object, vkey: str) -> _Proven:
    """Prove an entry: entry, leaf, proof, checkpoint; then open every name of it that is the partner's."""
    receipt = _checked_receipt(receipt)
    entry_raw = read_base64(receipt["entry"], "entry")
    entry = canonical_object(entry_raw, "entry")
    proof = tuple(read_base64(one, "proof") for one in receipt["proof"])
    checkpoint = verify_checkpoint(receipt["checkpoint"], vkey)
    if checkpoint.origin != receipt["origin"] or checkpoint.size != receipt["size"]:
        raise ProofError("the receipt names another log or size than its checkpoint")
    verify_inclusion(
        leaf_hash(entry_raw), index=receipt["index"], tree_size=checkpoint.size, proof=proof, root=checkpoint.root
    )
    if entry.get("kind") not in ("disclosure", "refusal"):
        raise ProofError("the entry is not of a disclosure or a refusal")
    is_of_many = "people" in entry
    if is_of_many != ("seed" not in receipt):
        raise ProofError("the receipt is of another kind than its entry")
    digests = digests_in(entry, len(SHARED_NAMES if is_of_many else DISCLOSURE_NAMES), "entry")
    openings = open_names(receipt["openings"], SHARED_NAMES if is_of_many else PARTNER_NAMES, digests)
    if not all(isinstance(entry.get(name), str) for name in ("id", "outcome", "at")):
        raise ProofError("the entry has no id, outcome or time")
    if type(entry.get("counter")) is not int:
        raise ProofError("the entry has no counter")
    return _Proven(entry, checkpoint.origin, receipt["index"], checkpoint.size, openings)


def _checked_receipt(receipt: object) -> dict[str, Any]:
    if not isinstance(receipt, dict) or receipt.keys() not in (RECEIPT_NAMES, CHUNK_NAMES):
        raise ProofError("the receipt does not have the members of a receipt")
    kinds = (("origin", str), ("entry", str), ("checkpoint", str), ("proof", list), ("openings", dict))
    wrong = [name for name, kind in kinds if not isinstance(receipt[name], kind)]
    wrong += [name for name in ("index", "size") if type(receipt[name]) is not int]
    if wrong:
        raise ProofError(f"the receipt's {wrong[0]} is of the wrong type")
    return receipt


def _check_beside(kind: str, beside: dict[str, Any]) -> None:
    """Refuse what no entry covers, but for the members that a 403 has (RFC 9457, section 3.1)."""
    if not beside:
        return
    if kind != "refusal" or beside.keys() != PROBLEM_NAMES:
        raise ProofError("the answer holds members that no answer has, or lacks some of a refusal's")
    texts = [one for name, one in beside.items() if name != "status"]
    if not all(isinstance(one, str) for one in texts) or type(beside["status"]) is not int:
        raise ProofError("a member of the refusal's problem is of the wrong type")
    if beside["status"] != 403 or beside["code"] != "nothing_permitted":  # noqa: PLR2004 -- HTTP's own number
        raise ProofError("the refusal is beside a problem that is not a refusal's")


# -- one person in an entry of their own


def _check_answer(entry: dict[str, Any], opened: dict[str, Any], disclosure: dict[str, Any]) -> None:
    _check_digest(opened, disclosure)
    if entry["id"] != disclosure.get("disclosure_id") or entry["outcome"] != disclosure.get("outcome"):
        raise ProofError("the entry is of another disclosure than this one")
    if stated_in(disclosure) != committed_in(opened["fields"]):
        raise ProofError("the entry states other forms or reasons than the disclosure")


def _check_digest(opened: dict[str, Any], disclosure: dict[str, Any]) -> None:
    digest = "sha256:" + hashlib.sha256(canonical(disclosure)).hexdigest()
    if opened["answer"] != {"digest": digest}:
        raise ProofError("the entry commits to another disclosure than this one")


# -- several people in one entry: each answer by its own leaves


def _verify_line(line: dict[str, Any], proven: Mapping[str, _Proven]) -> Verified:
    disclosure = line["disclosure"]
    if not isinstance(disclosure, dict):
        raise ProofError("a line's disclosure is not an object")
    if line["ref"] != disclosure.get("ref"):
        raise ProofError("a line's ref is not its disclosure's")
    entry_id = _entry_of(line)
    if entry_id not in proven:
        raise ProofError("the receipt of a line is not here: keep the receipt line that closes each chunk")
    return _verify_people(proven[entry_id], disclosure, line["leaves"])


def _verify_people(proven: _Proven, disclosure: dict[str, Any], leaves: object) -> Verified:
    if not isinstance(leaves, list) or not 0 < len(leaves) <= MOST_LEAVES:
        raise ProofError("the answer has no leaves, and its entry is of several people")
    opened = [_verify_leaf(proven.entry, one) for one in leaves]
    first = leaves[0]["place"]
    if [one["place"] for one in leaves] != list(range(first, first + len(leaves))):
        raise ProofError("the leaves do not stand beside one another")
    _check_id(proven.entry, disclosure, first, len(leaves))
    for one in opened:
        _check_digest(one, disclosure)
    if stated_in(disclosure) != sorted((field for one in opened for field in committed_in(one["fields"])), key=repr):
        raise ProofError("the leaves state other forms or reasons than the disclosure")
    released = released_in(disclosure)
    for leaf, one in zip(leaves, opened, strict=True):
        check_values(one["values"], leaf["seed"], [(path, released[path]) for path in one["fields"] if path in released])
    return _verified(proven, disclosure, {**proven.openings, **opened[0]})


def _verify_leaf(entry: dict[str, Any], leaf: object) -> dict[str, Any]:
    """Prove a leaf in the tree that its entry holds, and open it."""
    people = entry.get("people")
    if not isinstance(people, dict) or people.keys() != {"size", "root"} or type(people["size"]) is not int:
        raise ProofError("the entry holds no tree of people")
    if not isinstance(leaf, dict) or leaf.keys() != SHOWN_LEAF or type(leaf["place"]) is not int:
        raise ProofError("a leaf does not have the members of one")
    if not isinstance(leaf["path"], list):
        raise ProofError("a leaf's path is not a list of hashes")
    raw = read_base64(leaf["leaf"], "leaf")
    path = tuple(read_base64(one, "path") for one in leaf["path"])
    root = read_base64(people["root"], "root of people")
    verify_inclusion(leaf_hash(raw), index=leaf["place"], tree_size=people["size"], proof=path, root=root)
    holder = canonical_object(raw, "leaf")
    if holder.keys() != {"v", "_sd_alg", "_sd"}:
        raise ProofError("the leaf holds more than commitments")
    return open_names(leaf["openings"], LEAF_OPENINGS, digests_in(holder, len(LEAF_NAMES), "leaf"))


def _check_id(entry: dict[str, Any], disclosure: dict[str, Any], first: int, leaves: int) -> None:
    """A chunk's line is named by its entry and first leaf; an answer to a call about one person by its entry alone."""
    if "ref" in disclosure:
        if disclosure.get("disclosure_id") != f"{entry['id']}.{first}":
            raise ProofError("the entry is of another disclosure than this one")
        return
    if entry["id"] != disclosure.get("disclosure_id") or entry["outcome"] != disclosure.get("outcome"):
        raise ProofError("the entry is of another disclosure than this one")
    if entry["people"]["size"] != leaves:
        raise ProofError("the answer does not show all the leaves of its entry")


def _verified(proven: _Proven, disclosure: Mapping[str, Any], openings: Mapping[str, Any]) -> Verified:
    return Verified(
        origin=proven.origin,
        entry_id=proven.entry["id"],
        index=proven.index,
        size=proven.size,
        outcome=str(disclosure.get("outcome")),
        at=proven.entry["at"],
        counter=proven.entry["counter"],
        openings=openings,
        disclosure_id=str(disclosure.get("disclosure_id")),
        ref=disclosure.get("ref"),
    )
