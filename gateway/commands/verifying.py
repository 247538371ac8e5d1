"""`stile verify`: is this receipt true, is this the whole log? Needs neither a council nor a gateway."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from audit.checking.published import Published, UnreadableError, in_directory, open_file
from audit.checking.seen import NotRememberedError, keep_seen, place_of_seen, read_seen
from audit.checking.verify import LARGEST, ProofError, is_complete, verify_answers
from audit.checking.whole import WholeLog, verify_log
from audit.tree.layout import CHECKPOINT
from gateway.commands.progress import showing_progress

MOST_BYTES: Final = 536_870_912  # of a file of answers
LONGEST_MESSAGE: Final = 1_000
STANDARD_INPUT: Final = "-"
NOT_COMPLETE: Final = (
    "NOT COMPLETE: it does not come to its end, or lacks lines, so people may be missing: ask for the rest again, or give "
    "--part where single lines were kept on purpose"
)
_AN_ID: Final = re.compile(r"[a-z]{1,8}_[0-9A-HJKMNP-TV-Z]{26}(\.\d{1,5})?", re.ASCII)  # as audit.format.entry makes them


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found true, for people to read, and whether it is the whole of it."""

    lines: Sequence[str]
    is_whole: bool = True


Check = Callable[[], Checked]


def verify(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|DIR|URL…",
            help="Answers as they were received, one file each, or - for standard input; a log that `stile log export` "
            "wrote; a log's own address.",
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
    part: Annotated[bool, typer.Option("--part", help="Single lines of an answer were kept, and not all.")] = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Check receipts offline, or the whole of a log against its signed checkpoint and the one that was verified last.

    FILE: entry, leaf, proof, checkpoint, signature, openings, answer, values. DIR: every entry and every hash is computed
    again. URL: every hash. A receipt shows what the council signed, not that it signed the same for everybody.
    """
    told = [_tell(one, vkey=vkey, since=since, part=part) for one in what]
    if not all(told):
        raise typer.Exit(1)


def _tell(what: str, *, vkey: str, since: Path | None, part: bool) -> bool:
    """Check one of them, say what was found, and tell whether it is as it should be."""
    try:
        found = check_of(what, vkey=vkey, since=since)()
    except (ProofError, OSError) as error:
        wrong = f"NOT VERIFIED: {error}"
    except UnreadableError as error:
        wrong = f"could not be read, so nothing is verified: {error}"
    except NotRememberedError as error:
        wrong = f"it verifies, and was not remembered: {error}"
    else:
        for line in found.lines:
            typer.echo(_printable(f"{what}: {line}"))
        if found.is_whole or part:
            return True
        wrong = NOT_COMPLETE
    typer.secho(_printable(f"{what}: {wrong}"), err=True, fg="red")
    return False


def _printable(text: str) -> str:
    """Return a text that can't write over another line of a terminal: what stands in a file may be anybody's."""
    plain = "".join(one if one.isprintable() else "?" for one in text[:LONGEST_MESSAGE])
    return plain + ("..." if len(text) > LONGEST_MESSAGE else "")


def check_of(what: str, *, vkey: str, since: Path | None) -> Check:
    """Return the check of an answer's file or standard input, a log's directory, or a log's address."""
    if what == STANDARD_INPUT:
        return lambda: _check_answers(_bounded(typer.get_binary_stream("stdin")), vkey=vkey)
    if "://" in what:
        return lambda: _check_address(what, vkey=vkey, since=since)
    path = Path(what)
    if path.is_dir():
        return lambda: _check_directory(path, vkey=vkey, since=since)
    if path.exists():
        return lambda: _check_answers(_read_file(path), vkey=vkey)
    raise UnreadableError("there is no such file or directory, and it is no address (https://…)")


def _read_file(file: Path) -> bytes:
    try:
        with open_file(file) as stream:
            return _bounded(stream)
    except OSError as error:
        raise UnreadableError(error.strerror or type(error).__name__) from error


def _bounded(stream: BinaryIO) -> bytes:
    raw = stream.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise UnreadableError(f"it is over {MOST_BYTES} bytes, which no answer is")
    return raw


def _check_answers(raw: bytes, *, vkey: str) -> Checked:
    # Before it is parsed: a text of brackets takes many times its own size once it is objects.
    if len(raw) > LARGEST and b"\n" not in raw and b'"lines":[' not in raw:
        raise ProofError(f"the answer is over {LARGEST} bytes")
    found = verify_answers(raw, vkey=vkey)
    is_whole = is_complete(raw)
    if len(found) == 1 and is_whole:
        return Checked([f"verified: entry {found[0].index} of {found[0].size}, {found[0].outcome}"])
    lines = [f"verified: entry {one.index} of {one.size}, {_id(one.disclosure_id)}, {one.outcome}" for one in found]
    return Checked(lines, is_whole=is_whole)


def _id(text: str) -> str:
    return text if _AN_ID.fullmatch(text) else "of an id that is none"


def _check_directory(directory: Path, *, vkey: str, since: Path | None) -> Checked:
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
    return Checked([_verified(found, "every entry, every hash and the checkpoint agree")])


def _check_address(url: str, *, vkey: str, since: Path | None) -> Checked:
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
    return Checked([_verified(found, "every hash and the checkpoint agree")])


def _verified(found: WholeLog, what: str) -> str:
    growth = (
        "seen for the first time" if found.seen_size is None else f"a continuation of the {found.seen_size} seen before"
    )
    return f"verified: {found.checkpoint.origin}, {found.checkpoint.size} entries: {what}; {growth}"
