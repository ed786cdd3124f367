"""A rule in shadow is applied and its findings are kept, and nothing else comes of them."""

from __future__ import annotations

import msgspec
import pytest

from hub import codec
from hub.domain.events import Assessment, AssessmentReport, RegisterEvent
from hub.domain.reference import Reference, ReferenceRecord, problems
from hub.rules.cases import case_of
from hub.rules.engine import RuleSet, read_rule, ruleset
from hub.web.story import assessment_json
from schemas import samples
from streams.stages.assess import again
from tests.rules.test_rules import a_module
from tests.support.month import a_month
from tests.support.zone import Zone

SHADOW = "parameter:shadow-rules"
#: Nobody pays for somebody else here: R02 and R01 have something to say.
WRONG = {"payment.payerName": "别人", "payment.payerIdNumber": "990000199001010002"}


def shadowed(*codes: str, since: str = "2026-01-01", version: int = 1) -> ReferenceRecord:
    return ReferenceRecord("parameter", "shadow-rules", version, since, value={"rules": list(codes)})


def assessed(reference: Reference) -> tuple[Zone, Assessment, list[AssessmentReport]]:
    """A sale that R01 and R02 find something in, the last assessment, and what register was told."""
    zone = Zone(references=reference)
    reports: list[AssessmentReport] = []
    handle = zone.world.handle

    def noted(stage: str, key: bytes, value: bytes) -> None:
        if stage == "register":
            event = msgspec.msgpack.decode(value, type=RegisterEvent)
            reports.extend([event] if isinstance(event, AssessmentReport) else [])
        handle(stage, key, value)

    zone.world.handle = noted  # type: ignore[method-assign]  # to look at what goes by
    zone.tick(1000)
    made = samples.declaration_set(1, at=zone.now, overrides=WRONG)
    for type_, document in zip(("CEB311", "CEB411", "CEB511", "CEB621"), made, strict=True):
        zone.send(type_, document)
    return zone, zone.world.assessments()[-1], reports


def test_without_the_parameter_every_rule_acts_and_that_nothing_was_said_is_noted() -> None:
    zone, one, reports = assessed(Reference())
    assert {finding.rule for finding in one.findings if finding.score} >= {"R01", "R02"}
    assert not any(finding.shadow for finding in one.findings)
    assert one.read[SHADOW] == ""
    assert {alert.rule for alert in zone.world.alerts()} >= {"R01", "R02"}
    assert reports[-1].findings == len(one.findings)


def test_a_rule_in_shadow_counts_and_does_not_act() -> None:
    _, before, _ = assessed(Reference())
    reference = Reference()
    reference.put(shadowed("R02"), 0)
    zone, one, reports = assessed(reference)
    mine = [finding for finding in one.findings if finding.rule == "R02"]
    assert [(f.code, f.score, f.action, f.blocking, f.shadow) for f in mine] == [("rule.payer_differs", 0, "", False, True)]
    acting = [finding for finding in before.findings if finding.rule == "R02"]
    assert one.score == before.score - sum(finding.score for finding in acting)
    assert {alert.rule for alert in zone.world.alerts()} & {"R01", "R02"} == {"R01"}
    assert reports[-1].findings == len(one.findings) - 1
    assert "rule.payer_differs" not in zone.world.notices()[-1].findings
    assert [f["shadow"] for f in assessment_json(one)["findings"] if f["code"] == "rule.payer_differs"] == [True]


def test_everything_in_shadow_lets_everything_pass() -> None:
    reference = Reference()
    reference.put(shadowed(*(rule.code for rule in ruleset().rules)), 0)
    zone, one, _ = assessed(reference)
    assert (one.score, one.level, one.recommendation) == (0, "green", "release")
    assert one.findings
    assert all(finding.shadow for finding in one.findings)
    assert [alert for alert in zone.world.alerts() if not alert.rule.startswith("hub.")] == []


def test_a_record_of_another_day_or_behind_the_tick_changes_nothing() -> None:
    later, unknown = Reference(), Reference()
    later.put(shadowed("R02", since="2026-06-02"), 0)
    unknown.put(shadowed("R02"), 0)
    unknown.reached = -1
    for reference in (later, unknown):
        _, one, _ = assessed(reference)
        assert not any(finding.shadow for finding in one.findings)


def test_a_month_with_a_rule_that_goes_into_shadow_recomputes() -> None:
    reference = Reference()
    reference.put(shadowed("R01", since="2026-06-10"), 0)
    month = a_month(5, sales=30, reference=reference)
    assert any(finding.shadow for one in month.assessments for finding in one.findings)
    assert any(finding.rule == "R01" and finding.score for one in month.assessments for finding in one.findings)
    for one in month.assessments:
        made, missing = again(one, month.matched[one.id], ruleset())
        assert (codec.to_json(made), missing) == (codec.to_json(one), ())


def test_a_new_rule_may_say_itself_from_when_on_it_acts() -> None:
    rule, wrong = read_rule(
        a_module(check=lambda case: [case.finding("failed", score=90, evidence={"rule": "T99", "error": "E"})], SHADOW_UNTIL="2026-06-02"),
        "trade", "t99_made_up.py",
    )  # fmt: skip
    assert rule is not None, wrong
    rules = RuleSet([rule], "")
    trial, acting = (rules.apply(case_of({"day": day})) for day in (20260601, 20260602))
    assert (trial.level, trial.findings[0].shadow) == ("green", True)
    assert (acting.level, acting.findings[0].shadow) == ("red", False)
    assert read_rule(a_module(SHADOW_UNTIL="soon"), "trade", "t99_made_up.py")[1] == ["trade/t99_made_up.py: SHADOW_UNTIL is no day"]


def test_a_rule_in_shadow_that_raises_is_named_and_sends_nothing_to_review() -> None:
    def broken(case: object) -> None:
        raise ZeroDivisionError

    rule, _ = read_rule(a_module(check=broken), "trade", "t99_made_up.py")
    assert rule is not None
    case = case_of({"day": 20260601, "references": {SHADOW: {"rules": ["T99"]}}})
    verdict = RuleSet([rule], "").apply(case)
    assert (verdict.level, verdict.findings[0].code, verdict.findings[0].shadow) == ("green", "rule.failed", True)


@pytest.mark.parametrize("value", [{}, {"rules": "R02"}, {"rules": [2]}, {"rules": [""]}])
def test_a_record_that_names_no_list_of_codes_is_refused(value: dict[str, object]) -> None:
    record = ReferenceRecord("parameter", "shadow-rules", 1, "2026-01-01", value=value)
    assert problems(record)
    case = case_of({"day": 20260601, "identity": "invalid", "references": {SHADOW: value}})
    assert ruleset().apply(case).level == "reject", "a record that came in all the same puts nothing into shadow"


def test_an_empty_list_is_how_a_rule_leaves_the_shadow() -> None:
    reference = Reference()
    reference.put(shadowed("R02"), 0)
    reference.put(shadowed(version=2), 1)
    assert problems(shadowed()) == []
    _, one, _ = assessed(reference)
    assert not any(finding.shadow for finding in one.findings)
