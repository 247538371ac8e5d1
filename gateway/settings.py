"""What can an operator set? Every setting of a council, documented, read once from its `stile.toml`."""

from __future__ import annotations

import json
import re
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from typing_extensions import override

from schemas.terms import Environment

FILE: Final = "stile.toml"
OfficeName = Literal["author", "approver", "dpo", "duty", "administrator", "auditor"]
LONGEST_TITLE: Final = 100


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and says what it wants."""


class Settings(BaseSettings):
    """One council's settings. The environment (`STILE_PUBLIC_URL` …) goes before the file."""

    model_config = SettingsConfigDict(env_prefix="STILE_", extra="forbid", frozen=True)

    controller: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="The council's id, as its agreements name it.")
    origin: str = Field(
        pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$",
        max_length=200,
        description="The log's name for ever, schemeless: gateway.northmoor.gov.uk/log/northmoor.",
    )
    public_url: str = Field(
        description="Where partners reach the gateway. Issuer, `htu` and links are made from it, never from `Host`."
    )
    urgent_contact: str = Field(
        min_length=3,
        max_length=200,
        description="Whom a caseworker rings when an emergency request fails. Every such refusal carries it.",
    )
    dpo_contact: str = Field(min_length=3, max_length=200, description="The data protection officer's address.")
    forwarded_hops: tuple[str, ...] = Field(
        default=(), description="Addresses of proxies whose X-Forwarded-* are believed. None by default."
    )
    certificate_hops: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks of proxies whose Client-Cert is believed (RFC 9440). None by default.",
    )
    master_key_file: Path | None = Field(
        default=None,
        description="The 32 bytes that wrap every key. Beside the data by default: keep it elsewhere in earnest.",
    )
    master_key: SecretStr | None = Field(
        default=None, description="The same key in base64, from the environment alone: STILE_MASTER_KEY."
    )
    master_key_command: tuple[str, ...] = Field(
        default=(),
        description="A command that prints it, such as one of a KMS or an HSM: its words, for no shell reads it.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="The PostgreSQL that keeps state and log: postgresql://USER:PASSWORD@HOST/NAME. SQLite by default.",
    )
    log_check_hours: int = Field(
        default=24,
        ge=0,
        le=744,
        description=(
            "Every how many hours a gateway that serves checks the whole log, and every row of the state against it, in a "
            "process that gives way to all others; 0: never. `stile log check` does the same at once."
        ),
    )
    steps_in_server_timing: bool = Field(
        default=False, description="Shows the journey's steps in Server-Timing. For the demo: timing can tell."
    )
    source_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts with ports that HTTP mappings may name, each exactly: revenues.northmoor.gov.uk:443.",
    )
    dpop_nonces: bool = Field(
        default=False,
        description="Asks for a DPoP nonce of ours in each proof, so that none can be made ahead (RFC 9449, section 8).",
    )
    jwks_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts, with the port where it is another than 443, at which clients' jwks_uri may lie, each exactly.",
    )
    jwks_allow_private: bool = Field(
        default=False,
        description="Lets a jwks_uri lead to private addresses, and to plain HTTP on this machine. For trials alone.",
    )
    oidc_issuer: str | None = Field(
        default=None, description="The OpenID provider at which operators sign in, exactly as its metadata name it."
    )
    oidc_client_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="How the gateway is registered there."
    )
    oidc_client_secret_file: Path | None = Field(
        default=None,
        description="A file with the secret that the provider gave. Without it the gateway signs by a key of its own.",
    )
    oidc_role_claim: str = Field(
        default="roles", min_length=1, max_length=200, description="The claim of the ID token that gives roles."
    )
    oidc_roles: dict[str, OfficeName] = Field(
        default={}, description="What the claim's values stand for, to the letter. What is not here gives no role."
    )
    role_titles: dict[OfficeName, str] = Field(
        default={},
        description='What roles are called here: {approver = "Senior Information Risk Owner"}. Shown with each decision.',
    )
    source_connections: int = Field(default=4, ge=1, le=64, description="Connections to each council system.")
    environment: Environment = Field(
        default=Environment.PRODUCTION,
        description="`sandbox` for a council of made-up people; `stile sandbox init` sets it.",
    )

    @field_validator("role_titles")
    @classmethod
    def _are_titles(cls, value: dict[OfficeName, str]) -> dict[OfficeName, str]:
        for one in value.values():
            if not one.strip() or len(one) > LONGEST_TITLE or not one.isprintable():
                raise ValueError(f"must be titles of 1 to {LONGEST_TITLE} characters, such as Caldicott guardian")
        return value

    @field_validator("source_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:]+\]):[1-9][0-9]{0,4}", one, re.ASCII):
                raise ValueError("must be a host in lower case with its port, such as revenues.northmoor.gov.uk:443")
        return value

    @field_validator("master_key_command")
    @classmethod
    def _is_a_command(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value and not Path(value[0]).is_absolute():
            raise ValueError("must begin with the whole path of a program, such as /usr/local/bin/unwrap")
        return value

    @field_validator("certificate_hops", "forwarded_hops")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ip_network(one)
            except ValueError as error:
                raise ValueError("must be addresses or networks, such as 10.20.0.5 or 10.20.0.0/28") from error
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must be an address such as postgresql://USER:PASSWORD@HOST/NAME")
        return value

    @field_validator("jwks_hosts")
    @classmethod
    def _are_key_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", one, re.ASCII):
                raise ValueError("must be a host in lower case, such as keys.harbour.example or keys.harbour.example:8443")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address such as https://gateway.northmoor.gov.uk")
        if parts.path not in {"", "/"}:
            raise ValueError("must have no path: the gateway serves from the root of its address")
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("must be https, save on this machine itself")
        return value.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _is_an_issuer(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        is_here = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
            raise ValueError("must be https, save on this machine itself")
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError("must be an address such as https://login.example.org/tenant/v2.0")
        return value

    @model_validator(mode="after")
    def _has_a_whole_provider(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError("oidc_issuer and oidc_client_id belong together: set both, or neither")
        return self

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment first, then the file."""
        del dotenv_settings, file_secret_settings
        toml = _Toml(settings_cls, settings_cls.model_config.get("toml_file"))
        return env_settings, init_settings, toml


class _Toml(TomlConfigSettingsSource):
    """Reads a file that may begin with a byte order mark, as some editors write it."""

    @override
    def _read_file(self, file_path: Any) -> dict[str, Any]:
        return tomllib.loads(file_path.read_text(encoding="utf-8-sig"))


def load_settings(directory: Path) -> Settings:
    """Return the settings of a council's directory, or raise SettingsError."""
    file = directory / FILE
    if not file.is_file():
        raise SettingsError(f"{directory} holds no {FILE}: make a council there with `stile init`")

    class InDirectory(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    _check_rights(file)
    try:
        return InDirectory()  # type: ignore[call-arg]  # every value comes from the file or the environment
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise SettingsError(f"{file.name}: {wrong}") from error
    except ValueError as error:
        raise SettingsError(f"{file.name} is not TOML: {error}") from error


def _check_rights(file: Path) -> None:
    """Raise SettingsError where others may read a file that holds a password, or anybody one that holds a key."""
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    if re.search(r"^\s*master_key\s*=", text, re.MULTILINE):
        raise SettingsError(
            f"{file.name} holds master_key, and it lies beside what it opens: take STILE_MASTER_KEY instead"
        )
    holds_one = re.search(r"^\s*database_url\b", text, re.MULTILINE)
    if holds_one and file.stat().st_mode & 0o077:
        raise SettingsError(f"{file.name} holds database_url, and others may read it: chmod 600 {file.name}")


def write_settings(directory: Path, values: dict[str, str | bool]) -> None:
    """Write a new `stile.toml`, or raise SettingsError before anything is written."""
    try:
        Settings(**values)  # type: ignore[arg-type]  # pydantic checks what mypy can't
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise SettingsError(wrong) from error
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    file = directory / FILE
    file.touch(mode=0o600 if "database_url" in values else 0o666)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
