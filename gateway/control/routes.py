"""Which calls does the control API have? In the order in which they are described."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.control import (
    changes,
    consents,
    emergencies,
    log,
    misses,
    own_session,
    persons,
    proposed,
    registrations,
    texts,
)


def routers() -> tuple[APIRouter, ...]:
    """Return the control API's calls."""
    return tuple(
        one.router
        for one in (consents, changes, proposed, own_session, log, misses, persons, emergencies, registrations, texts)
    )
