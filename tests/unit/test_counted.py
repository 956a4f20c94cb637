from __future__ import annotations

import pytest

from monitor.counted import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 links"), (1, "1 link"), (2, "2 links"), (25_000, "25,000 links")]
)
def test_one_link_is_no_links(number: int, said: str) -> None:
    assert counted(number, "link") == said
