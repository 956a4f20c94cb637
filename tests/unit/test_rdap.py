from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import rdap
from monitor.policy import Registration

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SAID: dict[str, Any] = {
    "objectClassName": "domain",
    "ldhName": "EXAMPLE.org",
    "status": ["client hold", "Redemption Period", "client transfer prohibited"],
    "events": [{"eventAction": "expiration", "eventDate": "2026-07-01T12:00:00.5+08:00"}],
}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("www.example.com", "example.com"),
        ("example.com.", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("someone.github.io", "github.io"),  # nobody registered the name below
        ("blog.example.com.cn", "example.com.cn"),
        ("com", None),
        ("co.uk", None),
        ("127.0.0.1", None),
        ("8.8.8.8", None),
        ("::1", None),
        ("[2001:db8::1]", None),
        ("localhost", None),
        ("router.lan", None),
        ("nas.home.arpa", None),
        ("wiki.corp.internal", None),
        ("site.example", None),
    ],
)
def test_only_what_somebody_can_register_is_asked_about(host: str, name: str | None) -> None:
    assert rdap.registrable(host) == name


def test_the_longest_ending_says_who_is_asked_and_only_in_secret() -> None:
    services = [
        [["uk", "com"], ["http://a.example/rdap/", "https://a.example/rdap"]],
        [["co.uk"], ["https://b.example/"]],
        [["net"], ["http://plain.example/"]],
        "nonsense",
        [["org"]],
        [[7], [8]],
    ]
    known = rdap.servers(json.dumps({"services": services}).encode())
    assert rdap.question("x.com", known) == "https://a.example/rdap/domain/x.com"
    assert rdap.question("x.co.uk", known) == "https://b.example/domain/x.co.uk"
    assert rdap.question("x.org.uk", known) == "https://a.example/rdap/domain/x.org.uk"
    assert rdap.question("x.net", known) is None
    assert rdap.question("x.cn", known) is None


def test_an_answer_tells_the_end_and_what_speaks_of_it() -> None:
    told = rdap.answer(json.dumps(SAID).encode(), "example.org", NOW)
    expires = datetime(2026, 7, 1, 4, 0, 0, 500_000, tzinfo=UTC)
    assert told == Registration(NOW, expires, frozenset({"client hold", "redemption period"}))


@pytest.mark.parametrize(
    "events",
    [None, "soon", [7], [{"eventAction": "registrar expiration", "eventDate": "2026-07-01T00:00:00Z"}]]
    + [
        [{"eventAction": "expiration", "eventDate": date}]
        for date in (None, 7, "soon", "0001-01-01T00:00:00+14:00")
    ],
)
def test_no_date_that_is_one_is_no_date(events: Any) -> None:
    assert rdap.answer(json.dumps(SAID | {"events": events}).encode(), "example.org", NOW).expires_at is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"<html>",
        b"[" * 100_000,
        b"[]",
        b"{}",
        json.dumps(SAID | {"ldhName": "other.org"}).encode(),
        json.dumps(SAID | {"objectClassName": "nameserver"}).encode(),
    ],
)
def test_what_is_no_answer_about_the_domain_is_refused(body: bytes) -> None:
    with pytest.raises(rdap.UnreadableError):
        rdap.answer(body, "example.org", NOW)
    with pytest.raises(rdap.UnreadableError):
        rdap.servers(body)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["services", *SAID, "eventAction", "eventDate"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_it_says_it_is_read_or_refused(said: object) -> None:
    body = json.dumps({"objectClassName": "domain", **said} if isinstance(said, dict) else said).encode()
    for read in (rdap.servers, lambda body: rdap.answer(body, "example.org", NOW)):
        try:
            read(body)
        except rdap.UnreadableError:
            continue
