"""What is a governed disclosure measured against? (a) to (d): each an endpoint that answers from the same table.

(a) a bare FastAPI endpoint without authentication; (b) a straightforward FastAPI endpoint with the same OAuth checks
through joserfc, cedarpy per field, and one SQLModel insert with commit as its audit; (c) the same without the policy
engine; (d) the floor: raw ASGI, one ES256 verification with a kept key, one indexed read, a group-committed append;
(e) many records by one query a hundred, as lines of JSON: no authentication, decision or log. (f) a token endpoint of
Authlib's stock classes: private_key_jwt and a signed token as they come, one commit of the `jti`; no DPoP, no details.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

import cedarpy
import orjson
import pysqlite3
from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi import FastAPI, Header, HTTPException
from joserfc import jwk, jwt
from joserfc.jws import JWSRegistry
from sqlalchemy import create_engine, text
from sqlmodel import Field, Session, SQLModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

ISSUER = "http://127.0.0.1:8080"  # of the council that these answer from
SELECT = (
    "SELECT a.lead_liab_forename, a.lead_liab_surname, a.lead_birth_date, p.postcode, a.account_ref, p.property_type, "
    "p.band, a.paymeth_code, a.person_status, p.council_ha_ind, a.instalments, a.liable_from "
    "FROM ctaccount a JOIN ctoccupation o ON o.account_ref = a.account_ref "
    "JOIN ctproperty p ON p.property_ref = o.property_ref WHERE trim(a.account_ref) = "
)
NAMES = [one.strip().rpartition(".")[2] for one in SELECT.partition("FROM")[0].removeprefix("SELECT").split(",")]
POLICY = "".join(
    f'permit(principal == Client::"harbour", action == Action::"read", resource == Field::"f{number}");'
    for number in range(12)
)


class AuditRow(SQLModel, table=True):
    """What the straightforward endpoint writes as its audit."""

    id: int | None = Field(default=None, primary_key=True)
    at: float
    client: str
    what: str


def _engine(path: Path) -> Any:
    return create_engine(f"sqlite:///{path}", module=pysqlite3, connect_args={"check_same_thread": False})


def bare(directory: Path) -> FastAPI:
    """(a)."""
    app, engine = FastAPI(), _engine(directory / "revenues.sqlite")

    @app.get("/accounts/{ref}")
    async def read(ref: str) -> dict[str, Any]:
        with engine.connect() as connection:
            return dict(connection.execute(text(SELECT + ":ref"), {"ref": ref}).mappings().first() or {})

    return app


def _checked(token: str, proof: str, keys: dict[str, Any]) -> str:
    """Check token and proof as a developer would, with joserfc."""
    registry = JWSRegistry(algorithms=["ES256"])
    registry.max_header_length = 2048
    claims = jwt.decode(token, keys["issuer"], algorithms=["ES256"], registry=registry).claims
    header = json.loads(base64.urlsafe_b64decode(proof.split(".", maxsplit=1)[0] + "=="))
    key = jwk.import_key(header["jwk"])
    proved = jwt.decode(proof, key, algorithms=["ES256"], registry=registry).claims
    ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    if claims["exp"] < time.time() or key.thumbprint() != claims["cnf"]["jkt"] or proved["ath"] != ath:
        raise HTTPException(401)
    return str(claims["client_id"])


def straightforward(directory: Path, *, with_cedar: bool) -> FastAPI:
    """(b), and (c) without the policy engine."""
    app, engine = FastAPI(), _engine(directory / "revenues.sqlite")
    audit = _engine(directory / f"audit-{with_cedar}.sqlite")
    SQLModel.metadata.create_all(audit)
    keys = {"issuer": jwk.import_key(json.loads((directory / "bench-issuer.jwk.json").read_text()))}

    @app.post("/accounts/{ref}")
    async def read(ref: str, authorization: Annotated[str, Header()], dpop: Annotated[str, Header()]) -> dict[str, Any]:
        client = _checked(authorization.removeprefix("DPoP "), dpop, keys)
        if with_cedar:
            for number in range(12):
                asked = {"principal": 'Client::"harbour"', "action": 'Action::"read"', "resource": f'Field::"f{number}"'}
                if not cedarpy.is_authorized({**asked, "context": {}}, POLICY, []).allowed:
                    raise HTTPException(403)
        with engine.connect() as connection:
            record = dict(connection.execute(text(SELECT + ":ref"), {"ref": ref}).mappings().first() or {})
        with Session(audit) as session:
            session.add(AuditRow(at=time.time(), client=client, what=",".join(record)))
            session.commit()
        return record

    return app


def plain_many(directory: Path) -> Starlette:
    """(e)."""
    source = pysqlite3.connect(str(directory / "revenues.sqlite"), check_same_thread=False)
    many = SELECT.removesuffix("= ") + "IN "

    async def read(request: Request) -> StreamingResponse:
        refs = [one["account_ref"] for one in orjson.loads(await request.body())["subjects"]]

        async def lines() -> AsyncIterator[bytes]:
            for begin in range(0, len(refs), 100):
                some = refs[begin : begin + 100]
                rows = source.execute(f"{many}({','.join('?' * len(some))})", some).fetchall()
                yield b"".join(orjson.dumps(dict(zip(NAMES, row, strict=True))) + b"\n" for row in rows)

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    return Starlette(routes=[Route("/v1/disclosures", read, methods=["POST"])])


class _StockRequest(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """A form, as Authlib's classes read it."""

    def __init__(self, form: dict[str, str]) -> None:
        super().__init__("POST", "https://gateway.example/oauth2/token")
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data  # type: ignore[no-any-return]


