"""The numbers in the text format of Prometheus (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from monitor import __version__
from monitor.dump import PRESERVATION, STATUSES
from monitor.store import service, tally
from monitor.store import web as read
from monitor.store.archives import WAYBACK, JobState
from monitor.store.tally import Tally
from monitor.web.window import WINDOW

ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What is measured. ``jobs``: how many archive jobs, by archive and state."""

    numbers: Tally
    jobs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    last_look: datetime | None = None
    offline: bool = False


async def route(request: web.Request) -> web.Response:
    window = request.app[WINDOW]
    async with window.read() as db:
        network = await service.get(db, service.NETWORK)
        pulse = Pulse(
            numbers=await tally.count(db),
            jobs=await read.jobs(db),
            last_look=await read.last_look(db),
            offline=network is not None and network.failures > 0,
        )
    body = exposition(pulse, window.now()).encode()
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def exposition(pulse: Pulse, now: datetime) -> str:
    """The whole page; every series exists from the start, but for the age of a look that never was."""
    return "".join(f"{line}\n" for line in _lines(pulse, now))


def _lines(pulse: Pulse, now: datetime) -> Iterator[str]:
    numbers = pulse.numbers
    yield from _gauge("build_info", "The version that runs.", {_labels(version=__version__): 1})
    yield from _gauge(
        "links",
        "Links that are watched, by status.",
        {_labels(status=name): getattr(numbers, name) for name in STATUSES},
    )
    yield from _gauge("links_at_risk", "Links that are not dead and may die soon.", {"": numbers.at_risk})
    yield from _gauge(
        "preservation_links",
        "The same links by what is left: safe and rescued have a verified copy, exposed and lost have none.",
        {_labels(state=name): getattr(numbers, name) for name in PRESERVATION},
    )
    jobs = {(WAYBACK, state.value): 0 for state in JobState} | dict(pulse.jobs)
    yield from _gauge(
        "archive_jobs",
        "Archive jobs, by archive and state.",
        {_labels(archive=archive, state=state): count for (archive, state), count in sorted(jobs.items())},
    )
    if pulse.last_look:
        age_s = max(0.0, (now - pulse.last_look).total_seconds())
        yield from _gauge("last_look_age_seconds", "Seconds since a link was last looked at.", {"": age_s})
    yield from _gauge(
        "offline", "1 while our own network is down and nothing is marked.", {"": int(pulse.offline)}
    )


def _gauge(name: str, meaning: str, samples: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP rotwatch_{name} {meaning}"
    yield f"# TYPE rotwatch_{name} gauge"
    for labels, value in samples.items():
        yield f"rotwatch_{name}{labels} {value}"


def _labels(**values: str) -> str:
    return "{" + ",".join(f'{name}="{value.translate(ESCAPES)}"' for name, value in values.items()) + "}"
