"""Settings: file below environment, every problem at once, secrets hidden."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from adapters.certificates import fingerprint
from adapters.signature import Policy
from hub.cli import group
from hub.domain.access import Principal
from hub.domain.faults import Misconfigured, Refused
from hub.domain.mandates import Hosting
from hub.infra.participants import demo_principals, hosted_key, sm2_key
from hub.infra.process import WallClock
from hub.infra.reference import ReferenceReader
from hub.infra.vault import Vault
from hub.settings import Settings, SettingsError, jars, load, shown
from hub.wiring import judge, stages, trusting


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a hub.toml, an environment without the hub's names."""
    monkeypatch.chdir(tmp_path)


def problems_of(environ: dict[str, str], path: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(environ, path)
    return raised.value.problems


def test_without_file_and_environment_everything_is_default() -> None:
    found = load({})
    assert found.settings == Settings()
    assert set(found.sources.values()) == {"default"}


def test_the_environment_goes_before_the_file_and_each_value_says_its_source(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('partitions = 24\nlisten = "0.0.0.0:9000"\nnotices = false\n')
    found = load({"HUB_PARTITIONS": "12", "PATH": "/bin"})
    assert (found.settings.partitions, found.settings.host, found.settings.port) == (12, "0.0.0.0", 9000)
    assert found.settings.notices is False
    assert (found.sources["partitions"], found.sources["listen"]) == ("HUB_PARTITIONS", "hub.toml")


def test_every_problem_is_told_at_once() -> None:
    problems = problems_of(
        {
            "HUB_KAFFKA": "x:1",
            "HUB_PARTITIONS": "many",
            "HUB_ENROLMENT": "ajar",
            "HUB_LISTEN": "nowhere",
            "HUB_DATABASE": "mysql://x",
            "HUB_PROCESSES": "serve;dance",
            "HUB_MAX_UNPACKED": "1",
        }
    )
    for part in ("kaffka; the nearest known is kafka", "partitions", "enrolment", "listen", "database", "processes", "max_unpacked"):
        assert any(part in problem for problem in problems), (part, problems)
    assert len(problems) == 7


def test_a_file_that_is_named_must_be_there_and_be_toml(tmp_path: Path) -> None:
    assert len(problems_of({}, tmp_path / "none.toml")) == 1
    (tmp_path / "bad.toml").write_text("partitions = = 3")
    assert len(problems_of({}, tmp_path / "bad.toml")) == 1


@pytest.mark.parametrize("name", ["HUB_TEST_DATA", "HUB_CONFIG", "HUB_API_KEY"])
def test_names_that_are_no_settings_are_left_alone(name: str) -> None:
    assert load({name: "x"}).settings == Settings()


def test_lists_and_flags_come_from_text() -> None:
    found = load({"HUB_STAGE_GROUPS": "split; match,assess", "HUB_NOTICES": "no"}).settings
    assert found.stage_groups == ("split", "match,assess")
    assert found.notices is False


def test_settings_survive_the_way_to_a_child_process() -> None:
    settings = Settings(stage_groups=("split,match", "assess"), notices=False, match_wait_hours=0.5, keys=Path("k"))
    environ = {
        f"HUB_{name.upper()}": shown(name, value)
        for name, value in msgspec.structs.asdict(settings).items()
        if value not in (None, "")
    }
    assert load(environ).settings == settings


@pytest.mark.parametrize(("wait", "hours"), [(24.0, 2.0), (3.0, 1.5), (0.5, 0.25)])
def test_who_waits_is_warned_before_the_wait_is_over(wait: float, hours: float) -> None:
    (match,) = stages(Settings(match_wait_hours=wait), ["match"], None, None)  # type: ignore[arg-type]
    assert match._settings.warn == hours * 3_600_000 < match._settings.expire  # type: ignore[attr-defined]


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = "postgresql://hub:open-sesame@db:5432/hub"
    assert "sesame" not in shown("database", dsn)
    monkeypatch.setenv("HUB_DATABASE", dsn)
    for arguments in (["config"], ["config", "--json"]):
        result = CliRunner().invoke(group, arguments)
        assert result.exit_code == 0
        assert "sesame" not in result.output
        assert "HUB_DATABASE" in result.output


def test_a_command_with_wrong_settings_ends_with_the_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_LISTENN", "x")
    result = CliRunner().invoke(group, ["config"])
    assert result.exit_code == 1
    assert "listen" in result.output


def test_jars_are_found_beside_the_project_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "libs").mkdir()
    assert jars(Settings(kafka_jars=Path("libs"))) == Path("libs")
    assert jars(Settings(kafka_jars=Path("deploy/kafka"))).is_absolute()


def test_revocation_lists_need_anchors_and_the_skew_is_small() -> None:
    assert problems_of({"HUB_REVOCATION_LISTS": "lists"}) == ["HUB_REVOCATION_LISTS: revocation_lists needs trust_anchors"]
    assert load({"HUB_REVOCATION_LISTS": "lists", "HUB_TRUST_ANCHORS": "ca.pem"}).settings.trust_anchors == Path("ca.pem")
    for seconds in ("-1", "3601"):
        (problem,) = problems_of({"HUB_CERTIFICATE_SKEW_SECONDS": seconds})
        assert "certificate_skew_seconds" in problem


def test_the_judge_is_made_by_the_settings(tmp_path: Path) -> None:
    """Anchors, SHA-1 and skew reach it; the hosted key is the one the setting names; files that are no anchors end it."""
    reference = ReferenceReader("127.0.0.1:9", WallClock())
    entries = {entry.name: entry for entry in demo_principals(tmp_path, tmp_path / "keys")}
    own = Principal("platform", ("platform",), hosted=True, hosting=Hosting("letter 1", 1 << 53))
    vault = Vault(tmp_path / "keys")
    plain = judge(Settings(data=tmp_path), reference, vault, trusting(Settings()))
    assert plain._policy() == Policy(sha1=True, skew=60_000, trust=None)
    assert plain._signing_key(own).certificate == hosted_key(entries["platform"]).certificate  # type: ignore[union-attr]
    anchors = tmp_path / "keys" / "ca"
    set_up = Settings(
        data=tmp_path, trust_anchors=anchors, revocation_lists=tmp_path / "lists", stale_lists="refuse",
        sha1_signatures="refused", certificate_skew_seconds=5, hosted_signatures="sm2",
    )  # fmt: skip
    (tmp_path / "lists").mkdir()
    strict = judge(set_up, reference, vault, trusting(set_up))
    policy = strict._policy()
    assert (policy.sha1, policy.skew) == (False, 5_000)
    assert policy.trust is not None
    key = sm2_key(entries["platform"])
    assert strict._signing_key(own).certificate == key.certificate  # type: ignore[union-attr]
    with pytest.raises(Refused) as caught:
        policy.trust.check(key.certificate, fingerprint(key.certificate), WallClock().now())
    assert caught.value.faults[0].code == "signature.crl_required"
    with pytest.raises(Misconfigured):
        trusting(Settings(trust_anchors=tmp_path / "none.pem"))
