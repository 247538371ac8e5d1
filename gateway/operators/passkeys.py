"""Does this browser hold the passkey? Web Authentication Level 3, sections 7.1 and 7.2, by the library `webauthn`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.store.operator_rows import Passkey

LARGEST: Final = 16_384  # characters of what a browser sends
ALGORITHMS: Final = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_TIMEOUT: Final = 120_000  # milliseconds that the browser waits for the person
# What reading a stranger's CBOR and JSON may raise besides the library's own.
_MALFORMED: Final = (
    WebAuthnException,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)


class PasskeyRefusedError(Exception):
    """What the browser sent does not show that it holds the passkey. The message holds nothing that was sent."""


def registration_options(public_url: str, *, operator_id: str, name: str) -> tuple[str, dict[str, Any]]:
    """Return a challenge and what `navigator.credentials.create` is given."""
    made = webauthn.generate_registration_options(
        rp_id=rp_id(public_url),
        rp_name="Stile",
        user_id=operator_id.encode(),
        user_name=name,
        user_display_name=name,
        timeout=_TIMEOUT,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        supported_pub_key_algs=ALGORITHMS,
    )
    return bytes_to_base64url(made.challenge), json.loads(webauthn.options_to_json(made))


def use_options(public_url: str, passkeys: Sequence[Passkey]) -> tuple[str, dict[str, Any]]:
    """Return a challenge and what `navigator.credentials.get` is given."""
    made = webauthn.generate_authentication_options(
        rp_id=rp_id(public_url),
        timeout=_TIMEOUT,
        allow_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id)) for one in passkeys],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return bytes_to_base64url(made.challenge), json.loads(webauthn.options_to_json(made))


def registered(sent: str, *, challenge: str, public_url: str) -> Passkey:
    """Return the passkey that a browser made, or raise PasskeyRefusedError. Who made the authenticator is not asked."""
    try:
        found = webauthn.verify_registration_response(
            credential=_read(sent),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=rp_id(public_url),
            expected_origin=public_url,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
    except _MALFORMED as error:
        raise PasskeyRefusedError("the browser's new passkey does not hold: sign in again") from error
    return Passkey(
        bytes_to_base64url(found.credential_id), bytes_to_base64url(found.credential_public_key), found.sign_count
    )


def used(sent: str, *, challenge: str, public_url: str, passkeys: Sequence[Passkey]) -> tuple[Passkey, int]:
    """Return the passkey that was used and its new count, or raise PasskeyRefusedError.

    A count that did not grow, of an authenticator that counts, is a copy's: refused.
    """
    try:
        credential = _read(sent)
        held = {one.credential_id: one for one in passkeys}[credential["id"]]
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=rp_id(public_url),
            expected_origin=public_url,
            credential_public_key=base64url_to_bytes(held.public_key),
            credential_current_sign_count=held.sign_count,
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise PasskeyRefusedError("the passkey does not hold: sign in again") from error
    return held, found.new_sign_count


def rp_id(public_url: str) -> str:
    """Return the name that a passkey is bound to: the gateway's own host."""
    return urlsplit(public_url).hostname or ""


def _read(sent: str) -> dict[str, Any]:
    if len(sent) > LARGEST:
        raise ValueError("the answer is too large")
    found = json.loads(sent)
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise TypeError("the answer is no credential")
    return found
