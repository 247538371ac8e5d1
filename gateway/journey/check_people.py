"""Are these people asked about rightly, by the version of the agreement that counts? Before anybody is looked for."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Final

from gateway.journey.call import Ask, Chunk, Version
from gateway.journey.equipment import Services
from gateway.journey.facts import agreement_asked, incident_asked
from gateway.problems import BATCH_TOO_LARGE, REQUEST_MALFORMED, ProblemError
from gateway.sources.comparing import lenient, one_key, typed_form
from gateway.sources.shapes import misfit_of_detail, misfit_of_key
from gateway.store.live import LiveAgreement
from policies.deciding.compile import keys_for
from policies.deciding.naming import facts_in, least
from schemas.dataset import Dataset, Key
from schemas.incident import Incident
from schemas.instants import london_day
from schemas.request import SubjectQuery

AT_ONCE: Final = 200  # people who are checked before others get their turn
MOST_OF_ONE_KEY: Final = 64  # people of one call with one key: more could not be told apart in a source either
Claims = Mapping[str, str] | None
Seen = dict[tuple[str, object], list[tuple[int, dict[str, str | None]]]]


def check_people(ask: Ask, services: Services) -> Generator[None, None, tuple[dict[int, str], Version | None]]:
    """Check everybody of a call about many, and pause now and then for others to have their turn.

    Returns, by their places, what is wrong with the shape of those who can't be asked about (their lines alone fail), and
    the version that everybody was checked by.
    Raises ProblemError for more people than the agreement's batch, a key or detail that is none of the dataset's, a person
    named twice, and where nobody can be asked about.
    """
    people = ask.request.subjects
    live = _live(ask, services)
    check_emergency(ask, incident_asked(services.reader, ask, services.clock()))
    _check_batch(live, len(people))
    misfits: dict[int, str] = {}
    if live is None:
        return misfits, None
    check_fields(ask, live)
    seen: Seen = {}
    for number, one in enumerate(people):
        check_query(ask, one.query, one.claims, live, f"subjects[{number}]")
        misfit = _misfit(one.query, live.dataset, f"subjects[{number}]")
        if misfit is None:
            _check_once(seen, number, one.query, live.dataset)
        else:
            misfits[number] = misfit
        if number % AT_ONCE == AT_ONCE - 1:
            yield
    if len(misfits) == len(people):
        raise ProblemError(REQUEST_MALFORMED, misfits[0])
    return misfits, _version_of(live)


def check_emergency(ask: Ask, incident: Incident | None) -> None:
    """Raise ProblemError for many people in one emergency, unless the council has declared an incident that covers it."""
    if ask.request.emergency is not None and len(ask.request.subjects) > 1 and incident is None:
        told = (
            "subjects: in an emergency ask about one person a call. Many people take an incident that the council declares"
        )
        raise ProblemError(REQUEST_MALFORMED, told)


def check_again(chunk: Chunk, live: LiveAgreement) -> None:
    """Check a chunk's people by the version that they are now decided under, where that is another than before.

    Raises ProblemError, as `check_people` does; chunks before this one stand.
    """
    if chunk.checked == _version_of(live):
        return
    _check_batch(live, chunk.total)
    check_fields(chunk.asks[0], live)
    seen: Seen = {}
    for number, ask in enumerate(chunk.asks):
        check_query(ask, ask.request.subject, ask.request.claims, live, "subjects")
        _check_shape(ask.request.subject, live.dataset, "subjects")
        _check_once(seen, number, ask.request.subject, live.dataset)


def check_one(ask: Ask, live: LiveAgreement) -> None:
    """Raise ProblemError unless a call about one person asks by a key, details and fields of the dataset."""
    check_query(ask, ask.request.subject, ask.request.claims, live)
    _check_shape(ask.request.subject, live.dataset, "subject")
    check_fields(ask, live)


def _version_of(live: LiveAgreement) -> Version:
    return (live.agreement.digest, live.dataset.digest)


def _live(ask: Ask, services: Services) -> LiveAgreement | None:
    name = agreement_asked(ask)
    now: datetime = services.clock()
    return services.reader.find_agreement(name, london_day(now)) if name else None


def _check_batch(live: LiveAgreement | None, count: int) -> None:
    """Where there is no agreement, nobody has agreed to more than one person a call."""
    most = live.agreement.limits.batch if live is not None else 1
    if count > most:
        whose = live.agreement.id if live is not None else "a call that no agreement covers"
        raise ProblemError(BATCH_TOO_LARGE, f"subjects: {count} are more than the {most} of {whose}")


def check_query(ask: Ask, query: SubjectQuery, claims: Claims, live: LiveAgreement, where: str = "subject") -> None:
    """Raise ProblemError unless a person's key, confirming details and claims are the dataset's, and details enough.

    By what the agreement does not let people be named is refused by the decision, and recorded: it is no mistake of form.
    """
    dataset, key = live.dataset, live.dataset.keys.get(query.key)
    if key is None or key.name not in live.keys:
        known = ", ".join(name for name in dataset.keys if name in live.keys)
        raise ProblemError(REQUEST_MALFORMED, f"{where}: the keys of {dataset.id} are {known}")
    _check_composition(query, key, f"{where}.{key.name}")
    ours = keys_for(live.compiled, ask.caller.client.partner_id or "").get(query.key)
    is_unknown = any(name not in key.confirm for name in query.confirm)
    told = ours or least(key, live.compiled.rules)  # such a key is open in a declared incident alone
    if is_unknown or _are_too_few(query, told, live):
        raise ProblemError(
            REQUEST_MALFORMED, f"{where}.confirm: {told.name} wants at least {told.at_least} of {', '.join(told.confirm)}"
        )
    for path in claims or ():
        if path not in dataset.fields or path in dataset.groups or "." in path:
            raise ProblemError(REQUEST_MALFORMED, f"claims: name fields of {dataset.id} outside its groups")


def _check_composition(query: SubjectQuery, key: Key, where: str) -> None:
    """Raise ProblemError unless a composite key comes as an object of all its details, and any other as one string."""
    if not key.all_of:
        if query.is_composite:
            raise ProblemError(REQUEST_MALFORMED, f"{where}: this key is one string, and details go into confirm")
        return
    every = f"{key.name} is an object of {', '.join(key.all_of)}"
    if not query.is_composite:
        raise ProblemError(REQUEST_MALFORMED, f"{where}: {every}")
    for name in query.confirm:
        if name not in key.all_of:
            raise ProblemError(REQUEST_MALFORMED, f"{where}.{name} is no detail of this key: {every}")
    for name in key.all_of:
        if name not in query.confirm:
            raise ProblemError(REQUEST_MALFORMED, f"{where}.{name} is missing: {every}")


def _check_shape(query: SubjectQuery, dataset: Dataset, where: str) -> None:
    misfit = _misfit(query, dataset, where)
    if misfit is not None:
        raise ProblemError(REQUEST_MALFORMED, misfit)


def _misfit(query: SubjectQuery, dataset: Dataset, where: str) -> str | None:
    """Return the first member whose value does not have its type's shape, and that shape: nobody is looked for then."""
    fields = dataset.fields
    if not query.is_composite and (wrong := misfit_of_key(fields[query.key], query.value)) is not None:
        return f"{where}.{query.key} {wrong}"
    details = query.key if query.is_composite else "confirm"
    for name, text in query.confirm.items():
        if (wrong := misfit_of_detail(fields[name], text)) is not None:
            return f"{where}.{details}.{name} {wrong}"
    return None


