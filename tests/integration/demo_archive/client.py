"""Who asks the acted archive.org, as the tests do: raw requests with keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
from yarl import URL

from monitor.demo import World

LIVE = "https://zhuanlan.zhihu.com/p/294698838"
WECHAT = "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q"
ARCHIVE = "https://web.archive.org"
NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


class Client:
    """Speaks to the acted archive.org, with keys."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self._http = http
        self.keys = {"Authorization": f"LOW {world.archive.access_key}:{world.archive.secret_key}"}

    async def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        url = URL(ARCHIVE + path, encoded=True)
        async with self._http.get(url, headers={**self.keys, **headers}, allow_redirects=False) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    async def post(self, path: str, **form: str) -> tuple[int, bytes]:
        async with self._http.post(
            ARCHIVE + path, data=form, headers=self.keys, allow_redirects=False
        ) as answer:
            return answer.status, await answer.read()

    async def save(self, url: str) -> Any:
        return json.loads((await self.post("/save", url=url))[1])

    async def job(self, job_id: str) -> Any:
        return json.loads((await self.get(f"/save/status/{job_id}"))[2])

    async def cdx(self, query: str) -> Any:
        return json.loads((await self.get(f"/cdx/search/cdx?output=json&{query}"))[2])
