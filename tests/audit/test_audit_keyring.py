"""Keys: made ahead, durable before use, claimed in the log's transaction, gone when destroyed."""

import base64
import contextlib
import itertools
import threading

import pysqlite3
import pytest

from audit.format.commitment import open_bundle
from audit.stores.entries import bundles
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import leaf_hash, verify_inclusion
from audit.writing import keyring as keyring_module
from audit.writing.keyring import BLOCK, CONTROLLER_ID, NAMED, Keyring, KeyringError, reference
from audit.writing.wrapping import Held

MASTER = bytes(range(32))
REF = reference(b"i" * 32, "tenancies", "person-1")
OTHER = reference(b"i" * 32, "tenancies", "person-2")


@pytest.fixture
def ring(place) -> Keyring:
    return place.ring()


@pytest.fixture
def log(place):
    return place.connect()


def key_ids(place) -> set[bytes]:
    """Return the keys that are durable in the key file, as another process sees them."""
    connection = pysqlite3.connect(place.keys)
    with contextlib.closing(connection):
        return {row[0] for row in connection.execute("SELECT key_id FROM random_key").fetchall()}


def claimed(log) -> dict[bytes, bytes]:
    return dict(log.execute("SELECT reference, key_id FROM subject_key").fetchall())


def test_a_key_is_durable_before_it_is_given_out(place, ring, log) -> None:
    assert key_ids(place) == set()
    key, new = ring.key_for(log, REF, "P6Y", 2026)
    assert new
    assert key.key_id in key_ids(place)
    assert len(key_ids(place)) == BLOCK


def test_keys_are_made_a_block_at_a_time(place, ring, log) -> None:
    keys = [ring.key_for(log, bytes([number]) * 32, "P6Y", 2026)[0] for number in range(BLOCK + 1)]
    assert len({key.secret for key in keys} | {key.key_id for key in keys}) == 2 * (BLOCK + 1)
    assert len(key_ids(place)) == 2 * BLOCK


def test_a_person_has_a_key_for_each_class_and_year(ring, log) -> None:
    asked = list(itertools.product([REF, OTHER], ["P6Y", "P1Y"], [2026, 2027]))
    assert len({ring.key_for(log, *one)[0].key_id for one in asked}) == len(asked) == 8
    assert ring.key_for(log, REF, "P6Y", 2026) == ring.key_for(log, REF, "P6Y", 2026)


def test_a_key_counts_once_it_is_claimed(ring, log) -> None:
    key, new = ring.key_for(log, REF, "P6Y", 2026)
    assert new
    assert claimed(log) == {}
    assert ring.claim(log, REF, "P6Y", 2026, key) == key
    assert claimed(log) == {REF: key.key_id}
    assert ring.key_for(log, REF, "P6Y", 2026) == (key, False)


def test_a_claimed_key_is_found_by_another_process(place, ring, log) -> None:
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    ring.claim(log, REF, "P6Y", 2026, key)
    assert place.ring().key_for(log, REF, "P6Y", 2026) == (key, False)
    assert place.ring().load(key.key_id) == key


def test_of_two_writers_the_first_to_claim_wins(place, ring, log) -> None:
    other = place.ring()
    mine, _ = ring.key_for(log, REF, "P6Y", 2026)
    theirs, _ = other.key_for(log, REF, "P6Y", 2026)
    assert mine != theirs

    assert other.claim(log, REF, "P6Y", 2026, theirs) == theirs
    assert ring.claim(log, REF, "P6Y", 2026, mine) == theirs
    assert ring.key_for(log, REF, "P6Y", 2026) == (theirs, False)
    assert claimed(log) == {REF: theirs.key_id}


def test_a_claim_that_was_rolled_back_is_made_again(place, ring, log) -> None:
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    log.execute("BEGIN")
    ring.claim(log, REF, "P6Y", 2026, key)
    log.execute("ROLLBACK")
    assert claimed(log) == {}

    again, _ = ring.key_for(log, REF, "P6Y", 2026)
    assert ring.claim(log, REF, "P6Y", 2026, again) == key
    assert claimed(log) == {REF: key.key_id}


def test_a_rolled_back_claim_gives_way_to_another_processes(place, ring, log) -> None:
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    log.execute("BEGIN")
    ring.claim(log, REF, "P6Y", 2026, key)
    log.execute("ROLLBACK")
    theirs, _ = place.ring().key_for(log, REF, "P6Y", 2026)
    place.ring().claim(log, REF, "P6Y", 2026, theirs)

    assert ring.claim(log, REF, "P6Y", 2026, key) == theirs


