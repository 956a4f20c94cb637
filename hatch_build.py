"""Compiles the catalogues (``monitor/locale/*/LC_MESSAGES/*.po``) when rotwatch is installed or built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Catalogues(BuildHookInterface):  # type: ignore[type-arg]  # its configuration has no type to name
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for file in Path(self.root).glob("monitor/locale/*/LC_MESSAGES/*.po"):
            with file.open("rb") as source, file.with_suffix(".mo").open("wb") as target:
                write_mo(target, read_po(source, locale=file.parents[1].name, abort_invalid=True))
