"""A token that is bound to a certificate is of no use over another connection: RFC 8705."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from certificates import Certified, certified
from oauth_scene import ISSUER, NOW, Scene

from gateway.oauth.caller import TokenRefusedError
from gateway.oauth.certificate import KEPT, LONGEST, CertificateRefusedError, Certificates, read_certificate
from gateway.oauth.jose import read
from gateway.oauth.metadata import authorization_server, protected_resource
from gateway.oauth.standing import introspected


@pytest.fixture(scope="module")
def own() -> Certified:
    return certified("harbour")


@pytest.fixture(scope="module")
def others() -> Certified:
    return certified("harbour")  # the same name: a name says nothing here


@pytest.fixture
def bound(scene: Scene) -> Scene:
    """Harbour's tokens are bound to its certificate; a proxy is trusted."""
    certificates = Certificates()
    scene.register.add("harbour", scene.keys.es256, is_certificate_bound=True)
    endpoint = replace(scene.endpoint, certificates=certificates)
    return replace(scene, endpoint=endpoint, door=replace(scene.door, certificates=certificates))


def token_of(scene: Scene, own: Certified, *, with_proof: bool) -> str:
    answer = scene.ask(certificates=[own.header], proofs=None if with_proof else [])
    assert answer.status == 200, answer.body
    return str(answer.body["access_token"])


def bearer(scene: Scene, token: str, *certificates: str, **more: object) -> None:
    scene.call(token, authorization=[f"Bearer {token}"], proofs=[], certificates=certificates, **more)


def test_a_token_names_the_certificate_of_its_connection(bound: Scene, own: Certified) -> None:
    """Section 3.1: `x5t#S256`, the SHA-256 of the DER; without a proof it is all that the token is bound to."""
    answer = bound.ask(certificates=[own.header], proofs=[])

    assert (answer.status, answer.body["token_type"]) == (200, "Bearer")
    assert read(str(answer.body["access_token"])).payload["cnf"] == {"x5t#S256": own.thumbprint}
    assert [one.scope for one in answer.seen] == ["assertion/harbour"]


def test_it_is_good_over_that_connection_alone(bound: Scene, own: Certified, others: Certified) -> None:
    token = token_of(bound, own, with_proof=False)

    bearer(bound, token, own.header)
    for certificates in ([], [others.header], [own.header, own.header], [own.header, others.header], ["junk"], [""]):
        with pytest.raises(TokenRefusedError) as refused:
            bearer(bound, token, *certificates)
        assert refused.value.error == "invalid_token"


def test_a_call_without_a_proof_has_nothing_that_is_used_once(bound: Scene, own: Certified) -> None:
    token = token_of(bound, own, with_proof=False)

    caller = bound.call(token, authorization=[f"Bearer {token}"], proofs=[], certificates=[own.header])

    assert caller.seen is None


def test_with_a_proof_a_token_is_bound_to_both(bound: Scene, own: Certified, others: Certified) -> None:
    token = token_of(bound, own, with_proof=True)

    assert set(read(token).payload["cnf"]) == {"jkt", "x5t#S256"}
    assert bound.call(token, certificates=[own.header]).seen is not None
    for certificates in ([], [others.header]):
        with pytest.raises(TokenRefusedError, match="bound to a certificate"):
            bound.call(token, certificates=certificates)
    with pytest.raises(TokenRefusedError, match="another key"):
        bound.call(token, certificates=[own.header], proof=bound.proof(bound.keys.other, token=token))


def test_a_token_with_a_key_is_no_bearer_token_over_any_connection(bound: Scene, own: Certified) -> None:
    """RFC 9449, section 7.2: a certificate does not make up for the proof."""
    token = token_of(bound, own, with_proof=True)

    with pytest.raises(TokenRefusedError, match="is to be sent as DPoP"):
        bearer(bound, token, own.header)


def test_a_token_without_a_key_is_not_taken_with_a_proof(bound: Scene, own: Certified) -> None:
    token = token_of(bound, own, with_proof=False)

    with pytest.raises(TokenRefusedError, match="is to be sent as Bearer"):
        bound.call(token, certificates=[own.header])
    with pytest.raises(TokenRefusedError, match="send no DPoP header"):
        bound.call(token, authorization=[f"Bearer {token}"], certificates=[own.header])


@pytest.mark.parametrize("proofs", [None, []], ids=["with a proof", "without"])
def test_a_bound_client_gets_no_token_without_its_certificate(bound: Scene, proofs: list[str] | None) -> None:
    """Also with a proof: else a thief of its keys would choose the weaker binding."""
    answer = bound.ask(proofs=proofs)

    assert (answer.status, answer.body["error"]) == (400, "invalid_request")
    assert "certificate" in answer.body["error_description"]


