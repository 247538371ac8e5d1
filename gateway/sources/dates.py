"""Which day does a value state? A format reads it whole, each directive its full width; nothing is guessed.

strptime reads `2111990` as 21 January by `%d%m%Y`: a nought that a spreadsheet dropped makes another day. So formats have
a reading of their own here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from schemas.instants import london_day

PIVOTS: Final = (1800, 2100)  # the first year that two digits may mean
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _one_of(names: Sequence[str]) -> str:
    return "(?i:{})".format("|".join(names))


def _short(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name[:3] for name in names)


# What each directive reads. One or two digits, without a nought, where the hyphen says so: 3/4/1985 is %-d/%-m/%Y.
_WIDTHS: Final[Mapping[str, str]] = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "j": r"\d{3}",
    "H": r"\d{2}",
    "I": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "f": r"\d{1,9}",
    "p": r"(?i:[ap]m)",
    "b": _one_of(_short(_MONTHS)),
    "B": _one_of(_MONTHS),
    "a": _one_of(_short(_DAYS)),
    "A": _one_of(_DAYS),
    "z": r"(?:(?i:Z|UTC|GMT)|[+-]\d{2}(?::?\d{2})?)",
    **dict.fromkeys(("-d", "-m", "-H", "-I"), r"[1-9]?\d"),
}
_DIRECTIVE: Final = re.compile(r"%(-?.)", re.DOTALL)
# A zone that was written out after a time: every value of it is an instant, and its day is London's.
_ZONE: Final = re.compile(r"(?<=%[MSfp])( ?)(?:(?i:Z|UTC|GMT)|[+-]\d{2}:?\d{2})$")
_TOUCHING: Final = re.compile(r"(?:\d|%-?[YymdjHIMSf])%-.|%-.(?:\d|%-?[YymdjHIMSf])")


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A format, ready to read: `names` are its directives in order, without the hyphen."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]

    def day(self, text: str, pivot: int | None) -> date:
        """Return the day that a text states; ValueError where it is not of this format to the last character."""
        found = self.pattern.fullmatch(text)
        if found is None:
            raise ValueError("not of this format")
        parts = dict(zip(self.names, found.groups(), strict=True))
        day = _calendar_day(parts, pivot)
        _check_weekday(parts, day)
        if not _has_time(parts):
            return day
        at = datetime(day.year, day.month, day.day, _hour(parts), int(parts.get("M", 0)), int(parts.get("S", 0)))  # noqa: DTZ001 -- its zone, if it has one, comes next
        return london_day_of(at.replace(tzinfo=_zone(parts["z"]))) if "z" in parts else day


def read_day(text: str, formats: Sequence[str], pivot: int | None = None) -> date:
    """Return the day by the formats that fit; ValueError if none does, or two of them read two days."""
    found: date | None = None
    for form in formats:
        try:
            day = _usual_day(text, _AS_ISO[form]) if form in _AS_ISO else _other_day(text, form, pivot)
        except ValueError:
            continue
        if found is not None and day != found:  # by %d/%m/%Y and %m/%d/%Y, 03/04/1985 is two days, and nobody knows which
            raise ValueError("two formats read two days")
        found = day
    if found is None:
        raise ValueError("no format fits")
    return found


def london_day_of(at: datetime) -> date:
    """Return the London day of an instant, or the day itself of a time without a zone; ValueError past the calendar."""
    try:
        return at.date() if at.tzinfo is None else london_day(at)
    except OverflowError:
        raise ValueError("past the end of the calendar") from None


def is_read(form: str) -> bool:
    """Tell whether every directive of a format is read, and stands once."""
    return _compiled(form) is not None


def format_flaw(form: str, pivot: int | None) -> tuple[str, str] | None:
    """Return what keeps a format from being read for certain, and what to write; None where nothing does."""
    names = [name.removeprefix("-") for name in _DIRECTIVE.findall(form)]
    if _ZONE.search(form):
        return f"{form} writes the zone out, and its days would be another zone's", "Write %z there instead."
    if "Z" in names:
        return f"{form} names a zone, and names of zones have no one meaning", "Write %z: it reads Z, UTC and +01:00."
    if "y" in names and pivot is None:
        text = f"{form} reads two digits of a year, and nobody says of which century"
        return text, "Give `pivot`, the first year that they may mean: with 1930, 41 is 1941 and 29 is 2029."
    if _TOUCHING.search(form):
        return (
            f"{form} has a directive of one or two digits beside other digits",
            "Put a mark between them, or take the hyphen out.",
        )
    if "I" in names and "p" not in names:
        return f"{form} reads an hour of twelve without %p", "Write %H, or add %p."
    if not is_read(form):
        known = ", ".join(f"%{name}" for name in _WIDTHS)
        return f"{form} has a directive that is not read", f"Use {known} and %%, each once."
    return None


def texts_of_day(day: date, form: str) -> tuple[str, ...]:
    """Return every text that a format reads as a day, but that it takes names of months and days in mixed case too.

    None by a format with a time, for each instant of the day would be another text.
    """
    if not tells_days_alone(form) or not is_read(form):
        return ()
    cases = (str.title, str.upper, str.lower)
    return tuple(dict.fromkeys(_DIRECTIVE.sub(lambda found: case(_WRITTEN[found[1]](day)), form) for case in cases))  # noqa: B023 -- called at once


def tells_days_alone(form: str) -> bool:
    """Tell whether a format holds no time and no zone: then a day has few texts by it."""
    return set(_DIRECTIVE.findall(form)) <= _WRITTEN.keys()


@lru_cache(maxsize=256)
def _compiled(form: str) -> DateFormat | None:
    """Return a format ready to read, None where a directive is unknown or stands twice: then no value fits."""
    form = _ZONE.sub(r"\1%z", form)
    names: list[str] = []
    pieces: list[str] = []
    end = 0
    for found in _DIRECTIVE.finditer(form):
        pieces.append(re.escape(form[end : found.start()]))
        end = found.end()
        name = found[1]
        if name == "%":
            pieces.append("%")
        elif name in _WIDTHS:
            pieces.append(f"({_WIDTHS[name]})")
            names.append(name.removeprefix("-"))
        else:
            return None
    pieces.append(re.escape(form[end:]))
    if len(set(names)) < len(names) or "%" in _DIRECTIVE.sub("", form):
        return None
    return DateFormat(re.compile("".join(pieces), re.ASCII), tuple(names))


def _other_day(text: str, form: str, pivot: int | None) -> date:
    compiled = _compiled(form)
    if compiled is None:
        raise ValueError("no format")
    return compiled.day(text, pivot)


def _calendar_day(parts: Mapping[str, str], pivot: int | None) -> date:
    year = int(parts["Y"]) if "Y" in parts else _year(int(parts["y"]), pivot)
    if "j" in parts:
        day = date(year, 1, 1) + timedelta(days=int(parts["j"]) - 1)
        if day.year != year:
            raise ValueError("no such day of the year")
        return day
    return date(year, _month(parts), int(parts["d"]))


def _year(two: int, pivot: int | None) -> int:
    if pivot is None:  # a text that was published before this was asked for: of which century, nobody knows
        raise ValueError("no pivot")
    return pivot + (two - pivot) % 100


def _month(parts: Mapping[str, str]) -> int:
    if "m" in parts:
        return int(parts["m"])
    return _short(_MONTHS).index((parts.get("b") or parts["B"])[:3].lower()) + 1


def _check_weekday(parts: Mapping[str, str], day: date) -> None:
    """Raise ValueError for a day of the week that is not the date's: one of the two is wrong, and nobody knows which."""
    named = parts.get("a") or parts.get("A")
    if named is not None and _DAYS[day.weekday()][:3] != named[:3].lower():
        raise ValueError("not that day of the week")


