"""The one HTTP client: takes a URL, gives a :class:`~monitor.model.Page`, whatever the other side does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from monitor.config import Network
from monitor.config_file import ConfigError
from monitor.fetch import tls
from monitor.fetch.address import join, parse
from monitor.fetch.body import ACCEPTED, Body
from monitor.fetch.cookies import Cookies
from monitor.fetch.errors import NETWORK_ERRORS, LookError, failure
from monitor.fetch.guard import GuardedResolver, internal_name, literal, refusal
from monitor.model import Failure, FailureKind, Page, Redirect

MAX_REDIRECTS = 10
CONNECT_S = 10.0
KEEP_ALIVE_S = 60.0  # longer than the usual pace of a host, so that its next look needs no new handshake
DNS_CACHE_S = 120
MAX_FIELD_BYTES = 32 * 1024  # one header line; some sites' security policies are longer than 8 kB
MAX_FIELDS = 256
READ_BYTES = 16 * 1024  # aiohttp buffers twice as much: what we may take too much when a prefix was enough
FIRST_QUESTION_BYTES = 16 * 1024
LITTLE_BYTES = 16 * 1024

_REDIRECTS = {301, 302, 303, 307, 308}
_KEEP_METHOD = {307, 308}
_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": ACCEPTED,
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
    "Upgrade-Insecure-Requests": "1",
}


_LEAVES: ContextVar[bool] = ContextVar("_LEAVES", default=False)


class _Response(aiohttp.ClientResponse):
    """Closes its connection at its end, where the look takes its leave of the host.

    A small answer has ended, and given its connection back to be kept, before anybody gets to see it.
    """

    async def start(self, connection: aiohttp.connector.Connection) -> Self:
        # an idle protocol is false, so it is asked whether there is one
        if _LEAVES.get() and connection.protocol is not None:
            connection.protocol.force_close()
        await super().start(connection)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is asked for; the same for every hop."""

    method: str
    form: Mapping[str, str] | None
    headers: Mapping[str, str]
    follow: bool
    max_bytes: int
    enough: Callable[[Page], bool] | None


@dataclass(slots=True, kw_only=True)
class _Look:
    """What is known so far; a page can be made of it at any moment."""

    url: str
    at: str
    began: float
    http_status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Body | None = None
    is_reading: bool = False  # stays true when the body was left before its end
    redirects: list[Redirect] = field(default_factory=list)
    failure: Failure | None = None

    def move_to(self, url: URL) -> None:
        if self.http_status is not None:
            self.redirects.append(Redirect(self.at, self.http_status))
        self.at = str(url)
        self.http_status, self.headers, self.body = None, {}, None

    def page(self) -> Page:
        body = self.body
        cut = self.is_reading or self.failure is not None or (body is not None and body.is_cut)
        return Page(
            url=self.url,
            final_url=self.at,
            http_status=self.http_status,
            headers=dict(self.headers),
            body=bytes(body.data) if body else b"",
            complete=not cut,
            redirects=tuple(self.redirects),
            failure=self.failure,
            elapsed_ms=round((asyncio.get_running_loop().time() - self.began) * 1000),
            bytes_read=body.bytes_read if body else 0,
        )


