"""`stile demo`: a generated council, a story told over real HTTP, and a gateway that keeps serving."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvicorn
from rich.console import Console
from rich.progress import Progress

from gateway.app import build_app
from gateway.commands.common import telling
from gateway.commands.council import at_port, single_server
from gateway.council.directory import Council, CouncilError, open_council
from gateway.demo.making import HOUSING_PORT, kept, make_demo, remove_demo
from gateway.demo.story import Story, tell
from gateway.demo.trying import print_how_to_go_on, write_tries
from gateway.demo.upstream import housing_system
from gateway.serving.server import server_of

Dir = Annotated[Path, typer.Option("--dir", help="The demo's directory, kept between runs.")]
HOST = "127.0.0.1"


def demo(
    directory: Dir = Path("demo"),
    port: Annotated[int, typer.Option(help="The port on this machine.", min=1, max=65_535)] = 8080,
    seed: Annotated[int, typer.Option(help="The same seed makes the same residents.")] = 42,
    residents: Annotated[int, typer.Option(help="How many accounts to generate.", min=11, max=1_000_000)] = 2_000,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over: removes what an earlier demo left.")] = False,  # noqa: FBT002 -- a flag of the command line
    once: Annotated[bool, typer.Option("--once", help="Stop after the story; status 0 if all went well.")] = False,  # noqa: FBT002 -- the same
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document in place of the story.")] = False,  # noqa: FBT002 -- the same
) -> None:
    """Show a governed disclosure with proof, on a council that is made up."""
    console = Console(quiet=as_json, highlight=False)
    with telling():
        housing_port = _make(console, directory, port=port, residents=residents, seed=seed, fresh=fresh)
        council = at_port(open_council(directory), port)
        with single_server(directory), housing_system(directory, housing_port), serving(council, port=port):
            story = tell(console, directory, council)
            write_tries(directory, council)
            if as_json:
                typer.echo(orjson.dumps(story.document(), option=orjson.OPT_INDENT_2).decode())
            if not once:
                print_how_to_go_on(console, directory, council)
                _wait()
    _end(story, console)


def _make(console: Console, directory: Path, *, port: int, residents: int, seed: int, fresh: bool) -> int:
    """Make the demo's directory, or keep the one that there is; return the port of its housing system."""
    if fresh:
        remove_demo(directory)
    made_with = kept(directory)
    if made_with is not None:
        if HOUSING_PORT not in made_with:
            raise CouncilError(f"{directory} is of an earlier version of the demo: --fresh starts over")
        differing = {"residents": residents, "seed": seed}.items() - made_with.items()
        if differing:
            wanted = ", ".join(f"--{name} {made_with[name]}" for name, _ in sorted(differing))
            raise CouncilError(f"{directory} was made with {wanted}: use the same, or --fresh, or another --dir")
        console.print(
            f"[dim]The council in {directory} is kept from an earlier run; --fresh starts over.[/dim]", soft_wrap=True
        )
        return int(made_with[HOUSING_PORT])
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Generating Northmoor and its residents", total=residents)
        make_demo(
            directory,
            port=port,
            residents=residents,
            seed=seed,
            progress=lambda done: progress.update(task, completed=done),
        )
    return int((kept(directory) or {})[HOUSING_PORT])


@contextmanager
def serving(council: Council, *, port: int) -> Iterator[uvicorn.Server]:
    """Serve on a thread of its own while the block runs. Raises CouncilError where the port is taken."""
    server = server_of(build_app(council), host=HOST, port=port)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            server.run()
        except BaseException as error:  # noqa: BLE001 -- told to the main thread, which ends the command with it
            failed.append(error)

    thread = threading.Thread(target=run, name="gateway")
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
            if not thread.is_alive():
                cause = failed[0] if failed else None
                raise CouncilError(f"port {port} of {HOST} is taken, or the gateway can't start: {cause}") from cause
        yield server
    finally:
        server.should_exit = True
        thread.join()


def _wait() -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()


def _end(story: Story, console: Console) -> None:
    if not story.is_good:
        console.print("[red]A step of the story did not do what it should.[/red]")
        raise typer.Exit(1)
