"""Shapes that several page builders share."""

from __future__ import annotations

import json

from monitor.demo.reply import Reply, page, styles


def weigh(head: str, body: str, *, size: int, status: int = 200) -> Reply:
    """A page brought to about ``size`` bytes by style rules between head and body."""
    return page(head, styles(size - len(head.encode()) - len(body.encode())), body, status=status)


def embedded(data: object) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(data, ensure_ascii=False).replace("</", "<\\u002F")
