"""The conformance run against a door: what is as it should be passes, what is not is told with how to mend it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hub import conformance
from hub.conformance import Participant, Step, markdown, message_types
from hub.infra.participants import hosted_key
from tests.support.delivery import WallClock
from tests.support.door import Log, Made, a_door, served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of the principals, made once: RSA keys take their time."""
    return tmp_path_factory.mktemp("door")


def participant(made: Made, name: str, *, signs: bool = True) -> Participant:
    entry = made.entries[name]
    foreign = next(code for other in made.entries.values() if other.name != name for code in other.codes)
    return Participant(
        name, entry.api_key, tuple(entry.roles), tuple(entry.codes), entry.dxp_id, foreign, hosted_key(entry) if signs else None
    )


async def run(made: Made, who: Participant, types: list[str] | None = None) -> list[Step]:
    async with served(made) as client:
        url = str(client.make_url(""))
        return await conformance.rehearsed(
            url, who, types or message_types(who.roles), now=WallClock().now(), seconds=0.2, tell=lambda _: None
        )


def lacking(steps: list[Step]) -> list[tuple[str, str, str]]:
    """What did not pass but the receipts, for which this door has no customs."""
    return [(step.message, step.step, step.came) for step in steps if step.outcome != "passed" and step.step != "receipt"]


@pytest.mark.parametrize("name", ["platform", "payer", "carrier", "agent", "site"])
async def test_every_step_of_every_message_a_role_may_send_passes_with_signed_xml(folder: Path, name: str) -> None:
    made = a_door(folder, Log(), signatures="by-schema")
    steps = await run(made, participant(made, name))
    assert lacking(steps) == []
    assert len(steps) == 9 * len(message_types(made.entries[name].roles))
    assert {(step.outcome, step.came) for step in steps if step.step == "receipt"} == {("failed", "none within 0.2 s")}


async def test_without_a_key_json_is_sent_and_no_signature_is_rehearsed(folder: Path) -> None:
    made = a_door(folder, Log())
    steps = await run(made, participant(made, "payer", signs=False))
    assert {(step, came) for _, step, came in lacking(steps)} == {("refuse signature", "no key was given: the hub signs under the mandate")}
    assert {step.outcome for step in steps if step.step == "refuse signature"} == {"skipped"}


async def test_a_wrong_certificate_fails_with_the_remedy_of_its_fault_in_both_languages(folder: Path) -> None:
    made = a_door(folder, Log())
    wrong = msgspec.structs.replace(participant(made, "payer"), key=hosted_key(made.entries["carrier"]))
    steps = await run(made, wrong, ["CEB411"])
    first = steps[0]
    assert (first.step, first.outcome) == ("accept", "failed")
    assert "signature." in first.came
    assert first.mend
    assert any("\u4e00" <= letter <= "\u9fff" for letter in first.mend_zh)
    assert next(step for step in steps if step.step == "receipt").came == "nothing was accepted"


async def test_a_wrong_api_key_is_told_as_such(folder: Path) -> None:
    made = a_door(folder, Log())
    steps = await run(made, msgspec.structs.replace(participant(made, "payer"), api_key="hub_wrong"), ["CEB411"])
    assert {step.came for step in steps if step.outcome == "failed"} == {"401, access.unknown_key"}


async def test_a_participant_with_codes_of_its_own_sends_documents_of_these(folder: Path) -> None:
    log = Log()
    made = a_door(folder, log)
    made.entries["payer"].codes = ["9901D88888"]
    try:
        assert lacking(await run(made, participant(made, "payer"), ["CEB411"])) == []
    finally:
        made.entries["payer"].codes = ["9901D00003"]


def test_what_only_authorities_send_is_not_rehearsed() -> None:
    assert message_types(("customs",)) == []
    assert "CEB411" in message_types(("payer", "customs"))


def test_the_report_is_a_page_with_every_step_in_both_languages() -> None:
    step = Step("CEB411", "accept", "failed", "sent", "报送", "expected", "预期", "500 | odd", "mend", "处理")
    page = markdown("acme", "http://hub", [step, msgspec.structs.replace(step, step="flag", outcome="passed")], "2026-06-01")
    assert "2 steps, 1 failed · 共 2 步，1 步未通过" in page
    assert "| ✗ | accept | sent 报送 | expected 预期 | 500 \\| odd | mend 处理 |" in page
    assert "| ✓ | flag |" in page
