"""Persons: read unmasked for a recorded purpose only, erased for good with their day's key, held while somebody needs them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientSession
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import codec, topics
from hub.cli import group, keys
from hub.domain import audit
from hub.domain.access import ROLES, Principal, may_unmask
from hub.domain.audit import Act
from hub.domain.events import HandOver, SubmissionSummary, Tick
from hub.domain.faults import Erased, Refused, Unavailable
from hub.domain.reading import Place
from hub.infra import retention
from hub.infra.crypto import HubKey
from hub.infra.vault import KeyErased, Vault
from streams.api import Record
from streams.stages.split import Split
from tests.support.documents import four, submission
from tests.support.reading import Case as Sale
from tests.support.reading import FixedClock, original, submission_record
from tests.support.site import parts_of, served

DAY_MS = 86_400_000
#: 2026-06-01 12:00 in China.
NOON = 1_780_286_400_000
TODAY = date(2026, 6, 1)


# ---- unmasked reading


class Model:
    """A read model with one submission of the declarant."""

    def __init__(self, summary: SubmissionSummary) -> None:
        self.summary = summary

    async def submission(self, name: str) -> tuple[SubmissionSummary, Place] | None:
        return (self.summary, Place(0, 0)) if name == self.summary.id else None

    async def refusal(self, _: str) -> None:
        return None


class Records:
    """Its record."""

    def __init__(self, value: bytes) -> None:
        self.value = value

    async def read(self, topic: str, place: Place) -> bytes | None:
        assert (topic, place) == (topics.SUBMISSIONS, Place(0, 0))
        return self.value


SALE = Sale(1)


@pytest.fixture
def recorded() -> list[Act]:
    return []


@pytest.fixture
async def session(recorded: list[Act]) -> AsyncIterator[ClientSession]:
    _, _, value, headers = submission_record(SALE, "declaration")
    read = Model(codec.summary(dict(headers)[codec.SUMMARY_HEADER]))

    async def record(act: Act) -> None:
        if act.purpose == "the log is away":
            raise Unavailable("Kafka")
        recorded.append(act)

    parts = parts_of(read, FixedClock(NOON), audit=record)
    object.__setattr__(parts, "records", Records(value))
    async with served(parts) as made:
        yield made


PATH = f"/v1/submissions/{SALE.submission('declaration')}/original"


async def get(session: ClientSession, caller: str, path: str = PATH, **headers: str) -> tuple[int, bytes]:
    async with session.get(path, headers={"Authorization": f"Bearer key-{caller}", **headers}) as answer:
        return answer.status, await answer.read()


async def test_whoever_handed_it_in_reads_it_and_nothing_is_recorded(session: ClientSession, recorded: list[Act]) -> None:
    assert await get(session, "agent") == (200, original(SALE, "declaration"))
    assert recorded == []


@pytest.mark.parametrize(
    ("path", "headers"),
    [(f"{PATH}?purpose={quote('复核案件 7')}", {}), (PATH, {"Hub-Purpose": quote("复核案件 7")})],
)
async def test_customs_reads_it_for_a_purpose_that_is_recorded_first(
    session: ClientSession, recorded: list[Act], path: str, headers: dict[str, str]
) -> None:
    assert await get(session, "customs", path, **headers) == (200, original(SALE, "declaration"))
    [act] = recorded
    assert (act.by, act.role, act.what) == ("customs", "customs", audit.PERSONAL_READ)
    assert (act.subject, act.purpose, act.detail) == (SALE.submission("declaration"), "复核案件 7", {"principal": "agent"})


@pytest.mark.parametrize("query", ["", "?purpose=", "?purpose=%20%20%20%20", "?purpose=abc", "?purpose=ab%00cd", f"?purpose={'x' * 501}"])
async def test_without_a_purpose_customs_is_told_that_it_is_missing(session: ClientSession, recorded: list[Act], query: str) -> None:
    status, body = await get(session, "customs", PATH + query)
    assert (status, json.loads(body)["faults"][0]["code"]) == (403, "access.purpose_missing")
    assert recorded == []


async def test_what_cannot_be_recorded_is_not_shown(session: ClientSession) -> None:
    status, body = await get(session, "customs", f"{PATH}?purpose=the+log+is+away")
    assert status == 503
    assert original(SALE, "declaration") not in body


@pytest.mark.parametrize("caller", ["office", "tax", "market", "operator", "stranger", "platform"])
async def test_nobody_else_reads_it_with_or_without_a_purpose(session: ClientSession, recorded: list[Act], caller: str) -> None:
    assert (await get(session, caller))[0] == 404
    assert (await get(session, caller, f"{PATH}?purpose=curiosity"))[0] == 404
    assert recorded == []


@given(st.lists(st.sampled_from(ROLES), max_size=3), st.booleans())
def test_only_customs_may_unmask_and_not_while_it_is_suspended(roles: list[str], suspended: bool) -> None:
    assert may_unmask(Principal("a", tuple(roles), suspended=suspended)) == ("customs" in roles and not suspended)


# ---- keys: erased, held, released


def sealed(vault: Vault, days: int) -> bytes:
    """Content of so many days ago."""
    return vault.seal(b"a person", NOON - days * DAY_MS)


def test_a_held_day_is_not_erased_until_it_is_released(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    content, day = sealed(vault, 40), TODAY - timedelta(40)
    vault.hold(day, "investigation 12")
    vault.hold(day, "investigation 13")
    with pytest.raises(Refused) as refused:
        Vault(tmp_path).erase(day)
    assert refused.value.faults[0].code == "access.key_held"
    assert (Vault(tmp_path).held(day), vault.open(content)) == ("investigation 13", b"a person")
    assert vault.release(day)
    assert not vault.release(day)
    assert vault.erase(day)
    with pytest.raises(KeyErased):
        vault.open(content)


def test_the_key_the_hub_signs_with_is_rotated_with_a_record_of_it(tmp_path: Path, acts: list[str]) -> None:
    first = HubKey.load(tmp_path)
    code, said = hub(tmp_path, "rotate", "--reason", "yearly")
    assert code == 0, said
    assert acts == [f"key.rotated {first.id} yearly"]
    found = HubKey.load(tmp_path)
    assert said.startswith(f"{found.id} in the place of {first.id}; ")
    assert found.public.ids == (found.id, first.id)


def test_nothing_is_left_to_hold_of_an_erased_day(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    sealed(vault, 40)
    vault.erase(TODAY - timedelta(40))
    for day in (TODAY - timedelta(40), TODAY - timedelta(41)):
        with pytest.raises(Refused) as refused:
            vault.hold(day, "too late")
        assert refused.value.faults[0].code == "access.key_gone"


def test_an_erased_day_counts_in_every_process_at_once_and_is_one_error_for_all_who_meet_it(tmp_path: Path) -> None:
    writer, reader = Vault(tmp_path), Vault(tmp_path)
    content = sealed(writer, 40)
    assert reader.open(content) == b"a person"
    writer.erase(TODAY - timedelta(40))
    with pytest.raises(Erased):
        reader.open(content)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True), st.sets(st.integers(0, 60), max_size=4), st.sampled_from([0, 31, 45]))
async def test_a_look_destroys_what_is_too_old_and_not_held_and_a_second_look_nothing(
    tmp_path_factory: pytest.TempPathFactory, ages: list[int], held: set[int], days: int
) -> None:
    vault = Vault(tmp_path_factory.mktemp("keys"))
    for age in ages:
        sealed(vault, age)
    for age in held.intersection(ages):
        vault.hold(TODAY - timedelta(age), "needed")
    acts: list[Act] = []

    async def record(act: Act) -> None:
        assert date.fromisoformat(act.subject) in vault.days(), "recorded before it is done"
        acts.append(act)

    gone = await retention.look(vault, days, NOON, record)
    wanted = sorted(TODAY - timedelta(age) for age in ages if days and age > days and age not in held)
    assert gone == vault.erased() == wanted
    assert [act.subject for act in acts] == [day.isoformat() for day in wanted]
    assert await retention.look(vault, days, NOON, record) == []
    assert len(acts) == len(wanted)


async def test_a_look_that_cannot_record_destroys_nothing_and_one_that_was_ended_half_way_is_finished(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    content = sealed(vault, 40)

    async def away(_: Act) -> None:
        raise Unavailable("Kafka")

    with pytest.raises(Unavailable):
        await retention.look(vault, 31, NOON, away)
    assert vault.open(content) == b"a person"
    (tmp_path / "daily" / f"{TODAY - timedelta(40)}.erased").touch()  # as a SIGKILL leaves it between mark and key
    assert await retention.look(vault, 0, NOON, away) == [TODAY - timedelta(40)]
    with pytest.raises(KeyErased):
        vault.open(content)


# ---- hub keys


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []

    async def recorded(_: object, what: str, subject: str, detail: object = None, purpose: str = "") -> None:
        done.append(f"{what} {subject} {purpose}")

    monkeypatch.setattr(keys, "recorded", recorded)
    return done


def hub(folder: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(group, ["keys", *arguments], env={"HUB_KAFKA": "nowhere:1", "HUB_KEYS": str(folder)})
    return done.exit_code, done.output


def test_keys_are_listed_held_released_and_erased_with_a_record_of_each(tmp_path: Path, acts: list[str]) -> None:
    vault = Vault(tmp_path)
    content, day = sealed(vault, 40), str(TODAY - timedelta(40))
    assert hub(tmp_path, "list")[1].split() == [day, "kept"]
    assert hub(tmp_path, "hold", day, "--reason", "investigation 12")[0] == 0
    assert hub(tmp_path, "list")[1].split() == [day, "held", "investigation", "12"]
    code, said = hub(tmp_path, "erase", day, "--reason", "request", "--yes")
    assert (code, "access.key_held" in said) == (1, True)
    assert hub(tmp_path, "release", day, "--reason", "over")[0] == 0
    assert hub(tmp_path, "release", day)[0] == 1
    assert hub(tmp_path, "erase", day, "--reason", "request", "--yes")[0] == 0
    assert hub(tmp_path, "list")[1].split() == [day, "erased"]
    assert "access.key_gone" in hub(tmp_path, "erase", day, "--reason", "again", "--yes")[1]
    assert "access.key_gone" in hub(tmp_path, "hold", day, "--reason", "late")[1]
    assert acts == [f"key.held {day} investigation 12", f"key.released {day} over", f"key.erased {day} request"]
    with pytest.raises(KeyErased):
        vault.open(content)


def test_a_day_that_is_not_over_keeps_its_key(tmp_path: Path, acts: list[str]) -> None:
    tomorrow = str(date.today() + timedelta(2))  # noqa: DTZ011 - any day to come
    code, said = hub(tmp_path, "erase", tomorrow, "--reason", "early", "--yes")
    assert (code, "access.key_in_use" in said, acts) == (1, True, [])


# ---- whoever meets erased content goes on


def test_split_hands_on_nothing_of_what_is_erased_and_does_not_fail(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    whole = submission(four()["declaration"], at=NOON - 40 * DAY_MS)
    content = vault.seal(codec.pack(whole), whole.received_at)
    value = codec.pack(codec.SubmissionRecord(content, content, (), b"{}"))
    record = Record(whole.id.encode(), value, (), 7)
    stage = Split(vault.open)
    before = stage.handle(None, record, Tick(NOON, 0, ""))
    assert before is not None
    assert before.outputs
    vault.erase(TODAY - timedelta(40))
    step = stage.handle(None, record, Tick(NOON, 0, ""))
    assert step is not None
    assert (step.state, step.outputs) == (True, [])


def test_nothing_that_leaves_split_for_customs_or_the_gate_can_be_opened_once_its_day_is_erased(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    whole = submission(four()["declaration"], at=NOON - 40 * DAY_MS)
    content = vault.seal(codec.pack(whole), whole.received_at)
    value = codec.pack(codec.SubmissionRecord(content, content, (), b"{}"))
    step = Split(vault.open).handle(None, Record(whole.id.encode(), value, (), 7), Tick(NOON, 0, ""))
    assert step is not None
    [out] = [output for output in step.outputs if output.topic == topics.OUT_CUSTOMS]
    handed = codec.hand_over(out.value or b"")
    assert isinstance(handed, HandOver)
    assert vault.open(handed.sealed)
    vault.erase(TODAY - timedelta(40))
    with pytest.raises(Erased):
        vault.open(handed.sealed)
