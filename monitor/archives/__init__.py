"""Copies: the Wayback Machine behind one gate, a local WARC archive, and the judge that says which copies count."""

from __future__ import annotations
