"""Identity, verdicts beyond the saved pages, the neighbour's probe and the shape of the package."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model import Failure, FailureKind, Known, Outcome, Page, Reason, Redirect
from monitor.platforms import PLATFORMS, article, enough, identify, judge, probe_url
from monitor.platforms.likeness import sketch
from monitor.urls import NotALink, is_personal

WECHAT = "https://mp.weixin.qq.com/s/Qx3Yk9mTz2Lr7VbNc1WdEg"
LONG = "https://mp.weixin.qq.com/s?__biz=MzI4NDY5Mjc1Mg==&mid=2247489783&idx=1&sn=c4b2a6f1d0e39587"
ZHIHU = "https://zhuanlan.zhihu.com/p/628341905"
CSDN = "https://blog.csdn.net/shanzhong/article/details/106489921"
BLOG = "https://blog.example.com/2019/05/tea-garden.html"
PROSE = "We spent three days in the hills and every morning began with a walk to the stream. " * 6


def page(
    body: str | bytes = "",
    *,
    url: str = BLOG,
    final_url: str = "",
    http_status: int | None = 200,
    failure: Failure | None = None,
    complete: bool = True,
    redirects: tuple[Redirect, ...] = (),
) -> Page:
    return Page(
        url=url,
        final_url=final_url or url,
        http_status=http_status,
        body=body.encode() if isinstance(body, str) else body,
        failure=failure,
        complete=complete,
        redirects=redirects,
    )


def html(text: str, title: str = "The tea garden") -> str:
    return f"<html><head><title>{title}</title></head><body><p>{text}</p></body></html>"


# --- identity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("http://mp.weixin.qq.com/s/Qx3Yk9mTz2Lr7VbNc1WdEg?scene=1&key=x#rd", WECHAT),
        ("https://mp.weixin.qq.com/s/Qx3Yk9mTz2Lr7VbNc1WdEg/?poc_token=H", WECHAT),
        (LONG + "&chksm=e1&scene=21&uin=MTIz&key=a&pass_ticket=b#wechat_redirect", LONG),
        (
            "http://mp.weixin.qq.com/s?sn=c4b2a6f1d0e39587&idx=1&mid=2247489783&__biz=MzI4NDY5Mjc1Mg%3D%3D",
            LONG,
        ),
        (LONG.replace("&", "&amp;"), LONG),
        (LONG.replace("&", "\\x26amp;"), LONG),
        (
            "https://mp.weixin.qq.com/mp/appmsg/show?__biz=MzI4NDY5Mjc1Mg==&appmsgid=2247489783&itemidx=1&sign=c4b2a6f1d0e39587",
            LONG,
        ),
        (
            "https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?poc_token=H&target_url=https%3A%2F%2Fmp.weixin.qq.com%2Fs%2FQx3Yk9mTz2Lr7VbNc1WdEg",
            WECHAT,
        ),
        (
            "https://mp.weixin.qq.com/s?src=11&timestamp=1719830400&ver=5353&signature=abc*D&new=1",
            "https://mp.weixin.qq.com/s?src=11&timestamp=1719830400&ver=5353&signature=abc%2AD&new=1",
        ),
        (
            "https://www.zhihu.com/question/1/answer/3021947756120034567?utm_id=0",
            "https://www.zhihu.com/answer/3021947756120034567",
        ),
        ("http://zhihu.com/answer/3021947756120034567#x", "https://www.zhihu.com/answer/3021947756120034567"),
        ("https://zhuanlan.zhihu.com/p/628341905?utm_psn=1", ZHIHU),
        ("https://www.zhihu.com/tardis/zm/art/628341905?source_id=1003", ZHIHU),
        ("https://www.zhihu.com/p/628341905", ZHIHU),
        ("https://m.zhihu.com/article/628341905", ZHIHU),
        (
            "https://www.zhihu.com/question/19550225/answers/updated",
            "https://www.zhihu.com/question/19550225",
        ),
        ("https://www.zhihu.com/signin?next=%2Fquestion%2F1%2Fanswer%2F2", "https://www.zhihu.com/answer/2"),
        (
            "https://link.zhihu.com/?target=https%3A//blog.csdn.net/a/article/details/1%3Fspm%3D1",
            "https://blog.csdn.net/a/article/details/1",
        ),
        (CSDN + "?spm=1001.2014&depth_1-utm_source=x", CSDN),
        ("http://shanzhong.blog.csdn.net/article/details/106489921", CSDN),
        ("https://m.blog.csdn.net/shanzhong/article/details/106489921", CSDN),
        ("https://bbs.csdn.net/topics/123/", "https://bbs.csdn.net/topics/123"),
    ],
)
def test_one_page_has_one_identity(raw: str, url: str) -> None:
    assert identify(raw).url == url
    assert identify(url).url == url


@pytest.mark.parametrize(
    ("url", "platform", "account"),
    [
        (WECHAT, "wechat", None),
        (LONG, "wechat", "MzI4NDY5Mjc1Mg=="),
        (ZHIHU, "zhihu", None),
        ("https://www.zhihu.com/people/shan-zhong", "zhihu", "shan-zhong"),
        (CSDN, "csdn", "shanzhong"),
        (BLOG, "generic", "blog.example.com"),
        ("https://notzhihu.com/p/1", "generic", "notzhihu.com"),
    ],
)
def test_an_address_tells_its_platform_and_sometimes_its_account(
    url: str, platform: str, account: str | None
) -> None:
    identity = identify(url)
    assert (identity.platform, identity.account, identity.host) == (platform, account, urlsplit(url).hostname)


IDS = st.sampled_from(
    [
        "/s/Qx3Yk9mTz2Lr7VbNc1WdEg",
        "/s",
        "/mp/homepage",
        "/p/1",
        "/question/1/answer/2",
        "/a/article/details/3",
        "/signin",
        "/",
    ]
)
TAILS = st.text(alphabet="abn=&%?/#;+._~中 \\x26tmpkeyuin@:2F", max_size=40)


@given(
    st.sampled_from(
        ["mp.weixin.qq.com", "www.zhihu.com", "zhuanlan.zhihu.com", "m.blog.csdn.net", "weixin.sogou.com"]
    ),
    IDS,
    TAILS,
)
def test_an_identity_is_its_own_identity_and_has_nothing_personal(host: str, path: str, tail: str) -> None:
    try:
        identity = identify(f"http://{host}{path}?{tail}")
    except NotALink:
        return
    assert identify(identity.url) == identity
    for piece in urlsplit(identity.url).query.split("&"):
        name, _, value = piece.partition("=")
        assert not is_personal(name, value)


# --- failures and statuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FailureKind)
def test_only_a_name_that_does_not_exist_counts_as_gone(kind: FailureKind) -> None:
    verdict = judge(page(http_status=None, failure=Failure(kind, "what happened")))
    assert verdict.outcome is (Outcome.GONE if kind is FailureKind.NO_SUCH_HOST else Outcome.FAILED)
    assert verdict.evidence == "what happened"


def test_a_page_cut_off_after_its_proof_is_still_alive() -> None:
    cut = page(
        '<div id="js_article">', url=WECHAT, failure=Failure(FailureKind.RESET, "reset"), complete=False
    )
    assert judge(cut).reason is Reason.ARTICLE


def test_a_notice_cut_off_is_not_believed() -> None:
    body = '<div class="weui-msg"><div class="weui-msg__title">该内容已被发布者删除</div>'
    cut = page(body, url=WECHAT, failure=Failure(FailureKind.TIMEOUT, "30 s"), complete=False)
    assert judge(cut).reason is Reason.TIMEOUT


@pytest.mark.parametrize("status", [401, 403, 407, 429, 451])
@pytest.mark.parametrize("url", [WECHAT, ZHIHU, CSDN, BLOG])
def test_a_refusal_is_a_wall_on_every_platform(status: int, url: str) -> None:
    assert judge(page(url=url, http_status=status)).outcome is Outcome.WALLED


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 530])
@pytest.mark.parametrize("url", [WECHAT, ZHIHU, CSDN, BLOG])
def test_a_server_in_trouble_says_nothing_final(status: int, url: str) -> None:
    assert judge(page(url=url, http_status=status)).outcome is Outcome.FAILED


def test_a_redirect_that_leads_nowhere_is_a_protocol_error() -> None:
    assert judge(page(http_status=302)).reason is Reason.PROTOCOL


def test_a_short_link_is_judged_as_what_it_stands_for() -> None:
    body = '<div class="weui-msg"><h2 class="weui-msg__title">该内容已被发布者删除</h2></div>'
    assert judge(page(body, url="https://t.example/x", final_url=WECHAT)).outcome is Outcome.REMOVED


def test_a_front_page_is_told_without_the_parameters_of_the_address() -> None:
    led = page("<p>Welcome</p>", final_url="https://blog.example.com/?utm_source=a&share_token=s3cret")
    verdict = judge(led)
    assert (verdict.reason, "s3cret" in verdict.evidence) == (Reason.HOME_PAGE, False)


# --- what is known of a link ---------------------------------------------------------------------------------------


def test_the_same_text_is_the_same_page_even_under_a_new_title() -> None:
    verdict = judge(page(html(PROSE, "404 Not Found")), Known(title="The tea garden", sketch=sketch(PROSE)))
    assert (verdict.reason, verdict.likeness) == (Reason.SAME_TEXT, 1.0)


def test_another_text_under_another_title_is_another_page() -> None:
    other = html("Casino bonus and roulette for everybody who likes to play online tonight. " * 8, "Casino")
    verdict = judge(page(other), Known(title="The tea garden", sketch=sketch(PROSE)))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAILED, Reason.OTHER_PAGE)


def test_another_text_under_the_recorded_title_is_alive() -> None:
    rewritten = html("Nothing of the former text is left in this edition, all was written anew. " * 8)
    verdict = judge(page(rewritten), Known(title="The tea garden", sketch=sketch(PROSE)))
    assert verdict.reason is Reason.SAME_TITLE
    assert verdict.likeness is not None
    assert verdict.likeness < 0.3


def test_a_prefix_that_lacks_the_text_is_not_taken_for_another_page() -> None:
    start = page("<html><head><title>Loading</title></head><body>", complete=False)
    assert judge(start, Known(title="The tea garden", sketch=sketch(PROSE))).outcome is Outcome.OK


def test_drift_on_a_platform_is_a_property_and_no_death() -> None:
    body = f'<div id="js_article"><div id="js_content">{"山中别有天地，雾气散后始见人家。" * 8}</div></div>'
    verdict = judge(page(body, url=WECHAT), Known(sketch=sketch(PROSE)))
    assert (verdict.outcome, verdict.likeness) == (Outcome.OK, 0.0)


SORRY = html(
    "We looked everywhere but there is nothing to see at this address, try the search.", "Hill Notes"
)


def test_a_neighbour_with_the_same_answer_proves_a_soft_404() -> None:
    probe = page(SORRY, url=probe_url(BLOG) or "")
    verdict = judge(page(SORRY), Known(probe=probe))
    assert (verdict.outcome, verdict.reason) == (Outcome.GONE, Reason.SOFT_404)


def test_a_neighbour_that_lands_at_the_same_address_proves_a_soft_404() -> None:
    landing = "https://blog.example.com/welcome"
    probe = page(html(PROSE), url=probe_url(BLOG) or "", final_url=landing)
    assert judge(page(html(PROSE), final_url=landing), Known(probe=probe)).reason is Reason.SOFT_404


@pytest.mark.parametrize("status", [404, 410, 403, 500])
def test_a_neighbour_that_is_not_there_clears_the_page(status: int) -> None:
    probe = page(SORRY, url=probe_url(BLOG) or "", http_status=status)
    assert judge(page(SORRY), Known(probe=probe)).outcome is Outcome.OK


def test_a_neighbour_behind_a_wall_says_nothing() -> None:
    wall = "<html><head><title>Just a moment...</title><script>window._cf_chl_opt={};</script></head></html>"
    probe = page(wall, url=probe_url(BLOG) or "")
    assert judge(page(SORRY), Known(probe=probe)).outcome is Outcome.OK


def test_the_shell_of_an_application_is_the_same_everywhere_and_proves_nothing() -> None:
    shell = '<html><head><title>Docs</title></head><div id="root">Loading the application, please wait.</div></html>'
    assert judge(page(shell), Known(probe=page(shell, url=probe_url(BLOG) or ""))).outcome is Outcome.OK


# --- moves ---------------------------------------------------------------------------------------------------------

NEW = "https://new.example.org/posts/tea-garden"


@pytest.mark.parametrize(
    ("statuses", "moved"), [((301,), True), ((308, 301), True), ((302,), False), ((301, 302), False)]
)
def test_only_permanent_redirects_all_the_way_are_a_move(statuses: tuple[int, ...], *, moved: bool) -> None:
    hops = tuple(Redirect(BLOG, status) for status in statuses)
    verdict = judge(page(html(PROSE), final_url=NEW, redirects=hops))
    assert verdict.moved_to == (NEW if moved else None)


def test_another_spelling_of_the_same_page_is_no_move() -> None:
    hops = (Redirect(BLOG, 301),)
    assert judge(page(html(PROSE), final_url=BLOG + "?utm_source=x", redirects=hops)).moved_to is None


# --- the neighbour -------------------------------------------------------------------------------------------------


def test_the_neighbour_is_25_letters_in_the_same_directory_and_always_the_same() -> None:
    neighbour = probe_url(BLOG + "?page=2")
    assert neighbour is not None
    directory, _, last = neighbour.rpartition("/")
    assert directory == "https://blog.example.com/2019/05"
    assert last.isalpha()
    assert len(last) == 25
    assert neighbour == probe_url(BLOG + "?page=2") != probe_url(BLOG)


@pytest.mark.parametrize("url", [WECHAT, ZHIHU, CSDN, "https://example.com/", "https://example.com/?p=1"])
def test_no_neighbour_is_made_up_where_it_would_prove_nothing(url: str) -> None:
    assert probe_url(url) is None


# --- articles ------------------------------------------------------------------------------------------------------


def test_a_wechat_article_tells_its_account_time_and_pictures() -> None:
    body = """<meta property="og:title" content="雾里的茶园"><div id="js_article"><div id="js_content">
      <p>山里三天，每天早上先去溪边打水，再生火煮茶，下午雾散了，能看到对面的茶园和一条很细的公路，路上没有人。</p>
      <img data-src="https://mmbiz.qpic.cn/a/640?wx_fmt=png"><section style="background-image: url(&quot;https://mmbiz.qpic.cn/b/0&quot;)"></section>
      </div></div><script>var biz = "MzI4NDY5Mjc1Mg==" || ""; var ct = "1719830400";
      var list = [{cdn_url: 'https://mmbiz.qpic.cn/c/0?wx_fmt=jpeg\\x26amp;from=1'}];</script>"""
    found = article(page(body, url=WECHAT), judge(page(body, url=WECHAT)))
    assert found is not None
    assert found.text.startswith("山里三天")
    assert found.title == "雾里的茶园"
    assert found.account == "MzI4NDY5Mjc1Mg=="
    assert found.published_at == datetime(2024, 7, 1, 10, 40, tzinfo=UTC)
    assert found.pictures == (
        "https://mmbiz.qpic.cn/a/640?wx_fmt=png",
        "https://mmbiz.qpic.cn/b/0",
        "https://mmbiz.qpic.cn/c/0?wx_fmt=jpeg&from=1",
    )


def test_a_wechat_picture_post_is_read_from_its_description() -> None:
    body = """<meta property="og:title" content="今天的雾"><meta property="og:description" content="九张照片">
      <div id="js_article"></div>"""
    found = article(page(body, url=WECHAT), judge(page(body, url=WECHAT)))
    assert found is not None
    assert found.text == "今天的雾 九张照片"


def test_a_zhihu_article_tells_its_author_and_time() -> None:
    body = """<script id="js-initialData">{"initialState":{"entities":{"articles":{"628341905":{"title":"雾里的茶园",
      "content":"<p>山里三天</p><img src=\\"https://pic1.zhimg.com/a.jpg\\">","created":1683000000,
      "author":{"urlToken":"shan-zhong"}}}}}}</script>"""
    found = article(page(f"<html>{body}</html>", url=ZHIHU), judge(page(f"<html>{body}</html>", url=ZHIHU)))
    assert found is not None
    assert (found.text, found.title, found.account) == ("山里三天", "雾里的茶园", "shan-zhong")
    assert found.published_at == datetime.fromtimestamp(1683000000, UTC)
    assert found.pictures == ("https://pic1.zhimg.com/a.jpg",)


def test_a_csdn_article_has_chinas_time() -> None:
    body = """<html><head><script type="application/ld+json">{"pubDate":"2020-06-02T10:20:30"}</script></head><body>
      <h1 id="articleContentId">雾里的茶园</h1><div id="content_views">山里三天<img src="/a.png"></div></body></html>"""
    found = article(page(body, url=CSDN), judge(page(body, url=CSDN)))
    assert found is not None
    assert (found.title, found.account, found.text) == ("雾里的茶园", "shanzhong", "山里三天")
    assert found.published_at == datetime(2020, 6, 2, 2, 20, 30, tzinfo=UTC)
    assert found.pictures == ("https://blog.csdn.net/a.png",)


def test_an_ordinary_article_leaves_navigation_out() -> None:
    body = f"""<html><head><title>The tea garden</title>
      <meta property="article:published_time" content="2019-05-04T08:00:00+08:00">
      </head><body><nav>Home</nav><p>{PROSE}</p>
      <img src="../a.png"><footer>2019</footer></body></html>"""
    found = article(page(body), judge(page(body)))
    assert found is not None
    assert found.text == PROSE.strip()
    assert found.account == "blog.example.com"
    assert found.published_at == datetime(2019, 5, 4, 0, 0, tzinfo=UTC)
    assert found.pictures == ("https://blog.example.com/2019/a.png",)


def test_a_page_that_is_not_ok_has_no_article() -> None:
    assert article(page(html(PROSE), http_status=404), judge(page(html(PROSE), http_status=404))) is None


# --- hostile input -------------------------------------------------------------------------------------------------

MARKS = st.sampled_from(
    [
        b'<div id="js_article">',
        b'<div class="weui-msg__title">',
        "该内容已被发布者删除".encode(),
        b'<script id="js-initialData">{"initialState":',
        b'{"error":{"code":',
        b"<title>404",
        b'<meta name="report" content="{',
        b'<div id="messagetext">',
        b"</script>",
        b"document.write(",
        b"transferTargetLink='",
        b"<iframe src=//",
        b'data-zop="{',
        b"\xff\xfe",
        b"[" * 200,
        b"<b>" * 40,
        b"&#x110000;",
    ]
)
BODIES = st.lists(MARKS | st.binary(max_size=20), max_size=12).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(
    BODIES,
    st.sampled_from([WECHAT, LONG, ZHIHU, "https://www.zhihu.com/answer/2", CSDN, BLOG, "https://["]),
    st.sampled_from([None, 0, 200, 302, 403, 404, 503, 521, 999]),
    st.sampled_from(
        ["", "text/html; charset=gbk", "text/html; charset=nonsense", "application/json", "\x00"]
    ),
    st.booleans(),
)
def test_no_bytes_make_a_judge_raise(
    body: bytes, url: str, status: int | None, kind: str, complete: bool
) -> None:
    hostile = Page(
        url=url,
        final_url=url,
        http_status=status,
        headers={"content-type": kind},
        body=body,
        complete=complete,
    )
    known = Known(title="The tea garden", sketch=sketch(PROSE), probe=hostile)
    verdict = judge(hostile, known)
    assert verdict.evidence.isprintable()
    assert len(verdict.evidence) <= 300
    enough(hostile)
    article(hostile, judge(hostile))


# --- the package ---------------------------------------------------------------------------------------------------


def test_the_core_needs_neither_network_nor_database() -> None:
    core = "monitor.platforms, monitor.policy.pace, monitor.report.why, monitor.urls"
    code = f"import sys, {core}; print({{'aiohttp', 'sqlalchemy'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout == "set()\n"


def test_platforms_have_names_of_their_own_and_generic_is_last() -> None:
    assert [platform.NAME for platform in PLATFORMS] == ["wechat", "zhihu", "csdn", "generic"]
    assert PLATFORMS[-1].HOSTS == ()
