"""What does the gateway say about itself? /docs, a page for each problem and reason, /openapi.json and its reference.

Everything is served from here: no page asks another address for anything.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.problems import NOT_FOUND, PROBLEMS, ProblemError
from schemas.reasons import REMEDY_OF, Reason

CACHED: Final = "public, max-age=300"
POLICY: Final = "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"


def routes() -> list[Route]:
    """Return the routes of the documents."""
    return [
        Route("/", get_index, methods=["GET"]),
        Route("/docs", get_index, methods=["GET"]),
        Route("/docs/api", get_reference, methods=["GET"]),
        Route("/docs/problems/{code}", get_problem, methods=["GET"]),
        Route("/docs/reasons/{code}", get_reason, methods=["GET"]),
        Route("/docs/style.css", get_style, methods=["GET"]),
        Route("/openapi.json", get_openapi, methods=["GET"]),
    ]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("gateway.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _page(template: str, **values: Any) -> Response:
    html = _templates().get_template(template).render(version=version("stile"), **values)
    headers = {"Cache-Control": CACHED, "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(html, headers=headers, media_type="text/html; charset=utf-8")


async def get_index(request: Request) -> Response:
    """List what there is to read."""
    settings = request.app.state.wiring.council.settings
    return _page("index.html", settings=settings, problems=PROBLEMS.values(), reasons=_reasons())


async def get_problem(request: Request) -> Response:
    """Explain one problem."""
    problem = PROBLEMS.get(request.path_params["code"])
    if problem is None:
        raise ProblemError(NOT_FOUND, "no problem has this code")
    return _page("problem.html", problem=problem)


async def get_reason(request: Request) -> Response:
    """Explain one reason for which a field is withheld."""
    found = {reason["code"]: reason for reason in _reasons()}.get(request.path_params["code"])
    if found is None:
        raise ProblemError(NOT_FOUND, "no reason has this code")
    return _page("reason.html", reason=found)


def _reasons() -> list[dict[str, str]]:
    return [
        {"code": reason.value, "remedy": remedy.value, "detail": detail}
        for reason, (remedy, detail) in ((reason, REMEDY_OF[reason]) for reason in Reason)
    ]


async def get_style(_request: Request) -> Response:
    """Serve the one style sheet."""
    source = _templates().get_template("style.css").render()
    return Response(source, headers={"Cache-Control": CACHED}, media_type="text/css; charset=utf-8")


async def get_openapi(request: Request) -> Response:
    """Serve the description of the API (OpenAPI 3.1)."""
    return Response(orjson.dumps(request.app.openapi()), headers={"Cache-Control": CACHED}, media_type="application/json")


async def get_reference(request: Request) -> Response:
    """Show the description of the API to a person."""
    description = request.app.openapi()
    operations = [
        {
            "path": path,
            "method": method.upper(),
            "id": f"{method}{path}".replace("/", "-"),
            **operation,
            "parameters": [_resolved(description, one) for one in operation.get("parameters", [])],
            "responses": {status: _resolved(description, one) for status, one in operation["responses"].items()},
        }
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    return _page("reference.html", api=description, operations=operations, json=_indented)


def _resolved(description: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference into the description's components stands for."""
    if "$ref" not in part:
        return part
    found: dict[str, Any] = description
    for name in part["$ref"].split("/")[1:]:
        found = found[name]
    return found


def _indented(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
