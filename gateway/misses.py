"""What is locked by misses, as an operator is told it? For whom and until when; never whom it is about."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from audit.keyring import Keyring
from gateway.judgement import key_reference
from gateway.searching import caseworker_of
from gateway.store.entries import ChangeRefusedError
from gateway.store.locks import LockKind, locks
from gateway.store.state import Reader
from policies.findings import did_you_mean
from policies.parse import parse_dataset


def told_locks(
    reader: Reader, *, at: datetime, keyring: Keyring, index: Path, key: tuple[str, str, str] | None = None
) -> list[dict[str, Any]]:
    """Return what is locked now; with `key` (dataset, key, value) that key alone, so that a caller's own lock is found."""
    ref = None if key is None else _ref_of(reader, keyring, *key)
    found = []
    for lock in locks(reader.connection, at):
        if ref is not None and lock.ref != ref:
            continue
        told = lock.told(at)
        if lock.kind is LockKind.CASEWORKER and lock.ref is not None:
            known = caseworker_of(bytes.fromhex(lock.ref), connection=reader.connection, keyring=keyring, index=index)
            told["caseworker"] = known
        found.append(told)
    return found


def _ref_of(reader: Reader, keyring: Keyring, dataset: str, key: str, value: str) -> str:
    text = reader.find_text("dataset", dataset)
    if text is None:
        raise ChangeRefusedError(f"no dataset {dataset} is published")
    known = parse_dataset(text[1])
    if key not in known.keys:
        raise ChangeRefusedError(f"{key} is no key of {dataset}. {did_you_mean(key, known.keys)}")
    return key_reference(keyring.named("index"), dataset, known.fields.get(key), key, value)
