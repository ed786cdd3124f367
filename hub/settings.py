"""Settings: from ``hub.toml`` and, over it, ``HUB_…`` of the environment. Frozen, and wrong ones are all named at once."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

MEGABYTE = 1 << 20


#: The processes of the hub.
PROCESSES = ("serve", "stream", "project", "deliver", "evidence", "sandbox")
#: The authorities the sandbox can play beside customs.
SANDBOX_AUTHORITIES = ("tax", "forex", "market", "commerce")


class SettingsError(Exception):
    """Settings that cannot work; ``problems`` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator can say. The environment's name of ``kafka`` is ``HUB_KAFKA``; in ``hub.toml`` it is ``kafka``."""

    kafka: str = ""
    """Bootstrap servers of an own Kafka; empty: one embedded node."""
    database: str = ""
    """DSN of an own PostgreSQL; empty: an embedded one."""
    data: Path = Path(".hub")
    """The state folder: keys, logs, states of stages, embedded servers' files."""
    listen: str = "127.0.0.1:8080"
    """Where the API and the console are served."""
    tls_certificate: Path | None = None
    """The hub's certificate (PEM, with those between it and its authority): ``hub serve`` then speaks TLS only. Read again when it changes."""
    tls_key: Path | None = None
    """Its private key (PEM, not encrypted)."""
    tls_clients: Path | None = None
    """Authorities (PEM) whose clients may call by a certificate that is registered for them instead of an API key."""
    tls_required: bool = False
    """Whether nobody may connect without such a certificate."""
    enrolment: str = "closed"
    """``open`` takes unknown enterprise codes from demo principals; ``closed`` refuses them."""
    signatures: str = "required"
    """``required`` demands a signature on every message that may carry one; ``by-schema`` where the schema demands it."""
    sha1_signatures: str = "flagged"
    """RSA with SHA-1, which the CEB specification of 2022 still permits (and which can be forged with effort): ``flagged`` takes and flags it, ``refused`` does not take it. Also whether authorities may have signed certificates with it."""
    trust_anchors: Path | None = None
    """Certificates of the authorities a signer's certificate must lead to: a PEM or DER file or a folder of them, issuers between them and signers included. Unset: that a certificate is filed for its principal is enough."""
    revocation_lists: Path | None = None
    """Revocation lists of those authorities: a file or a folder, PEM or DER, read again when they change. Unset: revocation is not asked."""
    stale_lists: str = "flag"
    """What happens to a message on whose certificate no revocation list in force speaks: ``flag`` or ``refuse``."""
    certificate_skew_seconds: int = 60
    """How far the clock that dated a certificate may be ahead of ours."""
    hosted_signatures: str = "rsa"
    """With which key unsigned documents are signed under a mandate where the hub holds both: ``rsa`` or ``sm2``."""
    hosted_key_file: Path | None = None
    """The file with the key that the signing keys of participants are encrypted with: 32 bytes, 64 hexadecimal digits, or a passphrase. Outside the state folder, readable by its owner only. Unset: only made-up principals have keys here."""
    partitions: int = 8
    """Partitions of every topic, fixed when the topics are made."""
    replication: int = 1
    """Replicas of every topic: 1 on the embedded node, 3 in production."""
    keys: Path | None = None
    """Daily, digest and signing keys; default ``<data>/keys``."""
    kafka_jars: Path = Path(".kafka/libs")
    """Apache Kafka's jars for the embedded node (``make`` puts them there)."""
    java: str = "java"
    """The Java 17+ that runs the embedded node."""
    dxp_id: str = ""
    """The hub's own number on the exchange platform: declarants who name it in BaseSubscribe are followed."""
    webhook_maps: Path | None = None
    """A folder of maps of shop platforms' webhooks, one TOML file each, beside those that come with the hub."""
    customs_url: str = ""
    """Where messages are handed over to customs (``POST /dxp``); empty: the sandbox where it runs, else nowhere."""
    customs_timeout_ms: int = 10_000
    """How long customs may take to answer a hand-over."""
    customs_attempts: int = 12
    """Attempts before a hand-over is parked."""
    webhook_private: bool = False
    """Whether webhooks may go to private addresses, any port and plain http: for tests and closed networks."""
    webhook_timeout_ms: int = 10_000
    """How long a subscriber's endpoint may take to answer."""
    webhook_attempts: int = 8
    """Answers that decided nothing before an event is parked; an endpoint that cannot be reached uses up none."""
    webhook_retry_ms: int = 1_000
    """The wait before the second attempt; doubled each time, up to five minutes, shortened by chance."""
    webhook_dead_hours: float = 24.0
    """How long an endpoint may be out of reach before its subscription is parked."""
    webhook_rotation_hours: float = 24.0
    """How long hooks are signed with the old secret too after it was changed."""
    subscriptions_each: int = 20
    """Subscriptions a principal may have."""
    drop_folder: Path | None = None
    """Where subscriptions of the kind file put their events, one file each; unset: there is no file drop."""
    drop_backlog: int = 10_000
    """Files that may wait to be collected in one subscription's folder before it waits too."""
    processes: tuple[str, ...] = PROCESSES
    """What ``hub up`` runs."""
    stage_groups: tuple[str, ...] = ("split,register,resolve,bills,gate", "match,assess,ledger,watch,observe,desk")
    """Which stages share a process under ``hub up``."""
    serve_processes: int = 1
    """How many doors ``hub up`` opens on the same port."""
    streams: int = 500
    """Server-Sent Events streams open at a time in one ``hub serve``; who comes next is asked to come later (503)."""
    streams_each: int = 20
    """How many of them one principal may have (429)."""
    scenario: str = "release"
    """What the sandbox customs does: a bundled scenario's name or a TOML file."""
    sandbox_authorities: tuple[str, ...] = SANDBOX_AUTHORITIES
    """Which other authorities the sandbox plays; ``none`` for customs alone."""
    authority_scenario: str = "default"
    """What the sandbox's other authorities do: a bundled scenario's name or a TOML file."""
    max_bytes: int = 16 * MEGABYTE
    """Largest message as sent."""
    max_unpacked: int = 64 * MEGABYTE
    """Largest message after decompression."""
    idle_seconds: int = 75
    """How long a connection may stay open without a request under way, the first included; longer than a proxy's before it."""
    body_seconds: int = 30
    """How long a sender may take for a message."""
    max_in_flight: int = 256
    """Messages the door judges or commits at one time; above it 429. No sender holds more than its share of them."""
    rate_messages: float = 0.0
    """Messages a second each principal may send to one door process; 0: no limit. A principal's own record goes before."""
    rate_documents: float = 0.0
    """Documents a second, in the same way."""
    rate_burst: float = 10.0
    """Seconds of its rate that a principal may send at once after a pause."""
    collect_ms: int = 4
    """How long the door collects before it writes a batch."""
    commit_seconds: int = 15
    """How long the door waits for the broker before it answers 503."""
    instance: str = ""
    """The name of a process among those that carry the same stages, each its own; empty: host and stages."""
    session_ms: int = 6_000
    """A stage's group session: a silent process loses its partitions after it."""
    match_wait_hours: float = 24.0
    """How long documents wait for each other (P: no official figure)."""
    match_warn_hours: float = 2.0
    """When who still waits is warned that the wait will be over; at the latest at half of it (P)."""
    match_tolerance: str = "0"
    """Difference of amounts that still matches, in CNY (P: no official tolerance)."""
    overdue_minutes: int = 60
    """When a missing answer of customs is overdue (P)."""
    notices: bool = True
    """Whether assessments are handed to customs as messages of their own."""
    reject_over_allowance: bool = True
    """Over the yearly limit means return, not full tax (uncertain: the older text of 2016 says tax in full)."""
    positive_list: bool = False
    """Whether the zone keeps the positive list of retail import as reference data: without one in force imports are reviewed."""
    forex_threshold: str = "5000"
    """Payments and collections of matched declarations above so many yuan are told to foreign exchange (P; 5,000 is the limit of a retail import)."""
    guarantee_warn_percent: int = 80
    """The share of a tax guarantee at which officers are alarmed before it is used up (P)."""
    resembles_percent: int = 85
    """From how much likeness on an enterprise's name resembles a listed one (``hub reference screen``; our own number)."""
    guarantee_freed: str = "summarised"
    """When a tax bill burdens the guarantee no more: ``summarised`` into a payment book, or ``due``, once the last day of payment is over too (uncertain: the hub sees no payment)."""
    evidence_seconds: float = 3.0
    """How often what has come is chained (`hub evidence`): the longest time until a submission is under a root."""
    personal_days: int = 0
    """Days after which the daily key of what was received is destroyed (`hub evidence` looks), unless it is held; 0: never. No law names one number (uncertain)."""
    timestamp_url: str = ""
    """A time-stamping authority (RFC 3161, `http(s)://…`) that stamps the chain's roots; empty: none."""
    timestamp_ca: Path | None = None
    """Certificates (PEM) of who may have issued the time-stamping authority's; needed with `timestamp_url`."""
    timestamp_seconds: float = 60.0
    """How often the newest root of each chain is stamped; a root's stamp holds for all before it."""
    acknowledge_minutes: tuple[str, ...] = ("yellow=480", "orange=120", "red=30", "reject=30")
    """Severity → minutes in which somebody has to acknowledge an alert; then it is said again, three times at most (our own numbers, P)."""
    log_level: str = "info"
    """``debug``, ``info``, ``warning`` or ``error``."""

    @property
    def acknowledge(self) -> dict[str, int]:
        """Severity → ms of ``acknowledge_minutes``; ValueError where they are none."""
        pairs = [entry.partition("=") for entry in self.acknowledge_minutes]
        return {severity.strip(): int(minutes) * 60_000 for severity, _, minutes in pairs}

    @property
    def keys_folder(self) -> Path:
        """Where the keys are."""
        return self.keys or self.data / "keys"

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.listen.rpartition(":")[0]

    @property
    def port(self) -> int:
        """The port to listen on."""
        return int(self.listen.rpartition(":")[2])


