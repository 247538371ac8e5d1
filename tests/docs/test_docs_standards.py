"""A citation is a claim: each standard that the code cites has its row, its file and its test."""

from __future__ import annotations

import re

from docs_pages import DOCS, ROOT, codes, house_paths, rows
from house import House
from joserfc import jwk, jwt

CITED = re.compile(
    r"RFC ?\d+|C2SP [a-z]+-[a-z]+|draft-ietf-[a-z-]+|FAPI 2\.0|W3C Trace Context|"
    r"OpenID Connect [A-Z][a-z]+ 1\.0|Web Authentication Level 3"
)
TABLE = rows(DOCS / "standards.md", "standard")


def citations() -> dict[str, set[str]]:
    """Return standard -> the files that cite it."""
    found: dict[str, set[str]] = {}
    for path in house_paths():
        if path.suffix in {".py", ".yaml"}:
            for name in CITED.findall(path.read_text(encoding="utf-8")):
                normal = re.sub(r"^RFC ?", "RFC ", name)
                found.setdefault(normal, set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_standard_that_the_code_cites_is_in_the_table() -> None:
    cited = citations()

    assert len(cited) > 20
    assert sorted(set(cited) - {row[0] for row in TABLE}) == []


def test_every_row_is_cited_where_it_says() -> None:
    cited = citations()

    assert TABLE
    for standard, _, where, _ in TABLE:
        assert cited.get(standard, set()) & set(codes(where)), standard
        assert [path for path in codes(where) if not (ROOT / path).exists()] == [], standard


def test_every_row_names_a_test_that_is_there() -> None:
    for standard, _, _, test in TABLE:
        assert [path for path in codes(test) if not (ROOT / path).is_file()] == [], standard
        assert codes(test), standard


def test_a_citation_is_written_in_one_way() -> None:
    """`RFC 9068, section 4`: without the comma only between two of a list in one line."""
    wrong = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in house_paths()
        if path.suffix == ".py"
        for found in re.findall(r"RFC\d+[^\n]{0,20}|RFC \d+ ?§[^\n]{0,20}", path.read_text(encoding="utf-8"))
    ]

    assert wrong == []


def test_a_token_verifies_by_the_published_key_set(house: House) -> None:
    """RFC 7517, section 5: anyone can tell that a token is this gateway's, and no private half is published."""
    caller = house.harbour()
    published = house.http.get("/oauth2/jwks").json()

    assert not {"d", "k"} & {name for key in published["keys"] for name in key}
    token = jwt.decode(caller.token, jwk.KeySet.import_key_set(published), algorithms=["ES256"])
    assert token.claims["client_id"] == caller.client_id
