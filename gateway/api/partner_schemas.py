"""What may be asked and what can come under one agreement, as JSON Schema, for one partner?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.api.possible_forms import Possible, possible_forms
from gateway.api.value_schemas import Schema, claim_schema, rows_schema, typed_schema, value_schema
from gateway.store.live import LiveAgreement
from schemas.agreement import Atom
from schemas.dataset import Key
from schemas.forms import SHOWS_ROWS, FieldType
from schemas.terms import EmergencyKind

SAID: Final[Schema] = {"enum": ["yes", "no"], "description": "To verify: whether the claim is true in this form."}
_SHARED: Final = "#/components/schemas/"
_WAITS_FOR: Final = {Atom.PUBLIC_TASK_STATEMENT: "statement", Atom.RISK_HIGH: "assessment"}


def schemas_of(live: LiveAgreement, recipient: str, *, is_only_one: bool) -> dict[str, Schema]:
    """Return an agreement's schemas by name. `is_only_one`: then a request need not name it."""
    name, possible = live.agreement.id, possible_forms(live.compiled, recipient)
    line: Schema = {
        "type": "object",
        "required": ["ref", "disclosure", "leaves"],
        "properties": {
            "ref": {"type": "string"},
            "disclosure": _named("Disclosure", name),
            "leaves": {"type": "array", "minItems": 1, "items": _shared("Leaf")},
        },
    }
    receipt: Schema = {"type": "object", "required": ["receipt"], "properties": {"receipt": _shared("Receipt")}}
    refused: Schema = {
        "type": "object",
        "required": ["problem", "ref"],
        "properties": {"problem": _shared("Problem"), "ref": {"type": "string"}},
    }
    return {
        f"Subject.{name}": _subject(live, recipient),
        f"Request.{name}": _request(live, recipient, possible, is_only_one=is_only_one),
        f"Explain.{name}": _explain(live, possible, is_only_one=is_only_one),
        f"Disclosure.{name}": _disclosure(live, possible),
        f"Answer.{name}": {
            "type": "object",
            "required": ["disclosure", "receipt"],
            "properties": {"disclosure": _named("Disclosure", name), "receipt": _shared("Receipt")},
        },
        f"Line.{name}": line,
        f"Lines.{name}": {
            "allOf": [_shared("Lines")],
            "properties": {"lines": {"type": "array", "items": {"anyOf": [_named("Line", name), receipt, refused]}}},
        },
    }


def stamp(live: LiveAgreement) -> dict[str, Any]:
    """Name the text that a description follows: its digest is what answers and entries of the log name too."""
    agreement = live.agreement
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.digest,
        "purpose": agreement.purpose,
        "dataset": live.dataset.id,
        "first_day": agreement.starts_on.isoformat(),
        "last_day": agreement.ends_on.isoformat(),
        "next_version_from": live.next_from.isoformat() if live.next_from else None,
        "limits": {
            "per_minute": agreement.limits.per_minute,
            "subjects_per_day": agreement.limits.subjects_per_day,
            "same_subject_per_day": agreement.limits.same_subject_per_day,
            "batch": agreement.limits.batch,
            "misses_per_day": agreement.limits.misses_per_day,
        },
        "requires": sorted(agreement.requires),
        "assurance": sorted(one.value for one in agreement.assurance),
        "roles": list(agreement.roles),
        "retain": f"{agreement.retain.duration} from {agreement.retain.from_}",
        "onward": agreement.onward,
    }


# -- what may be asked


def _request(live: LiveAgreement, recipient: str, possible: Mapping[str, Possible], *, is_only_one: bool) -> Schema:
    common = _explain(live, possible, is_only_one=is_only_one)
    claims: Schema = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 40,
        "additionalProperties": False,
        "properties": {path: claim_schema(one.field) for path, one in possible.items() if _is_claimable(one)},
    }
    labels: Schema = {"ref": {"type": "string", "minLength": 1, "maxLength": 64}, "claims": claims}
    many: Schema = {
        "type": "array",
        "minItems": 1,
        "maxItems": live.agreement.limits.batch,
        "items": {"oneOf": [_one_key(live, key, labels) for key in live.keys_for(recipient)]},
    }
    properties: Schema = {
        **common["properties"],
        "action": {"enum": ["read", "verify", "match"], "default": "read"},
        "claims": claims,
        "subject": _named("Subject", live.agreement.id),
        "subjects": many,
    }
    either = [{"required": ["subject"]}, {"required": ["subjects"]}]
    return {**common, "properties": properties, "oneOf": either}


