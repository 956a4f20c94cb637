"""Settings: pydantic models, one a ``[section]`` of ``config.toml``, which is the reference for every key.

Order of precedence, strongest first: command line, environment (``ROTWATCH_NETWORK__TIMEOUT_S``), systemd
credentials (a file ``report.email.password`` in ``$CREDENTIALS_DIRECTORY``), the config file, defaults.
"""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

SERVICE_STATE = Path("/var/lib/rotwatch")
ENV_PREFIX = "ROTWATCH_"
Role = Literal["check", "archive", "report"]
ROLES: tuple[Role, ...] = get_args(Role)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = f"no such time zone: write one like Asia/Shanghai instead of {name!r}"
        raise ValueError(message) from None
    return name


def _weekly_schedule(text: str) -> str:
    day, _, time = text.strip().lower().partition(" ")
    try:
        datetime.strptime(time, "%H:%M")  # noqa: DTZ007  (a time of day, no date)
    except ValueError:
        day = ""
    if day not in WEEKDAYS:
        message = f'write a weekday and a time, like "mon 08:00", instead of {text!r}'
        raise ValueError(message)
    return f"{day} {time}"


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        message = f'write "address:port", like "127.0.0.1:8443", instead of {text!r}'
        raise ValueError(message)
    return text


def _http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        message = f"write a URL that begins with http:// or https:// instead of {url!r}"
        raise ValueError(message)
    return url.rstrip("/")


Day = date  # a field of that name would hide it
Address = Annotated[str, AfterValidator(_address)]
Confirmations = Annotated[int, Field(ge=2)]  # no single look kills
AgeTable = tuple[PositiveFloat, PositiveFloat, PositiveFloat, PositiveFloat, PositiveFloat]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Database(Section):
    url: str = "sqlite:///rotwatch.db"


class Network(Section):
    user_agent: str = (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/130.0.0.0 Safari/537.36 rotwatch/0.1"
    )
    concurrency: PositiveInt = 64
    timeout_s: PositiveFloat = 30
    max_body_mb: PositiveFloat = 8
    proxy: str = ""
    ca_file: str = ""
    allow_private_addresses: bool = False
    anchors: tuple[HttpUrl, ...] = (
        "https://www.baidu.com",
        "https://www.qq.com",
        "https://www.cloudflare.com",
        "https://www.wikipedia.org",
    )
    hosts: dict[str, Address] = {}


class Pace(Section):
    default_s: NonNegativeFloat = 10
    jitter: Annotated[float, Field(ge=0, le=0.9)] = 0.3
    wall_pause_s: NonNegativeFloat = 21600
    max_spacing_s: NonNegativeFloat = 600
    outage_pause_s: NonNegativeFloat = 600
    hosts: dict[str, NonNegativeFloat] = {
        "mp.weixin.qq.com": 30,
        "www.zhihu.com": 30,
        "zhuanlan.zhihu.com": 30,
        "blog.csdn.net": 10,
    }


class Source(Section):
    path: str
    archive: bool = True


class Wayback(Section):
    enabled: bool = True
    base_url: HttpUrl = "https://web.archive.org"
    access_key: SecretStr = SecretStr("")
    secret_key: SecretStr = SecretStr("")
    contact: str = ""
    save_every_s: NonNegativeFloat = 9
    look_up_every_s: NonNegativeFloat = 2.5
    poll_every_s: NonNegativeFloat = 5
    playback_every_s: NonNegativeFloat = 1
    daily_saves: PositiveInt = 200
    verify_after_s: NonNegativeFloat = 3600
    exclude_hosts: tuple[str, ...] = ()

    @property
    def has_keys(self) -> bool:
        return bool(self.access_key.get_secret_value() and self.secret_key.get_secret_value())


class Local(Section):
    enabled: bool = True
    directory: str = "archive"
    max_gb: NonNegativeFloat = 0
    pictures: bool = True
    picture_every_s: NonNegativeFloat = 1


class Archives(Section):
    wayback: Wayback = Wayback()
    local: Local = Local()


class Email(Section):
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: str = ""
    recipients: tuple[str, ...] = ()


class Report(Section):
    schedule: Annotated[str, AfterValidator(_weekly_schedule)] = "mon 08:00"
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "Asia/Shanghai"
    language: Literal["en", "zh"] = "en"
    email: Email = Email()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def _lines(value: object) -> object:
    return value.split() if isinstance(value, str) else value  # a credential has one a line


class Alerts(Section):
    urls: Annotated[tuple[SecretStr, ...], BeforeValidator(_lines)] = ()
    on: frozenset[Literal["dead", "archive", "network"]] = frozenset(("dead", "archive", "network"))
    every_s: PositiveFloat = 3600
    trouble_after_s: NonNegativeFloat = 21600


