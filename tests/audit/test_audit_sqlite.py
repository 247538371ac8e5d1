"""The log's file: what it forbids, and what the check at the start notices and says."""

import pysqlite3
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.format.entry import Kind
from audit.stores.checked import LogCorruptError, check_at_start, check_whole_log
from audit.stores.connection import StoreError
from audit.stores.entries import bundles, find_entry, head
from audit.stores.instants import from_micros, to_micros
from audit.stores.nodes import consistency, inclusion
from audit.stores.sqlite import open_connection
from audit.tree.checkpoint import CheckpointSigner, verify_checkpoint
from audit.tree.merkle import leaf_hash, node_hash, verify_consistency


@pytest.fixture
def filled(place, writer, draft):
    """A log of 300 entries, one of them of a state kind, in two batches and one more."""
    for start in (0, 150):
        place.submit_together(writer, [lambda _c, _m, n=n: draft(f"e_{n}") for n in range(start, start + 149)])
    place.append(writer, Kind.CORE_PUBLISHED, state_keys=("core/x", "core/y"))
    place.append(writer)
    writer.close()
    return place


FORBIDDEN = [
    "UPDATE log_entry SET entry = x'00' WHERE idx = 3",
    "UPDATE log_entry SET kind = 'search' WHERE idx = 3",
    "UPDATE OR REPLACE log_entry SET idx = 4 WHERE idx = 3",
    "DELETE FROM log_entry WHERE idx = 3",
    "DELETE FROM log_entry",
    "INSERT OR REPLACE INTO log_entry SELECT idx, entry_id, 'search', x'00' FROM log_entry WHERE idx = 3",
    "INSERT OR REPLACE INTO log_entry SELECT 300, entry_id, 'search', x'00' FROM log_entry WHERE idx = 3",
    "REPLACE INTO log_entry VALUES (3, 'new', 'search', x'00')",
    "INSERT INTO log_entry VALUES (3, 'new', 'search', x'00') ON CONFLICT (idx) DO UPDATE SET entry = x'00'",
    "INSERT INTO log_entry VALUES (301, 'new', 'search', x'00')",
    "INSERT INTO log_entry VALUES (-1, 'new', 'search', x'00')",
    "UPDATE log_node SET hash = x'00' WHERE level = 0 AND idx = 3",
    "DELETE FROM log_node WHERE level = 0 AND idx = 3",
    "INSERT OR REPLACE INTO log_node VALUES (0, 3, x'00')",
    "INSERT INTO log_node VALUES (0, 3, x'00') ON CONFLICT DO UPDATE SET hash = x'00'",
    "UPDATE log_checkpoint SET note = ''",
    "DELETE FROM log_checkpoint",
    "INSERT OR REPLACE INTO log_checkpoint VALUES (300, '')",
    "INSERT INTO log_checkpoint VALUES (7, '')",
    "UPDATE log_head SET size = 299",
    "UPDATE log_head SET root = x'00'",
    "DELETE FROM log_head",
    "INSERT OR REPLACE INTO log_head VALUES (1, 299, x'00', 0, -1)",
    "INSERT INTO log_head VALUES (2, 301, x'00', 0, -1)",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_tables_forbid(filled, statement: str) -> None:
    """On a connection that knows nothing of the log, too: `recursive_triggers` is off there."""
    connection = pysqlite3.connect(filled.database, isolation_level=None)
    assert connection.execute("PRAGMA recursive_triggers").fetchone() == (0,)
    with pytest.raises(pysqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()
    filled.check()


def tamper(place, *statements: str) -> None:
    """Change the file as somebody would who has it in hand: without its triggers."""
    connection = place.connect()
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()]
    assert names
    for name in names:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert connection.execute(statement).rowcount != 0


TAMPERED = {
    "a byte of an entry": (
        ["UPDATE log_entry SET entry = cast(replace(entry, 'search', 'export') AS BLOB) WHERE idx = 299"],
        "entry 299 is not the one that was appended",
    ),
    "an entry's leaf": (
        ["UPDATE log_node SET hash = zeroblob(32) WHERE level = 0 AND idx = 120"],
        "entry 120 is not the one that was appended",
    ),
    "a node": (
        ["UPDATE log_node SET hash = zeroblob(32) WHERE level = 3 AND idx = 5"],
        "node 5 of level 3 does not follow from its children",
    ),
    "a removed node": (
        ["DELETE FROM log_node WHERE level = 3 AND idx = 5"],
        "of level 3 there should be 37 nodes, the log holds 36",
    ),
    "a removed leaf": (
        ["DELETE FROM log_node WHERE level = 0 AND idx = 5"],
        "entry 5 has no leaf: node 5 of level 0 is missing",
    ),
    "a removed node of the edge": (
        ["DELETE FROM log_node WHERE level = 8"],
        "of level 8 there should be 1 nodes, the log holds 0",
    ),
    "a node too many": (
        ["INSERT INTO log_node VALUES (0, 300, zeroblob(32))"],
        "of level 0 there should be 300 nodes, the log holds 301",
    ),
    "a level too many": (
        ["INSERT INTO log_node VALUES (9, 0, zeroblob(32))"],
        "of level 9 there should be 0 nodes, the log holds 1",
    ),
    "the last entry": (["DELETE FROM log_entry WHERE idx = 299"], "300 entries, but the last one stands at 298"),
    "an entry between": (["DELETE FROM log_entry WHERE idx = 77"], "of the entries from 0 on, 1 are missing"),
    "an entry too many": (
        ["INSERT INTO log_entry VALUES (300, 'new', 'search', x'00')"],
        "300 entries, but the last one stands at 300",
    ),
    "the head's root": (
        ["UPDATE log_head SET root = zeroblob(32)"],
        "the nodes give another root than the head of 300 entries",
    ),
    "the head's size": (["UPDATE log_head SET size = 299"], "299 entries, but the last one stands at 299"),
    "the head": (["DELETE FROM log_head"], "0 entries, but the last one stands at 299"),
    "the head's time": (["UPDATE log_head SET at = at + 1"], "the head's time is not its last entry's"),
    "the head's state index": (
        ["UPDATE log_head SET state_index = 297"],
        "the newest state key names entry 298, the head's state index is 297",
    ),
    "a state key": (["UPDATE state_key SET idx = 299 WHERE key = 'core/y'"], "the newest state key names entry 299"),
    "the state keys": (["DELETE FROM state_key"], "the newest state key names entry -1"),
    "the last checkpoint": (
        ["DELETE FROM log_checkpoint WHERE size = 300"],
        "the last checkpoint is of 299 entries, the head of another size",
    ),
    "every checkpoint": (["DELETE FROM log_checkpoint"], "the last checkpoint is of 0 entries"),
    "the checkpoint's text": (
        ["UPDATE log_checkpoint SET note = replace(note, 'northmoor', 'southmoor') WHERE size = 300"],
        "the last checkpoint: ",
    ),
    "an older checkpoint in its place": (
        ["UPDATE log_checkpoint SET note = (SELECT note FROM log_checkpoint WHERE size = 299) WHERE size = 300"],
        "the last checkpoint is of another tree than the head",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_check_at_the_start_notices_and_says_what_was_changed(filled, what: str) -> None:
    statements, message = TAMPERED[what]
    tamper(filled, *statements)
    with pytest.raises(LogCorruptError) as caught:
        filled.start()
    assert message in str(caught.value)


def test_a_rewritten_history_fails_at_the_signature(filled) -> None:
    """Entry, leaf, nodes, edge and head all changed to fit: only the key can't be had."""
    connection = filled.connect()
    changed = bytes(connection.execute("SELECT entry FROM log_entry WHERE idx = 299").fetchone()[0]).replace(
        b"search", b"export"
    )
    tamper(filled)
    connection.execute("UPDATE log_entry SET entry = ? WHERE idx = 299", (changed,))
    hashed = leaf_hash(changed)
    connection.execute("UPDATE log_node SET hash = ? WHERE level = 0 AND idx = 299", (hashed,))
    for level in (1, 2):  # 300 = 256 + 32 + 8 + 4
        left = connection.execute(
            "SELECT hash FROM log_node WHERE level = ? AND idx = ?", (level - 1, (299 >> (level - 1)) - 1)
        ).fetchone()[0]
        hashed = node_hash(left, hashed)
        connection.execute("UPDATE log_node SET hash = ? WHERE level = ? AND idx = ?", (hashed, level, 299 >> level))
    for level, index in ((3, 36), (5, 8), (8, 0)):
        left = connection.execute("SELECT hash FROM log_node WHERE level = ? AND idx = ?", (level, index)).fetchone()[0]
        hashed = node_hash(left, hashed)
    connection.execute("UPDATE log_head SET root = ?", (hashed,))

    with pytest.raises(LogCorruptError, match="last checkpoint is of another tree than the head"):
        filled.start()
    other = CheckpointSigner(filled.origin, Ed25519PrivateKey.generate())
    connection.execute("UPDATE log_checkpoint SET note = ? WHERE size = 300", (other.sign(300, hashed),))
    with pytest.raises(LogCorruptError, match="no signature by the key you hold"):
        filled.start()


def test_a_log_of_another_key_does_not_start(filled) -> None:
    other = CheckpointSigner(filled.origin, Ed25519PrivateKey.generate())
    with pytest.raises(LogCorruptError, match="no signature by the key you hold"):
        filled.start(signer=other)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.999])
def test_a_truncated_file_does_not_start(filled, kept: float) -> None:
    filled.close()
    content = filled.database.read_bytes()
    filled.database.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(LogCorruptError, match="malformed"):
        filled.start()


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one. " * 100, b"x" * 10])
def test_a_file_that_is_no_database_does_not_start(place, content: bytes) -> None:
    place.database.write_bytes(content)
    with pytest.raises(LogCorruptError, match="not a database"):
        place.start()


def test_an_empty_file_does_not_start_a_second_log(place) -> None:
    place.database.write_bytes(b"")
    with pytest.raises(LogCorruptError, match="no such table"):
        place.start()


def test_a_damaged_page_is_noticed(filled) -> None:
    filled.close()
    content = filled.database.read_bytes()
    assert b'"id":"e_7"' in content
    filled.database.write_bytes(content.replace(b'"id":"e_7"', b'"id":"e_8"'))
    with pytest.raises(LogCorruptError, match="entry 7 is not the one that was appended"):
        filled.start()


def test_damaged_pages_are_noticed_by_the_whole_check(filled) -> None:
    filled.close()
    content = bytearray(filled.database.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    filled.database.write_bytes(content)
    with pytest.raises(LogCorruptError, match="damaged"):
        check_whole_log(filled.connect(), filled.signer.vkey)


def test_a_page_that_does_not_add_up_is_noticed_by_the_whole_check(filled) -> None:
    """Every row can be read still; but SQLite would write over what it takes for free."""
    filled.close()
    content = bytearray(filled.database.read_bytes())
    content[4096 + 7] ^= 1  # page 2's count of fragmented free bytes
    filled.database.write_bytes(content)
    with pytest.raises(LogCorruptError, match="Fragmentation"):
        check_whole_log(filled.connect(), filled.signer.vkey)


def test_a_removed_node_on_the_left_is_noticed_though_only_the_last_entries_are_checked(filled) -> None:
    tamper(filled, "DELETE FROM log_node WHERE level = 8")
    with pytest.raises(LogCorruptError, match="node 0 of level 8 is missing"):
        check_at_start(filled.connect(), filled.signer.vkey, last=3)


def test_the_check_at_the_start_looks_at_the_last_entries_alone(filled) -> None:
    """Starting a large log takes no longer than a small one; the whole check finds the rest."""
    tamper(filled, "UPDATE log_entry SET entry = x'00' WHERE idx = 100")
    connection = filled.connect()
    check_at_start(connection, filled.signer.vkey, last=199)
    for check in (
        lambda: check_at_start(connection, filled.signer.vkey, last=200),
        lambda: check_whole_log(connection, filled.signer.vkey),
    ):
        with pytest.raises(LogCorruptError, match="entry 100 is not"):
            check()


@pytest.mark.parametrize("last", [1, 2, 7, 43, 44, 45, 256, 257, 300, 10_000])
def test_a_part_of_any_length_is_checked(filled, last: int) -> None:
    check_at_start(filled.connect(), filled.signer.vkey, last=last)


def test_a_check_beside_a_running_writer_sees_one_instant(place, writer) -> None:
    """Between the check's reads the log grows: that is no damage."""
    for _ in range(3):
        place.append(writer)
    connection = open_connection(place.database, read_only=True)
    grown = []
    connection.set_trace_callback(
        lambda statement: grown.append(place.append(writer)) if "log_checkpoint" in statement and not grown else None
    )
    check_whole_log(connection, place.signer.vkey)
    connection.close()
    assert len(grown) == 1


def test_a_start_lets_go_of_a_log_that_it_refuses(filled) -> None:
    tamper(filled, "DELETE FROM log_head")
    with pytest.raises(LogCorruptError):
        filled.start()
    connection = open_connection(filled.database, read_only=False)
    connection.execute("BEGIN EXCLUSIVE")
    connection.close()


def test_a_log_opened_for_reading_cannot_be_written(filled) -> None:
    connection = open_connection(filled.database, read_only=True)
    with pytest.raises(StoreError, match="readonly"):
        connection.run("INSERT INTO log_bundle VALUES (0, x'00', x'00')")
    connection.close()


def test_every_two_checkpoints_are_consistent(filled) -> None:
    connection = filled.connect()
    notes = [row[0] for row in connection.execute("SELECT note FROM log_checkpoint ORDER BY size").fetchall()]
    signed = [verify_checkpoint(note, filled.signer.vkey) for note in notes]
    assert [one.size for one in signed] == [149, 298, 299, 300]
    for old in signed:
        for new in signed:
            if old.size <= new.size:
                verify_consistency(
                    old_size=old.size,
                    old_root=old.root,
                    size=new.size,
                    root=new.root,
                    proof=consistency(connection, old=old.size, size=new.size),
                )


def test_what_is_kept_beside_an_entry_is_found(filled, draft) -> None:
    connection = filled.connect()
    index, _ = find_entry(connection, "e_7")
    assert bundles(connection, index) == list(draft("e_7").sealed.bundles)
    assert bundles(connection, 1000) == []
    assert len(inclusion(connection, index=index, size=head(connection)[0])) == 9


@pytest.mark.parametrize("micros", [0, 1, 999_999, 1_000_000, 1_790_932_443_999_999])
def test_an_instant_survives_its_row(micros: int) -> None:
    assert to_micros(from_micros(micros)) == micros


@pytest.mark.parametrize("check", [check_at_start, check_whole_log])
def test_a_missing_table_is_noticed(filled, check) -> None:
    connection = filled.connect()
    connection.execute("DROP TABLE state_key")
    with pytest.raises(LogCorruptError, match="no such table: state_key"):
        check(connection, filled.signer.vkey)
