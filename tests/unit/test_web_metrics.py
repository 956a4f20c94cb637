from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from monitor.store.tally import Tally
from monitor.web.metrics import Pulse, exposition

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
NUMBERS = Tally(
    links=9, pending=1, alive=4, suspect=1, dead=3, at_risk=2, safe=4, exposed=2, rescued=1, lost=2
)
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"[a-z_]+(?:\{{{LABEL}(?:,{LABEL})*\}})? (?:\d+(?:\.\d+)?(?:e[+-]\d+)?|NaN)")
COMMENT = re.compile(r"# (?:HELP [a-z_]+ [^\n]+|TYPE [a-z_]+ gauge)")


def lines(pulse: Pulse) -> list[str]:
    text = exposition(pulse, NOW)
    assert text.endswith("\n")
    return text.splitlines()


def test_every_line_is_a_comment_or_a_sample_and_each_name_is_explained_once() -> None:
    pulse = Pulse(
        numbers=NUMBERS, jobs={('odd"\\\narchive', "queued"): 1}, last_look=NOW - timedelta(days=90)
    )
    explained: list[str] = []
    for line in lines(pulse):
        if line.startswith("#"):
            assert COMMENT.fullmatch(line), line
            if line.startswith("# TYPE"):
                explained.append(line.split()[2])
        else:
            assert SAMPLE.fullmatch(line), line
            assert re.split(r"[{ ]", line, maxsplit=1)[0] == explained[-1]
    assert len(explained) == len(set(explained))


def test_the_numbers_are_those_of_the_tally() -> None:
    found = lines(Pulse(numbers=NUMBERS))
    assert 'rotwatch_links{status="dead"} 3' in found
    assert 'rotwatch_links{status="blind"} 0' in found
    assert 'rotwatch_preservation_links{state="lost"} 2' in found
    assert "rotwatch_links_at_risk 2" in found


def test_a_state_no_job_is_in_counts_zero() -> None:
    found = lines(Pulse(numbers=NUMBERS, jobs={("wayback", "queued"): 5}))
    assert 'rotwatch_archive_jobs{archive="wayback",state="queued"} 5' in found
    assert 'rotwatch_archive_jobs{archive="wayback",state="failed"} 0' in found


def test_the_age_of_a_look_that_never_was_is_not_told() -> None:
    assert "last_look" not in exposition(Pulse(numbers=NUMBERS), NOW)


def test_a_clock_that_was_set_back_makes_no_negative_age() -> None:
    assert "rotwatch_last_look_age_seconds 0.0" in lines(
        Pulse(numbers=NUMBERS, last_look=NOW + timedelta(hours=1))
    )
    assert "rotwatch_last_look_age_seconds 60.0" in lines(
        Pulse(numbers=NUMBERS, last_look=NOW - timedelta(minutes=1))
    )


def test_offline_is_one() -> None:
    assert "rotwatch_offline 1" in lines(Pulse(numbers=NUMBERS, offline=True))
    assert "rotwatch_offline 0" in lines(Pulse(numbers=NUMBERS))
