"""How is the API described to one partner? OpenAPI 3.1 of what it may have, and of nothing else, from its agreements."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from ruamel.yaml import YAML

from gateway.api.partner_schemas import schemas_of, stamp
from gateway.store.live import LiveAgreement
from schemas.dataset import Key

PATHS: Final = (
    "/v1/disclosures",
    "/v1/disclosures/{disclosure_id}/receipt",
    "/v1/explain",
    "/v1/agreements",
    "/v1/openapi.json",
    "/v1/collection.json",
    "/oauth2/token",
    "/.well-known/oauth-authorization-server",
)
_ASK: Final = "/v1/disclosures"
_REFERENCE: Final = re.compile(r"#/components/(\w+)/([\w.-]+)")


def describe_to_partner(
    agreements: Sequence[LiveAgreement], *, partner: str, client_id: str, public_url: str, version: str
) -> dict[str, Any]:
    """Return the description of these agreements, as they stand; without any there is nothing to ask."""
    shared = copy.deepcopy(_shared())
    components: dict[str, Any] = {**shared["components"], "schemas": dict(shared["components"]["schemas"])}
    schemas: dict[str, Any] = components["schemas"]
    for live in agreements:
        schemas |= schemas_of(live, partner, is_only_one=len(agreements) == 1)
    names = [live.agreement.id for live in agreements]
    schemas |= _nothing()
    paths = {path: shared["paths"][path] for path in PATHS if path in shared["paths"]}
    if names:
        schemas["AgreementId"] = {"enum": names}
        _point(paths, components, names, agreements, partner)
    else:
        paths = {path: item for path, item in paths.items() if path not in (_ASK, "/v1/explain")}
    description = "What this partner may have, made from its agreements' own text. The whole API: /openapi.json."
    whole = {
        "openapi": "3.1.0",
        "info": {"title": f"Stile, for {client_id}", "version": version, "description": description},
        "x-stile-agreements": [stamp(live) for live in agreements],
        "servers": [{"url": public_url}],
        "paths": paths,
    }
    return {**whole, "components": _reached(whole, components)}


@lru_cache(maxsize=1)
def _shared() -> dict[str, Any]:
    source = files("gateway.api").joinpath("openapi.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(source)
    return found


def _point(
    paths: dict[str, Any],
    components: dict[str, Any],
    names: Sequence[str],
    agreements: Sequence[LiveAgreement],
    partner: str,
) -> None:
    """Put this partner's own schemas and examples in place of those for everybody."""
    ask, explain = paths[_ASK]["post"], paths["/v1/explain"]["post"]
    ask["requestBody"]["content"]["application/json"] = {
        "schema": _any_of("Request", names),
        "examples": {name: {"value": one} for live in agreements for name, one in examples_of(live, partner)},
    }
    explain["requestBody"]["content"]["application/json"] = {"schema": _any_of("Explain", names)}
    answer = {"schema": {"anyOf": [*_all_of("Answer", names), *_all_of("Lines", names)]}}
    components["responses"]["Answer"]["content"]["application/json"] = answer
    token = paths["/oauth2/token"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    token["schema"]["properties"]["authorization_details"]["description"] = (
        f"A JSON array (RFC 9396) of stile_disclosure_v1; agreement is one of: {', '.join(names)}."
    )
    token.pop("examples", None)


def examples_of(live: LiveAgreement, partner: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield requests that fit, about nobody: by the first key that the partner may use, and by each composite one."""
    first, *others = live.keys_for(partner) or live.dataset.keys.values()
    yield live.agreement.id, _example(live, first)
    yield from ((f"{live.agreement.id} by {key.name}", _example(live, key)) for key in others if key.all_of)


def _example(live: LiveAgreement, key: Key) -> dict[str, Any]:
    agreement = live.agreement
    body: dict[str, Any] = {"agreement": agreement.id, "subject": _subject(live, key)}
    if "case_reference" in agreement.requires:
        body["case_reference"] = "…"
    if "caseworker" in agreement.requires or agreement.roles:
        role = agreement.roles[0] if agreement.roles else "…"
        body["caseworker"] = {"id": "…", "name": "…", "role": role}
    return body


def _subject(live: LiveAgreement, key: Key) -> dict[str, Any]:
    """Return somebody by a key; each detail is a placeholder."""
    details = {name: _placeholder(live, name) for name in key.confirm[: max(key.at_least, 1)]}
    return {key.name: details} if key.all_of else {key.name: "…", "confirm": details}


def _placeholder(live: LiveAgreement, name: str) -> str:
    field = live.dataset.fields.get(name)
    return "1985-02-14" if field is not None and field.type.value == "date" else "…"


def _nothing() -> dict[str, Any]:
    """Return the schemas of a refusal: nothing leaves, so it is the same whatever agreement was named."""
    empty = {"properties": {"fields": {"type": "object", "maxProperties": 0}}}
    disclosed = {"properties": {"disclosure": _shared_schema("Nothing")}}
    members = {"disclosure": _shared_schema("Nothing"), "receipt": _shared_schema("Receipt")}
    one = {"type": "object", "required": ["disclosure", "receipt"], "properties": members}
    many = {"allOf": [_shared_schema("Lines")], "properties": {"lines": {"items": disclosed}}}
    plain = {"not": {"properties": {"code": {"const": "nothing_permitted"}}}}
    return {
        "Nothing": {
            "allOf": [_shared_schema("Disclosure")],
            "properties": {"outcome": {"const": "none"}, "record": empty},
        },
        "Refusal": {"allOf": [_shared_schema("Problem")], "anyOf": [one, many, plain]},
    }


def _shared_schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _all_of(kind: str, names: Sequence[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/components/schemas/{kind}.{name}"} for name in names]


def _any_of(kind: str, names: Sequence[str]) -> dict[str, Any]:
    found = _all_of(kind, names)
    return dict(found[0]) if len(found) == 1 else {"anyOf": found}


def _reached(whole: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the components that the paths lead to: what is nobody's of this partner is not shown to it."""
    kept: dict[str, dict[str, Any]] = {"securitySchemes": components["securitySchemes"]}
    left = [whole]
    while left:
        for kind, name in _REFERENCE.findall(str(left.pop())):
            if name not in kept.setdefault(kind, {}):
                kept[kind][name] = components[kind][name]
                left.append(kept[kind][name])
    return kept
