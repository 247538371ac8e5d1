"""How is a partner's description tried by hand? A Postman collection (v2.1), made from the description and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_HOW: Final = (
    "Set the variable `token` to an access token, and before each request `proof` to a new DPoP proof: a proof is for one "
    "call. On the command line: stile proof --key KEY --method {method} --url {url}{token}"
)


def collection_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request for each call of the description, with its examples as bodies."""
    issuer = description["servers"][0]["url"]
    items = [
        item
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        for item in _items(path, method.upper(), operation, issuer)
    ]
    return {
        "info": {"name": description["info"]["title"], "description": description["info"]["description"], "schema": SCHEMA},
        "variable": [{"key": "issuer", "value": issuer}, {"key": "token", "value": ""}, {"key": "proof", "value": ""}],
        "item": items,
    }


def _items(path: str, method: str, operation: Mapping[str, Any], issuer: str) -> list[dict[str, Any]]:
    bodies = _bodies(operation)
    return [
        {
            "name": operation["summary"] + (f": {name}" if name else ""),
            "request": _request(path, method, operation, issuer, body),
        }
        for name, body in bodies
    ]


def _bodies(operation: Mapping[str, Any]) -> list[tuple[str, dict[str, Any] | None]]:
    content: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    form = content.get("application/x-www-form-urlencoded")
    if form is not None:
        return [("", {"mode": "urlencoded", "urlencoded": _parameters(form["schema"]["properties"])})]
    if "application/json" not in content:
        return [("", None)]
    examples = content["application/json"].get("examples") or {"": {"value": {}}}
    return [(name, _raw(example["value"])) for name, example in examples.items()]


def _raw(value: Any) -> dict[str, Any]:
    return {
        "mode": "raw",
        "raw": json.dumps(value, indent=2, ensure_ascii=False),
        "options": {"raw": {"language": "json"}},
    }


def _parameters(properties: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"key": name, "value": str(one.get("const", "")), "description": str(one.get("description", ""))}
        for name, one in properties.items()
    ]


def _request(
    path: str, method: str, operation: Mapping[str, Any], issuer: str, body: dict[str, Any] | None
) -> dict[str, Any]:
    segments = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    url: dict[str, Any] = {"raw": "{{issuer}}/" + "/".join(segments), "host": ["{{issuer}}"], "path": segments}
    names = [part.removeprefix(":") for part in segments if part.startswith(":")]
    if names:
        url["variable"] = [{"key": name, "value": ""} for name in names]
    needs_token = "security" in operation
    needs_proof = needs_token or method == "POST"
    header = [{"key": "Authorization", "value": "DPoP {{token}}"}] if needs_token else []
    header += [{"key": "DPoP", "value": "{{proof}}"}] if needs_proof else []
    if body is not None and body["mode"] == "raw":
        header.append({"key": "Content-Type", "value": "application/json"})
    how = _HOW.format(method=method, url=issuer + path, token=" --token TOKEN" if needs_token else "")
    request = {"method": method, "header": header, "url": url, "description": how if needs_proof else operation["summary"]}
    return request if body is None else {**request, "body": body}
