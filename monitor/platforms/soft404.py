"""Pages that say "not here" with status 200: forums, blogs, Chinese portals. Pure.

Facts: docs/platforms.md, "Ordinary sites: gone, and the whole site gone".
"""

from __future__ import annotations

import re

from monitor.model import Outcome, Reason, Verdict
from monitor.platforms.base import found
from monitor.platforms.html import Document
from monitor.platforms.notice_page import has_article, has_prose, is_short, lines, says

_MAX_BYTES = 400_000

_THING = "(?:页面|网页|文章|内容|资源|信息|帖子|主题|链接|文件|頁面|網頁|內容)"
_NOT_FOUND = re.compile(
    rf"""(?xi)
      (?:(?:error|http)\ )?404(?:\ error)?[\s:!.,-]*(?:(?:page|file)?\ ?not\ found)?[.!]*
    | (?:oops|sorry|whoops)?[!,.\s]*(?:the|this|that)?\ ?(?:page|post|article|file|document|content)
      (?:\ (?:that\ )?you(?:\ are|['’]re|\ were)?\ (?:requested|looking\ for|trying\ to\ (?:access|reach)))?
      \ (?:(?:(?:was|is|could|can)\ ?not|(?:was|is|could)n['’]t|can['’]t)(?:\ be)?\ (?:found|available)
        |does(?:\ not|n['’]t)\ exist|no\ longer\ exists|has\ been\ (?:removed|deleted))[.!]*
    | (?:page|file|article|post)?\ ?not\ found[.!]*
    | (?:(?:很?抱歉|对不起|提示|系统提示|對不起)[,，!！:：。\s]*)?[您你]?所?要?(?:访问|查看|请求|浏览|查找|訪問)?
      的?(?:这个|该|此)?{_THING}(?:可能)?[已并]?经?(?:不存在|找不到了?|没有找到|未找到|被?删除|失效|不见了|走丢了)
      (?:[,，、]?或者?[已经]*被?(?:删除|移除|失效|下线))?(?:或正在被审核)?(?:[.,!。，、！~].{{0,40}})?
    | (?:找不到|未找到|没有找到)(?:该|此|您要的|您访问的|相关)?{_THING}[.!。！~]*
    """
)
_WAY_HOME = re.compile(r"秒钟?[后之]*.{0,12}(?:跳转|返回|回到|转到).{0,6}(?:首页|主页)")
_REFRESH = re.compile(
    r"""(?i)\d+\s*[;,]\s*url\s*=\s*['"]?(?:https?://[^/'"]+)?/?(?:index\.\w{2,5})?['"]?\s*"""
)
_MARKED = ", ".join(
    f'[{attribute}*="{mark}"]'
    for attribute in ("class", "id")
    for mark in ("error-404", "error404", "page-404", "page404", "not-found", "notfound", "not_found", "404")
)
_PIECES = re.compile(r"\s[|\-–—·_:»]\s|[|_]|[-–—](?=[^-–—]*$)")


def soft_404(document: Document, *, titled: bool) -> Verdict | None:
    """The page says of itself that it is not there.

    ``titled``: its title is the recorded one. Then words prove nothing, since the article may be about them.
    """
    if not document.is_html or len(document.page.body) > _MAX_BYTES:
        return None
    if forum := _discuz(document):
        return forum
    body = document.tree.body
    if body is not None and "error404" in (body.attributes.get("class") or "").split():
        return _gone("wordpress", document.title or "body.error404", document)
    if titled or not is_short(document) or has_prose(document) or has_article(document):
        return None
    return _two_signs(document)


def _two_signs(document: Document) -> Verdict | None:
    """Two of: the title, a line of text, the way back to the front page, an error element, nothing else to read."""
    pieces = (document.title, *(piece.strip() for piece in _PIECES.split(document.title)))
    in_title = says(_NOT_FOUND, [piece for piece in pieces if piece])
    texts = lines(document)
    in_text = says(_NOT_FOUND, texts)
    signs = (
        in_title,
        in_text,
        _WAY_HOME.search(document.visible) or _REFRESH.fullmatch(document.refresh),
        document.has(_MARKED),
        in_text and in_text == document.visible,
    )
    if (in_title or in_text) and sum(map(bool, signs)) >= 2:
        return _gone("soft_404", in_text or in_title, document)
    return None


def _gone(rule: str, evidence: str, document: Document) -> Verdict:
    return found(Outcome.GONE, Reason.SOFT_404, f"generic.gone.{rule}", evidence, title=document.title)


def _discuz(document: Document) -> Verdict | None:
    """Discuz answers 200 with a message box instead of the thread."""
    message = document.text("#messagetext") if document.may_hold("messagetext") else ""
    if not message or document.has('[id^="postmessage_"]'):
        return None
    if re.search(r"不存在|已被删除|not exist|deleted", message):
        return _gone("discuz", message, document)
    if re.search(r"没有权限|无权|登录|游客|permission|log ?in", message):
        return found(Outcome.WALLED, Reason.LOGIN, "generic.walled.discuz", message, title=document.title)
    if re.search(r"关闭|维护|closed|maintenance", message):
        return found(
            Outcome.FAILED, Reason.MAINTENANCE, "generic.failed.discuz_closed", message, title=document.title
        )
    return None