def _has_time(parts: Mapping[str, str]) -> bool:
    """Tell whether a time stands there; a day with a zone and no time (1985-02-14Z) is that day."""
    return "H" in parts or "I" in parts


def _hour(parts: Mapping[str, str]) -> int:
    if "H" in parts:
        return int(parts["H"])
    hour = int(parts["I"])
    if not 1 <= hour <= 12:  # noqa: PLR2004 -- of a clock's face
        raise ValueError("no such hour")
    return hour % 12 + (12 if parts.get("p", "").lower() == "pm" else 0)


def _zone(text: str) -> timezone:
    if text.isalpha():
        return timezone.utc  # noqa: UP017 -- a timezone, as below
    sign, digits = (-1 if text[0] == "-" else 1), text[1:].replace(":", "")
    return timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0)))


# -- writing

_WRITTEN: Final[Mapping[str, Callable[[date], str]]] = {
    "Y": lambda day: f"{day.year:04}",
    "y": lambda day: f"{day.year % 100:02}",
    "m": lambda day: f"{day.month:02}",
    "d": lambda day: f"{day.day:02}",
    "j": lambda day: f"{day.timetuple().tm_yday:03}",
    "b": lambda day: _short(_MONTHS)[day.month - 1],
    "B": lambda day: _MONTHS[day.month - 1],
    "a": lambda day: _short(_DAYS)[day.weekday()],
    "A": lambda day: _DAYS[day.weekday()],
    "-d": lambda day: str(day.day),
    "-m": lambda day: str(day.month),
    "%": lambda _: "%",
}


# -- the usual formats, a text of which is put into ISO 8601's order: an expression takes several times as long

_WITH_MARKS: Final = len("2026-04-01")
_WITHOUT: Final = len("20260401")
_AS_ISO: Final[Mapping[str, Callable[[str], str]]] = {
    "%Y-%m-%d": lambda text: text if len(text) == _WITH_MARKS and text[4] == text[7] == "-" else "",
    "%d/%m/%Y": lambda text: (
        f"{text[6:]}-{text[3:5]}-{text[:2]}" if len(text) == _WITH_MARKS and text[2] == text[5] == "/" else ""
    ),
    "%d-%m-%Y": lambda text: (
        f"{text[6:]}-{text[3:5]}-{text[:2]}" if len(text) == _WITH_MARKS and text[2] == text[5] == "-" else ""
    ),
    "%Y%m%d": lambda text: f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == _WITHOUT else "",
}


def _usual_day(text: str, as_iso: Callable[[str], str]) -> date:
    return date.fromisoformat(as_iso(text))  # of "" too: ValueError
