"""Signed tree heads: C2SP tlog-checkpoint in a signed note."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit.tree.checkpoint import (
    DASH,
    LONGEST_NOTE,
    CheckpointSigner,
    key_id,
    parse_checkpoint,
    parse_vkey,
    verify_checkpoint,
)
from audit.tree.merkle import ProofError

ORIGIN = "example.org/log"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
SIGNER = CheckpointSigner(ORIGIN, PRIVATE)
ROOT = hashlib.sha256(b"root").digest()
NOTE = SIGNER.sign(7, ROOT)


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def signed(body: str, signer: CheckpointSigner = SIGNER, key: Ed25519PrivateKey = PRIVATE) -> str:
    """Sign any body, as a log that goes wrong would."""
    identity = bytes.fromhex(signer.vkey.split("+")[1])
    return f"{body}\n{DASH} {signer.origin} {b64(identity + key.sign(body.encode()))}\n"


def test_a_checkpoint_is_a_note_of_three_lines_with_an_ed25519_signature() -> None:
    """Written out by hand from tlog-checkpoint and signed-note."""
    body = f"example.org/log\n7\n{b64(ROOT)}\n"
    identity = hashlib.sha256(b"example.org/log" + b"\n" + b"\x01" + PUBLIC).digest()[:4]
    assert f"{body}\n\u2014 example.org/log {b64(identity + PRIVATE.sign(body.encode()))}\n" == NOTE


def test_a_verifier_key_is_name_id_and_key() -> None:
    name, identity, key = SIGNER.vkey.split("+")
    assert name == ORIGIN
    assert identity == hashlib.sha256(b"example.org/log\n\x01" + PUBLIC).hexdigest()[:8]
    assert base64.b64decode(key) == b"\x01" + PUBLIC


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ],
)
def test_verifier_keys_of_others_are_read(vkey: str) -> None:
    """Keys that Go's `sumdb/note` documents or uses: their ids come out of our formula."""
    name, identity, _ = parse_vkey(vkey)
    assert (name, identity.hex()) == tuple(vkey.split("+")[:2])


def test_a_signature_of_others_is_verified_by_the_key_that_we_read() -> None:
    """The example of Go's `sumdb/note`."""
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    raw = base64.b64decode("x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=")
    _, identity, key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert raw[:4] == identity
    key.verify(raw[4:], text.encode())


def test_a_signed_checkpoint_is_read_back() -> None:
    found = verify_checkpoint(NOTE, SIGNER.vkey)
    assert (found.origin, found.size, found.root) == (ORIGIN, 7, ROOT)
    assert parse_checkpoint(NOTE) == found


def test_any_changed_character_of_a_checkpoint_is_refused() -> None:
    assert len(NOTE) > 100
    for place in range(len(NOTE)):
        for other in ("x", "\n", " ", "8"):
            changed = NOTE[:place] + other + NOTE[place + 1 :]
            if changed != NOTE:
                with pytest.raises(ProofError):
                    verify_checkpoint(changed, SIGNER.vkey)


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    """signed-note: a verifier ignores them, even of a known name or a known id; witnesses and ML-DSA add some."""
    witness = f"{DASH} witness.example {b64(b'idid' + bytes(64))}\n"
    same_name = f"{DASH} {ORIGIN} {b64(b'idid' + bytes(2420))}\n"
    same_id = f"{DASH} other.example {b64(key_id(ORIGIN, PUBLIC) + bytes(64))}\n"
    body, _, ours = NOTE.partition("\n\n")
    note = f"{body}\n\n{witness}{same_name}{ours}{same_id}"
    assert verify_checkpoint(note, SIGNER.vkey).size == 7


def test_sixteen_large_signatures_are_accepted() -> None:
    """signed-note: verifiers must accept up to 16, and post-quantum ones reach nearly 5 kB."""
    more = "".join(f"{DASH} witness{number}.example {b64(b'idid' + bytes(4900))}\n" for number in range(15))
    assert verify_checkpoint(NOTE + more, SIGNER.vkey).size == 7


