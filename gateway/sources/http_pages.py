"""How are an answer's pages followed, to the last one or not at all? A part is never given out as the whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from gateway.sources.contract import Cause, SourceFailedError
from gateway.sources.http_client import Answer, HttpClient
from gateway.sources.http_reading import HttpReading
from gateway.sources.json_answer import at, steps
from gateway.sources.upstream import Call, Upstream, host_of

Asked = tuple[tuple[str, ...], Mapping[str, str]]  # the values of a request, and what it asks for alone
LONGEST: Final = 4_096  # characters of a link or a cursor
_LINK: Final = re.compile(r"[!-\[\]-~]+", re.ASCII)  # no blank, no backslash, nothing that some reader takes for either


@dataclass(frozen=True, slots=True)
class _Turn:
    """Where one page lies, and which it is."""

    address: str
    number: int  # as the service counts


class Pages:
    """Follows the pages of one upstream's answers. Holds no state."""

    def __init__(self, source: str, upstream: Upstream, client: HttpClient, reading: HttpReading) -> None:
        self._source = source
        self._upstream = upstream
        self._client = client
        self._reading = reading

    async def objects(
        self, call: Call, values: tuple[str, ...], select: Mapping[str, str], *, most: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the records of every page, in order; with `most`, of as many pages as give so many.

        Raises SourceFailedError where a page can't be followed, leads elsewhere or in a circle, and beyond the bounds on
        pages and bytes. Time is bounded by the caller.
        """
        turned = {call.page: str(call.first_page)} if call.page else None
        turn: _Turn | None = _Turn(self._address(call, (values, select), turned), call.first_page)
        seen: set[str] = set()
        found: list[dict[str, Any]] = []
        left, before = self._upstream.max_bytes, None
        while turn is not None:
            if len(seen) == self._upstream.max_pages:
                raise self._failed(f"answered in over {self._upstream.max_pages} pages; raise max_pages if that is right")
            seen.add(turn.address)
            answer = await self._client.get(turn.address, nobody=() if found or len(seen) > 1 else call.nobody, most=left)
            records = self._reading.objects(answer.value, call)
            if call.page and records and records == before:
                raise self._failed("gave one page twice, as if it knew no pages")
            found += records
            if most is not None and len(found) >= most:
                break
            left, before = left - answer.size, records
            turn = self._next(call, turn, answer, (values, select), has_records=bool(records))
            if turn is not None and turn.address in seen:
                raise self._failed("leads in a circle of pages")
        return found

    def _next(
        self,
        call: Call,
        turn: _Turn,
        answer: Answer,
        asked: Asked,
        *,
        has_records: bool,
    ) -> _Turn | None:
        if answer.value is None:
            return None
        if call.page is not None:
            if self._is_last(call, turn, answer.value, has_records=has_records):
                return None
            return _Turn(self._address(call, asked, {call.page: str(turn.number + 1)}), turn.number + 1)
        following = _at(answer.value, call.more)
        if call.cursor is not None:
            if _is_nothing(following):
                return None
            return _Turn(self._address(call, asked, {call.cursor: self._cursor(following)}), 0)
        if not following:
            following = answer.following  # a service may say it beside its answer alone, whatever the mapping knows of it
        return None if not following else _Turn(self._link(turn, following), 0)

    def _is_last(self, call: Call, turn: _Turn, value: Any, *, has_records: bool) -> bool:
        """Tell whether a numbered page is the last; where the service does not say it, one without records is."""
        if call.last is not None:
            last = _at(value, call.last)
            if isinstance(last, str) and re.fullmatch(r"\d{1,9}", last, re.ASCII):
                last = int(last)
            if not isinstance(last, int) or isinstance(last, bool):
                raise self._failed("does not say which page is the last")
            return turn.number >= last
        return not _at(value, call.more) if call.more is not None else not has_records

    def _cursor(self, following: Any) -> str:
        is_plain = isinstance(following, (str, int)) and not isinstance(following, bool)
        if not is_plain or len(str(following)) > LONGEST:
            raise self._failed("gave part of its records alone: what leads on is no cursor")
        return str(following)

    def _link(self, turn: _Turn, following: Any) -> str:
        """Return the address of a link that leads to the same service: the same scheme, host and port."""
        if not isinstance(following, str) or not _LINK.fullmatch(following) or len(following) > LONGEST:
            raise self._failed("gave part of its records alone: what leads on is no link")
        base = self._upstream.base
        try:
            link = urlsplit(urljoin(turn.address, following))
            same = (link.scheme, host_of(link)) == (urlsplit(base).scheme, self._upstream.host)
        except ValueError:
            same = False
        if not same or link.username is not None or link.password is not None:
            raise self._failed("gave a link to its next page that leads elsewhere, and is not followed")
        return f"{link.scheme}://{link.netloc}{link.path}" + (f"?{link.query}" if link.query else "")

    def _address(self, call: Call, asked: Asked, turned: Mapping[str, str] | None) -> str:
        return self._upstream.base + call.target(*asked, turned)

    def _failed(self, what: str) -> SourceFailedError:
        return SourceFailedError(f"{self._source} {what}", Cause.PAGES)


def _at(value: Any, place: str | None) -> Any:
    """Return what stands at a place; or at the member whose name it is, dots and all, though nobody quoted it."""
    if place is None:
        return None
    found = at(value, steps(place))
    return value.get(place) if found is None and isinstance(value, dict) else found


def _is_nothing(following: Any) -> bool:
    return following is None or following is False or following == ""
