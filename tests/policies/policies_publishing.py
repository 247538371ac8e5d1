"""How is a changed text published, or refused, and where does a word of it stand?"""

from __future__ import annotations

import policies_texts as texts
import pytest

from policies.checking.may_publish import publishable
from policies.reading.findings import TextError
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.terms import RecipientKind

AGREEMENT = (texts.FIXTURES / "agreement.yaml").read_text()
CORE = (texts.FIXTURES / "core.yaml").read_text()
DATASET = (texts.FIXTURES / "dataset.yaml").read_text()
LINE = "  - {fields: [full_name], as: full}"
FIRST = "  - {fields: [age], as: band}"
KINDS = {"harbour-housing": RecipientKind.HOUSING_ASSOCIATION, "hope": RecipientKind.CHARITY, "trust": RecipientKind.NHS}


def publish(agreement=AGREEMENT, core=CORE, dataset=DATASET, council=None, **more):
    cores = [parse_core(core), *([parse_core(council)] if council else [])]
    given = {"dataset": parse_dataset(dataset), "cores": cores, "recipient_kinds": KINDS}
    return publishable(parse_agreement(agreement), **{**given, **more})


def refused(**more) -> list[str]:
    with pytest.raises(TextError) as caught:
        publish(**more)
    return [str(one) for one in caught.value.findings]


def put(old: str, new: str, text: str = AGREEMENT) -> str:
    assert old in text
    return text.replace(old, new, 1)


def where(word: str, text: str = AGREEMENT, after: str = "") -> str:
    """Return "line L, column C" of a word's first place after another."""
    at = text.index(word, text.index(after))
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"
