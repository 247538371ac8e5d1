"""What a partner keeps: the receipt, and C2SP tlog-proof."""

import base64

from audit.exporting.receipt import receipt_of, tlog_proof
from audit.stores.entries import find_entry, newest_checkpoint
from audit.stores.nodes import inclusion
from audit.tree.merkle import leaf_hash, verify_inclusion


def test_a_tlog_proof_is_read_as_its_specification_says(place, writer) -> None:
    """C2SP tlog-proof: index line, hashes from the leaf's sibling up, an empty line, the checkpoint verbatim."""
    for _ in range(5):
        last = place.append(writer)

    lines = tlog_proof(index=last.index, proof=last.proof, checkpoint=last.checkpoint).split("\n")

    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 4"]
    blank = lines.index("")
    assert "\n".join(lines[blank + 1 :]) == last.checkpoint
    root = base64.b64decode(lines[blank + 3])
    proof = [base64.b64decode(line, validate=True) for line in lines[2:blank]]
    verify_inclusion(leaf_hash(last.entry), index=4, tree_size=int(lines[blank + 2]), proof=proof, root=root)


def test_a_tlog_proof_of_a_lone_entry_has_no_hashes(place, writer) -> None:
    only = place.append(writer)
    text = tlog_proof(index=0, proof=only.proof, checkpoint=only.checkpoint)
    assert text == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{only.checkpoint}"


def test_a_receipt_opens_what_is_the_partners_only(partner) -> None:
    receipt = partner.ask()["receipt"]
    assert set(receipt["openings"]) == {
        "parties",
        "caseworker",
        "basis",
        "fields",
        "matter",
        "request",
        "answer",
        "values",
    }


def test_a_receipt_can_be_made_again_from_the_log(place, partner) -> None:
    given = partner.ask()
    connection = place.connect()
    index, entry = find_entry(connection, given["disclosure"]["disclosure_id"])
    size, checkpoint = newest_checkpoint(connection)

    again = receipt_of(
        origin=place.origin,
        entry=entry,
        index=index,
        size=size,
        proof=inclusion(connection, index=index, size=size),
        checkpoint=checkpoint,
        openings=given["receipt"]["openings"],
        seed=None,
    )

    assert again == {**given["receipt"], "seed": None}


def test_an_entry_that_is_not_there_is_not_found(place, writer) -> None:
    assert find_entry(place.connect(), "d_unknown") is None
    assert newest_checkpoint(place.connect()) is None
