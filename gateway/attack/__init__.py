"""The attacks that a gateway must withstand, as a suite: `stile attack`. Needs neither a council nor a database."""

from gateway.attack.attack import Attack
from gateway.attack.given import Bound, Client, Session
from gateway.attack.judging import Verdict
from gateway.attack.report import document, markdown
from gateway.attack.running import CannotRunError, Result, Run, aim, place_of, run
from gateway.attack.suite import attacks

__all__ = [
    "Attack",
    "Bound",
    "CannotRunError",
    "Client",
    "Result",
    "Run",
    "Session",
    "Verdict",
    "aim",
    "attacks",
    "document",
    "markdown",
    "place_of",
    "run",
]
