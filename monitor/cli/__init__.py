"""The command ``rotwatch``: one file a command, each imported only when it is called."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Any

import click

from monitor import __version__

COMMANDS = {
    "add": "Watch the links of lists, or single URLs",
    "extract": "Show the links of lists, storing nothing",
    "probe": "Look at URLs now, storing nothing",
    "classify": "Judge saved pages offline",
    "check": "Look and record, once, and stop",
    "run": "The daemon: what systemd starts",
    "status": "What died, what is in danger, what is copied",
    "show": "One link: history, evidence, copies and why",
    "notify": "Try the messages that come between the mails",
    "mark": "Say yourself what a link is: dead, alive, to ignore",
    "stats": "What the list has lived through: deaths, looks, walls",
    "archive": "Ask for copies now",
    "read": "Read a kept page in the terminal",
    "export": "Local copies as one WACZ file",
    "report": "The weekly report",
    "demo": "Some months of a list's life in a minute, offline",
    "doctor": "Is everything as it should be, and what to mend",
    "service": "Make systemd start it: install, uninstall",
    "db": "The database: upgrade, current, backup",
}

FINE, BAD_NEWS, USAGE, CANNOT = 0, 1, 2, 3
MISUSED = {"ConfigError", "DatabaseUrlError", "SourceError", "NotALink"}  # the errors that are USAGE
INTERRUPTED, READER_GONE = 130, 141  # as the shell counts signals


class ReaderGoneError(Exception):
    """The reader of our output has gone: ``rotwatch status | head``."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"monitor.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            if close:
                ctx.fail(f"No such command {args[0]!r}: did you mean {close[0]}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, BaseExceptionGroup) as error:
            if _reader_has_gone(error):
                raise ReaderGoneError from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--config",
    metavar="FILE",
    help="Config file [else $ROTWATCH_CONFIG, ./config.toml, /etc/rotwatch/config.toml].",
)
@click.option(
    "--database", metavar="URL", help="sqlite:///file or postgresql://…; wins over the config file."
)
@click.option("--verbose", is_flag=True, help="Log more, and show where an error came from.")
@click.version_option(__version__, package_name="rotwatch", message="rotwatch %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: str | None, database: str | None, *, verbose: bool) -> None:
    """Watches the links of your reading lists, says honestly which are dead, and keeps good copies."""
    from monitor.cli.app import App

    if os.environ.get("NO_COLOR"):  # https://no-color.org
        ctx.color = False
    ctx.obj = App(config_file=config, database=database, verbose=verbose)


def main() -> None:
    """Run the command line; an error is one sentence and an exit code (design: 0, 1, 2, 3)."""
    # to look for plugins, of which we use none, it reads what every installed package says of itself
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")
    verbose = "--verbose" in sys.argv
    try:
        result: Any = cli(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        sys.exit(USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(INTERRUPTED)
    except ReaderGoneError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # what is left unsaid has nowhere to go
        sys.exit(READER_GONE)
    except Exception as error:
        if verbose:
            raise
        click.echo(f"Error: {_sentence(error)}", err=True)
        sys.exit(_exit_code(error))
    finally:
        gc.freeze()  # what is left ends with the process: to look for cycles in it takes a twentieth of `status`
    sys.exit(result if isinstance(result, int) else FINE)


def _reader_has_gone(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_reader_has_gone(one) for one in error.exceptions)
    return isinstance(error, BrokenPipeError)


def _exit_code(error: Exception) -> int:
    """By name: to import the classes would take longer than to find out that a word is mistyped."""
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("monitor.")}
    return USAGE if kinds & MISUSED and "SourceUnreachableError" not in kinds else CANNOT


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    module = type(error).__module__
    if module.startswith("monitor.") and text:
        return text
    return f"{type(error).__name__}: {text or 'no details'} (this is a bug; --verbose shows where)"
