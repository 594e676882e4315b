"""The time that is left, as the last reports let expect."""

import json

import pytest

from cropxai.cli.progress import PACE_REPORTS, Pace, Progress


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self):
        return self.now


def paced(*told):
    """Tell of shares at seconds, and return the clock and the pace."""
    clock = Clock()
    pace = Pace(clock)
    for seconds, fraction in told:
        clock.now = seconds
        pace.tell(fraction)
    return clock, pace


def test_a_steady_pace_goes_on():
    clock, pace = paced((0, 0.1), (10, 0.2), (20, 0.3))
    assert pace.left() == pytest.approx(70)
    clock.now = 25
    assert pace.left() == pytest.approx(65)
    clock.now = 500
    assert pace.left() == 0


@pytest.mark.parametrize("told", [(), ((0, 0.0),), ((0, 0.3), (9, 0.3)), ((5, 0.1), (5, 0.9))])
def test_without_progress_nothing_is_known(told):
    assert paced(*told)[1].left() is None


def test_at_the_end_nothing_is_left():
    assert paced((0, 0.0), (9, 1.0))[1].left() == 0


def test_only_the_last_reports_count():
    fast = [(n * 0.01, n * 0.001) for n in range(100)]
    slow = [(1 + n, 0.1 + 0.001 * n) for n in range(PACE_REPORTS)]
    assert paced(*fast, *slow)[1].left() == pytest.approx(1000 * (0.9 - 0.001 * (PACE_REPORTS - 1)))


def test_the_json_progress_tells_it(capfd):
    progress = Progress()
    progress.configure(mode="json")
    with progress.stage("work") as report:
        for share in range(5):
            report(share / 5)
    progress.close()
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["eta_s"] for line in told if line["fraction"] == 0] == [None] * 2
    assert told[-1]["eta_s"] == 0
    assert all(line["eta_s"] >= 0 for line in told if line["fraction"] > 0)
