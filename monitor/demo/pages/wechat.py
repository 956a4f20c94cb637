# ruff: noqa: E501 - markup is read best as the platform breaks it

"""mp.weixin.qq.com: living posts of every kind, removal notices of every era, the captcha.

Built after docs/platforms.md, "WeChat": the status is 200 for everything but the way to the captcha.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, quote, urlsplit

from monitor.demo.pages.wechat_notices import NOTICES, notice
from monitor.demo.posts import Post
from monitor.demo.reply import Filler, Reply, Visit, filler, page, redirect, styles
from monitor.demo.state import Setting, State
from monitor.demo.text import token

CAPTCHA_PATH = "/mp/wappoc_appmsgcaptcha"
_KINDS = {
    State.LIVE: 0,
    State.WECHAT_ARTICLE: 0,
    State.WECHAT_ARTICLE_2018: 0,
    State.WECHAT_SHARED: 11,
    State.WECHAT_VIDEO: 5,
    State.WECHAT_AUDIO: 7,
    State.WECHAT_IMAGE: 8,
    State.WECHAT_TEXT: 10,
    State.WECHAT_SHORT: 17,
}
# Living pages carry every marker of the dead ones in their scripts (docs/platforms.md, "WeChat: what proves nothing").
_AMBIGUOUS = """
<script type="text/template" id="t_dialog"><div class="weui-dialog"><div class="weui-toast">操作过于频繁，请稍后再试</div></div></script>
<script nonce="{nonce}">
var is_rumor = ""*1; var rumor_url = "https://mp.weixin.qq.com/mp/rumor?action=info";
var i18n = {{"deleted":"该内容已被发布者删除","violation":"此内容因违规无法查看","goods":"商品因违规已下架","album":"商品合集已被删除",
"gone":"The content has been deleted by the author.","code":"404","verify":"环境异常","poc_token":""}};
var tpl = '<div class="weui-msg"><h2 class="weui-msg__title">参数错误</h2></div>';
</script>
"""


def build(visit: Visit, post: Post | None, setting: Setting, *, page_bytes: int) -> Reply:
    """The answer to ``visit``. ``post`` is None for an address without an article."""
    path = urlsplit(visit.url).path
    if path == CAPTCHA_PATH:
        return _captcha_shell(visit)
    if setting.state is State.WECHAT_CAPTCHA:
        return to_captcha(visit)
    if setting.state in NOTICES:
        return notice(visit, post, setting)
    if post is None:
        return _without_post(visit, path)
    if setting.state is State.WECHAT_ARTICLE_2018:
        return _article_2018(post, setting)
    return _living(visit, post, setting, page_bytes)


def _without_post(visit: Visit, path: str) -> Reply:
    if path == "/s" and "__biz=" in visit.url:
        return to_captcha(visit)  # a nonexistent long address may meet the captcha
    if path.startswith("/s"):
        return notice(visit, None, Setting(state=State.WECHAT_BAD_LINK))
    if path.startswith("/mp/profile_ext"):
        return notice(visit, None, Setting(state=State.WECHAT_CLIENT_ONLY))
    return page(
        "<!DOCTYPE html><html><head><title>微信公众平台</title></head><body>", styles(8000), "</body></html>"
    )


def to_captcha(visit: Visit) -> Reply:
    """The redirect that the captcha begins with; the address asked for goes along, percent-encoded."""
    asked = quote(visit.url, safe="")
    return redirect(
        f"https://mp.weixin.qq.com{CAPTCHA_PATH}?poc_token={token(32, visit.nonce)}&target_url={asked}"
    )


def _captcha_shell(visit: Visit) -> Reply:
    query = parse_qs(urlsplit(visit.url).query)
    poc_token = query.get("poc_token", [""])[0]
    head = (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title></title>'
        '<link rel="stylesheet" href="//res.wx.qq.com/mmbizwap/zh_CN/htmledition/style/secitptpage/verify3f2a91.css">'
        '<script src="https://captcha.gtimg.com/1/TCaptcha.js"></script></head>'
        '<body id="" class="zh_CN" data-pageid="mmbizwap:secitptpage/verify.html"><div class="weui-msg"></div>'
    )
    script = (
        "<script>window.PAGE_MID='mmbizwap:secitptpage/verify.html';"
        f'var cap_appid="2003473469",cap_sid="{token(24, "sid", visit.nonce)}",'
        f'poc_sid="{token(20, "poc", visit.nonce)}",poc_token="{escape(poc_token)}";</script>'
    )
    return page(head, styles(15_500), script, "</body></html>")


def _metas(post: Post, kind: int) -> str:
    summary = "" if kind == 8 else escape(post.text(Setting())[-1][:60])
    own = escape(post.own_url)
    cover = f"https://mmbiz.qpic.cn/mmbiz_jpg/{post.picture(0)}/0?wx_fmt=jpeg"
    return (
        f'<meta name="description" content="{summary}"/><meta name="author" content=""/>'
        f'<meta property="og:title" content="{escape(post.title)}"/><meta property="og:url" content="{own}"/>'
        f'<meta property="og:image" content="{cover}"/><meta property="og:description" content="{summary}"/>'
        '<meta property="og:site_name" content="微信公众平台"/><meta property="og:type" content="article"/>'
        '<meta property="og:article:author" content=""/><meta property="twitter:card" content="summary"/>'
        f'<meta property="twitter:image" content="{cover}"/><meta property="twitter:title" content="{escape(post.title)}"/>'
        f'<meta property="twitter:description" content="{summary}"/>'
    )


def _identity(post: Post) -> tuple[str, str, str, str]:
    """biz, mid, idx and sn: from the address where it has them, else made up once for the post."""
    parts = post.place.key.removeprefix("wechat:").split("/")
    if len(parts) == 3:
        return parts[0], parts[1], parts[2], token(32, "sn", post.seed).lower()
    mid = 2_650_000_000 + int.from_bytes(post.seed.encode()[-4:], "big") % 10_000_000
    return f"Mz{post.account_id[:12]}==", str(mid), "1", token(32, "sn", post.seed).lower()


def _variables(visit: Visit, post: Post, kind: int) -> str:
    biz, mid, idx, sn = _identity(post)
    user, created = f"gh_{post.account_id[:12].lower()}", int(post.published.timestamp())
    if kind in {0, 7, 11}:
        return (
            f'<script nonce="{visit.nonce}">var biz = ""||"{biz}"; var sn = ""||"{sn}"; var mid = "{mid}"||""||"";'
            f' var idx = "{idx}"||""||""; var ct = "{created}"; var user_name = "{user}";'
            f" var nickname = htmlDecode(\"{escape(post.account)}\"); var msg_title = '{escape(post.title)}'.html(false);"
            f' window.item_show_type = "{kind}"; var item_show_type = "{kind}"; var req_id = "{visit.nonce}";</script>'
        )
    return (
        f'<script nonce="{visit.nonce}">window.cgiDataNew = {{ bizuin: "{biz}", mid: "{mid}", idx: "{idx}", sn: "{sn}",'
        f" title: '{escape(post.title)}', nick_name: '{escape(post.account)}', user_name: '{user}',"
        f' create_time: "{created}", item_show_type: "{kind}", req_id: "{visit.nonce}" }};'
        f' window.item_show_type = "{kind}";</script>'
    )


def _picture(post: Post, number: int) -> str:
    source = f"https://mmbiz.qpic.cn/mmbiz_png/{post.picture(number)}/640?wx_fmt=png&amp;from=appmsg"
    if number % 4 == 0:
        return f'<section style="background-image: url(&quot;{source}&quot;);background-size: cover"><br></section>'
    return (
        f'<p><img class="rich_pages wxw-img" data-src="{source}" data-type="png" data-w="1080" data-ratio="0.56"'
        ' src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="></p>'
    )


def _content(post: Post, setting: Setting) -> str:
    parts = []
    for number, paragraph in enumerate(post.text(setting)):
        parts.append(f'<section style="line-height: 1.75em;"><span>{escape(paragraph)}</span></section>')
        if number < post.pictures:
            parts.append(_picture(post, number + 1))
    return "".join(parts)


def _body(post: Post, setting: Setting, kind: int) -> str:
    title, account = escape(post.title), escape(post.account)
    if kind in {0, 7, 11}:
        return (
            f'<h1 class="rich_media_title" id="activity-name">{title}</h1>'
            '<div id="meta_content" class="rich_media_meta_list"><span id="profileBt">'
            f'<a href="javascript:void(0);" class="wx_tap_link" id="js_name">{account}</a></span>'
            '<em id="publish_time" class="rich_media_meta rich_media_meta_text"></em></div>'
            '<div class="rich_media_content js_underline_content" id="js_content"'
            f' style="visibility: hidden; opacity: 0; ">{_content(post, setting)}</div>'
        )
    if kind in {10, 17}:
        text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in post.text(setting)[:2])
        return f'<div class="rich_media_content" id="js_content" style="visibility: hidden; opacity: 0; ">{text}</div>'
    if kind == 8:
        pictures = "".join(
            f"{{ cdn_url: 'https://mmbiz.qpic.cn/mmbiz_jpg/{post.picture(number)}/0?wx_fmt=jpeg', width: '1080' }},"
            for number in range(1, post.pictures + 1)
        )
        return f'<div class="share_content_page"></div><script>window.picture_page_info_list = [{pictures}];</script>'
    return f'<div id="js_mpvedio" class="video_content"></div><script>var video_title = "{title}";</script>'


def _living(visit: Visit, post: Post, setting: Setting, page_bytes: int) -> Reply:
    state = post.living if setting.state is State.LIVE else setting.state
    kind = _KINDS[state]
    padding: Filler = filler(max(page_bytes, 2048) // 2)
    head = (
        '<!DOCTYPE html><html class=""><head><meta name="wechat-enable-text-zoom-em" content="true">'
        '<meta http-equiv="Content-Type" content="text/html; charset=utf-8"><meta http-equiv="X-UA-Compatible" content="IE=edge">'
        f'<meta name="referrer" content="origin-when-cross-origin">{_metas(post, kind)}<title></title>'
        "<style>.weui-msg{padding-top:48px}.weui-msg__title{font-weight:400}.page_msg,.global_error_msg{color:#353535}</style>"
        f'<script nonce="{visit.nonce}">'
    )
    body = (
        '</script></head><body id="activity-detail" class="zh_CN wx_wap_page mm_appmsg">'
        '<div id="js_article" class="rich_media"><div class="rich_media_inner"><div id="page-content">'
        f'<div id="img-content" class="rich_media_wrp">{_body(post, setting, kind)}</div></div></div></div>'
    )
    scripts = _variables(visit, post, kind) + _AMBIGUOUS.format(nonce=visit.nonce)
    return page(
        head, padding, body, scripts, f'<script nonce="{visit.nonce}">', padding, "</script></body></html>"
    )


def _article_2018(post: Post, setting: Setting) -> Reply:
    biz, mid, idx, sn = _identity(post)
    head = (
        '<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
        f"<title>{escape(post.title)}</title>"
    )
    body = (
        '</head><body id="activity-detail" class="zh_CN mm_appmsg"><div id="js_article" class="rich_media">'
        f'<h2 class="rich_media_title" id="activity-name">{escape(post.title)}</h2>'
        f'<em id="publish_time" class="rich_media_meta">{post.published:%Y-%m-%d}</em>'
        f'<a class="rich_media_meta" href="##" id="js_name">{escape(post.account)}</a>'
        f'<div class="rich_media_content" id="js_content">{_content(post, setting)}</div></div>'
        f'<script>var biz = ""||"{biz}"; var sn = "{sn}"||""; var mid = "{mid}"; var idx = "{idx}";'
        f' var ct = "{int(post.published.timestamp())}"; var user_name = "gh_{post.account_id[:12].lower()}";'
        f' var nickname = "{escape(post.account)}"; var item_show_type = "0";</script><script>'
    )
    return page(head, styles(40_000), body, filler(60_000), "</script></body></html>")