class _StockServer(AuthorizationServer):  # type: ignore[misc]
    def query_client(self, client_id: str) -> Any:
        return _StockClient(client_id)

    def save_token(self, _token: object, _request: object) -> None:
        """The token says all."""

    def create_oauth2_request(self, request: dict[str, str]) -> _StockRequest:
        return _StockRequest(request)

    def handle_response(self, status: int, body: Any, headers: Any) -> JSONResponse:
        return JSONResponse(body, status, dict(headers))

    def send_signal(self, *_args: object, **_named: object) -> None:
        """Nobody listens."""


class _StockClient(ClientMixin):  # type: ignore[misc]
    def __init__(self, client_id: str) -> None:
        self.client_id = client_id

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str) -> str:
        return scope or ""

    def check_endpoint_auth_method(self, _method: str, _endpoint: str) -> bool:
        return True

    def check_grant_type(self, _grant_type: str) -> bool:
        return True


def stock_tokens(directory: Path) -> Starlette:
    """(f)."""
    registered = json.loads((directory / "partners" / "harbour-case-system.jwk.json").read_text())
    public = jwk.import_key(registered).as_dict(private=False)
    signing = json.loads((directory / "bench-issuer.jwk.json").read_text())
    seen = pysqlite3.connect(str(directory / "stock.sqlite"), isolation_level=None, check_same_thread=False)
    seen.execute("PRAGMA journal_mode=WAL")
    seen.execute("PRAGMA synchronous=FULL")
    seen.execute("CREATE TABLE IF NOT EXISTS seen (jti TEXT PRIMARY KEY) WITHOUT ROWID")

    class Assertion(JWTBearerClientAssertion):  # type: ignore[misc]
        def get_audiences(self) -> list[str]:
            return [ISSUER]

        def validate_jti(self, _claims: object, jti: str) -> bool:
            return bool(seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (jti,)).rowcount)

        def resolve_client_public_key(self, _client: object) -> dict[str, Any]:
            return dict(public)

    class Generator(JWTBearerTokenGenerator):  # type: ignore[misc]
        def get_jwks(self) -> dict[str, Any]:
            return signing  # type: ignore[no-any-return]

    class Grant(ClientCredentialsGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = (Assertion.CLIENT_AUTH_METHOD,)

    server = _StockServer()
    server.register_client_auth_method(Assertion.CLIENT_AUTH_METHOD, Assertion())
    server.register_token_generator("default", Generator(issuer=ISSUER, alg="ES256"))
    server.register_grant(Grant)

    async def token(request: Request) -> Any:
        form = dict(parse_qsl((await request.body()).decode()))
        return server.create_token_response(form)

    return Starlette(routes=[Route("/oauth2/token", token, methods=["POST"])])


class Floor:
    """(d)."""

    def __init__(self, directory: Path) -> None:
        self._source = pysqlite3.connect(str(directory / "revenues.sqlite"), check_same_thread=False)
        self._log = pysqlite3.connect(str(directory / "floor.sqlite"), isolation_level=None, check_same_thread=False)
        self._log.execute("PRAGMA journal_mode=WAL")
        self._log.execute("PRAGMA synchronous=FULL")
        self._log.execute("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, entry BLOB NOT NULL)")
        key = jwk.import_key(json.loads((directory / "bench-issuer.jwk.json").read_text()))
        self._verify: Callable[..., None] = key.public_key.verify  # type: ignore[union-attr]
        self._waiting: list[asyncio.Future[None]] = []
        self._busy = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        token = dict(scope["headers"])[b"authorization"][5:]
        signed, _, signature = token.rpartition(b".")
        raw = base64.urlsafe_b64decode(signature + b"==")
        number = int.from_bytes
        self._verify(encode_dss_signature(number(raw[:32], "big"), number(raw[32:], "big")), signed, ECDSA(SHA256()))
        row = self._source.execute(SELECT + "?", (scope["path"].rpartition("/")[2],)).fetchone()
        await self._append()
        body = orjson.dumps(row)
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _append(self) -> None:
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        self._waiting.append(mine)
        if not self._busy:
            self._busy = True
            self._writing = loop.create_task(self._write())
        await mine

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._commit, len(batch))
            for one in batch:
                one.set_result(None)
        self._busy = False

    def _commit(self, count: int) -> None:
        self._log.execute("BEGIN IMMEDIATE")
        self._log.executemany("INSERT INTO entry (entry) VALUES (?)", [(b"x" * 600,)] * count)
        self._log.execute("COMMIT")


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
