"""Every saved page under ``tests/pages/<platform>/<case>/`` is judged as its ``case.toml`` says."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from typing import Any

import pytest

from monitor.model import Known, Page, Redirect
from monitor.platforms import article, enough, judge

PAGES = Path(__file__).parent / "pages"
CASES = sorted(path.parent for path in PAGES.glob("*/*/case.toml"))


def load(folder: Path) -> tuple[Page, Known, dict[str, Any]]:
    """The page, what is known of its link, and what is expected."""
    case = tomllib.loads((folder / "case.toml").read_text("utf-8"))
    page = Page(
        url=case["url"],
        final_url=case.get("final_url", case["url"]),
        http_status=case.get("http_status"),
        headers=case.get("headers", {}),
        body=(folder / "page.html").read_bytes(),
        complete=case.get("complete", True),
        redirects=tuple(Redirect(hop["url"], hop["http_status"]) for hop in case.get("redirects", [])),
    )
    return page, Known(title=case.get("title")), case["expect"]


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_saved_page_is_judged_as_expected(folder: Path) -> None:
    page, known, expect = load(folder)
    verdict = judge(page, known)
    assert (verdict.outcome, verdict.reason) == (expect["outcome"], expect["reason"]), verdict
    assert verdict.rule.split(".")[1] == verdict.outcome
    assert len(verdict.evidence) <= 300
    assert verdict.evidence.isprintable()
    assert verdict.rule == expect.get("rule", verdict.rule)
    assert verdict.moved_to == expect.get("moved_to")
    assert expect.get("evidence", "") in verdict.evidence


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_only_a_living_page_has_an_article(folder: Path) -> None:
    page, known, expect = load(folder)
    if known.title is None:
        assert (article(page, judge(page)) is not None) == (expect["outcome"] == "ok")


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_enough_bytes_give_the_verdict_of_the_whole_page(folder: Path) -> None:
    page, known, _ = load(folder)
    whole = judge(page, known)
    for length in range(0, len(page.body), max(1, len(page.body) // 25)):
        prefix = Page(
            url=page.url,
            final_url=page.final_url,
            http_status=page.http_status,
            headers=page.headers,
            body=page.body[:length],
            complete=False,
        )
        if enough(prefix):
            early = judge(prefix, known)
            assert (early.outcome, early.reason, early.rule) == (whole.outcome, whole.reason, whole.rule), (
                length
            )


def test_the_pages_are_there() -> None:
    assert {folder.parent.name for folder in CASES} == {"wechat", "zhihu", "csdn", "generic"}


def test_a_saved_page_is_made_a_case_by_the_script(tmp_path: Path) -> None:
    saved = tmp_path / "saved.html"
    saved.write_text('<div class="weui-msg__title">该内容已被发布者删除</div>', encoding="utf-8")
    url = "https://mp.weixin.qq.com/s/Qx3Yk9mTz2Lr7VbNc1WdEg"
    spec = importlib.util.spec_from_file_location("add", PAGES / "add.py")
    assert spec is not None
    assert spec.loader is not None
    add = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(add)
    folder = add.main(
        [
            "deleted",
            str(saved),
            "--url",
            url,
            "--http-status",
            "200",
            "--header",
            "A: b",
            "--folder",
            str(tmp_path),
        ]
    )
    page, known, expect = load(folder)
    assert (page.url, page.http_status, page.headers) == (url, 200, {"a": "b"})
    assert judge(page, known).rule == expect["rule"] == "wechat.removed.by_author"
