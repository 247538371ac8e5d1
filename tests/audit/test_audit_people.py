"""Does an entry about several people prove each of them, and nothing else? Leaves are made by hand here."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from audit_place import KEY, Place, a_disclosure

from audit.checking.verify import is_complete, verify_answer, verify_answers
from audit.exporting.receipt import receipt
from audit.format.commitment import digest_of, encode, opening_of, seal, value_openings
from audit.format.entry import Kind, canonical
from audit.format.people import (
    LEAF_NAMES,
    LEAF_OPENINGS,
    SHARED_NAMES,
    make_leaf,
    parts_of,
    paths_of,
    people_of,
    seal_people,
)
from audit.tree.merkle import ProofError, inclusion_proof, leaf_hash, root_hash
from audit.writing.item import Draft

PEOPLE = {"row-1": {"full_name": {"value": "Grace Okafor", "form": "full"}}, "row-2": {}, "row-3": {}}


@dataclass
class Made:
    """A chunk's lines and its receipt, parsed, as a gateway gives them out."""

    lines: list[dict[str, Any]]
    receipt: dict[str, Any]

    def raw(self, *closing: dict[str, Any]) -> bytes:
        return b"\n".join(canonical(one) for one in [*self.lines, {"receipt": self.receipt}, *closing]) + b"\n"


def digest(disclosure: dict[str, Any]) -> str:
    return "sha256:" + hashlib.sha256(canonical(disclosure)).hexdigest()


def leaf_by_hand(place: int, disclosure: dict[str, Any], **changes: Any) -> tuple[bytes, dict[str, Any]]:
    """Return a leaf's bytes and what is shown of it; `changes` replace what it commits to, or holds besides."""
    released = disclosure["record"]["fields"]
    seed = bytes([place]) * 32
    values = sorted(digest_of(one) for one in value_openings(seed, list(released.items()))) if released else []
    fields: dict[str, Any] = {path: {"form": one["form"], "line": "releases/1"} for path, one in released.items()}
    fields |= {one["field"]: {"reason": one["reason"]} for one in disclosure["withheld"]}
    names = {
        "subject": {"ref": f"{place:064x}"}, "matter": {}, "request": {}, "answer": {"digest": digest(disclosure)},
        "fields": fields, "facts": {}, "values": {"_sd": values},
    } | {name: value for name, value in changes.items() if name in LEAF_NAMES}  # fmt: skip
    openings = {name: opening_of(bytes([place, n]) * 8, name, value) for n, (name, value) in enumerate(names.items())}
    holder = {"v": 1, "_sd_alg": "sha-256", "_sd": sorted(digest_of(one) for one in openings.values())}
    raw = canonical(holder | changes.get("besides", {}))
    shown = {
        "place": place,
        "leaf": base64.b64encode(raw).decode(),
        "openings": {name: openings[name] for name in LEAF_OPENINGS},
        "seed": encode(seed) if released else None,
    }
    return raw, shown


@pytest.fixture
def make(make_place: Callable[..., Place]) -> Callable[..., Made]:
    place = make_place("log")
    writer = place.start()

    def make_chunk(
        *, people: Any = None, kind: Kind = Kind.DISCLOSURE, ref: bool = True, first: Any = None, **changes: Any
    ) -> Made:
        entry_id = place.next_id("d")
        disclosures = []
        everybody = copy.deepcopy(PEOPLE) | ({"row-1": first} if first is not None else {})
        for number, (name, released) in enumerate(everybody.items()):
            one = a_disclosure(f"{entry_id}.{number}", released)
            disclosures.append({**one, "ref": name} if ref else {**one, "disclosure_id": entry_id})
        made = [leaf_by_hand(number, one, **(changes if number == 0 else {})) for number, one in enumerate(disclosures)]
        hashes = [leaf_hash(raw) for raw, _ in made]
        shared = {name: (KEY, {"of": name}) for name in SHARED_NAMES}
        tree = people_of(hashes) if people is None else people
        draft = Draft(
            kind, entry_id, seal(entry_id, shared, (), None), "partial", "harbour", people=tree, leaves=tuple(hashes)
        )
        appended = writer.append(lambda _connection, _moment: draft)
        assert appended is not None
        paths = [[base64.b64encode(one).decode() for one in inclusion_proof(n, hashes)] for n in range(len(hashes))]
        lines = [
            {"disclosure": one, "leaves": [{**shown, "path": path}], "ref": one.get("ref")}
            for one, (_, shown), path in zip(disclosures, made, paths, strict=True)
        ]
        return Made(lines, receipt(appended, origin=place.origin))

    make_chunk.vkey = place.signer.vkey  # type: ignore[attr-defined]
    return make_chunk


