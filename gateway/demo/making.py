"""How is the demo's council made? As a real one is: by `init`, then dataset, source, cores, partners, agreements."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from joserfc import jwk

from audit.writing.item import Within
from gateway.app import make_changes, make_sequencer, utc_now
from gateway.council.directory import Council, CouncilError, fill_council, open_council, write_secret
from gateway.demo.children import FOLDER, generate_children
from gateway.demo.residents import generate
from gateway.demo.tenants import generate_tenancies
from gateway.demo.upstream import DATA, HOST, TOKEN
from gateway.oauth.clients import Role
from gateway.store.changes import Changes
from schemas.instants import london_day
from schemas.terms import RecipientKind

MARK: Final = "demo.json"  # tells a demo's directory from a council's
REVENUES: Final = "revenues.sqlite"
DPO: Final = "northmoor-dpo"
URGENT: Final = "+44 113 496 0000"


@dataclass(frozen=True, slots=True)
class DemoPartner:
    """A client of a partner of the demo, with its agreement. A partner of two agreements has two clients here."""

    partner_id: str
    name: str
    kind: RecipientKind
    client_id: str
    agreement: str


HARBOUR: Final = DemoPartner(
    "harbour-housing",
    "Harbour Housing",
    RecipientKind.HOUSING_ASSOCIATION,
    "harbour-case-system",
    "northmoor-harbour-tenancies",
)
PARTNERS: Final = (
    HARBOUR,
    DemoPartner(
        "calder-nhs-trust", "Calder NHS Trust", RecipientKind.NHS, "calder-discharge-hub", "northmoor-calder-discharge"
    ),
    DemoPartner(
        "aire-academies", "Aire Academies", RecipientKind.ACADEMY_TRUST, "aire-admissions", "northmoor-aire-admissions"
    ),
)


HOPE: Final = DemoPartner(
    "hope-advice", "Hope Advice", RecipientKind.CHARITY, "hope-advice-desk", "northmoor-hope-homelessness"
)
CALDER_CHILDREN: Final = DemoPartner(
    "calder-nhs-trust",
    "Calder NHS Trust",
    RecipientKind.NHS,
    "calder-child-health",
    "northmoor-calder-child-health",
)
# Those who ask of the other two datasets.
MORE_PARTNERS: Final = (
    HOPE,
    CALDER_CHILDREN,
    DemoPartner(
        "pennine-fire", "Pennine Fire and Rescue", RecipientKind.FIRE, "pennine-visits", "northmoor-pennine-fire-visits"
    ),
    DemoPartner(
        "ridings-council", "Ridings Council", RecipientKind.COUNCIL, "ridings-analysis", "northmoor-ridings-placements"
    ),
)
DATASETS: Final = ("council-tax", "housing-tenancies", "children-looked-after")
HOUSING_PORT: Final = "housing_port"  # where the demo's own housing system answers; its mapping says so, for good


def make_demo(directory: Path, *, port: int, residents: int, seed: int, progress: Callable[[int], None]) -> None:
    """Make the demo's directory, whole or not at all: it is put together beside its place and then moved there."""
    directory = directory.absolute()
    making = _cleared(directory.with_name(directory.name + ".making"))
    making.mkdir(mode=0o700, parents=True)
    housing_port = _free_port(port + 1)
    mark = {"seed": seed, "residents": residents, HOUSING_PORT: housing_port}
    (making / MARK).write_text(json.dumps(mark), encoding="utf-8")
    fill_council(making, _settings(port, housing_port))
    generate(making / REVENUES, residents=residents, seed=seed, as_at=utc_now(), progress=progress)
    _other_systems(making, residents=residents, seed=seed)
    clients = (*PARTNERS, *MORE_PARTNERS)
    keys = {one.client_id: write_key(making / "partners", one.client_id) for one in clients}
    office = write_key(making / "offices", DPO)
    council = open_council(making)
    append_all(council, lambda changes: _founding(changes, keys, office, housing_port))
    (making / "log.vkey").write_text(council.signer.vkey + "\n", encoding="ascii")
    council.keyring.close()
    if directory.exists():
        directory.rmdir()  # empty, or `kept` would have said so
    making.rename(directory)


def _settings(port: int, housing_port: int) -> dict[str, Any]:
    return {
        "controller": "northmoor",
        "origin": "gateway.northmoor.example/log/northmoor",
        "public_url": f"http://127.0.0.1:{port}",
        "urgent_contact": URGENT,
        "dpo_contact": "dpo@northmoor.example",
        "steps_in_server_timing": True,
        "source_hosts": [f"{HOST}:{housing_port}"],
    }


def _free_port(wanted: int) -> int:
    """Return a port of this machine that nobody holds now: the wanted one, if it can be."""
    for port in (wanted if wanted < 65_536 else 0, 0):  # the ports that there are
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise CouncilError(f"no port of {HOST} is free for the demo's housing system: end what holds them")


