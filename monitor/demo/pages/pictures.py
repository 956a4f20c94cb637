"""Picture hosts: a picture of its own for each address, and mmbiz.qpic.cn's placeholder for foreign Referers."""

from __future__ import annotations

import struct
import zlib
from urllib.parse import urlsplit

from monitor.demo.reply import Reply, Visit
from monitor.demo.text import random_of

HOSTS = ("mmbiz.qpic.cn", "pic1.zhimg.com", "pica.zhimg.com", "i-blog.csdnimg.cn", "img-blog.csdnimg.cn")
_WECHAT = "mp.weixin.qq.com"


def build(visit: Visit) -> Reply:
    """A PNG. On mmbiz.qpic.cn a Referer from elsewhere than WeChat brings the placeholder, with status 200."""
    parts = urlsplit(visit.url)
    referer = visit.headers.get("referer", "")
    is_foreign = bool(referer) and urlsplit(referer).hostname != _WECHAT
    if parts.hostname == "mmbiz.qpic.cn" and is_foreign:
        return _png_reply(PLACEHOLDER)
    return _png_reply(_png(48, parts.hostname, parts.path))


def _png_reply(data: bytes) -> Reply:
    return Reply(headers=(("Content-Type", "image/png"),), parts=(data,), zipped=False)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(side: int, *seed: object) -> bytes:
    random = random_of("png", *seed)
    rows = b"".join(b"\x00" + random.randbytes(side * 3) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


PLACEHOLDER = _png(16, "此图片来自微信公众平台未经允许不可引用")
"""What mmbiz.qpic.cn sends to foreign pages; always the same bytes."""
