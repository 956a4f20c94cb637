"""Answers made by somebody who wants to break us, where no test of a part has them yet."""

from __future__ import annotations

import ast
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.archives import answers
from monitor.archives.wayback import _index
from monitor.doctor import examine
from monitor.model import Outcome, Page
from monitor.platforms import article, judge
from tests.integration.fetch.conftest import FetcherFactory, Web, ca, ca_file, far, fetching

__all__ = ["ca", "ca_file", "far", "fetching"]  # fixtures of the other side

REPOSITORY = Path(__file__).parents[2]
BOMBS = {
    "nested lists": "[" * 200_000,
    "nested objects": '{"a":' * 30_000,
    "closed nests": "[" * 90_000 + "]" * 90_000,
    "a number of many digits": "1" * 50_000,
    "numbers that are none": "[NaN, Infinity, -1e99999]",
    "half a letter": '{"title": "\\ud800", "message": "\\udfff", "job_id": "\\ud800"}',
    "a key ten thousand times": "{" + '"a": 1, ' * 10_000 + '"a": 1}',
    "nothing": "",
    "a null byte": "\x00",
}
PAGES = {
    "https://www.zhihu.com/question/1/answer/2": '<script id="js-initialData" type="text/json">{}</script>',
    "https://zhuanlan.zhihu.com/p/1": '<script id="js-initialData" type="text/json">{}</script>',
    "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv": "<script>var msg = {};</script>",
    "https://blog.csdn.net/someone/article/details/1": '<script type="application/ld+json">{}</script>',
    "https://site.example/post": '<script type="application/ld+json">{}</script>',
}


def answer(body: str, url: str = "https://web.archive.org/save", kind: str = "application/json") -> Page:
    data = body.encode("utf-8", "replace")
    return Page(
        url=url, final_url=url, http_status=200, headers={"content-type": kind}, body=data, complete=True
    )


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_json_made_to_break_a_reader_breaks_no_judge(bomb: str) -> None:
    started = time.process_time()
    for url, html in PAGES.items():
        for page in (answer(bomb, url), answer(html.replace("{}", bomb), url, "text/html")):
            verdict = judge(page)
            assert verdict.outcome not in {Outcome.REMOVED, Outcome.GONE}, (url, verdict)
            verdict.evidence.encode()
            if found := article(page, verdict):
                f"{found.title}{found.text}".encode()
    assert time.process_time() - started < 30


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_json_made_to_break_a_reader_breaks_no_archive_job(bomb: str) -> None:
    assert not isinstance(answers.submitted(answer(bomb)), answers.Accepted)
    for found in answers.polled(answer(bomb), ["spn2-a", "spn2-b"]).values():
        assert not isinstance(found, answers.Saved)
    answers.budget(answer(bomb))
    _index(bomb.encode("utf-8", "replace"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = ("job_id", "status", "status_ext", "message", "timestamp", "original_url", "http_status", "url")
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES | st.sampled_from(["success", "error", "pending"]))


@settings(max_examples=80, deadline=None)
@given(OBJECTS, st.lists(OBJECTS, max_size=3))
def test_no_answer_of_the_archive_makes_its_reader_raise_or_gives_what_no_database_takes(
    one: dict[str, object], several: list[dict[str, object]]
) -> None:
    found = [
        answers.submitted(answer(json.dumps(one))),
        answers.budget(answer(json.dumps(one))),
        *answers.polled(answer(json.dumps(one)), ["spn2-a"]).values(),
        *answers.polled(answer(json.dumps(several)), ["spn2-a", "spn2-b"]).values(),
    ]
    for said in found:
        repr(said).encode()
        for value in (getattr(said, name, "") for name in ("job_id", "code", "message", "reason")):
            str(value).encode()


@pytest.mark.parametrize(
    "job_id", ["../../user", "a?b=c", "a#b", "a b", "a\nb", "x" * 10_000, "\ud800", "", 7, [], {}]
)
def test_a_job_id_that_would_lead_elsewhere_is_none(job_id: object) -> None:
    assert not isinstance(answers.submitted(answer(json.dumps({"job_id": job_id}))), answers.Accepted)


async def test_a_proxy_that_the_environment_names_is_not_asked(
    far: Web, fetching: FetcherFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        asked.append(str(request.rel_url))
        return web.Response()

    site, proxy = await far.serve(handler), await far.serve(handler)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://{proxy}")
    async with fetching({"site.test": site}) as fetcher:
        assert (await fetcher.fetch("http://site.test/page")).http_status == 200
    assert asked == ["/page"]


@pytest.mark.parametrize(
    ("text", "mode", "level"),
    [
        ('[web]\ntoken = "correct-horse"\n', 0o644, "warning"),
        ('[web]\ntoken = "correct-horse"\n', 0o600, "ok"),
        ('[web]\ntoken = ""\n[report]\n', 0o644, "ok"),
    ],
)
async def test_doctor_warns_of_secrets_that_everybody_may_read(
    tmp_path: Path, text: str, mode: int, level: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    findings = examine(str(file), None, lambda: datetime.now(UTC))
    found = await anext(findings)
    assert (found.name, found.level, "correct-horse" in found.found) == ("config", level, False)


SQL_IN_TEXT = {"text", "exec_driver_sql", "literal_column", "executescript"}
OF_CONSTANTS = {  # put together, of our own names
    "monitor/store/engine.py",  # PRAGMA, BEGIN
    "monitor/store/copy.py",  # the names of our tables
    "monitor/store/sql.py",  # what SQLAlchemy made of a statement whose values are bound
    "monitor/store/direct.py",  # what the caller gives
    "migrations/env.py",  # the conditions of our indexes
    "monitor/store/schema.py",  # the same
}


def test_sql_is_never_made_from_values() -> None:
    """Every piece of SQL in text form is a constant; values are bound. Ruff's S608 looks at strings, this at calls."""
    found = set()
    for file in (*(REPOSITORY / "monitor").rglob("*.py"), *(REPOSITORY / "migrations").rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        if "sqlalchemy" not in source:
            continue
        for call in ast.walk(ast.parse(source)):
            if (
                isinstance(call, ast.Call)
                and _name(call) in SQL_IN_TEXT
                and call.args
                and not isinstance(call.args[0], ast.Constant)
            ):
                found.add(str(file.relative_to(REPOSITORY)))
    assert found <= OF_CONSTANTS


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
