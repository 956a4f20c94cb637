"""A soak: random and mutated bytes against extraction, canonicalisation and the judges.

    python bench/fuzz.py [--cases 1000000] [--seed 0] [--jobs 2]

A third of the cases each: a saved page is mutated and judged, a list is mutated and read, an address is mutated and
canonicalised. Prints how many raised an exception, the slowest of each kind (CPU time), and the slowest judgement of
4 MB made by repeating a hostile fragment.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from monitor.model import Page
from monitor.platforms import article, enough, identify, judge
from monitor.sources import read
from monitor.urls import NotALink

ROOT = Path(__file__).parents[1]
LARGEST = 12_000  # bytes of a mutated page: the size of what is mutated matters less than how often
FOUR_MB = 4_000_000
URLS = (
    "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q",
    "https://mp.weixin.qq.com/s?__biz=MzA3MzI4MjgzMw==&mid=2650750181&idx=1&sn=156dac3c5646143fc2577972f1506836#rd",
    "https://zhuanlan.zhihu.com/p/294698838",
    "https://www.zhihu.com/question/404721763/answer/2259890109",
    "https://blog.csdn.net/orangerfun/article/details/123887725?spm=1001.2014",
    "https://link.zhihu.com/?target=https%3A//a.example/b",
    "http://用户@例子.测试:8080/a/../b%7e?utm_source=x&key=y#z",
)
FRAGMENTS = (
    *(
        b"<div>",
        b"<p>",
        b"<a href='x",
        b"<!--",
        b"<script>",
        b"<option>",
        b"<table><tr><td>",
        b"&amp;",
        b"<b class=x ",
    ),
    *(
        b"\x00",
        b"\xff\xfe",
        "违规".encode(),
        b"404 ",
        b"<meta property=og:title content='",
        b'{"a":',
        b"[[[[",
        b"</",
    ),
    *(
        b"weui-msg__title",
        b"js-initialData",
        b"<svg><desc>",
        b"<select>",
        b"<![CDATA[",
        b"\r\n",
        b"https://a.b/",
    ),
)
LISTS = ("a.md", "a.html", "a.opml", "a.xml", "a.csv", "a.txt", "Bookmarks")


@dataclass
class Findings:
    cases: int = 0
    exceptions: list[str] = field(default_factory=list)
    slowest_ms: dict[str, float] = field(default_factory=dict)

    def add(self, kind: str, work: Callable[[], object]) -> None:
        started = time.thread_time()
        try:
            work()
        except Exception as error:
            self.exceptions.append(f"{kind}: {type(error).__name__}: {error}"[:300])
        taken_ms = (time.thread_time() - started) * 1000
        self.slowest_ms[kind] = max(taken_ms, self.slowest_ms.get(kind, 0.0))
        self.cases += 1

    def merge(self, other: Findings) -> None:
        self.cases += other.cases
        self.exceptions += other.exceptions
        for kind, taken_ms in other.slowest_ms.items():
            self.slowest_ms[kind] = max(taken_ms, self.slowest_ms.get(kind, 0.0))


def mutated(data: bytes, pool: Sequence[bytes], chance: random.Random) -> bytes:
    """A copy with a few random changes: bytes, cuts, repeats, fragments, pieces of others."""
    result = bytearray(data[:LARGEST])
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(result) + 1)
        way = chance.randrange(6)
        if way == 0:
            result[at : at + 1] = chance.randbytes(chance.randint(0, 4))
        elif way == 1:
            del result[at : at + chance.randint(1, 400)]
        elif way == 2:
            result[at:at] = result[at : at + chance.randint(1, 200)] * chance.randint(1, 5)
        elif way == 3:
            result[at:at] = chance.choice(FRAGMENTS) * chance.randint(1, 40)
        elif way == 4:
            other = chance.choice(pool)
            start = chance.randrange(len(other) + 1)
            result[at:at] = other[start : start + chance.randint(1, 2000)]
        else:
            del result[at:]
    return bytes(result)


def look(body: bytes, chance: random.Random) -> None:
    url, status = chance.choice(URLS[:5]), chance.choice((200, 200, 200, 404, 403, 521, 503, None))
    page = Page(url=url, final_url=url, http_status=status, body=body, complete=chance.random() < 0.8)
    enough(page)
    article(page, judge(page))


def canonicalise(url: str) -> None:
    try:
        once = identify(url).url
    except NotALink:
        return
    again = identify(once).url
    if again != once:
        raise AssertionError(f"{url!r} becomes {once!r}, then {again!r}")


def fuzz(seed: int, cases: int) -> Findings:
    chance = random.Random(seed)
    pages = [file.read_bytes() for file in sorted(ROOT.glob("tests/pages/*/*/page.*"))]
    lists = [file.read_bytes() for file in (ROOT / "examples").iterdir()] + pages[::20]
    findings = Findings()
    for number in range(cases):
        if number % 3 == 0:
            body = (
                chance.randbytes(2000)
                if chance.random() < 0.1
                else mutated(chance.choice(pages), pages, chance)
            )
            findings.add("judge", partial(look, body, chance))
        elif number % 3 == 1:
            data = mutated(chance.choice(lists)[:3000], lists, chance)[:6000]
            findings.add("extract", partial(read, chance.choice(LISTS), data))
        else:
            url = mutated(chance.choice(URLS).encode(), [one.encode() for one in URLS], chance)
            findings.add("canonicalise", partial(canonicalise, url.decode("utf-8", "replace")))
    return findings


def huge() -> Findings:
    """Every hostile fragment repeated up to 4 MB, before each platform's judge."""
    findings = Findings()
    for fragment in FRAGMENTS:
        body = b"<html><body>" + fragment * (FOUR_MB // len(fragment))
        for url in URLS[:5]:
            page = Page(url=url, final_url=url, http_status=200, body=body)
            findings.add("judge, 4 MB", partial(judge, page))
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    pieces = 20 * given.jobs
    seeds = range(given.seed, given.seed + pieces)
    found = huge()
    with ProcessPoolExecutor(given.jobs) as pool:
        for part in pool.map(fuzz, seeds, [given.cases // pieces] * pieces):
            found.merge(part)
    table = Table(
        "kind", "slowest, ms of CPU", title=f"{found.cases:,} cases, {len(found.exceptions)} exceptions"
    )
    for kind, taken_ms in sorted(found.slowest_ms.items()):
        table.add_row(kind, f"{taken_ms:.1f}")
    console = Console()
    console.print(table)
    for one in found.exceptions[:20]:
        console.print(one, markup=False)


if __name__ == "__main__":
    main()
