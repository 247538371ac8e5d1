"""Do operators learn why a source failed: by one message, a count, and the cause in the entry?"""

from __future__ import annotations

import json
from collections.abc import Callable

import pysqlite3
import pytest
from house import House

from gateway.telemetry import keep_allowed

SECRETS = ("1000042", "Okafor", "OKAFOR", "1985", "sqlite://")


class Logger:
    """Keeps what operators are told, as it passes the filter."""

    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []

    def warning(self, event: str, **members: object) -> None:
        self.told.append(dict(keep_allowed(None, "warning", {"event": event, **members})))


def listening(house: House) -> list[dict[str, object]]:
    logger = house.wiring.telemetry.logger = Logger()
    return logger.told


def rename(house: House, statement: str) -> None:
    connection = pysqlite3.connect(str(house.directory / "revenues.sqlite"))
    connection.executescript(statement)
    connection.close()


WAYS: dict[str, tuple[Callable[[House], None], str]] = {
    "column": (
        lambda house: rename(house, "ALTER TABLE ctaccount RENAME COLUMN lead_liab_surname TO gone"),
        "missing column",
    ),
    "table": (lambda house: rename(house, "ALTER TABLE ctproperty RENAME TO gone"), "missing table"),
    "file": (lambda house: (house.directory / "revenues.sqlite").unlink(), "missing file"),
    "no database": (lambda house: (house.directory / "revenues.sqlite").write_bytes(b"x" * 4096), "missing file"),
}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_failure_is_one_message_and_a_cause_in_its_entry(house: House, way: str) -> None:
    harbour = house.harbour()
    change, cause = WAYS[way]
    change(house)
    told = listening(house)

    answer = harbour.ask(fields=["full_name"])

    assert (answer.status_code, answer.json()["code"]) == (502, "source_unavailable")
    (message,) = told
    assert str(message["cause"]).partition(":")[0] == cause
    assert message["source"] == "northmoor-revenues"
    assert message["request_id"] == answer.json()["request_id"]
    facts = house.truth(house.entries("failure")[-1])["facts"]
    assert facts == {"source": "northmoor-revenues", "cause": message["cause"]}
    assert not [word for word in SECRETS if word in json.dumps([message, facts])]


def test_what_is_missing_is_named_where_the_mapping_names_it(house: House) -> None:
    harbour = house.harbour()
    WAYS["column"][0](house)
    told = listening(house)

    harbour.ask(fields=["full_name"])

    (message,) = told
    assert str(message["cause"]).endswith("lead_liab_surname")


def test_failures_are_counted_by_cause(house: House) -> None:
    harbour = house.harbour()
    WAYS["table"][0](house)

    harbour.ask(fields=["full_name"])
    harbour.ask(fields=["full_name"])

    registry = house.wiring.telemetry.registry
    assert registry.get_sample_value("stile_source_failures_total", {"cause": "missing table"}) == 2


def test_a_source_that_is_mapped_to_nothing_is_told_by_its_dataset(house: House) -> None:
    harbour = house.harbour()
    house.wiring.services.reader.find_mapping = lambda *_: None  # type: ignore[method-assign]  # as before a first mapping
    told = listening(house)

    answer = harbour.ask(fields=["full_name"])

    assert answer.status_code == 502
    (message,) = told
    assert (message["source"], message["cause"]) == ("council-tax@2", "setting")