def test_a_destroyed_key_is_nowhere_to_be_had(place, ring, log) -> None:
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    ring.claim(log, REF, "P6Y", 2026, key)
    other, _ = ring.key_for(log, OTHER, "P6Y", 2026)
    ring.destroy([key.key_id])

    for one in (ring, place.ring()):
        with pytest.raises(KeyringError, match="destroyed"):
            one.load(key.key_id)
        with pytest.raises(KeyringError, match="destroyed"):
            one.key_for(log, REF, "P6Y", 2026)
        assert one.load(other.key_id) == other


def test_a_destroyed_key_leaves_no_trace_in_the_files(place, ring, log) -> None:
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    wrapped = ring._file.random(key.key_id).content
    files = [place.keys, place.keys.with_name("keys.sqlite-wal")]
    assert any(wrapped in file.read_bytes() for file in files)

    ring.destroy([key.key_id])

    assert not [file for file in files if wrapped in file.read_bytes() or key.key_id in file.read_bytes()]


def test_a_destruction_that_could_not_wipe_the_file_says_so(place, ring, log) -> None:
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    ring._file.connection.execute("PRAGMA busy_timeout=0")
    reader = pysqlite3.connect(place.keys, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM random_key").fetchone()

    with pytest.raises(KeyringError, match="destroy again"):
        ring.destroy([key.key_id])
    with pytest.raises(KeyringError, match="destroyed"):
        ring.load(key.key_id)
    reader.close()
    ring.destroy([key.key_id])


def test_after_an_erasure_a_person_has_a_new_key(place, ring, log) -> None:
    """The erasure takes the rows away in its own transaction; another process still remembers the old key."""
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    ring.claim(log, REF, "P6Y", 2026, key)
    eraser = place.ring()
    log.execute("DELETE FROM subject_key WHERE reference = ?", (REF,))
    eraser.destroy([key.key_id])

    remembered, _ = ring.key_for(log, REF, "P6Y", 2026)
    assert remembered == key
    held = ring.claim(log, REF, "P6Y", 2026, remembered)

    assert held != key
    assert ring.load(held.key_id) == held
    assert claimed(log) == {REF: held.key_id}


def test_destroying_a_key_leaves_every_proof_intact(place, partner) -> None:
    before = partner.ask(subject="person-1")["receipt"]
    after = partner.ask(subject="person-2")["receipt"]
    log, ring = place.connect(), partner.ring
    key_id = claimed(log)[reference(ring.named("index"), "tenancies", "person-1")]
    (ciphertext,) = [one for key, one in bundles(log, before["index"]) if key == key_id]
    entry_id = "d_" + "0" * 26
    assert "facts" in open_bundle(ring.load(key_id), entry_id, ciphertext)

    ring.destroy([key_id])

    with pytest.raises(KeyringError):
        ring.load(key_id)
    place.check()
    for receipt in (before, after):
        entry = base64.b64decode(receipt["entry"])
        signed = verify_checkpoint(receipt["checkpoint"], place.signer.vkey)
        proof = [base64.b64decode(one) for one in receipt["proof"]]
        verify_inclusion(leaf_hash(entry), index=receipt["index"], tree_size=signed.size, proof=proof, root=signed.root)


def test_the_controllers_key_outlives_every_erasure(place, ring) -> None:
    controller = ring.controller()
    ring.destroy([CONTROLLER_ID])
    assert ring.controller() == ring.load(CONTROLLER_ID) == place.ring().controller() == controller


def test_named_keys_are_there_from_the_first_and_differ(ring) -> None:
    secrets = [ring.named(name) for name in NAMED]
    assert len(set(secrets)) == 3
    assert {len(secret) for secret in secrets} == {32}


def test_a_named_secret_is_kept_and_stays(place, ring) -> None:
    ring.store_named("issuer", b"a longer secret than a key, such as a PEM text")
    with pytest.raises(KeyringError):
        ring.store_named("issuer", b"another")
    assert place.ring().named("issuer") == b"a longer secret than a key, such as a PEM text"


def test_an_unknown_name_is_said(ring) -> None:
    with pytest.raises(KeyringError, match="no key called witness"):
        ring.named("witness")


def test_nothing_stands_in_clear_in_the_key_file(place, ring, log) -> None:
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    ring.store_named("issuer", b"a very secret text")
    content = place.keys.read_bytes() + place.keys.with_name("keys.sqlite-wal").read_bytes()
    assert key.key_id in content
    assert not [one for one in (key.secret, ring.named("index"), b"a very secret text") if one in content]


def test_a_wrong_master_key_opens_nothing(place) -> None:
    with pytest.raises(KeyringError, match="another master key"):
        Keyring.open(place.keys, Held((bytes(32),)))


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33])
def test_a_master_key_has_32_bytes(place, length: int) -> None:
    with pytest.raises(KeyringError, match="32 bytes"):
        Keyring.open(place.keys, Held((bytes(length),)))


