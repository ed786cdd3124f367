"""What scenarios of all sandbox authorities have in common: where they lie, how they are read, how a share of them is drawn."""

from __future__ import annotations

import tomllib
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from hub.domain.faults import Misconfigured

T = TypeVar("T")


def bundled(package: str) -> tuple[str, ...]:
    """The names of the scenarios that come with the hub, in the folder ``scenarios`` of a package."""
    folder = resources.files(package) / "scenarios"
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def read(package: str, name: str, type_: type[T]) -> T:
    """A bundled scenario by name, or one from a TOML file; raises Misconfigured with what is wrong."""
    if name in bundled(package):
        text = (resources.files(package) / "scenarios" / f"{name}.toml").read_text("utf-8")
    elif Path(name).is_file():
        text = Path(name).read_text("utf-8")
    else:
        raise Misconfigured([f"there is no scenario {name!r}; bundled are {', '.join(bundled(package))}, or name a TOML file"])
    try:
        return msgspec.convert(tomllib.loads(text), type_)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Misconfigured([f"scenario {name}: {error}"]) from error


def drawn(seed: str, number: int, key: str) -> float:
    """A number from 0 to 100, the same for the same seed, choice and key: a repetition gives the same."""
    digest = blake2b(key.encode(), digest_size=4, key=f"{seed}/{number}".encode()[:64]).digest()
    return int.from_bytes(digest) * 100 / (1 << 32)
