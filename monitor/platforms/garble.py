"""Whether Chinese text is noise: what Zhihu has served to clients without its cookie, or a wrong decoding. Pure."""

from __future__ import annotations

import re

_CJK = re.compile(r"[\u3400-\u9fff]")
_NOISE = re.compile(r"[\ufffd\ue000-\uf8ff]")
_LATIN_1 = re.compile(r"[\u0080-\u00ff]")
# In any Chinese prose these are a third of all characters; classical and technical prose stays above a tenth.
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所"
    "然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它"
    "與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等产新与"
    "长机关点业将两间问并应战头体见这個們來為國說時會對後過發種經學樣還進開從實無其者也曰焉乎矣哉"
)
_ENOUGH = 60  # characters, below which a list of names would be noise too


def is_garbled(text: str) -> bool:
    """Whether a text reads like characters drawn at random or bytes decoded wrongly."""
    sample = text[:4000]
    if len(sample) < _ENOUGH:
        return False
    if len(_NOISE.findall(sample)) > len(sample) / 20 or sample.count("锟斤拷") > 3:
        return True
    cjk = _CJK.findall(sample)
    if len(cjk) < _ENOUGH:
        return not cjk and len(_LATIN_1.findall(sample)) > len(sample) / 2
    return sum(map(_COMMON.__contains__, cjk)) < len(cjk) * 0.08
