"""Finding and reading the configuration, and one sentence for what is wrong in it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from monitor.config import ENV_PREFIX, Database, Settings

MISTAKES_TOLD = 8
SEARCHED = ("./config.toml", "/etc/rotwatch/config.toml")


class ConfigError(Exception):
    """The configuration cannot be used; the text says what to change."""


def load(file: str | None = None, *, database: str | None = None) -> Settings:
    """Read the settings.

    :param file: the config file; else ``$ROTWATCH_CONFIG``, else the first of :data:`SEARCHED` that exists.
    :param database: a database URL that wins over all others.
    :raises ConfigError: unreadable, malformed, or with an unknown or impossible value.
    """
    path = _find(file)
    values = _read(path) if path else {}
    _refuse_unknown_variables(os.environ)
    try:
        settings = Settings(**values, file=path)
    except ValidationError as error:
        raise ConfigError(_sentence(error, path)) from None
    except SettingsError as error:  # an environment variable that should hold JSON does not
        raise ConfigError(
            f"Environment: {error}; write lists and tables as JSON, like "
            "ROTWATCH_REPORT__EMAIL__RECIPIENTS='[\"you@example.org\"]'."
        ) from None
    if database:
        settings = settings.model_copy(update={"database": Database(url=database)})
    return settings


def _find(file: str | None) -> Path | None:
    named = file or os.environ.get(f"{ENV_PREFIX}CONFIG")
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise ConfigError(f"There is no configuration file {named}: check the path given to --config.")
        return path
    return next((Path(name).absolute() for name in SEARCHED if Path(name).is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): make it a readable UTF-8 text file.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    paths = list(keys())
    known = {f"{ENV_PREFIX}{'__'.join(path).upper()}" for path in paths}
    sections = {f"{ENV_PREFIX}{'__'.join(path[:-1]).upper()}" for path in paths}
    for name in environment:
        upper = name.upper()
        if not upper.startswith(ENV_PREFIX) or upper == f"{ENV_PREFIX}CONFIG" or upper in known:
            continue
        if any(
            upper.startswith(f"{key}__") for key in known - sections
        ):  # an entry of a table: PACE__HOSTS__…
            continue
        hint = _hint(upper, known, otherwise="config.toml lists every key.")
        raise ConfigError(f"The environment variable {name} is no setting: {hint}")


def _hint(word: str, known: Iterable[str], *, otherwise: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  (for mistakes only)

    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else otherwise


def keys(model: type[BaseModel] = Settings, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every section and setting, outermost first."""
    for name, field in model.model_fields.items():
        if model is Settings and name == "file":
            continue
        yield (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, (*above, name))


def _model_at(loc: tuple[int | str, ...]) -> type[BaseModel]:
    model: type[BaseModel] = Settings
    for part in loc:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        inner = next((a for a in get_args(annotation) if isinstance(a, type)), annotation)
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return model


def _sentence(error: ValidationError, path: Path | None) -> str:
    """The mistakes, each once, at most :data:`MISTAKES_TOLD`; values are left out, a secret may be among them."""
    # a misspelt key explains a missing one
    found = sorted(
        error.errors(include_url=False, include_context=False),
        key=lambda one: one["type"] != "extra_forbidden",
    )
    mistakes = list(dict.fromkeys(_mistake(one) for one in found))
    told = " ".join(mistakes[:MISTAKES_TOLD])
    if len(mistakes) > MISTAKES_TOLD:
        told += f" And {len(mistakes) - MISTAKES_TOLD} more."
    return f"{path or 'Configuration'}: {told}"


def _mistake(one: ErrorDetails) -> str:
    loc = one["loc"]
    key = ".".join(str(part) for part in loc)
    if one["type"] == "extra_forbidden":
        name, fields = str(loc[-1]), [f for f in _model_at(loc[:-1]).model_fields if f != "file"]
        hint = _hint(name, fields, otherwise=f"known here: {', '.join(fields)}.")
        return f"unknown key {key}: {hint}"
    if one["type"] == "missing":
        return f"{key} is missing: add it."
    if key in ("sources", "shutdowns"):
        return (
            f"write [[{key}]] with double brackets, once for each {'list' if key == 'sources' else 'site'}."
        )
    if one["type"] in ("tuple_type", "list_type", "frozen_set_type"):
        return f'{key} is a list: write it like {loc[-1]} = ["…"].'
    message = one["msg"].removeprefix("Value error, ")
    return f"{key}: {message[0].lower()}{message[1:]}."