def refused(made: Made, vkey: str, match: str) -> None:
    with pytest.raises(ProofError, match=match):
        verify_answers(made.raw(), vkey=vkey)


def test_leaves_made_by_hand_are_those_that_are_made() -> None:
    """The format of a leaf, written down twice."""
    names = {name: (KEY, {}) for name in LEAF_NAMES if name != "values"}
    leaf = make_leaf("d_1", 3, names, [("age", {"value": 41, "form": "years"})], KEY)
    holder = orjson.loads(leaf.raw)

    assert holder == {"v": 1, "_sd_alg": "sha-256", "_sd": sorted(map(digest_of, leaf.committed.openings.values()))}
    assert set(leaf.committed.openings) == set(LEAF_NAMES)
    assert leaf.hashed == leaf_hash(leaf.raw)


def test_no_two_leaves_share_a_salt() -> None:
    """Also where both are of one person."""
    names = {"subject": (KEY, {"ref": "x"})}
    first, second = (make_leaf("d_1", place, names, (), KEY) for place in (0, 1))

    assert not set(first.committed.openings.values()) & set(second.committed.openings.values())


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 100])
def test_paths_and_root_are_rfc_6962s(count: int) -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(count)]

    assert people_of(hashes) == {"size": count, "root": base64.b64encode(root_hash(hashes)).decode()}
    assert paths_of(hashes) == [inclusion_proof(number, hashes) for number in range(count)]


def test_a_key_has_one_bundle_however_often_it_is_used() -> None:
    """Two under one key would be encrypted with one nonce."""
    names = {name: (KEY, {}) for name in LEAF_NAMES if name != "values"}
    leaves = [make_leaf("d_1", place, names, (), KEY) for place in range(3)]

    sealed, _ = seal_people("d_1", {name: (KEY, {}) for name in SHARED_NAMES}, leaves)

    assert len(sealed.bundles) == 1
    assert len(sealed.sd) == len(SHARED_NAMES)


def test_openings_come_apart_by_their_places() -> None:
    assert parts_of({"parties": 1, "0/subject": 2, "12/values": 3}) == (
        {"parties": 1},
        {0: {"subject": 2}, 12: {"values": 3}},
    )


def test_every_line_is_proved(make: Any) -> None:
    made = make()

    found = verify_answers(made.raw({"end": {"lines": 3}}), vkey=make.vkey)

    assert [(one.ref, one.disclosure_id.partition(".")[2]) for one in found] == [
        ("row-1", "0"),
        ("row-2", "1"),
        ("row-3", "2"),
    ]
    assert is_complete(made.raw({"end": {"lines": 3}}))
    assert not is_complete(made.raw({"end": {"lines": 4}}))
    assert not is_complete(made.raw({"problem": {}}))


