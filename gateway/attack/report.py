"""What does a security team file? The run as Markdown for people and as JSON for tools, without a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.attack.judging import Verdict
from gateway.attack.running import Result, Run
from gateway.attack.target import Target
from gateway.attack.untried import not_tried


def document(run: Run, target: Target, *, url: str, begun: datetime, ended: datetime) -> dict[str, Any]:
    """Return the report's content."""
    client = target.partner
    return {
        "report": "stile attack",
        "target": url,
        "issuer": target.issuer,
        "gateway_version": target.version,
        "client": client.client_id if client else None,
        "agreement": client.agreement if client else None,
        "begun_at": begun.isoformat(timespec="seconds"),
        "ended_at": ended.isoformat(timespec="seconds"),
        "summary": {verdict.value.replace(" ", "_"): run.count(verdict) for verdict in Verdict},
        "was_cut_short": run.was_cut_short,
        "timing": run.note or None,
        "locked": [
            {"attack": one.attack.id, "what": one.attack.locks}
            for one in run.results
            if one.attack.locks and one.verdict is not Verdict.NOT_RUN
        ],
        "not_tried": not_tried((one.attack.id, one.why) for one in run.results if one.verdict is Verdict.NOT_RUN),
        "attacks": [_attack(one) for one in run.results],
    }


def _attack(one: Result) -> dict[str, Any]:
    return {
        "id": one.attack.id,
        "name": one.attack.name,
        "tests": one.attack.tests,
        "sends": one.attack.sends,
        "expects": one.attack.expected.words(),
        "verdict": one.verdict.value,
        "why": one.why or None,
        "statuses": list(one.statuses),
        "code": one.code or None,
        "request_id": one.request_id or None,
        "milliseconds": round(one.seconds * 1000, 1),
    }


def markdown(content: dict[str, Any]) -> str:
    """Return the report for people: what broke first, then every attack by its promise."""
    summary, attacks = content["summary"], content["attacks"]
    broken = [one for one in attacks if one["verdict"] == Verdict.BROKEN]
    lines = [
        "# Attacks on a gateway",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {_cell(content[member])} |" for name, member in _ABOUT if content[member] is not None),
        "",
        f"**{summary['held']} held, {summary['broken']} broken, {summary['not_run']} not run**, of {len(attacks)}.",
        *(["", "The deadline cut the run short."] if content["was_cut_short"] else []),
        *(
            ["", f"Unknown client against wrong signature, for information: {content['timing']}."]
            if content["timing"]
            else []
        ),
        "",
        "## Broken",
        "",
        *([_broken(one) for one in broken] or ["None."]),
        "",
        "## Locked",
        "",
        *([f"- {_cell(one['what'])} (`{one['attack']}`)." for one in content["locked"]] or ["Nothing of anybody's."]),
        "",
        "## Not tried",
        "",
        *(f"- {_cell(one['what'])}: {_cell(one['why'])}." for one in content["not_tried"]),
    ]
    for promise in dict.fromkeys(one["tests"] for one in attacks):
        lines += [
            "",
            f"## {promise}",
            "",
            "| attack | what is sent | must be answered | was answered | verdict | request id |",
        ]
        lines += ["| --- | --- | --- | --- | --- | --- |", *(_row(one) for one in attacks if one["tests"] == promise)]
    return "\n".join(lines) + "\n"


_ABOUT = (
    ("target", "target"),
    ("issuer", "issuer"),
    ("gateway's version", "gateway_version"),
    ("client", "client"),
    ("agreement", "agreement"),
    ("begun", "begun_at"),
    ("ended", "ended_at"),
)


def _broken(one: dict[str, Any]) -> str:
    return f"- `{one['id']}` {_cell(one['name'])}: {_cell(one['why'])}. Must be answered: {_cell(one['expects'])}"


def _row(one: dict[str, Any]) -> str:
    answered = f"{', '.join(map(str, one['statuses']))} {one['code'] or ''}".strip() or "closed"
    cells = (
        f"`{one['id']}` {one['name']}",
        one["sends"],
        one["expects"],
        "" if one["verdict"] == Verdict.NOT_RUN else answered,
        one["verdict"] + (f": {one['why']}" if one["why"] else ""),
        one["request_id"] or "",
    )
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """Return text that stays in its cell, whatever a gateway called itself."""
    return "".join(c if c.isprintable() else " " for c in text).replace("|", "\\|").replace("<", "&lt;")
