"""Makes a saved page a test: judges it and writes ``<platform>/<case>/``. Correct the expectation there if it is wrong.

python tests/pages/add.py deleted_2027 page.html --url https://mp.weixin.qq.com/s/... --http-status 200
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from monitor.model import Known, Page
from monitor.platforms import identify, judge

HERE = Path(__file__).parent


def main(arguments: list[str]) -> Path:
    """Writes the case and returns its folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", help="a few words for what the page is, joined by underscores")
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--http-status", type=int)
    parser.add_argument("--final-url")
    parser.add_argument("--header", action="append", default=[], help="'name: value'")
    parser.add_argument("--title", help="as the reading list has it")
    parser.add_argument("--folder", type=Path, default=HERE, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in given.header)
    }
    body = given.file.read_bytes()
    page = Page(
        url=given.url,
        final_url=given.final_url or given.url,
        http_status=given.http_status,
        headers=headers,
        body=body,
    )
    verdict = judge(page, Known(title=given.title))
    case = {
        "url": given.url,
        "http_status": given.http_status,
        "final_url": given.final_url,
        "title": given.title,
    }
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in case.items() if value is not None
    ]
    if headers:
        pairs = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in headers.items())
        lines.append(f"headers = {{ {pairs} }}")
    expect = {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "moved_to": verdict.moved_to,
    }
    lines += ["", "[expect]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in expect.items() if value is not None]
    folder: Path = given.folder / identify(given.url).platform / given.case
    folder.mkdir(parents=True)
    (folder / "page.html").write_bytes(body)
    (folder / "case.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    print(main(sys.argv[1:]))
