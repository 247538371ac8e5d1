"""How does a partner's case system ask a gateway? `Client` and `AsyncClient`: no answer comes back unverified.

Needs neither a council's directory nor a database: of the house it uses the verifier and the two JWTs.
"""

from gateway.client.asking import Action, Caseworker, Emergency, Subject, Vouch
from gateway.client.calling import Client
from gateway.client.calling_async import AsyncClient
from gateway.client.errors import (
    IncompleteError,
    LimitReachedError,
    LinesRefusedError,
    NotKeptError,
    NotVerifiedError,
    OAuthError,
    ProblemError,
    StileError,
    TokenRefusedError,
    UnavailableError,
    UnexpectedReplyError,
    UnreachableError,
)
from gateway.client.keeping import DirectoryKeeper
from gateway.client.results import Agreement, Answer, Explanation, Receipt, Released, Withheld
from gateway.client.retrying import Patience

__all__ = [
    "Action",
    "Agreement",
    "Answer",
    "AsyncClient",
    "Caseworker",
    "Client",
    "DirectoryKeeper",
    "Emergency",
    "Explanation",
    "IncompleteError",
    "LimitReachedError",
    "LinesRefusedError",
    "NotKeptError",
    "NotVerifiedError",
    "OAuthError",
    "Patience",
    "ProblemError",
    "Receipt",
    "Released",
    "StileError",
    "Subject",
    "TokenRefusedError",
    "UnavailableError",
    "UnexpectedReplyError",
    "UnreachableError",
    "Vouch",
    "Withheld",
]