#: What an alert may be (``hub.domain.reading.SEVERITIES``).
_SEVERITIES = ("yellow", "orange", "red", "reject")
#: Values that may only be one of these.
CHOICES = {
    "enrolment": ("open", "closed"),
    "signatures": ("required", "by-schema"),
    "sha1_signatures": ("flagged", "refused"),
    "stale_lists": ("flag", "refuse"),
    "hosted_signatures": ("rsa", "sm2"),
    "guarantee_freed": ("summarised", "due"),
    "log_level": ("debug", "info", "warning", "error"),
}
#: Names of the environment that are not settings.
OTHER_NAMES = {
    "HUB_CONFIG": "the settings file, as `--config`",
    "HUB_API_KEY": "the key of whoever asks, for the commands that ask a running hub",
    "HUB_TEST_DATA": "the folder of official schemas and samples for the tests; where it is unset those tests skip",
}


class Loaded(msgspec.Struct, frozen=True):
    """Settings and where each came from: ``default``, the file's name, or the environment's name."""

    settings: Settings
    sources: dict[str, str]


def load(environ: Mapping[str, str], path: Path | None = None) -> Loaded:
    """Read ``hub.toml`` (or ``path``) and the environment; raises SettingsError naming every problem."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    file = path or Path("hub.toml")
    if path is not None and not path.exists():
        problems.append(f"{path}: there is no such file")
    for name, value in _of_file(file, problems).items():
        _take(name, value, str(file), fields, values, sources, problems)
    for variable, value in environ.items():
        if variable.startswith("HUB_") and variable not in OTHER_NAMES:
            _take(variable[4:].lower(), value, variable, fields, values, sources, problems)
    settings = Settings(**values)
    for name, holds, demand in _demands(settings):
        if not holds:
            problems.append(f"{sources.get(name, 'default')}: {name} {demand}")
    if problems:
        raise SettingsError(problems)
    return Loaded(settings, {name: sources.get(name, "default") for name in fields})


def _demands(settings: Settings) -> list[tuple[str, bool, str]]:
    """(setting, whether it holds, what is demanded of it) where the type alone does not say it."""
    host, _, port = settings.listen.rpartition(":")
    above = (
        "partitions", "replication", "serve_processes", "max_bytes", "max_in_flight", "customs_attempts", "webhook_timeout_ms",
        "webhook_attempts", "webhook_retry_ms", "subscriptions_each", "drop_backlog", "idle_seconds", "streams", "streams_each",
    )  # fmt: skip
    unknown = set(settings.processes) - set(PROCESSES)
    unplayed = set(settings.sandbox_authorities) - {*SANDBOX_AUTHORITIES, "none"}
    return [
        ("evidence_seconds", 0 < settings.evidence_seconds <= 3600, "is above 0 and at most 3600"),
        ("personal_days", settings.personal_days == 0 or settings.personal_days > 30, "is 0 or at least 31: messages may be held for 30 days"),
        ("timestamp_seconds", settings.timestamp_seconds >= 1, "is at least 1"),
        ("timestamp_url", not settings.timestamp_url or settings.timestamp_url.startswith(("http://", "https://")), "is http(s)://…"),
        ("timestamp_url", not settings.timestamp_url or settings.timestamp_ca is not None, "needs timestamp_ca"),
        *((name, getattr(settings, name) in allowed, f"is one of {', '.join(allowed)}") for name, allowed in CHOICES.items()),
        *((name, getattr(settings, name) > 0, "is at least 1") for name in above),
        ("webhook_dead_hours", settings.webhook_dead_hours > 0, "is above 0"),
        ("webhook_rotation_hours", settings.webhook_rotation_hours >= 0, "is not below 0"),
        ("listen", bool(host) and port.isdigit() and int(port) < 65_536, "is host:port"),
        ("forex_threshold", _is_amount(settings.forex_threshold), "is an amount of yuan"),
        *((name, getattr(settings, name) >= 0, "is not below 0") for name in ("rate_messages", "rate_documents")),
        ("rate_burst", settings.rate_burst > 0, "is above 0"),
        ("guarantee_warn_percent", 0 < settings.guarantee_warn_percent < 100, "is between 1 and 99"),
        ("resembles_percent", 50 <= settings.resembles_percent <= 100, "is between 50 and 100"),
        ("acknowledge_minutes", _minutes(settings), f"is SEVERITY=MINUTES for each of {', '.join(_SEVERITIES)}, 1 to 525600 minutes"),
        ("certificate_skew_seconds", 0 <= settings.certificate_skew_seconds <= 3600, "is between 0 and 3600"),
        ("revocation_lists", settings.revocation_lists is None or settings.trust_anchors is not None, "needs trust_anchors"),
        ("hosted_key_file", not _is_within(settings.hosted_key_file, settings.data, settings.keys_folder), "is not in the state folder or that of the keys"),
        ("tls_key", (settings.tls_key is None) == (settings.tls_certificate is None), "goes with tls_certificate"),
        ("tls_clients", settings.tls_clients is None or settings.tls_certificate is not None, "needs tls_certificate"),
        ("tls_required", not settings.tls_required or settings.tls_clients is not None, "needs tls_clients"),
        ("max_unpacked", settings.max_unpacked >= settings.max_bytes, "is not below max_bytes"),
        ("sandbox_authorities", not unplayed, f"are of {', '.join(SANDBOX_AUTHORITIES)}, or none"),
        ("processes", not unknown, f"are of {', '.join(PROCESSES)}"),
        ("database", not settings.database or settings.database.startswith(("postgresql://", "postgres://")), "is postgresql://…"),
        ("customs_url", not settings.customs_url or settings.customs_url.startswith(("http://", "https://")), "is http(s)://…"),
    ]


def _minutes(settings: Settings) -> bool:
    try:
        found = settings.acknowledge
    except ValueError:
        return False
    return set(found) == set(_SEVERITIES) and all(60_000 <= ms <= 525_600 * 60_000 for ms in found.values())


def _is_amount(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,5})?", text) is not None


def _is_within(path: Path | None, *folders: Path) -> bool:
    return path is not None and any(path.absolute().is_relative_to(folder.absolute()) for folder in folders)


def jars(settings: Settings) -> Path:
    """Where Kafka's jars are: a relative setting counts from here, or else from the project's folder."""
    beside = Path(__file__).parents[1] / settings.kafka_jars
    return beside if beside.exists() and not settings.kafka_jars.exists() else settings.kafka_jars


def _of_file(file: Path, problems: list[str]) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{file}: {error}")
        return {}


def _take(
    name: str,
    value: object,
    source: str,
    fields: Mapping[str, msgspec.structs.FieldInfo],
    values: dict[str, Any],
    sources: dict[str, str],
    problems: list[str],
) -> None:
    """Convert one value, or say what is wrong with it."""
    if name not in fields:
        near = difflib.get_close_matches(name, fields, n=1, cutoff=0.0)
        hint = f"; the nearest known is {near[0]}" if near else ""
        problems.append(f"{source}: unknown setting {name}{hint}")
        return
    kind = fields[name].type
    try:
        values[name] = _convert(value, kind)
    except (ValueError, TypeError, KeyError):
        problems.append(f"{source}: {name} is not a {getattr(kind, '__name__', kind)}")
        return
    sources[name] = source


def _convert(value: object, kind: Any) -> Any:
    if get_origin(kind) is tuple:
        parts = str(value).split(";") if isinstance(value, str) else list(value)  # type: ignore[call-overload]
        return tuple(str(part).strip() for part in parts if str(part).strip())
    if Path in (kind, *get_args(kind)):
        return Path(str(value))
    if kind is bool:
        if isinstance(value, bool):
            return value
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]
    return kind(value)


def shown(name: str, value: object) -> str:
    """A setting as ``hub config`` prints it: the password in a DSN is hidden."""
    text = ";".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if name == "database" and "@" in text:
        scheme, _, rest = text.partition("://")
        return f"{scheme}://…@{rest.rpartition('@')[2]}"
    return text
