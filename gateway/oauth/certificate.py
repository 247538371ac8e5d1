"""Which certificate did the caller's TLS connection have? RFC 8705, as a proxy tells it in `Client-Cert` (RFC 9440).

The gateway sees no TLS: whether the header is to be believed is `gateway/web/hops.py`'s to say, and no header comes here
that is not. The proxy has checked the chain; a certificate's name is not looked at, for the client proves who it is by its
assertion, and the certificate only binds its tokens.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from gateway.oauth import jose

LONGEST: Final = 8_192  # characters of the header
KEPT: Final = 1_024
# RFC 9440, section 2.2: a Byte Sequence of RFC 8941, section 3.3.5, and nothing behind it.
_BYTES: Final = re.compile(r":([A-Za-z0-9+/]+={0,2}):")


class CertificateRefusedError(Exception):
    """The call lacks the certificate that it should have; says what to mend."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client's certificate: `x5t#S256` (RFC 8705, section 3.1), and the epoch seconds from and up to which it counts."""

    thumbprint: str
    starts: float
    ends: float


class Certificates:
    """Certificates by the exact header they came in. Holds at most `KEPT`; the oldest used goes first. For one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Certificate] = OrderedDict()

    def find(self, headers: Sequence[str], *, now: float) -> str | None:
        """Return the thumbprint of the call's certificate, or None; CertificateRefusedError for one that is no good."""
        if not headers:
            return None
        if len(headers) > 1:
            raise CertificateRefusedError("Client-Cert is there twice: the proxy must replace what it was sent")
        found = self._kept.get(headers[0])
        if found is None:
            found = self._kept[headers[0]] = read_certificate(headers[0])
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(headers[0])
        if not found.starts <= now < found.ends:
            raise CertificateRefusedError("the certificate is not within its dates")
        return found.thumbprint


def read_certificate(header: str) -> Certificate:
    """Return the certificate of a Client-Cert header, or raise CertificateRefusedError."""
    found = _BYTES.fullmatch(header) if len(header) <= LONGEST else None
    try:
        der = base64.b64decode(found[1], validate=True) if found else b""
        certificate = x509.load_der_x509_certificate(der)
    except (binascii.Error, ValueError) as error:
        raise CertificateRefusedError("Client-Cert is not one DER certificate between colons: RFC 9440") from error
    return Certificate(
        thumbprint=jose.encode(hashlib.sha256(der).digest()),
        starts=certificate.not_valid_before_utc.timestamp(),
        ends=certificate.not_valid_after_utc.timestamp() + 1,  # its last second counts: RFC 5280, section 4.1.2.5
    )


def is_bound_to(expected: str, thumbprint: str | None) -> bool:
    """Tell whether a token that names a certificate may be used over this connection (RFC 8705, section 3)."""
    return thumbprint is not None and hmac.compare_digest(expected, thumbprint)
