"""`stile init` and `stile serve`."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer

from gateway.commands.common import Directory, telling
from gateway.council.directory import PID, Council, CouncilError, create_council, open_council
from gateway.sandbox.staging import is_sandbox_origin
from gateway.serving.server import serve_council
from gateway.serving.supervisor import MOST, serve_with_workers
from schemas.terms import Environment


def init(
    directory: Annotated[Path, typer.Argument(help="A new directory for the council's data.")],
    controller: Annotated[str, typer.Option(help="The council's id, as its agreements name it.")],
    origin: Annotated[str, typer.Option(help="The log's name for ever: gateway.northmoor.gov.uk/log/northmoor.")],
    public_url: Annotated[str, typer.Option(help="Where partners reach the gateway.")],
    urgent_contact: Annotated[str, typer.Option(help="Whom a caseworker rings when an emergency request fails.")],
    dpo_contact: Annotated[str, typer.Option(help="The data protection officer's address.")],
    database: Annotated[
        str | None,
        typer.Option(help="Keep state and log in this empty PostgreSQL: postgresql://USER:PASSWORD@HOST/NAME."),
    ] = None,
) -> None:
    """Make an empty council: keys, settings, an empty log; no partners, no agreements."""
    with telling():
        create_council(
            directory,
            {
                "controller": controller,
                "origin": origin,
                "public_url": public_url,
                "urgent_contact": urgent_contact,
                "dpo_contact": dpo_contact,
                **({"database_url": database} if database is not None else {}),
            },
        )
        council = open_council(directory)
    typer.echo(f"{directory} is ready. Its log's key, for your partners to keep:\n{council.signer.vkey}")
    typer.echo("Two people decide here what is published. While there is one: stile change people one --reason …")
    typer.echo(f"Next: stile dataset publish, stile source map, stile core publish; then stile serve --dir {directory}")


def serve(
    directory: Directory = Path(),
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65_535)] = 8080,
    metrics_port: Annotated[
        int, typer.Option(help="The port of /metrics, on the same address; 0 for none.", min=0, max=65_535)
    ] = 9464,
    workers: Annotated[
        int, typer.Option(help="How many processes serve: as many as there are cores.", min=1, max=MOST)
    ] = 1,
) -> None:
    """Serve a council's gateway until SIGTERM, which finishes what is under way."""
    with telling():
        council = at_port(open_council(directory), port)
        check_sandbox(council)
        with single_server(directory):
            if workers == 1:
                serve_council(council, host=host, port=port, metrics_port=metrics_port)
            else:
                serve_with_workers(council, host=host, port=port, metrics_port=metrics_port, count=workers)


def check_sandbox(council: Council) -> None:
    """Raise CouncilError for a council that is set to be a sandbox and was not made as one."""
    settings = council.settings
    if settings.environment is Environment.SANDBOX and not is_sandbox_origin(settings.origin):
        raise CouncilError(
            f"environment is sandbox, but the log {settings.origin} is no sandbox's, and its people may be real: take the "
            "setting out, and make a sandbox beside it with `stile sandbox init`"
        )


def at_port(council: Council, port: int) -> Council:
    """Let an address on this machine itself follow the port that is served: there is no proxy before it."""
    parts = urlsplit(council.settings.public_url)
    if parts.scheme != "http" or parts.port in (None, port):
        return council
    moved = urlunsplit(parts._replace(netloc=f"{parts.hostname}:{port}"))
    return replace(council, settings=council.settings.model_copy(update={"public_url": moved}))


class single_server:  # noqa: N801 -- read as a verb: with single_server(…)
    """Holds the directory's serve lock, or raises CouncilError with the first server's pid."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / PID
        self._handle: Any = None

    def __enter__(self) -> None:
        self._handle = self._file.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._handle.seek(0)
            pid = self._handle.read().strip() or "unknown"
            self._handle.close()
            raise CouncilError(f"a gateway serves this directory already, with pid {pid}") from error
        self._handle.seek(0)
        self._handle.truncate()
        self._handle.write(f"{os.getpid()}\n")
        self._handle.flush()

    def __exit__(self, *_: object) -> None:
        self._handle.close()