def _other_systems(making: Path, *, residents: int, seed: int) -> None:
    """Write the housing system's records with its key, and the export of children's services."""
    tenancies = generate_tenancies(tenancies=residents // 4, seed=seed, as_at=utc_now())
    (making / DATA).write_text(json.dumps(tenancies), encoding="utf-8")
    write_secret(making / TOKEN, secrets.token_urlsafe(32).encode() + b"\n")
    generate_children(making / FOLDER, children=residents // 10, seed=seed, on=london_day(utc_now()))


def _cleared(making: Path) -> Path:
    """Remove what an interrupted run left, and nothing else: its mark is the first thing that a run writes."""
    if making.is_symlink() or (making.exists() and not making.is_dir()):
        raise CouncilError(f"{making} is in the way: move it elsewhere, or give another --dir")
    if making.is_dir():
        if any(making.iterdir()) and not (making / MARK).is_file():
            raise CouncilError(f"{making} is in the way and is no demo: move it elsewhere, or give another --dir")
        shutil.rmtree(making)
    return making


def kept(directory: Path) -> dict[str, Any] | None:
    """Return what a kept demo was made with; None where there is none yet. Raises CouncilError for anything else."""
    if not directory.exists() or not any(directory.iterdir()):
        return None
    try:
        found: dict[str, Any] = json.loads((directory / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CouncilError(f"{directory} is not empty and is no demo: give another --dir") from error
    return found


def remove_demo(directory: Path) -> None:
    """Remove a demo's directory, and nothing that is not one."""
    if directory.is_symlink():
        raise CouncilError(f"{directory} is a symbolic link: give the directory itself, or remove the link")
    if kept(directory) is not None:
        shutil.rmtree(directory)


def text_of(name: str, today: date, housing_port: int = 8081) -> str:
    """Return a text of the demo. Its dates are moved, so that an agreement is in force whenever the demo is made."""
    text = files("gateway.demo").joinpath("texts", f"{name}.yaml").read_text(encoding="utf-8")
    if name.startswith("source"):
        return text.replace("http://127.0.0.1:8081/", f"http://{HOST}:{housing_port}/")
    moved = {
        "starts_on": today - timedelta(days=180),
        "review_on": today + timedelta(days=60),
        "ends_on": today + timedelta(days=185),
    }
    for member, day in moved.items():
        text = re.sub(rf"{member}: \d{{4}}-\d\d-\d\d", f"{member}: {day.isoformat()}", text)
    # The story asks for one person several times a run, and a day may see many runs.
    return text.replace("same_subject_per_day: 5", "same_subject_per_day: 500")


def _founding(changes: Changes, keys: dict[str, dict[str, Any]], office: dict[str, Any], housing_port: int) -> list[Within]:
    today, by = london_day(utc_now()), "operator:demo"
    catalogue, cores = files("schemas.catalogue"), files("policies.core")
    shipped = sorted(one.name for one in cores.iterdir() if one.name.endswith(".yaml"))
    clients = (*PARTNERS, *MORE_PARTNERS)
    partners = {one.partner_id: one for one in reversed(clients)}
    mappings = [text_of(f"source-{name}", today, housing_port) for name in DATASETS]
    return [
        changes.staffing.say_one(reason="it is made up, and one person tries it", by=by),
        *(
            changes.texts.publish_dataset(catalogue.joinpath(f"{name}.yaml").read_text(encoding="utf-8"), by=by)
            for name in DATASETS
        ),
        *(changes.texts.publish_mapping(text, by=by) for text in mappings),
        *(changes.texts.publish_core(cores.joinpath(name).read_text(encoding="utf-8"), by=by) for name in shipped),
        *(
            changes.partners.register_partner(one.partner_id, name=one.name, kind=one.kind, by=by)
            for one in reversed(partners.values())
        ),
        *(
            changes.partners.register_client(
                one.client_id, partner_id=one.partner_id, role=Role.PARTNER, jwks={"keys": [keys[one.client_id]]}, by=by
            )
            for one in clients
        ),
        changes.partners.register_client(DPO, partner_id=None, role=Role.DPO, jwks={"keys": [office]}, by=by),
        *(changes.texts.publish_agreement(text_of(one.agreement, today), by=by) for one in clients),
    ]


def append_all(council: Council, founding: Callable[[Changes], list[Within]]) -> None:
    """Make changes of a council that nobody serves yet, in order."""
    sequencer = make_sequencer(council, utc_now, lambda results: [done(result) for done, result in results])
    sequencer.start()
    try:
        for within in founding(make_changes(council)):
            sequencer.append(within)
    finally:
        sequencer.close()


def write_key(folder: Path, client_id: str) -> dict[str, Any]:
    """Make a client's key pair, keep the private half where the story looks for it, return the public half."""
    folder.mkdir(mode=0o700, exist_ok=True)
    key = jwk.generate_key("EC", "P-256", private=True)
    file = folder / f"{client_id}.jwk.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(dict(key.as_dict(private=True)), indent=2) + "\n", encoding="ascii")
    return dict(key.as_dict(private=False))