def _explain(live: LiveAgreement, possible: Mapping[str, Possible], *, is_only_one: bool) -> Schema:
    agreement = live.agreement
    opens = {atom for one in possible.values() for line in one.lines for atom in line.atoms}
    paths = sorted(possible)
    properties: Schema = {
        "agreement": {"const": agreement.id},
        "fields": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": paths}},
        "case_reference": {"type": "string", "minLength": 1, "maxLength": 200},
        "caseworker": _caseworker(agreement.roles),
    }
    for atom, member in _WAITS_FOR.items():
        if atom in opens:
            properties[member] = {"type": "string", "minLength": 1, "maxLength": 1000 if member == "statement" else 200}
    if Atom.EMERGENCY in opens:
        kinds = [kind.value for kind in EmergencyKind]
        properties["emergency"] = {"allOf": [_shared("Emergency")], "properties": {"kind": {"enum": kinds}}}
    required = [] if is_only_one else ["agreement"]
    required += [member for member in ("caseworker", "case_reference") if member in agreement.requires]
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if Atom.EMERGENCY in opens and "case_reference" in required:
        required.remove("case_reference")
        schema["anyOf"] = [{"required": ["case_reference"]}, {"required": ["emergency"]}]
    return {**schema, "required": required} if required else schema


def _caseworker(roles: Iterable[str]) -> Schema:
    named: Schema = {"role": {"enum": list(roles)}} if roles else {}
    return {"allOf": [_shared("Caseworker")], **({"properties": named} if named else {})}


def _subject(live: LiveAgreement, recipient: str) -> Schema:
    return {"oneOf": [_one_key(live, key, {}) for key in live.keys_for(recipient)]}


def _one_key(live: LiveAgreement, key: Key, labels: Schema) -> Schema:
    fields = live.dataset.fields
    confirm: Schema = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": key.at_least,
        "properties": {name: typed_schema(fields.get(name)) for name in key.confirm},
    }
    if key.all_of:
        composed = {**confirm, "required": list(key.all_of), "description": "Exactly one person fits all of it, or nobody."}
        named = [key.name, *(["ref"] if labels else [])]
        return {
            "type": "object",
            "additionalProperties": False,
            "required": named,
            "properties": {key.name: composed, **labels},
        }
    required = [key.name, *(["confirm"] if key.at_least else []), *(["ref"] if labels else [])]
    properties: Schema = {key.name: typed_schema(fields.get(key.name)), "confirm": confirm, **labels}
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _is_claimable(one: Possible) -> bool:
    return one.group is None and one.field.type is not FieldType.GROUP and one.forms != ("present",)


# -- what can come


def _disclosure(live: LiveAgreement, possible: Mapping[str, Possible]) -> Schema:
    agreement = live.agreement
    fields = {path: _released(path, one, possible) for path, one in possible.items() if one.group is None}
    record: Schema = {"properties": {"fields": {"type": "object", "additionalProperties": False, "properties": fields}}}
    return {
        "allOf": [_shared("Disclosure")],
        "x-stile-agreement": stamp(live),
        "properties": {
            "agreement": {"properties": {"id": {"const": agreement.id}}},
            "purpose": {"const": agreement.purpose},
            "record": record,
        },
    }


def _released(path: str, one: Possible, possible: Mapping[str, Possible]) -> Schema:
    """Return the forms that a field can come in, each with what it looks like, and the lines that open it."""
    inner = {name.partition(".")[2]: each for name, each in possible.items() if each.group == path}
    options = [_in_form(one, form, inner) for form in one.forms]
    if _is_claimable(one):
        said = {"type": "object", "properties": {"value": SAID, "form": {"enum": list(one.forms)}}}
        options.append({**said, "required": ["value", "form"], "additionalProperties": False})
    lines = "; ".join(f"{line.id}{_when(line.atoms, line.record)}" for line in one.lines)
    return {"title": one.field.label, "description": f"Released by {lines}.", "anyOf": options}


def _in_form(one: Possible, form: str, inner: Mapping[str, Possible]) -> Schema:
    properties: Schema = {"form": {"const": form}}
    if one.field.type is FieldType.GROUP and form in SHOWS_ROWS:
        rows = {name: [value_schema(each.field, in_) for in_ in each.forms] for name, each in inner.items()}
        properties["value"] = rows_schema(form, rows)
        named = {name: {"enum": list(each.forms)} for name, each in inner.items()}
        properties["forms"] = {"type": "object", "additionalProperties": False, "properties": named}
    else:
        properties["value"] = value_schema(one.field, form)
    return {"type": "object", "required": ["value", "form"], "additionalProperties": False, "properties": properties}


def _when(atoms: Iterable[Atom], record: Iterable[object]) -> str:
    conditions = [atom.value for atom in atoms] + (["the record allows"] if list(record) else [])
    return f" when {', '.join(conditions)}" if conditions else ""


def _shared(name: str) -> Schema:
    return {"$ref": f"{_SHARED}{name}"}


def _named(kind: str, agreement: str) -> Schema:
    return {"$ref": f"{_SHARED}{kind}.{agreement}"}
