"""GET /sandbox/scenarios, and how a sandbox's own description names them. Only a sandbox has either."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.format.entry import canonical
from gateway.sandbox.scenarios import SCENARIOS

PATH: Final = "/sandbox/scenarios"
_MEMBERS: Final = ("name", "says", "shows", "where", "status", "problem", "reason", "identity", "token_error", "at")


def routes() -> list[Route]:
    """Return the routes that a sandbox has besides."""
    return [Route(PATH, get_scenarios, methods=["GET"])]


async def get_scenarios(_request: Request) -> Response:
    """List the scenarios, with what comes of each."""
    listed = [one.document() for one in SCENARIOS.values()]
    return Response(canonical({"scenarios": listed}), media_type="application/json")


def describe_scenarios(document: dict[str, Any]) -> None:
    """Put the scenarios into an OpenAPI description: the list, and the header where it may be sent."""
    describe_header(document)
    document["tags"] = [*document["tags"], {"name": "sandbox", "description": "Scenarios: made-up people alone."}]
    document["paths"][PATH] = {"get": _listing()}


def describe_header(document: dict[str, Any]) -> None:
    """Name the header at each call of a description that can play a scenario."""
    for path in sorted({path for one in SCENARIOS.values() for path in one.paths} & document["paths"].keys()):
        operation = document["paths"][path]["post"]
        operation["parameters"] = [*operation.get("parameters", []), _header(path)]


def _header(path: str) -> dict[str, Any]:
    names = [one.name for one in SCENARIOS.values() if path in one.paths]
    return {
        "name": "Stile-Scenario",
        "in": "header",
        "schema": {"type": "string", "enum": names},
        "description": f"Play this scenario in this call; {PATH} says what each is. In production the call is refused.",
    }


def _listing() -> dict[str, Any]:
    one = {"type": "object", "required": list(_MEMBERS), "properties": {name: {} for name in _MEMBERS}}
    listed = {"type": "object", "required": ["scenarios"], "properties": {"scenarios": {"type": "array", "items": one}}}
    return {
        "tags": ["sandbox"],
        "operationId": "listScenarios",
        "summary": "List the scenarios that Stile-Scenario may name",
        "responses": {"200": {"description": "Each scenario.", "content": {"application/json": {"schema": listed}}}},
    }
