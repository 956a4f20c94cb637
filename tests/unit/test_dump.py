from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.dump import TOGETHER, status_text
from monitor.store.tally import Tally

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize("count", [0, 1, TOGETHER, TOGETHER + 1, 2 * TOGETHER + 50])
async def test_the_status_is_one_document_however_many_links_there_are(count: int) -> None:
    async def links() -> AsyncIterator[dict[str, Any]]:
        for number in range(count):
            yield {"url": f"https://a.example/{number}", "title": "标题", "since": AT}

    text = "".join([piece async for piece in status_text(Tally(), links(), AT)])
    told = json.loads(text)["links"]
    assert [link["url"] for link in told] == [f"https://a.example/{number}" for number in range(count)]
    assert all(link["since"] == "2026-11-24T08:00:00Z" for link in told)
    assert len(text.splitlines()) == count + 2  # a link a line
