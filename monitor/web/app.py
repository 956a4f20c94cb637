"""The web server inside the daemon: the routes, and its life from binding to the last answer."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from monitor.config import Settings
from monitor.model import Clock
from monitor.store import Store
from monitor.web import api, badge, feed, metrics, pages
from monitor.web.door import OPEN, Door, is_loopback
from monitor.web.window import WINDOW, Window

KEEPALIVE_S = 30
SHUTDOWN_S = 2  # what answers in flight may still take: systemd waits for us
LEAVE_S = 5  # until those that were cancelled have given their connections back
ROUTES = (
    ("/", pages.status),
    ("/link", pages.link),
    ("/api/status", api.status),
    ("/api/link", api.link),
    ("/feed.xml", feed.route),
    ("/badge.svg", badge.route),
    ("/metrics", metrics.route),
    (OPEN, api.health),
)


class WebError(Exception):
    """The web page cannot be served; the text says why and what to do. The daemon goes on without it."""


@asynccontextmanager
async def serving(store: Store, settings: Settings, clock: Clock) -> AsyncIterator[str]:
    """Serve on ``[web] listen`` until the block is left.

    :returns: the address for a browser, like ``http://127.0.0.1:8765``; empty where port 0 says not to serve.
    :raises WebError: the address is taken or cannot be had, or others can reach it and no token is set.
    """
    host, port = _listen(settings.web.listen)
    if port == 0:
        yield ""
        return
    token = settings.web.token.get_secret_value()
    if not token and not is_loopback(host):
        raise WebError(
            f"The web page is not served: other machines can reach {settings.web.listen}. Set web.token, "
            "or listen on 127.0.0.1."
        )
    door = Door(host, token, pages.STYLE_SOURCE)
    runner = web.AppRunner(
        application(Window(store, settings, clock), door),
        access_log=None,  # it would show ?token=
        logger=_log(),
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=SHUTDOWN_S,
        handle_signals=False,
    )
    await runner.setup()
    try:
        await _bind(runner, host, port, settings.web.listen)
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        await runner.cleanup()
        await door.emptied(LEAVE_S)


def application(window: Window, door: Door) -> web.Application:
    app = web.Application(middlewares=[door.guard])
    app[WINDOW] = window
    app.on_response_prepare.append(door.dress)
    for path, handler in ROUTES:
        app.router.add_get(path, handler)  # and HEAD
    return app


def _listen(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]").lower(), int(port)


async def _bind(runner: web.AppRunner, host: str, port: int, address: str) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        said = os.strerror(number) if number and number > 0 else str(error)
        raise WebError(
            f"The web page cannot be served on {address} ({said}): choose another address or port in "
            "[web] listen; port 0 switches it off."
        ) from error


def _log() -> logging.Logger:
    """Where aiohttp complains. What strangers send that is no HTTP is no fault of ours, and may hold the token."""
    log = logging.getLogger("monitor.web.wire")
    log.addFilter(_is_our_fault)  # the same filter is added once only
    return log


def _is_our_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
