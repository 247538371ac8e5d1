"""The control API: which texts are published, where does each stand, and how does it read?"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.control.door import PREFIX, Authenticated
from gateway.desk.aloud import reading
from gateway.desk.shelf import Kind, document, find_published, list_published, text_of
from gateway.journey.wiring import Wiring
from gateway.problems import CONFLICT, NOT_FOUND, ProblemError
from gateway.store.changes import ChangeRefusedError
from gateway.store.published import PublishedText
from schemas.instants import london_day

YAML: Final = "application/yaml"  # RFC 9512, section 2.1


router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
Name = Annotated[
    str,
    Path(
        pattern=r"^[a-z][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?$",
        description="`id@version`, or an id: then the version that counts on that day.",
    ),
]
On = Annotated[date | None, Query(description="A day in London; today without it.")]


def _serve(kind: Kind) -> None:
    """Add a kind's three addresses."""
    shelf = f"{kind}s"

    @router.get(f"/{shelf}", summary=f"List the published {shelf}", name=f"list_{shelf}")
    async def get_list(request: Request, caller: Authenticated, on: On = None) -> Response:
        """Every version that was published by that day, each with its state: live, future, over, ended, unreadable."""
        del caller
        day = _day(request, on)
        return _json({shelf: [document(one, day) for one in _published(request, kind, day)]})

    @router.get(f"/{shelf}/{{name}}", summary=f"Read a published {kind} aloud", name=f"read_{kind}")
    async def get_reading(request: Request, name: Name, caller: Authenticated, on: On = None) -> Response:
        """What the list says of it, and the text in plain English, its state first."""
        del caller
        day = _day(request, on)
        one = _find(request, kind, name, day)
        wiring: Wiring = request.app.state.wiring
        return _json({**document(one, day), "reading": reading(wiring.services.reader, one, day)})

    @router.get(
        f"/{shelf}/{{name}}/text",
        summary=f"Get a published {kind}'s text, byte for byte",
        name=f"text_of_{kind}",
        responses={200: {"content": {YAML: {}}}},
        response_class=Response,
    )
    async def get_text(request: Request, name: Name, caller: Authenticated, on: On = None) -> Response:
        """The bytes whose digest entries name. A source's is for an administrator: its address stands in it."""
        del caller
        one = _find(request, kind, name, _day(request, on))
        try:
            return Response(text_of(one).encode(), media_type=YAML)
        except ChangeRefusedError as error:
            raise ProblemError(CONFLICT, str(error)) from error


for _kind in get_args(Kind):
    _serve(_kind)


def _find(request: Request, kind: Kind, name: str, day: date) -> PublishedText:
    try:
        return find_published(kind, name, _published(request, kind, day))
    except ChangeRefusedError as error:
        raise ProblemError(NOT_FOUND, str(error)) from error


def _published(request: Request, kind: Kind, day: date) -> list[PublishedText]:
    services = request.app.state.wiring.services
    return list_published(kind, services.reader, services.keyring, day)


def _day(request: Request, on: date | None) -> date:
    wiring: Wiring = request.app.state.wiring
    return on or london_day(wiring.services.clock())


def _json(content: dict[str, Any]) -> Response:
    return Response(canonical(content), media_type="application/json")
