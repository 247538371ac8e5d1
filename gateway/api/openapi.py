"""How is the API described? OpenAPI 3.1: FastAPI's own description of the control API, and openapi.yaml for the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.resources import files
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from ruamel.yaml import YAML

from gateway.oauth.clients import Role


class RolesOf(Protocol):
    """Who may make a call of the control API."""

    def __call__(self, *, path: str, method: str) -> Collection[Role]: ...


def extend_openapi(
    app: FastAPI,
    *,
    public_url: str,
    log_path: str,
    roles_of: RolesOf,
    besides: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Make `app.openapi()` describe every call. `log_path` is where the log is served; `besides` adds to the whole."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app, public_url, log_path, roles_of)
            if besides is not None:
                besides(app.openapi_schema)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _describe(app: FastAPI, public_url: str, log_path: str, roles_of: RolesOf) -> dict[str, Any]:
    source = files("gateway.api").joinpath("openapi.yaml").read_text(encoding="utf-8")
    ours: dict[str, Any] = YAML(typ="safe", pure=True).load(source)
    theirs = get_openapi(title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes)
    for operation in (one for path in theirs["paths"].values() for one in path.values()):
        operation["security"] = [{"dpop": []}]
        operation["parameters"] = [*operation.get("parameters", []), {"$ref": "#/components/parameters/DPoP"}]
        statuses = ["400", "401", "403", "409", "503"]
        statuses += ["408", "413", "415"] if "requestBody" in operation else []
        statuses += ["404"] if any(one.get("in") == "path" for one in operation["parameters"]) else []
        problems = {status: {"$ref": "#/components/responses/Problem"} for status in statuses}
        operation["responses"] = {**operation["responses"], **problems}
        if "content" in operation["responses"].get(
            "422", {}
        ):  # FastAPI's own: what does not validate is a 400 problem here
            operation["responses"].pop("422")
        if "422" in operation["responses"]:
            operation["responses"]["422"] = {"$ref": "#/components/responses/Problem"}
    for path, methods in theirs["paths"].items():
        for method, operation in methods.items():  # so that whoever reads it sees who may, and an attack what opened
            operation["x-stile-roles"] = sorted(role.value for role in roles_of(path=path, method=method.upper()))
    paths = {path.replace("LOG", log_path): item for path, item in ours["paths"].items()}
    components = ours["components"]
    components["schemas"] |= {
        name: schema
        for name, schema in theirs.get("components", {}).get("schemas", {}).items()
        if name not in {"HTTPValidationError", "ValidationError"}
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stile", "version": app.version, "description": ours["info"]["description"]},
        "servers": [{"url": public_url}],
        "tags": ours["tags"],
        "paths": {**paths, **theirs["paths"]},
        "components": components,
    }
