"""An alert goes to ``alerts``, to the topic of each authority it is for and of no other, and to the desk."""

import pytest

from hub import codec, topics
from hub.domain.desk import Came, case_of
from hub.domain.events import Alert
from streams.stages.cloud import raised

ALL = [topics.out(name) for name in topics.AUTHORITIES]


@pytest.mark.parametrize(
    ("agency", "told"),
    [((), ALL), (("tax", "office"), ["out.tax"]), (("office",), []), (("customs", "forex"), ["out.customs", "out.forex"])],
)
def test_an_alert_goes_to_whom_it_is_for(agency: tuple[str, ...], told: list[str]) -> None:
    alert = Alert(id="a", at=0, rule="R01", severity="red", family="trading", agency=agency)
    *outputs, desk = raised(alert, "declaration/A:1")
    assert (desk.topic, desk.key.decode()) == ("inbox.desk", case_of(alert).id)
    assert codec.desk_event(desk.value or b"") == Came(alert, "declaration/A:1")
    assert [output.topic for output in outputs] == [topics.ALERTS, *told]
    assert len({output.value for output in outputs}) == 1
    assert all(dict(output.headers)["ce_id"] == b"a" for output in outputs)
