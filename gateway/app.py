"""Where are things made and joined? `build_app` is the one place; nothing is made at import."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from audit.format.entry import new_entry_id
from audit.format.state_rows import state_secret
from audit.stores.checked import LogCorruptError
from audit.stores.connection import StoreError
from audit.stores.room import told_as_full
from audit.writing.evidence import keep_evidence
from audit.writing.followed_file import WORTH, keep_followed, resume_followed
from audit.writing.follower import Follower
from audit.writing.heartbeat import JUMP, Boot, Heartbeat
from audit.writing.highwater import check_high_water
from audit.writing.key_standing import check_key_file
from audit.writing.keyring import KeyringError
from audit.writing.sequencer import LogUnavailableError, Sequencer
from gateway.api.openapi import extend_openapi
from gateway.api.routes import log_path
from gateway.api.routes import routes as partner_routes
from gateway.api.sandbox import describe_scenarios
from gateway.background.boot_clock import boot_now
from gateway.background.checking import keep_checking
from gateway.background.sweeping import sweep
from gateway.console.routes import routes as console_routes
from gateway.control import door as control_door
from gateway.control.routes import routers as control_routers
from gateway.council.directory import Council
from gateway.council.issuer_keys import IssuerKeys
from gateway.council.sources import SourceRegistry
from gateway.journey.equipment import Chance, Secrets, Services
from gateway.journey.transaction import shelves_of
from gateway.journey.wiring import Wiring
from gateway.limits.early_refusals import EarlyLimits
from gateway.log.waiting import AwaitedLog, deliver_to
from gateway.oauth.access_token import Tokens
from gateway.oauth.assertion_check import PerMinute
from gateway.oauth.caller import Door
from gateway.oauth.certificate import Certificates
from gateway.oauth.dpop import ProofKeys
from gateway.oauth.fetched_keys import FetchedKeys
from gateway.oauth.jwks_fetch import JwksFetch, check_jwks_uri
from gateway.oauth.nonces import Nonces
from gateway.oauth.server import Endpoint
from gateway.operators.parts import make_operators
from gateway.problems import (
    ProblemError,
)
from gateway.sandbox.staging import sandboxed
from gateway.store.changes import Changes, changes_of
from gateway.store.followed import PERSONAL, TOKEN, Followed
from gateway.store.state import Reader
from gateway.store.state_rows import rows_of
from gateway.telemetry import Telemetry
from gateway.web.around import put_around
from gateway.web.envelope import (
    UNWRITABLE,
    answer_fault,
    answer_http,
    answer_problem,
    answer_unwritable,
    answer_validation,
)
from schemas.instants import london_day
from schemas.terms import Environment

KEPT_WHILE_SERVING: Final = 200_000  # entries: who starts after a crash has no more to follow, and keeping takes a moment


def utc_now() -> datetime:
    """Return the instant now. The only clock of the gateway: everything else is handed one."""
    return datetime.now(UTC)


def boot_of(clock: Callable[[], datetime]) -> Callable[[], Boot]:
    """Return the boot clock that goes with a clock: one that is handed in is its own, and never jumps."""
    return boot_now if clock is utc_now else lambda: Boot("handed in", clock().timestamp())


def build_digest() -> str:
    """Name this build in entries: SHA-256 over every file of the four rooms, in the order of their names."""
    whole = hashlib.sha256(version("stile").encode())
    for room in ("schemas", "policies", "audit", "gateway"):
        root = Path(str(files(room)))
        for file in sorted(
            one for one in root.rglob("*") if one.suffix in {".py", ".sql", ".yaml", ".html", ".css", ".js"}
        ):
            whole.update(f"\n{room}/{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes())
    return "sha256:" + whole.hexdigest()


def make_new_id() -> Callable[[str, datetime], str]:
    """Return what makes entry ids: a ULID behind its prefix."""
    chance = Chance()
    return lambda prefix, at: new_entry_id(prefix, at, chance.take(10))


def make_changes(council: Council) -> Changes:
    """Return what control writes are made with: for the gateway and for the command line alike."""
    return changes_of(
        keyring=council.keyring,
        controller=council.settings.controller,
        new_id=make_new_id(),
        environment=council.settings.environment,
        check_uri=partial(
            check_jwks_uri, hosts=council.settings.jwks_hosts, allow_private=council.settings.jwks_allow_private
        ),
    )


def make_sequencer(
    council: Council, clock: Callable[[], datetime], deliver: Any, boot: Callable[[], Boot] | None = None
) -> Sequencer:
    """Return the log's writer, not yet started."""
    heartbeat = Heartbeat(council.heartbeat, clock, boot or boot_of(clock))
    secret = state_secret(council.keyring.named("index"))
    on_fork = partial(keep_evidence, council.forked)
    follower = Follower(council.keyring, secret, rows_of, personal=(*PERSONAL, TOKEN), on_fork=on_fork)
    resume_followed(follower, council.followed)
    return Sequencer(
        council.store,
        council.signer,
        clock=clock,
        deliver=deliver,
        shelves=shelves_of(council.keyring),
        heartbeat=heartbeat,
        follower=follower,
    )


