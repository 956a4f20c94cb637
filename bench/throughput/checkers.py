"""The programs that are measured: each knows its input, its command and its environment."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CONCURRENCY = 64
_ROOT = str(Path(__file__).parents[2])


@dataclass(frozen=True, slots=True)
class Job:
    """One workload as the checkers get it: paths by number of host, and where the server listens.

    The other checkers get loopback addresses instead of names, which spares them the resolver; rotwatch gets
    names, and resolves them by ``[network.hosts]``.
    """

    paths: Sequence[tuple[int, str]]
    port: int
    ca_file: Path | None = None
    timeout_s: float = 30

    @property
    def scheme(self) -> str:
        return "https" if self.ca_file else "http"

    def named(self) -> list[str]:
        return [f"{self.scheme}://h{host}.bench.test{path}" for host, path in self.paths]

    def numbered(self) -> list[str]:
        return [
            f"{self.scheme}://127.1.{host // 250}.{host % 250 + 1}:{self.port}{path}"
            for host, path in self.paths
        ]

    def names(self) -> list[str]:
        return [f"h{host}.bench.test" for host in sorted({host for host, _ in self.paths})]


@dataclass(frozen=True, slots=True)
class Checker:
    """``prepare`` writes its input into an empty folder and gives the commands to run there, in order."""

    name: str
    prepare: Callable[[Job, Path], list[list[str]]]
    program: str
    reads_bodies: bool
    env: Mapping[str, str] = field(default_factory=dict)


def _markdown(urls: Sequence[str]) -> str:
    return "# Links\n\n" + "".join(f"* [a page]({url})\n" for url in urls)


def rotwatch(job: Job, folder: Path) -> list[list[str]]:
    hosts = "".join(f'"{name}" = "127.0.0.1:{job.port}"\n' for name in job.names())
    (folder / "config.toml").write_text(
        f"""[network]
concurrency = {CONCURRENCY}
timeout_s = {job.timeout_s}
anchors = []
ca_file = "{job.ca_file or ""}"
[network.hosts]
{hosts}
[pace]
default_s = 0
wall_pause_s = 0
outage_pause_s = 0
[archives.wayback]
enabled = false
[archives.local]
enabled = false
"""
    )
    (folder / "list.md").write_text(_markdown(job.named()))
    return [[*rotwatch_command(), *rest] for rest in (["add", "list.md"], ["check", "--all"])]


def rotwatch_command() -> list[str]:
    return [str(Path(sys.executable).with_name("rotwatch")), "--config", "config.toml"]


def bare(job: Job, folder: Path) -> list[list[str]]:
    (folder / "list.txt").write_text("\n".join(job.numbered()))
    return [[sys.executable, "-m", "bench.throughput.bare", "list.txt"]]


def lychee(*options: str, fragment: str = "") -> Callable[[Job, Path], list[list[str]]]:
    """:param fragment: it reads a body only to look for one."""

    def prepare(job: Job, folder: Path) -> list[list[str]]:
        (folder / "list.md").write_text(_markdown([url + fragment for url in job.numbered()]))
        usual = ["--no-progress", "--insecure", "--max-retries", "0", "--max-concurrency", str(CONCURRENCY)]
        unhurried = ["--host-request-interval", "0ms", "--host-concurrency", str(CONCURRENCY)]
        return [["lychee", *usual, *unhurried, *options, "list.md"]]

    return prepare


def linkchecker(job: Job, folder: Path) -> list[list[str]]:
    for one in (folder, folder.parent):
        one.chmod(0o755)  # started by root it becomes nobody
    links = "".join(f'<a href="{url}">a page</a>\n' for url in job.numbered())
    (folder / "list.html").write_text(f"<html><body>{links}</body></html>")
    (folder / "linkcheckerrc").write_text(
        "[checking]\nsslverify=0\nmaxrequestspersecond=1000000\n[filtering]\ncheckextern=1\n"
    )
    options = ["-f", "linkcheckerrc", "-t", "16", "--check-extern", "-r", "1", "--no-status", "--no-robots"]
    return [["linkchecker", *options, "list.html"]]


def md_dead_link_check(job: Job, folder: Path) -> list[list[str]]:
    (folder / "list.md").write_text(_markdown(job.numbered()))
    (folder / "md.toml").write_text(
        "[tool.md_dead_link_check]\nvalidate_ssl = false\n"
        f"throttle_delay = 0\nthrottle_max_delay = 0\nthrottle_groups = {CONCURRENCY}\n"
    )
    return [
        ["git", "init", "-q", "."],
        ["git", "add", "list.md"],
        ["md-dead-link-check", "--config", "md.toml", "list.md"],
    ]


def linkinator(job: Job, folder: Path) -> list[list[str]]:
    (folder / "list.md").write_text(_markdown(job.numbered()))
    return [["linkinator", "list.md", "--markdown", "--concurrency", str(CONCURRENCY), "--format", "csv"]]


def markdown_link_check(job: Job, folder: Path) -> list[list[str]]:
    (folder / "list.md").write_text(_markdown(job.numbered()))
    (folder / "settings.json").write_text(json.dumps({"timeout": "30s", "retryOn429": False}))
    return [["markdown-link-check", "-q", "-c", "settings.json", "list.md"]]


_TRUST_ALL = {"NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"}
CHECKERS = (
    Checker("rotwatch", rotwatch, "rotwatch", reads_bodies=True),
    Checker("bare aiohttp", bare, sys.executable, reads_bodies=True, env={"PYTHONPATH": _ROOT}),
    Checker("lychee", lychee(), "lychee", reads_bodies=False),
    Checker("lychee, bodies", lychee("--include-fragments", fragment="#text"), "lychee", reads_bodies=True),
    Checker("linkchecker", linkchecker, "linkchecker", reads_bodies=False),
    Checker("md-dead-link-check", md_dead_link_check, "md-dead-link-check", reads_bodies=False),
    Checker("linkinator", linkinator, "linkinator", reads_bodies=False, env=_TRUST_ALL),
    Checker(
        "markdown-link-check", markdown_link_check, "markdown-link-check", reads_bodies=False, env=_TRUST_ALL
    ),
)


def search_path(folders: Sequence[Path]) -> str:
    """``PATH`` with the folders of the peers' programs before it."""
    return os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])


def found(checker: Checker, path: str) -> bool:
    return checker.name == "rotwatch" or shutil.which(checker.program, path=path) is not None
