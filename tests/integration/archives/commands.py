"""Commands of the command line, called in this process on a rig's database and archive."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from monitor.cli import cli
from tests.integration.archives.local_rig import LocalRig


async def rotwatch(local: LocalRig, *words: str) -> Result:
    """What a command says; its exit code is ``return_value``, its error ``exception``."""
    folder = local.local.directory.parent
    config = folder / "config.toml"
    config.write_text(f'[archives.local]\ndirectory = "{local.local.directory}"\n')
    return await asyncio.to_thread(_invoke, config, words)


def _invoke(config: Path, words: tuple[str, ...]) -> Result:
    return CliRunner().invoke(cli, ["--config", str(config), *words], standalone_mode=False)
