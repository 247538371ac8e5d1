"""Where do the tests' texts stand, and how do they become a rule set?"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from ruamel.yaml import YAML

from policies.checking.may_publish import publishable
from policies.deciding.compile import Compiled, compile_rules
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.agreement import Agreement, Core, RuleSet
from schemas.dataset import Dataset
from schemas.terms import RecipientKind

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
CASES = HERE / "cases"
TEXTS = CASES / "texts"
# What ships, and is told of in cases too: the datasets, the cores for them, and the demo's agreements over them.
SHIPPED_DATASETS = ("housing-tenancies", "children-looked-after")
SHIPPED_CORES = (
    "statutory-bars",
    "homelessness-prevention",
    "home-fire-safety",
    "child-health-assessments",
    "regional-placements-analysis",
)
SHIPPED_AGREEMENTS = (
    "northmoor-hope-homelessness",
    "northmoor-pennine-fire-visits",
    "northmoor-calder-child-health",
    "northmoor-ridings-placements",
)


def shipped(package: str, names: tuple[str, ...]) -> list[str]:
    return [files(package).joinpath(f"{name}.yaml").read_text(encoding="utf-8") for name in names]


def load_yaml(path: Path):
    return YAML(typ="safe", pure=True).load(path.read_text())


@cache
def datasets() -> dict[tuple[str, int], Dataset]:
    texts = [path.read_text() for path in (*TEXTS.glob("*.dataset.yaml"), FIXTURES / "dataset.yaml")]
    found = [parse_dataset(text) for text in (*texts, *shipped("schemas.catalogue", SHIPPED_DATASETS))]
    return {(one.id, one.version): one for one in found}


@cache
def cores() -> tuple[Core, ...]:
    paths = [*sorted(TEXTS.glob("*.core.yaml")), *sorted(TEXTS.glob("*.council.yaml")), FIXTURES / "core.yaml"]
    return tuple(
        parse_core(text) for text in (*(one.read_text() for one in paths), *shipped("policies.core", SHIPPED_CORES))
    )


@cache
def agreements() -> dict[str, Agreement]:
    texts = [path.read_text() for path in (*TEXTS.glob("*.agreement.yaml"), FIXTURES / "agreement.yaml")]
    found = [parse_agreement(text) for text in (*texts, *shipped("gateway.demo.texts", SHIPPED_AGREEMENTS))]
    return {one.id: one for one in found}


@cache
def kinds() -> dict[str, RecipientKind]:
    return {name: RecipientKind(kind) for name, kind in load_yaml(TEXTS / "partners.yaml").items()}


def bounds(agreement: Agreement) -> list[Core]:
    """Return what the gateway would: the followed cores, the statutory bars, the council's rules."""
    always = [one for one in cores() if one.is_council or one.id == "statutory-bars"]
    return [*(one for one in cores() if (one.id, one.version) in agreement.follows), *always]


def composed(agreement: Agreement, **more) -> RuleSet:
    given = {
        "dataset": datasets()[agreement.dataset],
        "cores": bounds(agreement),
        "recipient_kinds": kinds(),
        "mapped": None,
    }
    return publishable(agreement, **{**given, **more})


@cache
def compiled(name: str) -> Compiled:
    return compile_rules(composed(agreements()[name]))
