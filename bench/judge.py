"""What a verdict costs: ms a page by size, and the bytes that a look at a living WeChat article reads.

    python bench/judge.py [--rounds 200]

Pages are those of the acted world; the looks go over loopback with TLS.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from monitor import platforms
from monitor.config import Network
from monitor.demo import State, World
from monitor.demo.reply import Visit
from monitor.fetch import Fetcher
from monitor.model import Page

WECHAT = "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q"
ZHIHU = "https://zhuanlan.zhihu.com/p/294698838"
CSDN = "https://blog.csdn.net/orangerfun/article/details/123887725"
SITE = "https://blog.example/2020/05/a-post"
SIZES_KB = (30, 200, 3000)
CASES = (
    ("WeChat, living", WECHAT, State.LIVE),
    ("WeChat, deleted", WECHAT, State.WECHAT_DELETED),
    ("WeChat, captcha", WECHAT, State.WECHAT_CAPTCHA),
    ("Zhihu, living", ZHIHU, State.LIVE),
    ("Zhihu, 404", ZHIHU, State.ZHIHU_NOT_FOUND),
    ("CSDN, living", CSDN, State.LIVE),
    ("a site, living", SITE, State.LIVE),
    ("a site, soft 404", SITE, State.SOFT_404),
)


def clock() -> datetime:
    return datetime.now(UTC)


def sized(body: bytes, size: int) -> bytes:
    """The page with a long script before its end, as big pages have it."""
    missing = size - len(body)
    if missing <= 0:
        return body
    script = (
        b"<script>" + (b"var data='lorem ipsum 404 dolor';\n" * (missing // 33 + 1))[:missing] + b"</script>"
    )
    return body.replace(b"</body>", script + b"</body>", 1)


def milliseconds(page: Page, rounds: int) -> tuple[float, float]:
    """Median and worst."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        platforms.judge(page)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), max(taken)


async def judging(rounds: int, console: Console) -> None:
    table = Table("page", *(f"{size} kB: median, worst ms" for size in SIZES_KB), title="judge()")
    async with World(clock, page_kb=8) as world:
        for name, url, state in CASES:
            world.article(url, title="标题", state=state)
            reply = world.answer(Visit(url=url, now=clock(), nonce="bench"))
            cells = []
            for size in SIZES_KB:
                page = Page(
                    url=url,
                    final_url=url,
                    http_status=reply.status,
                    headers={"content-type": "text/html; charset=utf-8"},
                    body=sized(reply.body, size * 1000),
                )
                cells.append("{:.2f}, {:.2f}".format(*milliseconds(page, rounds)))
            table.add_row(name, *cells)
    console.print(table)


async def reading(looks: int, console: Console) -> None:
    table = Table("look", "bytes on the wire", "share of the page", title="a living WeChat article of 2.4 MB")
    async with World(clock) as world:
        for number in range(looks):
            world.article(f"{WECHAT[:-2]}{number:02}", title="标题")
        network = Network(ca_file=str(world.ca_file), hosts=world.hosts)
        async with Fetcher(network, base=Path.cwd()) as fetcher:
            urls = [f"{WECHAT[:-2]}{number:02}" for number in range(looks)]
            whole, early = [
                statistics.median([(await fetcher.fetch(url, enough=enough)).bytes_read or 0 for url in urls])
                for enough in (None, platforms.enough)
            ]
    table.add_row("read to the end", f"{whole:,.0f}", "100 %")
    table.add_row("until it is enough", f"{early:,.0f}", f"{early / whole:.1%}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    console = Console()
    asyncio.run(judging(rounds, console))
    asyncio.run(reading(10, console))


if __name__ == "__main__":
    main()
