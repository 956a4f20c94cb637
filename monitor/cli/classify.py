"""``rotwatch classify``: judge saved pages offline."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from monitor.cli import USAGE, verdicts
from monitor.cli.app import App, echo_json, pass_app


@click.command("classify", short_help="Judge saved pages offline.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--url", metavar="U", help="The address the page was saved from.")
@click.option("--http-status", type=click.IntRange(100, 599), default=None, help="What the server answered.")
@click.option("--final-url", metavar="U", help="Where redirects ended [default: --url].")
@click.option("--header", "headers", multiple=True, metavar="'K: V'", help="A response header; repeatable.")
@click.option("--title", metavar="T", help="The title in the reading list.")
@click.option("--batch", is_flag=True, help="Read JSON lines from stdin instead and answer one line each.")
@pass_app
def command(
    app: App,
    file: Path | None,
    *,
    url: str | None,
    http_status: int | None,
    final_url: str | None,
    headers: tuple[str, ...],
    title: str | None,
    batch: bool,
) -> int:
    """Judge the saved page FILE as if it had just come back from --url; prints the verdict as a JSON line.

    With --batch each line of stdin is {"file", "url", "http_status", "headers", "final_url", "title"}; a line that
    cannot be judged is answered {"error": …}, and the exit code is 2.
    """
    if batch:
        if file or url:
            raise click.UsageError("--batch reads its pages from stdin: give no FILE and no --url with it.")
        return _batch()
    if not file or not url:
        raise click.UsageError(
            "Give the saved page and the address it is from: rotwatch classify FILE --url U."
        )
    pairs = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise click.UsageError(f"Write a header like 'content-type: text/html' instead of {header!r}.")
        pairs[name] = value
    case = {
        "file": str(file),
        "url": url,
        "http_status": http_status,
        "final_url": final_url,
        "headers": pairs,
        "title": title,
    }
    try:
        echo_json(_judge(case))
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    return 0


def _batch() -> int:
    code = 0
    for text in sys.stdin:
        if not text.strip():
            continue
        try:
            echo_json(_judge(_case(text)))
        except ValueError as problem:
            echo_json({"error": str(problem)})
            code = USAGE
    return code


def _case(text: str) -> dict[str, Any]:
    try:
        case = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"This line is no JSON ({error.msg}): write one object a line.") from None
    if not isinstance(case, dict) or not all(isinstance(case.get(key), str) for key in ("file", "url")):
        raise ValueError('A line needs "file" and "url", both strings.')
    return case


def _judge(case: dict[str, Any]) -> dict[str, Any]:
    """The verdict line of one saved page.

    :raises ValueError: the case cannot be judged; one sentence.
    """
    from monitor import platforms
    from monitor.model import Known, Page

    status, headers = case.get("http_status"), case.get("headers") or {}
    if not (status is None or isinstance(status, int)) or not isinstance(headers, dict):
        raise ValueError('"http_status" is a number and "headers" an object of strings.')
    try:
        body = Path(case["file"]).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{case['file']} cannot be read ({reason}): check the path.") from None
    page = Page(
        url=platforms.identify(case["url"]).url,
        final_url=str(case.get("final_url") or case["url"]),
        http_status=status,
        headers={str(name).strip().lower(): str(value).strip() for name, value in headers.items()},
        body=body,
    )
    title = case.get("title")
    verdict = platforms.judge(page, Known(title=str(title) if title else None))
    return verdicts.line(page, verdict, url=case["url"])
