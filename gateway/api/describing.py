"""GET /v1/openapi.json, GET /v1/collection.json: the API as one partner may use it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.collection import collection_of
from gateway.api.disclosures import caller_of
from gateway.api.partner_openapi import describe_to_partner
from gateway.api.sandbox import describe_header
from gateway.journey.wiring import Wiring
from gateway.log.used_once import remember_call
from gateway.oauth.caller import Caller
from schemas.instants import london_day
from schemas.terms import Environment

OWN: Final = {"Cache-Control": "private, no-store"}  # it is about one partner, and true until the next publication


def routes() -> list[Route]:
    """Return the routes of the partner's own descriptions."""
    return [
        Route("/v1/openapi.json", get_partner_openapi, methods=["GET"]),
        Route("/v1/collection.json", get_partner_collection, methods=["GET"]),
    ]


async def get_partner_openapi(request: Request) -> Response:
    """Describe what the caller may have (OpenAPI 3.1), from its agreements as they stand today."""
    return Response(orjson.dumps(await _description(request)), headers=OWN, media_type="application/json")


async def get_partner_collection(request: Request) -> Response:
    """Give the same as a Postman collection."""
    return Response(orjson.dumps(collection_of(await _description(request))), headers=OWN, media_type="application/json")


async def _description(request: Request) -> dict[str, Any]:
    wiring: Wiring = request.app.state.wiring
    caller, _ = caller_of(request, wiring)
    await remember_call(wiring.services.log, caller.seen)
    return describe_to_caller(caller, wiring)


def describe_to_caller(caller: Caller, wiring: Wiring) -> dict[str, Any]:
    """Return the description of the caller's agreements that are in force or will be."""
    reader = wiring.services.reader
    today = london_day(wiring.services.clock())
    names = sorted(reader.available_to(caller.client, today))
    live = [one for name in names if (one := reader.find_agreement(name, today)) is not None]
    described = describe_to_partner(
        [one for one in live if not one.ended and today <= one.agreement.ends_on],
        partner=caller.client.partner_id or "",
        client_id=caller.client.client_id,
        public_url=wiring.services.settings.public_url,
        version=version("stile"),
    )
    if wiring.council.settings.environment is Environment.SANDBOX:
        describe_header(described)
    return described
