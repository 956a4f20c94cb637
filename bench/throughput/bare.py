"""What only fetching costs: aiohttp, every body read and thrown away. The measure for what is put on top of it.

python -m bench.throughput.bare FILE    # one URL a line
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp

from bench.throughput.checkers import CONCURRENCY


async def fetch_all(urls: list[str]) -> None:
    connector = aiohttp.TCPConnector(limit=0, ssl=False)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker() -> None:
            while urls:
                async with session.get(urls.pop()) as response:
                    await response.read()

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(worker())


if __name__ == "__main__":
    asyncio.run(fetch_all(Path(sys.argv[1]).read_text().split()))
