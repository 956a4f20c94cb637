"""The pages that the measured checkers look at, as whole HTTP answers made once."""

from __future__ import annotations

import random
from dataclasses import dataclass

from monitor.model import Outcome, Reason

SMALL, BIG = 2_000, 100_000  # bytes of body
VARIANTS = 16
_PROSE = (
    "river light stone garden letter winter morning bread window music paper silver harbour village teacher "
    "journey machine careful distant ordinary yellow quiet several between remember explain against history "
    "forest number weather kitchen captain science language market planet engine bridge shadow copper summer"
)
WORDS = _PROSE.split()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says at one kind of path. ``truth``: what a checker that reads bodies should make of it."""

    payload: bytes
    truth: tuple[Outcome, Reason]
    then: str = "keep"  # or "close", or "reset": what becomes of the connection


def answer(
    body: bytes | str,
    *,
    status: str = "200 OK",
    truth: tuple[Outcome, Reason],
    fields: str = "",
    then: str = "keep",
    length: int | None = None,
) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    kind = "" if "Content-Type" in fields else "Content-Type: text/html; charset=utf-8\r\n"
    head = f"HTTP/1.1 {status}\r\n{kind}{fields}Content-Length: {len(data) if length is None else length}\r\n\r\n"
    return Answer(head.encode() + data, truth, then)


def prose(chance: random.Random, characters: int) -> str:
    words: list[str] = []
    size = 0
    while size < characters:
        words.append(chance.choice(WORDS))
        size += len(words[-1]) + 1
    return " ".join(words)


def article(number: int, size: int) -> Answer:
    """A living page of ``size`` bytes; a big one is built like a blog's: styles, scripts, navigation, an article."""
    chance = random.Random(number)
    title = prose(chance, 30)
    text = "".join(f"<p>{prose(chance, 150)}</p>\n" for _ in range(60 if size > 10_000 else 5))
    page = _page(title, f"<article><h1>{title}</h1>\n{text}</article>", size, chance)
    return answer(page, truth=(Outcome.OK, Reason.PAGE))


def absent(number: int, size: int) -> Answer:
    """A page of ``size`` bytes that says with status 200 that there is nothing."""
    text = "<div class='error-404'><h1>Page not found</h1><p>The page you are looking for does not exist.</p></div>"
    page = _page("Page not found", text, size, random.Random(number))
    return answer(page, truth=(Outcome.GONE, Reason.SOFT_404))


def _page(title: str, main: str, size: int, chance: random.Random) -> str:
    nav = "".join(f'<li class="item"><a href="/tag/{word}">{word}</a></li>' for word in WORDS[:40])
    styles = "".join(f".c{n} > .item:hover {{ color: #{n:06x}; margin: {n}px }}\n" for n in range(240))
    frame = f"<style>{styles}</style></head><body><nav><ul>{nav}</ul></nav>"
    head, middle = ("</head><body>", "") if size <= 10_000 else (frame, "<footer>2026</footer>")
    page = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>{head}{main}{middle}'
    tail = "</body></html>"
    code = 'window.settings.push({"id": %d, "kind": "%s", "shown": i < 3 && !done});\n'
    script: list[str] = []
    missing = size - len(page) - len(tail) - len("<script></script>")
    while missing > 0:
        line = code % (chance.randrange(10**9), chance.choice(WORDS))
        script.append(line[:missing])
        missing -= len(line)
    return f"{page}<script>{''.join(script)}</script>{tail}"


def _says(title: str, text: str = "") -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"


def failures() -> dict[str, Answer]:
    """Twenty ways to fail, by name."""
    gone, failed, walled = Outcome.GONE, Outcome.FAILED, Outcome.WALLED
    not_found, error = (gone, Reason.NOT_FOUND), (failed, Reason.SERVER_ERROR)
    missing = _says("Page not found", "The page you are looking for does not exist.")
    challenge = _page("Just a moment...", "<script>window._cf_chl_opt={};</script>", 0, random.Random(1))
    script = '<script src="https://img1.wsimg.com/parking-lander/x.js"></script>'
    parked = _page("example.test", script, 0, random.Random(1))
    living = article(1, SMALL).payload.partition(b"\r\n\r\n")[2]
    return {
        "404": answer(_says("404 Not Found"), status="404 Not Found", truth=not_found),
        "410": answer(_says("Gone"), status="410 Gone", truth=not_found),
        "soft404": answer(missing, truth=(gone, Reason.SOFT_404)),
        "big-soft404": absent(1, BIG),
        "parked": answer(parked, truth=(gone, Reason.PARKED)),
        "no-pages-site": answer(
            _says("Site not found", "There isn't a GitHub Pages site here."),
            status="404 Not Found",
            truth=(gone, Reason.SITE_GONE),
        ),
        "suspended": answer(
            _says("Account Suspended", "This Account has been suspended."),
            truth=(failed, Reason.SITE_SUSPENDED),
        ),
        "empty": answer("", truth=(failed, Reason.EMPTY)),
        "500": answer(_says("Internal Server Error"), status="500 Internal Server Error", truth=error),
        "502": answer(_says("Bad Gateway"), status="502 Bad Gateway", truth=error),
        "maintenance": answer(
            _says("Down for maintenance"),
            status="503 Service Unavailable",
            truth=(failed, Reason.MAINTENANCE),
        ),
        "400": answer(_says("Bad Request"), status="400 Bad Request", truth=(failed, Reason.BAD_LINK)),
        "home": answer("", status="302 Found", fields="Location: /\r\n", truth=(failed, Reason.HOME_PAGE)),
        "circle": answer(
            "", status="302 Found", fields="Location: {path}\r\n", truth=(failed, Reason.PROTOCOL)
        ),
        "no-http": Answer(b"\x00\x01SSH-2.0-hello\r\n\r\n", (failed, Reason.PROTOCOL), "close"),
        "cut-off": answer(living, length=len(living) + 500, truth=(failed, Reason.CONNECTION), then="close"),
        "no-answer": Answer(b"", (failed, Reason.CONNECTION), "close"),
        "403": answer(_says("Forbidden"), status="403 Forbidden", truth=(walled, Reason.FORBIDDEN)),
        "429": answer(
            _says("Too Many Requests"), status="429 Too Many Requests", truth=(walled, Reason.RATE_LIMITED)
        ),
        "challenge": answer(challenge, status="503 Service Unavailable", truth=(walled, Reason.CHALLENGE)),
    }