def test_an_unbound_client_still_needs_its_proof(bound: Scene, own: Certified) -> None:
    bound.register.add("harbour", bound.keys.es256)

    answer = bound.ask(certificates=[own.header], proofs=[])

    assert (answer.status, answer.body["error"]) == (400, "invalid_dpop_proof")
    assert set(read(bound.token(certificates=[own.header])).payload["cnf"]) == {"jkt"}


def test_where_no_proxy_is_trusted_there_is_no_bearer_token(scene: Scene, own: Certified) -> None:
    """A bound client is told so, and the scheme is refused as ever."""
    token = scene.token()
    with pytest.raises(TokenRefusedError, match="not Bearer"):
        bearer(scene, token, own.header)

    scene.register.add("harbour", scene.keys.es256, is_certificate_bound=True)

    answer = scene.ask(certificates=[own.header])
    assert (answer.status, answer.body["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("binds", [True, False])
def test_a_token_from_before_a_change_of_binding_counts_no_more(bound: Scene, own: Certified, *, binds: bool) -> None:
    bound.register.add("harbour", bound.keys.es256, is_certificate_bound=not binds)
    token = token_of(bound, own, with_proof=True)
    client = bound.register.add("harbour", bound.keys.es256, is_certificate_bound=binds)

    with pytest.raises(TokenRefusedError, match="bound in another way"):
        bound.call(token, certificates=[own.header])
    assert introspected(bound.door.tokens.inspect(token, now=NOW), issuer=ISSUER, holder=client) == {"active": False}


def test_introspection_tells_the_binding(bound: Scene, own: Certified) -> None:
    """RFC 8705, section 3.2."""
    token = bound.door.tokens.inspect(token_of(bound, own, with_proof=False), now=NOW)

    told = introspected(token, issuer=ISSUER, holder=bound.register.find_client("harbour"))

    assert (told["cnf"], told["token_type"]) == ({"x5t#S256": own.thumbprint}, "Bearer")


def test_an_unbound_token_is_never_made(bound: Scene) -> None:
    with pytest.raises(ValueError, match="always bound"):
        bound.endpoint.tokens.issue(client_id="harbour", audience=ISSUER, jkt=None, details=[], jti="1", now=NOW)


# -- the header


@pytest.mark.parametrize(
    "header",
    [
        "", ":", "::", "MIIB", ":MIIB", "MIIB:", ":MIIB:", ":!!!!:", ":AAAA:;a=b", " :AAAA:", ":AAAA: ", ":AAAA:,:AAAA:",
        '"AAAA"', "-----BEGIN CERTIFICATE-----", ":AAA\nA:", ":AÄAA:", ":" + "A" * LONGEST + ":",
    ],
)  # fmt: skip
def test_what_is_no_certificate_is_refused(header: str) -> None:
    """RFC 9440, section 2.2: one Byte Sequence, which is a DER certificate."""
    with pytest.raises(CertificateRefusedError, match="RFC 9440"):
        read_certificate(header)


def test_a_certificate_with_something_behind_it_is_refused(own: Certified) -> None:
    for header in (own.header + ";q=1", own.header + ", " + own.header, own.header[:-1] + "AAAA:", own.header.upper()):
        with pytest.raises(CertificateRefusedError):
            read_certificate(header)


def test_a_certificate_counts_within_its_dates() -> None:
    """Kept or not: both ends belong to it (RFC 5280, section 4.1.2.5)."""
    begins = datetime(2026, 3, 1, tzinfo=UTC)
    short, certificates = certified("harbour", begins=begins, lasts=timedelta(hours=1)), Certificates()
    start = begins.timestamp()

    for at, is_good in ((-1, False), (0, True), (3_600, True), (3_601, False), (0, True)):
        if is_good:
            assert certificates.find([short.header], now=start + at) == short.thumbprint
            continue
        with pytest.raises(CertificateRefusedError, match="within its dates"):
            certificates.find([short.header], now=start + at)


def test_certificates_that_are_kept_are_bounded(own: Certified, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = Certificates()
    monkeypatch.setattr("gateway.oauth.certificate.read_certificate", lambda _header: read_certificate(own.header))

    for number in range(KEPT + 5):
        certificates.find([str(number)], now=NOW)

    assert len(certificates._kept) == KEPT
    assert "0" not in certificates._kept


def test_the_metadata_tells_of_certificates_where_a_proxy_is_trusted() -> None:
    """RFC 8705, section 3.3; RFC 9728, section 2."""
    name = "tls_client_certificate_bound_access_tokens"

    assert name not in authorization_server(ISSUER)
    assert name not in protected_resource(ISSUER, "")
    assert authorization_server(ISSUER, binds_certificates=True)[name] is True
    resource = protected_resource(ISSUER, "", binds_certificates=True)
    assert (resource[name], resource["bearer_methods_supported"]) == (True, ["header"])
    assert json.loads(json.dumps(resource)) == resource