def test_a_wrapped_key_does_not_open_under_another_name(place, ring, log) -> None:
    """Whoever can write the file can't exchange one key for another."""
    ring._file.connection.execute(
        "UPDATE named_key SET wrapped = (SELECT wrapped FROM named_key WHERE name = 'index') WHERE name = 'pseudonym'"
    )
    with pytest.raises(KeyringError, match="damaged"):
        ring.named("pseudonym")


def test_a_missing_key_file_is_not_made_again(place) -> None:
    place.keys.unlink()
    with pytest.raises(KeyringError, match=r"keys\.sqlite is missing"):
        Keyring.open(place.keys, Held((MASTER,)))
    with pytest.raises(KeyringError):
        Keyring.create(place.keys, Held((MASTER,)))
    assert not place.keys.exists()


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000], ids=["empty", "garbage"])
def test_a_damaged_key_file_is_said(place, content: bytes) -> None:
    place.keys.write_bytes(content)
    with pytest.raises(KeyringError, match="restore it"):
        Keyring.open(place.keys, Held((MASTER,)))


def test_a_key_file_in_use_is_not_filled_again(place, ring) -> None:
    index = ring.named("index")
    with pytest.raises(KeyringError):
        Keyring.create(place.keys, Held((MASTER,)))
    assert place.ring().named("index") == index


def test_a_damage_met_later_is_a_keyring_error(place, ring, log) -> None:
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    ring._file.connection.execute("DROP TABLE random_key")
    with pytest.raises(KeyringError, match="can't be read"):
        ring.load(key.key_id)


def test_a_key_file_that_takes_no_keys_gives_none_out(place, ring, log) -> None:
    ring._file.connection.execute("PRAGMA query_only=ON")
    with pytest.raises(KeyringError, match="can't be written"):
        ring.key_for(log, REF, "P6Y", 2026)
    with pytest.raises(KeyringError, match="can't be written"):
        ring.destroy([b"x"])
    ring._file.connection.execute("PRAGMA query_only=OFF")
    assert ring.key_for(log, REF, "P6Y", 2026)[0].key_id in key_ids(place)


def test_a_full_key_file_gives_no_key_out(place, ring, log) -> None:
    pages = ring._file.connection.execute("PRAGMA page_count").fetchone()[0]
    ring._file.connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(KeyringError, match="can't be written"):
        ring.key_for(log, REF, "P6Y", 2026)
    assert not ring._file.connection.in_transaction
    assert key_ids(place) == set()


def test_the_files_permissions_stay_the_callers(place, ring, log) -> None:
    place.keys.chmod(0o640)
    ring.key_for(log, REF, "P6Y", 2026)
    assert place.keys.stat().st_mode & 0o777 == 0o640


def test_memory_is_bounded(monkeypatch, ring, log) -> None:
    monkeypatch.setattr(keyring_module, "KEPT", 5)
    for number in range(12):
        key, _ = ring.key_for(log, bytes([number]) * 32, "P6Y", 2026)
        if number % 2:
            ring.claim(log, bytes([number]) * 32, "P6Y", 2026, key)
    ring.key_for(log, bytes([99]) * 32, "P6Y", 2026)
    assert len(ring._reserved) <= 5
    for number in range(12, 30):
        ring.claim(log, bytes([number]) * 32, "P6Y", 2026, ring.key_for(log, bytes([number]) * 32, "P6Y", 2026)[0])
    assert len(ring._known) <= 5


def test_a_reserved_key_that_was_forgotten_is_claimed_by_who_holds_it(monkeypatch, ring, log) -> None:
    monkeypatch.setattr(keyring_module, "KEPT", 1)
    key, _ = ring.key_for(log, REF, "P6Y", 2026)
    ring.key_for(log, OTHER, "P6Y", 2026)
    assert ring.claim(log, REF, "P6Y", 2026, key) == key


def test_threads_share_a_keyring(place, ring) -> None:
    found: list = []

    def work() -> None:
        log = place.connect()
        found.append([ring.key_for(log, bytes([number]) * 32, "P6Y", 2026)[0] for number in range(100)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(keys == found[0] for keys in found)


def test_a_reference_is_keyed_and_tells_datasets_apart() -> None:
    assert len(REF) == 32
    references = {
        reference(b"i" * 32, "tenancies", "person-1"),
        reference(b"j" * 32, "tenancies", "person-1"),
        reference(b"i" * 32, "benefits", "person-1"),
        reference(b"i" * 32, "tenancies", "person-2"),
    }
    assert len(references) == 4
