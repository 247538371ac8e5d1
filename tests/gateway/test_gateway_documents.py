"""What the gateway says of itself is true, whole, and needs no outside address."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
from house import CASEWORKER, House

from gateway.problems import PROBLEMS
from schemas.reasons import Reason

PAGES = ["/", "/docs", "/docs/api", "/docs/style.css", *(f"/docs/problems/{code}" for code in PROBLEMS)]
PAGES += [f"/docs/reasons/{reason.value}" for reason in Reason]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_no_other_address_for_anything(house: House, path: str) -> None:
    answer = house.http.get(path)

    assert answer.status_code == 200
    assert not re.findall(r"""(?:src|href|url\()\s*=?\s*["'(]?(?:https?:)?//""", answer.text)
    if not path.endswith(".css"):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert '<html lang="en-GB">' in answer.text


def test_links_of_the_documents_lead_somewhere(house: House) -> None:
    page = house.http.get("/docs").text
    links = sorted(set(re.findall(r'href="(/[^"#]*)"', page)))

    assert len(links) > 30
    house.harbour().ask(fields=["age"])
    for link in links:
        assert house.http.get(link).status_code == 200, link


def test_a_page_that_is_not_there_is_a_problem(house: House) -> None:
    for path in ("/docs/problems/none", "/docs/reasons/none", "/nowhere"):
        answer = house.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert house.http.put("/healthz").json()["code"] == "method_not_allowed"


def served_paths(house: House) -> set[tuple[str, str]]:
    found = set()
    for route in house.http.app.router.routes:
        for method in getattr(route, "methods", None) or ():
            if method != "HEAD":
                found.add((method, re.sub(r"\{(\w+):path\}", r"{\1}", route.path)))
    return found


def test_every_call_is_described_and_every_description_is_served(house: House) -> None:
    described = {
        (method.upper(), path) for path, item in house.http.get("/openapi.json").json()["paths"].items() for method in item
    }
    pages = {"/", "/docs", "/docs/api", "/docs/problems/{code}", "/docs/reasons/{code}", "/docs/style.css", "/openapi.json"}
    control = {one for one in described if one[1].startswith("/control/")}

    served = {one for one in served_paths(house) if one[1] not in pages and not one[1].startswith("/console")}
    assert len(control) == 45
    assert served | control == described


def schema(description: dict[str, Any], part: dict[str, Any]) -> Any:
    """Return a validator of a schema that refers to the description's components."""
    return jsonschema_rs.Draft202012Validator({**part, "components": description["components"]})


def test_the_examples_of_the_description_fit_its_schemas(house: House) -> None:
    description = house.http.get("/openapi.json").json()
    seen = 0
    for item in description["paths"].values():
        for operation in item.values():
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                for example in content.get("examples", {}).values():
                    if media == "application/json":
                        schema(description, content["schema"]).validate(example["value"])
                        seen += 1
    for answer in description["components"]["responses"].values():
        for content in answer["content"].values():
            for example in content.get("examples", {}).values():
                schema(description, content["schema"]).validate(example["value"])
                seen += 1
    assert seen >= 4


def test_real_answers_fit_the_description(house: House) -> None:
    description = house.http.get("/openapi.json").json()
    harbour = house.harbour()
    answers = {
        "Answer": harbour.ask(),
        "Refusal": harbour.ask(case_reference=None),
        "Explanation": harbour.call("POST", "/v1/explain", {"caseworker": CASEWORKER, "case_reference": "x"}),
        "Problem": house.http.get("/v1/agreements"),
    }
    for name, answer in answers.items():
        schema(description, {"$ref": f"#/components/schemas/{name}"}).validate(answer.json())
    agreement = harbour.call("GET", "/v1/agreements").json()["agreements"][0]
    schema(description, {"$ref": "#/components/schemas/Agreement"}).validate(agreement)


def test_the_description_is_openapi_3_1(house: House) -> None:
    description = house.http.get("/openapi.json").json()

    assert description["openapi"] == "3.1.0"
    names = [operation["operationId"] for item in description["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    references = set(re.findall(r"#/components/([^\"']+)", house.http.get("/openapi.json").text))
    assert references
    for reference in references:
        part: Any = description["components"]
        for name in reference.split("/"):
            part = part[name]


def test_every_reason_has_a_remedy_and_a_page(house: House) -> None:
    text = house.http.get("/docs/reasons/not_available").text

    assert "This is not a no." in text
    assert len(list(Reason)) >= 16


def test_the_log_is_open_to_outsiders(house: House) -> None:
    """Checkpoint and hash tiles need no token; what is no tile is not found."""
    note = house.http.get("/log/northmoor/checkpoint")
    size = int(note.text.split("\n")[1])
    tile = house.http.get(f"/log/northmoor/tile/0/000.p/{size}")

    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(tile.content) == 32 * size
    for path in (f"0/000.p/{size + 1}", "0/001", "entries/000", "0/../x", "9/000"):
        assert house.http.get(f"/log/northmoor/tile/{path}").status_code == 404
