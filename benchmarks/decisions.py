"""How long does a decision of 40 fields take, and a leaf with 12 released values? In microseconds."""

from __future__ import annotations

import secrets
import timeit
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from audit.format.commitment import DISCLOSURE_NAMES, SealingKey, seal
from audit.format.entry import Kind, entry_bytes
from audit.tree.merkle import leaf_hash
from gateway.demo.making import text_of
from policies.checking.may_publish import publishable
from policies.deciding.compile import compile_rules
from policies.deciding.decide import decide
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.instants import london_day
from schemas.request import Circumstances
from schemas.terms import Action, RecipientKind

GOALS = {"decision": 3.0, "leaf": 100.0}


def measure() -> dict[str, Any]:
    """Return microseconds of a decision met before, of one met for the first time, and of a leaf."""
    compiled, circumstances = _forty_fields()
    key = SealingKey(secrets.token_bytes(16), secrets.token_bytes(32))
    values = [(f"field_{number}", {"value": f"value {number}", "form": "full"}) for number in range(12)]
    names = {name: (key, {"ref": name * 4, "more": [name, 7, None]}) for name in DISCLOSURE_NAMES if name != "values"}
    at = datetime.now(UTC)

    def first() -> None:
        compiled.memo.clear()
        decide(compiled, circumstances)

    def leaf() -> bytes:
        sealed = seal("d_01K6H0Q3ZB7M5T2V8N4R1X9C0D", names, values, key)
        entry = entry_bytes(
            kind=Kind.DISCLOSURE, entry_id="d_01K6H0Q3ZB7M5T2V8N4R1X9C0D", at=at, sd=sealed.sd, outcome="full", counter=1
        )
        return leaf_hash(entry)

    decide(compiled, circumstances)
    return {
        "decision": _micros(lambda: decide(compiled, circumstances), 20_000),
        "decision met for the first time": _micros(first, 500),
        "leaf": _micros(leaf, 1_000),
        "goals": GOALS,
    }


def _micros(work: Any, number: int) -> float:
    return min(timeit.repeat(work, number=number, repeat=5)) / number * 1e6


def _forty_fields() -> tuple[Any, Circumstances]:
    """Compile an agreement over the shipped dataset, markers among its fields, and ask for forty."""
    today = london_day(datetime.now(UTC))
    dataset = parse_dataset(files("schemas.catalogue").joinpath("council-tax.yaml").read_text(encoding="utf-8"))
    agreement = parse_agreement(text_of("northmoor-harbour-tenancies", today))
    cores = [
        parse_core(files("policies.core").joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("tenancy-sustainment", "statutory-bars")
    ]
    kinds = {"harbour-housing": RecipientKind.HOUSING_ASSOCIATION}
    compiled = compile_rules(publishable(agreement, dataset=dataset, cores=cores, recipient_kinds=kinds, mapped=None))
    asked = tuple(dataset.fields)[:40]
    assert len(asked) == 40
    circumstances = Circumstances(
        at=datetime.now(UTC),
        recipient="harbour-housing",
        token_purpose="tenancy-sustainment",
        token_dataset="council-tax",
        token_fields=None,
        token_actions=frozenset({Action.READ}),
        action=Action.READ,
        asked=asked,
        role="tenancy-sustainment-officer",
        has_caseworker=True,
        has_case_reference=True,
        subject="liable",
    )
    return compiled, circumstances