def start_log(
    council: Council, clock: Callable[[], datetime], deliver: Any, boot: Callable[[], Boot] | None = None
) -> Sequencer:
    """Return the log's writer, started. Raises LogCorruptError for a log that lacks what it had signed, KeyringError for a
    key file that is older than it was, DiskFullError.
    """
    sequencer = make_sequencer(council, clock, deliver, boot)
    try:
        sequencer.start()
    except (LogCorruptError, LogUnavailableError) as error:
        raise told_as_full(error, council.directory) from error
    connection = council.store.open(read_only=True)
    try:
        check_high_water(connection, council.high_water, council.signer.vkey)
        check_key_file(council.keyring.safe, council.key_mark, connection)
    except (LogCorruptError, KeyringError):
        sequencer.close()
        raise
    finally:
        connection.close()
    return sequencer


def keep_known(council: Council, sequencer: Sequencer, *, worth: int = WORTH) -> None:
    """Keep what this process knows of the log, for who follows it next."""
    keep_followed(sequencer.follower, council.followed, worth=worth)


def note_found(reader: Reader, findings: Sequence[Mapping[str, str]]) -> None:
    """Have a gateway say that it is not ready for as long as rows are not what the log says."""
    if reader.followed is not None:
        reader.followed.note_damaged(one["state_key"] for one in findings if "state_key" in one)


def make_wiring(
    council: Council,
    clock: Callable[[], datetime],
    loop: asyncio.AbstractEventLoop,
    boot: Callable[[], Boot] | None = None,
) -> Wiring:
    """Join the parts. Raises audit's LogCorruptError where the log does not hold together."""
    sequencer = start_log(council, clock, deliver_to(loop), boot)
    if council.succession.exists():
        sequencer.close()
        raise LogCorruptError("a successor of its log is being made: run `stile log succeed` again")
    if sequencer.follower.is_to_be_adopted:
        sequencer.close()
        raise LogCorruptError("its log does not say yet what the rows of before are: make a backup, run `stile upgrade`")
    telemetry = Telemetry()
    followed = Followed(sequencer.follower, sequencer.said_within, telemetry.note_damage)
    reader = Reader(council.store.open(read_only=True), environment=council.settings.environment, followed=followed)
    issuer = council.settings.public_url
    issuer_keys = IssuerKeys(council.keyring, council.issuer_key, reader.issuer_turns)
    moved = sequencer.heartbeat.take_over() if sequencer.heartbeat is not None else 0.0
    if abs(moved) > JUMP:  # a start only warns: which of the clocks is right, who starts it knows better
        telemetry.warn_of_clock(moved)
    clients = FetchedKeys(
        reader,
        JwksFetch(council.settings.jwks_hosts, allow_private=council.settings.jwks_allow_private).fetch,
        clock=lambda: clock().timestamp(),
        told=telemetry.note_keys_fetched,
    )
    certificates = Certificates() if council.settings.certificate_hops else None
    environment = council.settings.environment
    tokens = Tokens(issuer=issuer, signing=council.issuer_key, accepted=(), keys_at=issuer_keys.at, environment=environment)
    proof_keys = ProofKeys()
    nonces = None
    if council.settings.dpop_nonces:
        nonces = Nonces(hmac.digest(council.keyring.named("index"), b"stile dpop nonce secret", "sha256"))
    services = Services(
        settings=council.settings,
        clock=clock,
        reader=reader,
        source_of=SourceRegistry(council, clock, telemetry.note_export).source_of,
        log=AwaitedLog(sequencer),
        keyring=council.keyring,
        secrets=Secrets(index=council.keyring.named("index"), pseudonym=council.keyring.named("pseudonym")),
        new_id=make_new_id(),
        build_digest=build_digest(),
        note_failure=telemetry.note_source_failed,
    )
    wiring = Wiring(
        council=council,
        services=services,
        sequencer=sequencer,
        door=Door(
            issuer=issuer,
            tokens=tokens,
            proof_keys=proof_keys,
            clients=clients,
            nonces=nonces,
            certificates=certificates,
        ),
        endpoint=Endpoint(
            issuer=issuer,
            url=f"{issuer}/oauth2/token",
            clients=clients,
            tokens=tokens,
            proof_keys=proof_keys,
            available=lambda client: reader.available_to(client, london_day(clock())),
            new_jti=lambda: secrets.token_urlsafe(16),
            nonces=nonces,
            certificates=certificates,
            subject_secret=council.keyring.named("index"),
        ),
        nonces=nonces,
        clients=clients,
        issuer_keys=issuer_keys,
        assertion_tests=PerMinute(),
        early_limits=EarlyLimits(),
        changes=make_changes(council),
        operators=make_operators(council.settings, council.keyring, lambda: clock().timestamp()),
        telemetry=telemetry,
    )
    return sandboxed(wiring) if environment is Environment.SANDBOX else wiring


