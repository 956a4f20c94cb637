"""The sort-friendly form of a URL (SURT) that WARC indexes are sorted and searched by. Pure.

    https://www.Example.com/A/b/?b=2&a=1  ->  com,example)/a/b?a=1&b=2

Players make the same key of what they are asked for, so every rule here is theirs: scheme, ``www``, default ports, user
names, fragments, capitals, repeated and trailing slashes and sessions do not count; the query is sorted.
"""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import quote_from_bytes, unquote_to_bytes

from monitor.fetch.guard import literal

_PARTS = re.compile(
    rb"(?:([a-z][a-z0-9+.-]*)://)?(?:[^/?#@]*@)?(\[[^\]/]*\]|[^/?#:]*)(?::(\d*))?([^?#]*)(\?[^#]*)?",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {b"http": b"80", b"https": b"443"}
_WWW = re.compile(rb"www\d*\.")
_PLAIN = "!\"$&'()*+,-./:;<=>?@[\\]^_`{|}~"
_SESSION_IN_PATH = re.compile(
    rb"(.*/)(?:\((?:[a-z]\([0-9a-z]{24}\))+\)|\([0-9a-z]{24}\))/([^?]+\.aspx.*)", re.DOTALL
)
_SESSIONS = tuple(
    re.compile(rb"(.*)(?:" + session + rb")(?:&(.*))?", re.IGNORECASE)
    for session in (
        rb"jsessionid=[0-9a-z]{32}",
        rb"phpsessid=[0-9a-z]{32}",
        rb"sid=[0-9a-z]{32}",
        rb"aspsessionid[a-z]{8}=[a-z]{24}",
        rb"cfid=[^&]+&cftoken=[^&]+",
    )
)


def surt(url: str) -> str:
    """The key of an http(s) URL."""
    match = _PARTS.match(url.strip().encode("utf-8", "surrogateescape"))
    if match is None:
        return url
    scheme, host, port, path, query = (piece or b"" for piece in match.groups())
    key = _host(host)
    if port and port != _DEFAULT_PORTS.get(scheme.lower()):
        key += b":" + port
    return (key + b")" + _path(path) + _query(query[1:])).decode("ascii", "replace")


def _host(host: bytes) -> bytes:
    name = _decoded(host).lower().replace(b"..", b".").strip(b".")
    if not name.isascii():
        with suppress(UnicodeError):  # no name that could be looked up
            name = name.decode("utf-8", "ignore").encode("idna")
    name = _WWW.sub(b"", _escaped(name), count=1) if name.startswith(b"www") else name
    if name.startswith(b"["):
        return name.strip(b"[]")
    address = literal(name.decode("ascii", "replace"))
    return b",".join(reversed((address.encode() if address else name).split(b".")))


def _path(path: bytes) -> bytes:
    segments = _decoded(path).split(b"/")[1:]
    kept: list[bytes] = []
    for segment in segments:
        if segment == b".." and kept:
            del kept[-1]
        elif segment != b".":
            kept.append(segment)
    whole = b"/" + b"/".join([segment for segment in kept[:-1] if segment] + kept[-1:])
    plain = _escaped(whole).lower()
    if session := _SESSION_IN_PATH.fullmatch(plain):
        plain = session[1] + session[2]
    return plain[:-1] if plain.endswith(b"/") and len(plain) > 1 else plain


def _query(query: bytes) -> bytes:
    plain = _escaped(_decoded(query))
    for session in _SESSIONS:
        if found := session.fullmatch(plain):
            plain = found[1] + (found[2] or b"")
    pairs = sorted(tuple(pair.split(b"=", 1)) for pair in plain.lower().split(b"&"))
    return b"?" + b"&".join(b"=".join(pair) for pair in pairs) if plain else b""


def _decoded(text: bytes) -> bytes:
    while (plain := unquote_to_bytes(text)) != text:
        text = plain
    return text


def _escaped(text: bytes) -> bytes:
    return quote_from_bytes(text, safe=_PLAIN).encode()
