"""The attacks that a gateway must withstand, as a suite: `stile attack`. Needs neither a council nor a database."""

from gateway.attack.judging import Attack, Verdict
from gateway.attack.report import document, markdown
from gateway.attack.running import CannotRunError, Result, Run, aim, place_of, run
from gateway.attack.suite import attacks
from gateway.attack.target import Client

__all__ = [
    "Attack",
    "CannotRunError",
    "Client",
    "Result",
    "Run",
    "Verdict",
    "aim",
    "attacks",
    "document",
    "markdown",
    "place_of",
    "run",
]
