"""Bytes into text: whatever a list was saved as, every byte sequence is readable."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(
    rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:\-]{1,40})|<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:\-]{1,40})",
    re.IGNORECASE,
)
_IN_CONTENT_TYPE = re.compile(r"charset\s*=\s*[\"']?([\w.:\-]{1,40})", re.IGNORECASE)
# The families that a list may be declared in; not the codecs that are no character encodings (idna, base64 …).
_FAMILIES = (
    "big5",
    "cp",
    "euc",
    "gb",
    "hz",
    "iso2022",
    "iso8859",
    "johab",
    "koi8",
    "mac",
    "shift_jis",
    "tis",
)


def decode(data: bytes, content_type: str | None = None) -> str:
    """``data`` as text with ``\\n`` line ends and without NUL. Never raises.

    In this order: the byte order mark; UTF-8 if the bytes are valid UTF-8; the encoding that the content type or
    the head of the file declares; GB18030, the usual encoding of old Chinese files; UTF-8 with replacements.
    """
    text = _to_text(data, content_type)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\x00", "") if "\x00" in text else text


def _to_text(data: bytes, content_type: str | None) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _to_text_by_guess(data, content_type)


def _to_text_by_guess(data: bytes, content_type: str | None) -> str:
    declared = _declared_codec(data, content_type)
    if declared:
        return data.decode(declared, "replace")
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    beyond_ascii = len(text) - sum(map(len, re.findall(r"[\x00-\x7f]+", text)))
    if damaged * 5 <= beyond_ascii:  # UTF-8 with a few bad bytes; a GB18030 text would be nearly all damage
        return text
    chinese = data.decode("gb18030", "replace")
    return chinese if chinese.count("\ufffd") < damaged else text


def _declared_codec(data: bytes, content_type: str | None) -> str | None:
    """The codec that is declared for ``data``; GB18030 for all that it contains. UTF-8 was tried before."""
    in_type = _IN_CONTENT_TYPE.search(content_type or "")
    in_head = _DECLARED.search(data[:2048])
    for name in (
        in_type[1] if in_type else "",
        (in_head[1] or in_head[2]).decode("ascii") if in_head else "",
    ):
        try:
            codec = codecs.lookup(name).name
        except LookupError:
            continue
        if codec == "iso8859-1" and name == (in_type and in_type[1]):
            continue  # the default of old servers, not a statement about this file
        if codec.startswith(_FAMILIES):
            return "gb18030" if codec in {"gb2312", "gbk"} else codec
    return None