def build_app(
    council: Council, *, clock: Callable[[], datetime] = utc_now, boot: Callable[[], Boot] | None = None
) -> FastAPI:
    """Make the gateway of a council. Its parts live from start-up to shut-down."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        wiring = make_wiring(council, clock, asyncio.get_running_loop(), boot)
        app.state.wiring = wiring
        gc.freeze()  # what lives as long as the process need not be looked through again and again
        sweeping = asyncio.create_task(
            sweep(
                wiring.services,
                wiring.early_limits,
                wiring.telemetry,
                council,
                wiring.sequencer.heartbeat,
                partial(keep_known, council, wiring.sequencer, worth=KEPT_WHILE_SERVING),
            )
        )
        checking = asyncio.create_task(
            keep_checking(
                council.directory,
                file=council.checked,
                telemetry=wiring.telemetry,
                hours=council.settings.log_check_hours,
                found=partial(note_found, wiring.services.reader),
            )
        )
        async with contextlib.AsyncExitStack() as closing:  # each is closed whatever became of the others
            closing.push_async_callback(wiring.services.source_of.__self__.aclose)  # type: ignore[attr-defined]  # the registry made above
            closing.callback(wiring.services.reader.connection.close)
            closing.push_async_callback(wiring.clients.aclose)
            closing.callback(keep_known, council, wiring.sequencer)
            closing.push_async_callback(asyncio.to_thread, wiring.sequencer.close)
            try:
                yield
            finally:
                sweeping.cancel()
                checking.cancel()
                await asyncio.gather(sweeping, checking, return_exceptions=True)

    app = FastAPI(
        title="Stile",
        version=version("stile"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # What operators are told is in `telemetry` alone: spans of FastAPI's own would hold addresses.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,  # a redirect would be made from `Host`, which anybody may write
    )
    routes = [*partner_routes(council.settings), *console_routes()]
    app.router.routes.extend(routes)
    for router in control_routers():
        app.include_router(router)
    app.add_exception_handler(ProblemError, answer_problem)  # type: ignore[arg-type]  # Starlette types it for Exception
    app.add_exception_handler(RequestValidationError, answer_validation)  # type: ignore[arg-type]  # the same
    app.add_exception_handler(HTTPException, answer_http)  # type: ignore[arg-type]  # the same
    for failure in UNWRITABLE:
        app.add_exception_handler(failure, answer_unwritable)
    app.add_exception_handler(StoreError, answer_fault)
    described = describe_scenarios if council.settings.environment is Environment.SANDBOX else None
    extend_openapi(
        app,
        public_url=council.settings.public_url,
        log_path=log_path(council.settings),
        roles_of=control_door.roles_of,
        besides=described,
    )
    put_around(app, routes=routes, settings=council.settings, doors={"/control/": control_door.enter})
    return app
