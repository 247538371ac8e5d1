"""`stile verify`: is this receipt true, is this the whole log? Needs neither a council nor a gateway."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from audit.layout import CHECKPOINT
from audit.published import Published, UnreadableError, in_directory
from audit.seen import NotRememberedError, keep_seen, place_of_seen, read_seen
from audit.verify import ProofError, is_complete, verify_answers
from audit.whole import WholeLog, verify_log
from gateway.commands.progress import showing_progress

Check = Callable[[], Sequence[str]]


def verify(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|DIR|URL…",
            help="Answers as they were received, one file each; a log that `stile log export` wrote; a log's own address.",
        ),
    ],
    vkey: Annotated[str, typer.Option(help="The log's key, as it was handed over; never one from a receipt.")],
    since: Annotated[
        Path | None,
        typer.Option(
            help="Where the checkpoint of a log that was verified last is kept. Default: DIR.seen beside DIR; for a URL, "
            "below ~/.local/state/stile.",
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Check receipts offline, or the whole of a log against its signed checkpoint and the one that was verified last.

    FILE: entry, leaf, proof, checkpoint, signature, openings, answer, values. DIR: every entry and every hash is computed
    again. URL: every hash. A receipt shows what the council signed, not that it signed the same for everybody.
    """
    failed = False
    for one in what:
        try:
            lines = check_of(one, vkey=vkey, since=since)()
        except (ProofError, OSError) as error:
            typer.secho(f"{one}: NOT VERIFIED: {error}", err=True, fg="red")
            failed = True
        except UnreadableError as error:
            typer.secho(f"{one}: could not be read, so nothing is verified: {error}", err=True, fg="red")
            failed = True
        except NotRememberedError as error:
            typer.secho(f"{one}: it verifies, and was not remembered: {error}", err=True, fg="red")
            failed = True
        else:
            for line in lines:
                typer.echo(f"{one}: {line}")
    if failed:
        raise typer.Exit(1)


def check_of(what: str, *, vkey: str, since: Path | None) -> Check:
    """Return the check of an answer's file, a log's directory, or a log's address."""
    if "://" in what:
        return lambda: _check_address(what, vkey=vkey, since=since)
    path = Path(what)
    if path.is_dir():
        return lambda: _check_directory(path, vkey=vkey, since=since)
    if path.exists():
        return lambda: _check_answers(path, vkey=vkey)
    raise UnreadableError("there is no such file or directory, and it is no address (https://…)")


def _check_answers(file: Path, *, vkey: str) -> Sequence[str]:
    raw = file.read_bytes()
    found = verify_answers(raw, vkey=vkey)
    if len(found) == 1 and is_complete(raw):
        return [f"verified: entry {found[0].index} of {found[0].size}, {found[0].outcome}"]
    lines = [f"verified: entry {one.index} of {one.size}, {one.disclosure_id}, {one.outcome}" for one in found]
    return lines if is_complete(raw) else [*lines, "not the whole of an answer: people may be missing from this file"]


def _check_directory(directory: Path, *, vkey: str, since: Path | None) -> Sequence[str]:
    if not (directory / CHECKPOINT).is_file():
        raise UnreadableError(
            f"it holds no {CHECKPOINT}: it is not what `stile log export` writes, or its first run was cut off"
        )
    place = since or directory.resolve().with_name(f"{directory.resolve().name}.seen")
    seen = read_seen(place)
    with showing_progress("Verifying entries") as progress:
        total: list[int] = []
        found = verify_log(
            in_directory(directory),
            vkey=vkey,
            seen=seen,
            with_entries=True,
            begun=total.append,
            progress=lambda done: progress(done, total[0]),
        )
    keep_seen(found.note, place)
    return [_verified(found, "every entry, every hash and the checkpoint agree")]


def _check_address(url: str, *, vkey: str, since: Path | None) -> Sequence[str]:
    place = since or place_of_seen(vkey, os.environ)
    seen = read_seen(place)
    with Published(url) as fetch, showing_progress("Verifying hashes") as progress:
        total: list[int] = []
        found = verify_log(
            fetch,
            vkey=vkey,
            seen=seen,
            with_entries=False,
            begun=total.append,
            progress=lambda done: progress(done, total[0]),
        )
    keep_seen(found.note, place)
    return [_verified(found, "every hash and the checkpoint agree")]


def _verified(found: WholeLog, what: str) -> str:
    growth = (
        "seen for the first time" if found.seen_size is None else f"a continuation of the {found.seen_size} seen before"
    )
    return f"verified: {found.checkpoint.origin}, {found.checkpoint.size} entries: {what}; {growth}"