def _are_too_few(query: SubjectQuery, ours: Key, live: LiveAgreement) -> bool:
    """Tell whether details are fewer facts than the key wants: a full name and its surname are one."""
    if not set(query.confirm) <= set(ours.confirm):
        return False
    counts = live.compiled.naming.counts
    return (facts_in(ours, query.confirm, live.dataset) if counts else len(query.confirm)) < ours.at_least


def check_fields(ask: Ask, live: LiveAgreement) -> None:
    """Raise ProblemError where a field is not in the dataset at all."""
    if ask.request.fields is not None and not live.dataset.fields.keys() >= set(ask.request.fields):
        raise ProblemError(REQUEST_MALFORMED, f"fields: not all of them are in {live.dataset.id}; see GET /v1/agreements")


def _check_once(seen: Seen, number: int, query: SubjectQuery, dataset: Dataset) -> None:
    """Refuse a person who is named twice. Two who share a key must differ in a detail that both lines give."""
    fields = dataset.fields
    details = {name: typed_form(fields[name], text) for name, text in query.confirm.items()}
    value = _value(query, details, dataset)
    others = seen.setdefault((query.key, value), [])
    if len(others) >= MOST_OF_ONE_KEY:
        raise ProblemError(REQUEST_MALFORMED, f"subjects[{number}]: over {MOST_OF_ONE_KEY} people share its key")
    for earlier, known in others:
        if all(known[name] == details[name] for name in known.keys() & details.keys()):
            raise ProblemError(
                REQUEST_MALFORMED,
                f"subjects[{number}] may be the person of subjects[{earlier}]: name each once, and tell apart two who "
                "share a key by the same detail",
            )
    others.append((number, details))


def _value(query: SubjectQuery, details: Mapping[str, str | None], dataset: Dataset) -> object:
    """Return what two queries of one person have in common: of a composite key, all of its details."""
    if query.is_composite:
        return frozenset(details.items())
    return lenient(one_key(dataset.fields[query.key], query.value) or query.value)