class Fetcher:
    """Fetches pages, guarded, capped and within time; an asynchronous context manager.

    Nothing of a look is kept for the next one but open connections and resolved names: no cookie, no referrer.
    At most ``network.concurrency`` looks are under way; others wait, and their time starts when they begin.

    With ``network.proxy`` set, names are resolved by the proxy and the guard sees no address: literal private
    addresses and names that can only be internal ones are still refused, the rest is up to the proxy.

    :param base: the folder that a relative ``network.ca_file`` starts from.
    :param resolver: asked for names instead of the system; the guard stands behind it all the same.
    :raises ConfigError: ``network.ca_file`` or ``network.proxy`` cannot be used.
    """

    def __init__(self, network: Network, *, base: Path, resolver: AbstractResolver | None = None) -> None:
        self._network = network
        self._pinned = _pins(network.hosts)
        self._tls = tls.context(base / network.ca_file if network.ca_file else None)
        self._proxy = _proxy(network.proxy)
        self._resolver = resolver
        self._slots = asyncio.Semaphore(network.concurrency)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = GuardedResolver(
            self._resolver or aiohttp.ThreadedResolver(),
            pinned=self._pinned,
            # behind a proxy the only names to resolve are the proxy's own and pinned ones
            guarded=not (self._network.allow_private_addresses or self._proxy),
        )
        connector = aiohttp.TCPConnector(
            resolver=resolver,
            ssl=self._tls,
            limit=0,  # the slots are the limit: waiting for a connection would eat up the look's own time
            ttl_dns_cache=DNS_CACHE_S,
            keepalive_timeout=KEEP_ALIVE_S,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._network.user_agent, **_HEADERS},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            auto_decompress=False,
            response_class=_Response,
            read_bufsize=READ_BYTES,
            max_line_size=MAX_FIELD_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            max_headers=MAX_FIELDS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def fetch(
        self,
        url: str,
        *,
        enough: Callable[[Page], bool] | None = None,
        method: str = "GET",
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = True,
        leave: bool = False,
        max_bytes: int | None = None,
        timeout_s: float | None = None,
    ) -> Page:
        """Look at ``url``. Whatever the network or the other side does ends in a page; see ``Page.failure``.

        :param enough: asked with the page so far, a prefix of the body in it, after about 16 kB and whenever the
            prefix has doubled; True ends the reading.
        :param form: fields of a POST. A redirect of a POST is followed by GET, or (307, 308) not at all.
        :param headers: beside the usual ones, and instead of them; only for the origin of ``url``.
        :param follow: false gives a redirect as the page.
        :param leave: close the connection afterwards: nothing more will be asked of this host for a while.
        :param max_bytes: of the body, on the wire and decompressed; else ``network.max_body_mb``.
        :param timeout_s: for all of it, redirects included; else ``network.timeout_s``.
        :raises OutOfResourcesError: the fault is this machine's, and says nothing about the page.
        """
        request = _Request(
            method=method,
            form=form,
            headers=headers or {},
            follow=follow,
            max_bytes=max_bytes or int(self._network.max_body_mb * 1_000_000),
            enough=enough,
        )
        async with self._slots:
            _LEAVES.set(leave)
            look = _Look(url=url, at=url, began=asyncio.get_running_loop().time())
            try:
                async with asyncio.timeout(timeout_s or self._network.timeout_s):
                    await self._chase(look, request)
            except NETWORK_ERRORS as error:
                look.failure = failure(error, proxy=self._proxy.host if self._proxy else None)
            return look.page()

    async def _chase(self, look: _Look, request: _Request) -> None:
        """Follow redirects from hop to hop until a page is there."""
        url, method, cookies = parse(look.url), request.method, Cookies()
        origin, seen = url.origin(), set[tuple[str, str]]()
        while True:
            self._check(url)
            headers = dict(request.headers) if request.headers and url.origin() == origin else {}
            if cookie := cookies.header(url):
                headers["Cookie"] = cookie
            seen.add((str(url), cookie))
            async with self._open(method, url, headers, request) as response:
                look.http_status, look.headers = response.status, _headers(response)
                location = _location(response) if request.follow else None
                if location is None:
                    await self._read(look, request, response)
                    return
                cookies.take(url, response.headers.getall("Set-Cookie", ()))
            url = join(url, location)
            method = method if method == "HEAD" else "GET"
            if (str(url), cookies.header(url)) in seen:
                raise LookError(FailureKind.REDIRECTS, "the redirects go in a circle")
            if len(look.redirects) == MAX_REDIRECTS:
                raise LookError(FailureKind.REDIRECTS, f"there are more than {MAX_REDIRECTS} redirects")
            look.move_to(url)

    def _check(self, url: URL) -> None:
        """The part of the guard for hosts that no resolver of ours gets to see.

        :raises LookError: a private address or name.
        """
        host = (url.raw_host or "").rstrip(".")
        if self._network.allow_private_addresses or host in self._pinned:
            return
        address = literal(host)
        if address and (reason := refusal(address)):
            raise LookError(FailureKind.GUARD, f"{host} is {reason}")
        if self._proxy and not address and internal_name(host):
            raise LookError(FailureKind.GUARD, f"{host} is a name of a private network")

    def _open(
        self, method: str, url: URL, headers: Mapping[str, str], request: _Request
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("enter the Fetcher before you fetch")
        return self._session.request(
            method,
            url,
            headers=headers,
            data=request.form if method == request.method else None,
            allow_redirects=False,
            proxy=self._proxy_for(url),
        )

    def _proxy_for(self, url: URL) -> URL | None:
        return None if (url.raw_host or "").rstrip(".") in self._pinned else self._proxy

    async def _read(self, look: _Look, request: _Request, response: aiohttp.ClientResponse) -> None:
        if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and self._proxy_for(response.url):
            detail = "the proxy wants other credentials than network.proxy has"
            look.failure = Failure(FailureKind.PROXY, detail)
        look.is_reading = True
        look.body = body = Body(response.headers.get("Content-Encoding", ""), request.max_bytes)
        question = FIRST_QUESTION_BYTES
        async for chunk in response.content.iter_any():
            body.feed(chunk)
            if body.is_full:
                return
            if request.enough is None or body.bytes_read < FIRST_QUESTION_BYTES or len(body.data) < question:
                continue
            if response.content_length and response.content_length - body.bytes_read <= LITTLE_BYTES:
                continue  # to read the little that is left is cheaper than to lose the connection
            question = 2 * len(body.data)
            if request.enough(look.page()):
                return
        look.is_reading = False


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        if key == "set-cookie":
            continue
        text = value if value.isascii() else _storable(value)
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined


def _storable(value: str) -> str:
    """Bytes that are no UTF-8 come as surrogates, which no database or file takes."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _location(response: aiohttp.ClientResponse) -> str | None:
    """Where to look next; None when this answer is the page."""
    if response.status not in _REDIRECTS or (response.method == "POST" and response.status in _KEEP_METHOD):
        return None
    return response.headers.get("Location") or None


def _pins(hosts: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    pins = {}
    for host, target in hosts.items():
        name = host.rstrip(".").lower()
        if literal(name):
            raise ConfigError(f"network.hosts: {host} is an address; write the name of a host there.")
        address, _, port = target.rpartition(":")
        pins[name] = (address.strip("[]"), int(port))
    return pins


def _proxy(text: str) -> URL | None:
    if not text:
        return None
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        # the text is left out: a password may stand in it
        raise ConfigError("network.proxy cannot be used: write it like http://proxy.example:3128.")
    return url
