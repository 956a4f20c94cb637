"""How ``probe`` and ``classify`` show a verdict: the line of docs/json.md, or one for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from monitor.model import Page, Verdict

COLOURS = {"ok": "green", "removed": "red", "gone": "red", "failed": "yellow", "walled": "blue"}


def line(page: Page, verdict: Verdict, *, url: str | None = None) -> dict[str, Any]:
    """The verdict line as JSON; ``url`` as it was given, where that differs from what was asked for."""
    from monitor.platforms import identify
    from monitor.urls import NotALink

    given = url or page.url
    try:
        identity = identify(given)
    except NotALink:
        identity = None
    offline = page.elapsed_ms is None
    return {
        "url": given,
        "canonical_url": identity.url if identity else None,
        "final_url": page.final_url,
        "http_status": page.http_status,
        "platform": identity.platform if identity else "generic",
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "evidence": verdict.evidence,
        "title": verdict.title,
        "elapsed_ms": page.elapsed_ms,
        "bytes_read": page.bytes_read,
        "redirects": None
        if offline
        else [{"url": hop.url, "http_status": hop.http_status} for hop in page.redirects],
    }


def show(verdict_line: dict[str, Any]) -> None:
    """One verdict for people: outcome, URL, and below it what was seen."""
    outcome = verdict_line["outcome"]
    click.echo(f"{click.style(f'{outcome:8}', fg=COLOURS[outcome])}{verdict_line['url']}")
    seen = verdict_line["evidence"] or "nothing to quote"
    click.echo(f"        {verdict_line['reason']} [{verdict_line['rule']}]: {seen}")
