"""At which addresses may a client's keys lie? Listed hosts, public addresses, and nothing that looks like one."""

from __future__ import annotations

import pytest

from gateway.oauth.jwks_fetch import JwksRefusedError, check_jwks_uri, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 -- an address that must be refused
        "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "192.0.0.8",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2001:0:1::1", "x", "",
    ],
)  # fmt: skip
def test_no_address_inside_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "151.101.1.6", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("http://keys.harbour.example/jwks", "must be https"),
        ("ftp://keys.harbour.example/jwks", "must be https"),
        ("file:///etc/passwd", "must be https"),
        ("https://user@keys.harbour.example/jwks", "neither a user"),
        ("https://keys.harbour.example/jwks#x", "nor a fragment"),
        ("https://keys.harbour.example:8443/jwks", "does not list"),
        ("https://keys.harbour.example./jwks", "does not list"),
        ("https://keys.harbour.example.attacker.example/jwks", "does not list"),
        ("https://attacker.example/keys.harbour.example", "does not list"),
        ("https://127.0.0.1/jwks", "does not list"),
        ("https://10.0.0.1/jwks", "not public"),
        ("https://keys.harbour.example/\nx", "plain characters"),
        ("https://keys.harbour.example/ x", "plain characters"),
        ("https://keys.h\u0430rbour.example/", "plain characters"),
        ("https://keys.harbour.example/" + "x" * 500, "plain characters"),
        ("https://[::1", "no address"),
        ("https://keys.harbour.example:x/", "no address"),
        ("", "must be https"),
    ],
)  # fmt: skip
def test_an_address_that_is_not_allowed_is_refused_in_words(uri: str, words: str) -> None:
    with pytest.raises(JwksRefusedError, match=words):
        check_jwks_uri(uri, ("keys.harbour.example", "10.0.0.1"), allow_private=False)


def test_addresses_that_are_allowed() -> None:
    hosts = ("keys.harbour.example", "keys.calder.example:8443", "127.0.0.1:9000", "[::1]:9000")

    check_jwks_uri("https://keys.harbour.example/a/b?c=d", hosts, allow_private=False)
    check_jwks_uri("https://keys.harbour.example:443/", hosts, allow_private=False)
    check_jwks_uri("https://keys.calder.example:8443/", hosts, allow_private=False)
    check_jwks_uri("http://127.0.0.1:9000/", hosts, allow_private=True)
    check_jwks_uri("http://[::1]:9000/", hosts, allow_private=True)
    with pytest.raises(JwksRefusedError, match="must be https"):
        check_jwks_uri("http://127.0.0.1:9000/", hosts, allow_private=False)