FORGED = {
    "another answer": ({"answer": {"digest": "sha256:" + "0" * 64}}, "another disclosure"),
    "other fields": ({"fields": {"full_name": {"form": "initial"}}}, "other forms or reasons"),
    "other values": ({"values": {"_sd": []}}, "do not open"),
    "more than commitments": ({"besides": {"note": "x"}}, "more than commitments"),
    "another version": ({"besides": {"v": 2}}, "of a version"),
    "a digest too many": ({"besides": {"_sd": ["x"] * 8}}, "does not commit to 7 names"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_leaf_that_holds_something_else_is_refused(make: Any, case: str) -> None:
    """By a gateway that records one thing and says another."""
    changes, match = FORGED[case]
    refused(make(**changes), make.vkey, match)


TREES = {
    "none": "x", "a number": {"size": "3", "root": ""}, "more": {"size": 3, "root": "", "x": 1},
    "of no size": {"size": 0, "root": base64.b64encode(bytes(32)).decode()},
    "of another size": {"size": 2, "root": base64.b64encode(bytes(32)).decode()},
    "another root": {"size": 3, "root": base64.b64encode(bytes(32)).decode()},
}  # fmt: skip


@pytest.mark.parametrize("case", TREES)
def test_an_entry_whose_tree_is_another_is_refused(make: Any, case: str) -> None:
    tree = TREES[case] if isinstance(TREES[case], dict) else {"x": 1}
    refused(make(people=tree), make.vkey, "tree|proof|index|root|hash")


def changed(made: Made, change: Callable[[dict[str, Any]], None]) -> Made:
    lines = copy.deepcopy(made.lines)
    change(lines[0])
    return Made(lines, made.receipt)


LIES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no leaves": (lambda line: line.update(leaves=[]), "no leaves"),
    "leaves of no kind": (lambda line: line.update(leaves="x"), "no leaves"),
    "a leaf of no kind": (lambda line: line.update(leaves=["x"]), "members of one"),
    "a place of no kind": (lambda line: line["leaves"][0].update(place=True), "members of one"),
    "a negative place": (lambda line: line["leaves"][0].update(place=-1), "index -1"),
    "a place beyond": (lambda line: line["leaves"][0].update(place=3), "index 3"),
    "a path of no kind": (lambda line: line["leaves"][0].update(path="x"), "list of hashes"),
    "a path too long": (lambda line: line["leaves"][0]["path"].append(base64.b64encode(bytes(32)).decode()), "too long"),
    "a path of no hashes": (lambda line: line["leaves"][0].update(path=["eA==", "eA=="]), "32 bytes"),
    "a leaf twice": (lambda line: line["leaves"].append(line["leaves"][0]), "beside one another"),
    "a member too many": (lambda line: line["leaves"][0].update(note="x"), "members of one"),
    "another ref": (lambda line: line.update(ref="row-9"), "ref is not"),
    "another ref inside": (lambda line: line["disclosure"].update(ref="row-9"), "ref is not"),
    "a disclosure of no kind": (lambda line: line.update(disclosure="x"), "not an object"),
    "another id": (lambda line: line["disclosure"].update(disclosure_id="d_9.0"), "receipt of a line is not here"),
    "a neighbour's id": (
        lambda line: line["disclosure"].update(disclosure_id=line["disclosure"]["disclosure_id"][:-1] + "1"),
        "another disclosure",
    ),
    "an opening too few": (lambda line: line["leaves"][0]["openings"].pop("matter"), "does not open all"),
    "openings of no kind": (lambda line: line["leaves"][0].update(openings=[]), "does not open all"),
    "a member of the line": (lambda line: line.update(note="x"), "neither a person's"),
    "a withheld field too few": (lambda line: line["disclosure"].update(withheld=[]), "another disclosure"),
    "forms of no kind": (lambda line: line["disclosure"]["record"]["fields"]["full_name"].update(forms=1), "."),
}


@pytest.mark.parametrize("case", LIES)
def test_a_line_that_says_something_else_is_refused(make: Any, case: str) -> None:
    change, match = LIES[case]
    refused(changed(make(), change), make.vkey, match)


def test_a_groups_forms_must_be_forms(make: Any) -> None:
    made = make(first={"episodes": {"value": [], "form": "all", "forms": ["month"]}})
    refused(made, make.vkey, "in which forms")


def test_a_receipt_of_one_person_is_not_one_of_many(make: Any) -> None:
    made = make()
    made.receipt["seed"] = None
    refused(made, make.vkey, "of another kind than its entry")


def test_an_entry_of_one_person_has_no_leaves(partner: Any, vkey: str) -> None:
    answer = partner.ask()
    answer["receipt"].pop("seed")

    with pytest.raises(ProofError, match="of another kind than its entry"):
        verify_answer(canonical(answer), vkey=vkey)


def test_leaves_beside_an_entry_of_one_person_are_refused(partner: Any, vkey: str) -> None:
    answer = partner.ask()
    answer["receipt"]["leaves"] = []

    with pytest.raises(ProofError, match="no leaves"):
        verify_answer(canonical(answer), vkey=vkey)


def test_an_answer_about_one_person_shows_all_leaves_of_its_entry(make: Any) -> None:
    """Without a ref it is a call about one, whose record holds others: each of them stands in the receipt."""
    made = make(ref=False)
    line = made.lines[0]
    answer = {"disclosure": line["disclosure"], "receipt": {**made.receipt, "leaves": line["leaves"]}}

    with pytest.raises(ProofError, match="all the leaves"):
        verify_answer(canonical(answer), vkey=make.vkey)


def test_an_answer_about_one_person_is_named_by_its_entry_alone(make: Any) -> None:
    made = make(ref=False)
    line = made.lines[0]
    line["disclosure"]["disclosure_id"] += ".0"
    answer = {"disclosure": line["disclosure"], "receipt": {**made.receipt, "leaves": line["leaves"]}}

    with pytest.raises(ProofError, match="another disclosure"):
        verify_answer(canonical(answer), vkey=make.vkey)


JUNK = {
    "nothing": (b"", "not JSON"),
    "no JSON": (b"{", "not JSON"),
    "an array": (b"[]", "not an object"),
    "no lines": (canonical({"lines": "x"}), "not lines"),
    "lines of no kind": (canonical({"lines": ["x"]}), "not lines"),
    "an unknown line": (canonical({"lines": [{"x": 1}]}), "neither a person's"),
    "nobody": (canonical({"lines": [], "end": {"lines": 0}}), "no line of a person"),
    "an empty line": (b'{"end":{"lines":0}}\n\n{"end":{"lines":0}}\n', "line 2 is not JSON"),
    "other line ends": (b'{"end":{"lines":0}}\r\n', "not written canonically|not JSON"),
    "a byte order mark": (b'\xef\xbb\xbf{"end":{"lines":0}}\n', "not JSON"),
    "a line too long": (b'{"end":"' + b"x" * 4_200_000 + b'"}\n', "over 4194304 bytes"),
}


@pytest.mark.parametrize("case", JUNK)
def test_what_is_no_answer_is_refused(case: str, vkey: str) -> None:
    raw, match = JUNK[case]
    with pytest.raises(ProofError, match=match):
        verify_answers(raw, vkey=vkey)


def test_one_answer_is_complete_by_itself(answer: Any, vkey: str) -> None:
    assert is_complete(canonical(answer))
    assert verify_answers(canonical(answer), vkey=vkey)[0].ref is None


def test_a_document_of_the_same_lines_is_verified(make: Any) -> None:
    made = make()
    document = canonical({"lines": [*made.lines, {"receipt": made.receipt}], "end": {"lines": 3}})

    assert len(verify_answers(document, vkey=make.vkey)) == 3
    assert is_complete(document)


def test_a_value_twice_as_large_as_any_integer_is_refused() -> None:
    """2**53 and more have no one spelling in JSON."""
    from audit.format.entry import EntryError, each_written  # noqa: PLC0415 -- for this alone

    for value in (2**53, "\ud800"):
        with pytest.raises(EntryError):
            each_written({"field": {"value": value, "form": "full"}})


def test_a_long_key_is_refused() -> None:
    from audit.format.commitment import Mac  # noqa: PLC0415 -- for this alone

    with pytest.raises(ValueError, match="64"):
        Mac(bytes(65))


def test_words_beside_the_lines_are_a_refusals_or_none(make: Any) -> None:
    """Nobody can write words of their own beside what was disclosed; beside refusals stand a problem's members."""
    problem = {"type": "u", "title": "t", "status": 403, "code": "nothing_permitted", "detail": "d", "remedy": "r",
               "request_id": "i", "urgent_contact": "c"}  # fmt: skip
    disclosed, refusals = make(), make(kind=Kind.REFUSAL)

    def document(made: Made, **beside: Any) -> bytes:
        return canonical({"lines": [*made.lines, {"receipt": made.receipt}], "end": {"lines": 3}, **beside})

    assert len(verify_answers(document(refusals, **problem), vkey=make.vkey)) == 3
    for raw in (
        document(disclosed, **problem),
        document(disclosed, note="x"),
        document(refusals, note="x"),
        document(refusals, **{**problem, "status": 200}),
    ):
        with pytest.raises(ProofError, match=r"members that no answer has|not a refusal's"):
            verify_answers(raw, vkey=make.vkey)


def test_a_line_or_receipt_that_stands_twice_is_refused(make: Any) -> None:
    """A person shown twice is no other person."""
    made = make()
    twice = Made([*made.lines, made.lines[0]], made.receipt)
    refused(twice, make.vkey, "stands here twice")
    with pytest.raises(ProofError, match="receipt stands here twice"):
        verify_answers(made.raw({"receipt": made.receipt}), vkey=make.vkey)


def test_an_answer_that_lacks_a_person_is_not_complete(make: Any) -> None:
    """Whatever its end says: how many leaves there are is signed."""
    made = make()
    lacking = Made(made.lines[:2], made.receipt)

    assert len(verify_answers(lacking.raw({"end": {"lines": 2}}), vkey=make.vkey)) == 2
    assert not is_complete(lacking.raw({"end": {"lines": 2}}))


def test_empty_lines_at_the_end_are_no_part_of_an_answer(make: Any) -> None:
    with pytest.raises(ProofError, match="not JSON"):
        verify_answers(make().raw({"end": {"lines": 3}}) + b"\n", vkey=make.vkey)


def test_an_answer_without_bounds_is_not_read() -> None:
    with pytest.raises(ProofError, match="over 268435456 bytes"):
        verify_answers(bytes(268_435_457), vkey="x")