class Web(Section):
    listen: Address = "127.0.0.1:8765"
    token: SecretStr = SecretStr("")


class Policy(Section):
    """Numbers of the policy; what each means and where it comes from stands in ``config.toml``."""

    removed_looks: Confirmations = 2
    removed_span_h: NonNegativeFloat = 24
    gone_looks: Confirmations = 3
    gone_span_h: NonNegativeFloat = 168
    failed_looks: Confirmations = 6
    failed_days: PositiveInt = 5
    failed_span_h: NonNegativeFloat = 720
    blind_looks: PositiveInt = 5
    blind_span_h: NonNegativeFloat = 336
    revive_span_h: NonNegativeFloat = 24
    suspect_retry_h: tuple[PositiveFloat, ...] = (6, 24, 72, 96, 168, 240)
    walled_retry_h: tuple[PositiveFloat, ...] = (24, 72, 96, 168)
    dead_retry_h: tuple[PositiveFloat, ...] = (168, 720, 2160, 4320)
    base_interval_h: PositiveFloat = 720
    min_interval_h: PositiveFloat = 6
    max_interval_h: PositiveFloat = 1440
    full_look_every: PositiveInt = 4
    yearly_risk: AgeTable = (2.0, 0.40, 0.12, 0.06, 0.05)
    prior_link_years: AgeTable = (0.5, 2, 8, 50, 100)
    at_risk_chance: Annotated[float, Field(gt=0, le=1)] = 0.05
    at_risk_chance_uncopied: Annotated[float, Field(gt=0, le=1)] = 0.01


def _host(text: str) -> str:
    host = text.strip().strip(".").lower()
    if not host or "/" in host or ":" in host or " " in host:
        message = f'write a host without scheme and path, like "blog.example.org", instead of {text!r}'
        raise ValueError(message)
    return host.encode("idna").decode("ascii")


class Domains(Section):
    enabled: bool = True
    bootstrap_url: HttpUrl = "https://data.iana.org/rdap/dns.json"
    every_days: Annotated[int, Field(ge=1, le=60)] = 30
    pause_s: NonNegativeFloat = 5


class Shutdown(Section):
    host: Annotated[str, AfterValidator(_host)]
    date: Day
    note: str = ""


class Daemon(Section):
    tick_s: PositiveFloat = 5
    archive_tick_s: PositiveFloat = 10
    sync_s: PositiveFloat = 60
    feed_every_s: PositiveFloat = 21600
    deliver_s: PositiveFloat = 30
    grace_s: PositiveFloat = 20
    vantage: Annotated[str, Field(max_length=64)] = ""
    roles: Annotated[frozenset[Role], Field(min_length=1)] = frozenset(ROLES)


class _Credentials(PydanticBaseSettingsSource):
    """Secrets that systemd hands over: one file a key, named by its dotted path; an empty one means nothing."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # pragma: no cover
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        values: dict[str, Any] = {}
        for file in sorted(Path(folder).iterdir()) if folder and Path(folder).is_dir() else ():
            *sections, key = file.name.split(".")
            secret = file.read_text(encoding="utf-8").strip()
            if not secret or not sections or sections[0] not in self.settings_cls.model_fields:
                continue
            part = values
            for section in sections:
                part = part.setdefault(section, {})
            part[key] = secret
        return values


class Settings(BaseSettings):
    """All settings, and the folders that relative paths start from."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    database: Database = Database()
    network: Network = Network()
    pace: Pace = Pace()
    sources: tuple[Source, ...] = ()
    archives: Archives = Archives()
    report: Report = Report()
    alerts: Alerts = Alerts()
    web: Web = Web()
    policy: Policy = Policy()
    domains: Domains = Domains()
    shutdowns: tuple[Shutdown, ...] = ()
    daemon: Daemon = Daemon()

    file: Annotated[Path | None, Field(exclude=True)] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # the values of the config file come as arguments and are the weakest
        return env_settings, _Credentials(settings_cls), init_settings

    @property
    def home(self) -> Path:
        """The folder that ``[[sources]]`` and other files named in the configuration are relative to."""
        return self.file.parent if self.file else Path.cwd()

    @property
    def state_directory(self) -> Path:
        """Where database and archive live: ``$STATE_DIRECTORY`` (systemd), the service's own folder for the
        service's configuration, the configuration's folder for any other, else the user's state folder."""
        if folder := os.environ.get("STATE_DIRECTORY"):
            return Path(folder.split(":")[0])
        if self.file is None:
            return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "rotwatch"
        return SERVICE_STATE if self.file.parent == Path("/etc/rotwatch") else self.file.parent

    def in_state(self, path: str) -> Path:
        return self.state_directory / path
