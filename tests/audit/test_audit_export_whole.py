"""A whole log is verified from its files; whatever was changed, cut off or rewritten is told, and where."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from audit_exporting import ORIGIN, SIGNER, GrowingLog, files_of, verify
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checking.published import UnreadableError, in_directory
from audit.checking.seen import NotRememberedError, keep_seen, place_of_seen, read_seen
from audit.checking.whole import verify_log
from audit.tree.checkpoint import CheckpointSigner
from audit.tree.layout import pack
from audit.tree.merkle import EMPTY_ROOT, ProofError, leaf_hash, root_hash


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 513])
def test_a_whole_log_verifies(log: GrowingLog, tmp_path: Path, size: int) -> None:
    log.grow_to(size)
    log.export(tmp_path / "out")

    found = verify(tmp_path / "out")

    assert (found.checkpoint.size, found.checkpoint.root) == (size, root_hash([leaf_hash(one) for one in log.entries]))


def test_an_empty_log_verifies_by_its_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text(SIGNER.sign(0, EMPTY_ROOT))

    assert verify(tmp_path).checkpoint.size == 0


def test_a_tree_of_three_levels_of_tiles_verifies(log: GrowingLog, tmp_path: Path) -> None:
    """65,537 entries: the first size that fills a tile of the second level, and goes on."""
    log.grow([n.to_bytes(4, "big") for n in range(65_537)])
    log.export(tmp_path / "out")

    assert verify(tmp_path / "out").checkpoint.size == 65_537
    assert verify(tmp_path / "out", with_entries=False).checkpoint.size == 65_537
    assert (tmp_path / "out" / "tile" / "2" / "000.p" / "1").stat().st_size == 32
    file = tmp_path / "out" / "tile" / "1" / "000"
    file.write_bytes(file.read_bytes()[:-32] + bytes(32))
    with pytest.raises(ProofError, match="entries 65280 to 65535"):
        verify(tmp_path / "out")


@pytest.mark.parametrize("seed", range(12))
def test_one_changed_byte_is_told(exported: Path, seed: int) -> None:
    """In whatever file, at whatever place."""
    chance = random.Random(seed)
    files = files_of(exported)
    path = sorted(files)[seed % len(files)]
    content = bytearray(files[path])
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    (exported / path).write_bytes(content)

    with pytest.raises(ProofError):
        verify(exported)


@pytest.mark.parametrize("index", [0, 255, 256, 600, 699])
def test_a_changed_entry_is_told_with_its_index(log: GrowingLog, exported: Path, index: int) -> None:
    bundle = index // 256
    entries = log.entries[bundle * 256 : min(700, bundle * 256 + 256)]
    entries[index - bundle * 256] = b"changed"
    name = f"{bundle:03}" if len(entries) == 256 else f"{bundle:03}.p/{len(entries)}"
    (exported / "tile" / "entries" / name).write_bytes(pack(entries))

    with pytest.raises(ProofError, match=rf"^entry {index} is not"):
        verify(exported)


def test_an_entry_that_was_added_to_a_file_is_told(log: GrowingLog, exported: Path) -> None:
    file = exported / "tile" / "entries" / "002.p" / "188"
    file.write_bytes(file.read_bytes() + pack([b"more"]))

    with pytest.raises(ProofError, match=r"from 512 on: .* should hold 188 entries, and holds 189"):
        verify(exported)


def test_a_missing_file_is_told(exported: Path) -> None:
    (exported / "tile" / "entries" / "001").unlink()
    with pytest.raises(ProofError, match="entries from 256 on: tile/entries/001: tile/entries/001 is missing"):
        verify(exported)


@pytest.mark.parametrize("path", ["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"])
def test_a_tile_that_was_cut_off_is_told(exported: Path, path: str) -> None:
    content = (exported / path).read_bytes()
    for changed in (content[:-1], content + bytes(32)):
        (exported / path).write_bytes(changed)
        with pytest.raises(ProofError, match=rf"{path} should hold|{path} is over"):
            verify(exported)


def test_entries_rewritten_with_all_their_hashes_are_told(log: GrowingLog, exported: Path, tmp_path: Path) -> None:
    """Whoever can write everything but the signature."""
    other = GrowingLog(tmp_path / "other.sqlite", CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate()))
    other.grow([b"rewritten", *log.entries[1:]])
    other.export(tmp_path / "rewritten")
    (tmp_path / "rewritten" / "checkpoint").write_bytes((exported / "checkpoint").read_bytes())

    with pytest.raises(ProofError, match="entries from 0 to 699 give another root"):
        verify(tmp_path / "rewritten")


def test_another_keys_signature_is_refused(tmp_path: Path) -> None:
    other = GrowingLog(tmp_path / "other.sqlite", CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate()))
    other.grow_to(3)
    other.export(tmp_path / "out")

    with pytest.raises(ProofError, match="no signature by the key you hold"):
        verify(tmp_path / "out")


def test_each_file_is_read_once(log: GrowingLog, exported: Path) -> None:
    """Who answers otherwise when asked again could have one tree verified and another signed."""
    fetch, asked = in_directory(exported), Counter()

    def counted(path: str, most: int) -> bytes | None:
        asked[path] += 1
        return fetch(path, most)

    verify_log(
        counted, vkey=SIGNER.vkey, seen=SIGNER.sign(300, root_hash([leaf_hash(one) for one in log.entries[:300]])),
        with_entries=True, begun=lambda _: None, progress=lambda _: None,
    )  # fmt: skip

    assert asked == dict.fromkeys(files_of(exported), 1)


# -- against what was verified last


def test_a_log_that_grew_is_a_continuation(log: GrowingLog, exported: Path) -> None:
    seen = log.notes[700]
    log.grow_to(1_100)
    log.export(exported)

    assert verify(exported, seen=seen).seen_size == 700
    assert verify(exported, seen=log.notes[1_100]).seen_size == 1_100


def test_a_rolled_back_log_is_told(log: GrowingLog, exported: Path, tmp_path: Path) -> None:
    log.grow_to(701)
    with pytest.raises(ProofError, match="ends before entry 700, and you have verified 701"):
        verify(exported, seen=log.notes[701])


@pytest.mark.parametrize("size", [700, 1_000])
def test_a_fork_by_the_councils_own_key_is_told(log: GrowingLog, exported: Path, tmp_path: Path, size: int) -> None:
    """Everything agrees within itself, and is signed: only who remembers can tell."""
    other = GrowingLog(tmp_path / "other.sqlite")
    other.grow([b"rewritten", *log.entries[1:], *(b"%d" % n for n in range(700, size))])
    other.export(tmp_path / "fork")

    assert verify(tmp_path / "fork").checkpoint.size == size
    with pytest.raises(ProofError, match="forked"):
        verify(tmp_path / "fork", seen=log.notes[700])


def test_what_was_remembered_must_be_this_logs(exported: Path) -> None:
    with pytest.raises(ProofError, match="that was remembered"):
        verify(exported, seen="scribble")


def test_what_is_seen_is_kept_whole_and_for_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "new" / "seen"
    assert read_seen(file) is None
    keep_seen("first\n", file)
    keep_seen("second\n", file)

    assert read_seen(file) == "second\n"
    assert list(file.parent.iterdir()) == [file]
    with pytest.raises(NotRememberedError, match="--since"):
        keep_seen("third\n", file / "below a file")
    with pytest.raises(UnreadableError, match="can't be read"):
        read_seen(tmp_path)


def test_each_log_is_remembered_in_a_place_of_its_own(tmp_path: Path) -> None:
    place = place_of_seen(SIGNER.vkey, {"XDG_STATE_HOME": str(tmp_path)})
    other = CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate())

    assert place.is_relative_to(tmp_path / "stile")
    assert place != place_of_seen(other.vkey, {"XDG_STATE_HOME": str(tmp_path)})
    assert place_of_seen(SIGNER.vkey, {"XDG_STATE_HOME": "relative"}).is_relative_to(Path.home())


def test_a_partial_tile_that_was_filled_since_is_read_from_the_full_one(log: GrowingLog, exported: Path) -> None:
    """A mirror may have dropped it between our reading the checkpoint and the tile."""
    older = (exported / "checkpoint").read_bytes()
    log.grow_to(1_024)
    log.export(exported)
    assert not (exported / "tile" / "0" / "002.p").exists()

    fetch = in_directory(exported)
    found = verify_log(
        lambda path, most: older if path == "checkpoint" else fetch(path, most),
        vkey=SIGNER.vkey, seen=None, with_entries=True, begun=lambda _: None, progress=lambda _: None,
    )  # fmt: skip

    assert found.checkpoint.size == 700
