# ruff: noqa: E501 - markup is read best as the platform breaks it

"""Statuses, walls and trouble on the wire that any host can answer with."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache

from monitor.demo.pages.layouts import weigh
from monitor.demo.reply import HTML, Manner, Reply, Visit, page, redirect
from monitor.demo.state import State
from monitor.demo.text import token


def _plain(title: str, text: str, status: int, *headers: tuple[str, str]) -> Callable[[Visit], Reply]:
    html = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center><p>{text}</p><hr></body></html>"
    return lambda _: page(html, status=status, headers=(HTML, *headers))


def _wire(manner: Manner, *parts: bytes) -> Callable[[Visit], Reply]:
    return lambda _: Reply(manner=manner, parts=parts, zipped=False)


def _cloudflare_challenge(status: int) -> Callable[[Visit], Reply]:
    def build(visit: Visit) -> Reply:
        reply = weigh(
            '<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title><meta name="robots" content="noindex,nofollow">',
            "</head><body><noscript>Enable JavaScript and cookies to continue</noscript>"
            f"<script>(function(){{window._cf_chl_opt={{cvId:'3',cType:'managed',cRay:'{visit.nonce}'}};}})();</script></body></html>",
            size=7_000,
            status=status,
        )
        marks = (("cf-mitigated", "challenge"), ("Server", "cloudflare"), ("CF-RAY", f"{visit.nonce}-HKG"))
        return Reply(status=status, headers=(*reply.headers, *marks), parts=reply.parts)

    return build


def _akamai(visit: Visit) -> Reply:
    number = token(8, visit.nonce).lower()
    return page(
        f'<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1>You don\'t have permission to access "{visit.url}" on this server.<P>'
        f"Reference&#32;&#35;18&#46;{number}</BODY></HTML>",
        status=403,
    )


def _bad_gzip(_: Visit) -> Reply:
    return Reply(
        headers=(HTML, ("Content-Encoding", "gzip")),
        parts=(b"\x1f\x8b\x08\x00" + b"not gzip at all" * 20,),
        zipped=False,
    )


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    """64 MB of zeros in 64 kB."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = bytes(1024 * 1024)
    return b"".join(squeezer.compress(megabyte) for _ in range(64)) + squeezer.flush()


def _gzip_bomb(_: Visit) -> Reply:
    return Reply(headers=(HTML, ("Content-Encoding", "gzip")), parts=(_bomb(),), zipped=False)


def _huge_header(_: Visit) -> Reply:
    return Reply(headers=(HTML, ("X-Huge", "x" * 300_000)), parts=(b"<html></html>",), zipped=False)


WALLS: dict[State, Callable[[Visit], Reply]] = {
    State.NOT_FOUND: _plain("404 Not Found", "The requested URL was not found on this server.", 404),
    State.GONE: _plain("410 Gone", "The requested resource is no longer available.", 410),
    State.SERVER_ERROR: _plain("500 Internal Server Error", "", 500),
    State.BAD_GATEWAY: _plain("502 Bad Gateway", "nginx", 502),
    State.MAINTENANCE: _plain("网站维护中", "系统维护升级中，请稍后再访问。 Down for maintenance.", 503),
    State.FORBIDDEN: _plain("403 Forbidden", "nginx", 403),
    State.RATE_LIMITED: _plain("429 Too Many Requests", "nginx", 429),
    State.DISCUZ_NO_ACCESS: lambda _: weigh(
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>提示信息 - Powered by Discuz!</title>',
        '</head><body><div id="messagetext" class="alert_error"><p>抱歉，您没有权限访问该版块</p></div></body></html>',
        size=12_000,
    ),
    State.CLOUDFLARE_CHALLENGE: _cloudflare_challenge(403),
    State.CLOUDFLARE_CHALLENGE_503: _cloudflare_challenge(503),
    State.CLOUDFLARE_BLOCK: lambda _: page(
        "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body><div id='cf-wrapper'>"
        "<div id='cf-error-details' class='cf-error-details-wrapper'><h1>Sorry, you have been blocked</h1></div></div></body></html>",
        status=403,
        headers=(HTML, ("Server", "cloudflare")),
    ),
    State.AWS_WAF: lambda visit: page(
        f'<html><head><title></title><script>window.gokuProps = {{"key":"{visit.nonce}","context":"x"}};</script>'
        '<script src="https://a1.token.awswaf.com/challenge.js"></script></head><body></body></html>',
        status=405,
    ),
    State.DATADOME: lambda visit: page(
        "<html><head><title>blocked</title></head><body><script>var dd={'rt':'c','cid':'"
        f"{visit.nonce}','host':'geo.captcha-delivery.com'}}</script><script src='https://ct.captcha-delivery.com/c.js'></script></body></html>",
        status=403,
    ),
    State.PERIMETERX: _plain("Access to this page has been denied", '<div id="px-captcha"></div>', 403),
    State.AKAMAI: _akamai,
    State.RESET: _wire(Manner.RESET),
    State.RESET_MID_BODY: _wire(
        Manner.RESET_MID_BODY, b"<html><head><title>half</title></head><body>" + b"<p>half</p>" * 400
    ),
    State.HANG: _wire(Manner.HANG),
    State.HANG_MID_BODY: _wire(
        Manner.HANG_MID_BODY, b"<html><head><title>half</title></head><body>" + b"<p>half</p>" * 400
    ),
    State.REDIRECT_PRIVATE: lambda _: redirect("http://169.254.169.254/latest/meta-data/"),
    State.REDIRECT_FILE: lambda _: redirect("file:///etc/passwd"),
    State.SLOW_DRIP: _wire(Manner.DRIP, b"<html><head><title>slow</title></head><body>"),
    State.TOO_LARGE: _wire(Manner.ENDLESS, b"<html><head><title>endless</title></head><body>"),
    State.BAD_GZIP: _bad_gzip,
    State.GZIP_BOMB: _gzip_bomb,
    State.HUGE_HEADER: _huge_header,
    State.NOT_HTTP: _wire(Manner.RAW, b"SSH-2.0-OpenSSH_9.6p1\r\n"),
}