def test_a_second_signature_by_the_known_key_must_hold_too() -> None:
    wrong = f"{DASH} {ORIGIN} {b64(key_id(ORIGIN, PUBLIC) + bytes(64))}\n"
    with pytest.raises(ProofError, match="not by the key you hold"):
        verify_checkpoint(NOTE + wrong, SIGNER.vkey)


def test_a_checkpoint_by_another_key_is_refused() -> None:
    other = CheckpointSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"1" * 32))
    with pytest.raises(ProofError, match="no signature by the key you hold"):
        verify_checkpoint(other.sign(7, ROOT), SIGNER.vkey)


def test_a_key_that_only_claims_the_id_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
    with pytest.raises(ProofError, match="not by the key you hold"):
        verify_checkpoint(signed(f"{ORIGIN}\n7\n{b64(ROOT)}\n", key=other), SIGNER.vkey)


def test_a_checkpoint_of_another_log_is_refused_though_our_key_signed_it() -> None:
    with pytest.raises(ProofError, match="another log"):
        verify_checkpoint(signed(f"example.org/other\n7\n{b64(ROOT)}\n"), SIGNER.vkey)


@pytest.mark.parametrize(
    "body",
    [
        f"{ORIGIN}\n7\n",
        f"{ORIGIN}\n7\n{b64(ROOT)}\nextension\n",
        f"\n7\n{b64(ROOT)}\n",
        f"exam ple.org\n7\n{b64(ROOT)}\n",
        f"{ORIGIN}\n07\n{b64(ROOT)}\n",
        f"{ORIGIN}\n-7\n{b64(ROOT)}\n",
        f"{ORIGIN}\n+7\n{b64(ROOT)}\n",
        f"{ORIGIN}\n7_0\n{b64(ROOT)}\n",
        f"{ORIGIN}\n\u0667\n{b64(ROOT)}\n",
        f"{ORIGIN}\n\n{b64(ROOT)}\n",
        f"{ORIGIN}\n{'9' * 20}\n{b64(ROOT)}\n",
        f"{ORIGIN}\n7\n{b64(ROOT[:31])}\n",
        f"{ORIGIN}\n7\n{b64(ROOT)[:-2]}==\n",
        f"{ORIGIN}\n7\n!{b64(ROOT)[1:]}\n",
        f"{ORIGIN}\n7\n\u00e9{b64(ROOT)[1:]}\n",
    ],
)
def test_a_body_of_another_form_is_refused_though_our_key_signed_it(body: str) -> None:
    with pytest.raises(ProofError):
        verify_checkpoint(signed(body), SIGNER.vkey)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace(DASH, "-"),
        NOTE.replace(" example", "  example"),
        NOTE + f"{DASH} exam+ple {b64(bytes(68))}\n",
        NOTE + f"{DASH} \x07 {b64(bytes(68))}\n",
        NOTE + f"{DASH} example.org AA=\n",
        NOTE + "x" * LONGEST_NOTE,
    ],
)
def test_a_note_of_another_form_is_refused(note: str) -> None:
    with pytest.raises(ProofError):
        verify_checkpoint(note, SIGNER.vkey)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.org",
        "example.org+01234567",
        f"{ORIGIN}+00000000+{SIGNER.vkey.split('+', 2)[2]}",
        f"example.com+{SIGNER.vkey.split('+', 1)[1]}",
        SIGNER.vkey[:-4],
        SIGNER.vkey + "AAAA",
        f"{ORIGIN}+{SIGNER.vkey.split('+')[1]}+{b64(bytes([2]) + PUBLIC)}",
        f"{ORIGIN}+01234567+***",
        f"+{SIGNER.vkey.split('+', 1)[1]}",
        f"\ud800+{SIGNER.vkey.split('+', 1)[1]}",
    ],
)
def test_what_is_no_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(ProofError):
        verify_checkpoint(NOTE, vkey)


def test_a_verifier_key_may_come_with_a_line_end() -> None:
    assert verify_checkpoint(NOTE, f"{SIGNER.vkey}\n").size == 7


@pytest.mark.parametrize("origin", ["", "north moor", "north+moor", "north\u2003moor", "a\nb", "\ud800"])
def test_a_log_whose_name_cannot_stand_in_a_note_has_no_signer(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        CheckpointSigner(origin, PRIVATE)
