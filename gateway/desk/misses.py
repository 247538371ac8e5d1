"""What is locked by misses, as an operator is told it? For whom and until when; never whom it is about."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from audit.writing.keyring import Keyring
from gateway.journey.judge import guess_references
from gateway.search.caseworkers import caseworker_of
from gateway.store.entries import ChangeRefusedError
from gateway.store.locks import LockKind, locks
from gateway.store.state import Reader
from policies.reading.findings import did_you_mean
from policies.reading.parse import parse_dataset
from schemas.request import SubjectQuery


def told_locks(
    reader: Reader, *, at: datetime, keyring: Keyring, index: Path, key: tuple[str, SubjectQuery] | None = None
) -> list[dict[str, Any]]:
    """Return what is locked now; with `key` (dataset, and whom it names) that key's alone, so that a caller finds it."""
    refs = None if key is None else _refs_of(reader, keyring, *key)
    found = []
    for lock in locks(reader.connection, at):
        if refs is not None and lock.ref not in refs:
            continue
        told = lock.told(at)
        if lock.kind is LockKind.CASEWORKER and lock.ref is not None:
            known = caseworker_of(bytes.fromhex(lock.ref), connection=reader.connection, keyring=keyring, index=index)
            told["caseworker"] = known
        found.append(told)
    return found


def _refs_of(reader: Reader, keyring: Keyring, dataset: str, query: SubjectQuery) -> tuple[str, ...]:
    text = reader.find_text("dataset", dataset)
    if text is None:
        raise ChangeRefusedError(f"no dataset {dataset} is published")
    known = parse_dataset(text[1])
    key = known.keys.get(query.key)
    if key is None:
        raise ChangeRefusedError(f"{query.key} is no key of {dataset}. {did_you_mean(query.key, known.keys)}")
    if query.is_composite != bool(key.all_of) or (key.all_of and query.confirm.keys() != set(key.all_of)):
        details = (
            f"with a --detail for each of {', '.join(key.all_of)}" if key.all_of else "with its value, and no --detail"
        )
        raise ChangeRefusedError(f"the key {key.name} is named {details}")
    return guess_references(keyring.named("index"), dataset, known.fields, query)
