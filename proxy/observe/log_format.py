"""The formats of log lines: JSON, logfmt, and aligned text for people."""

import json
import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Literal, Protocol

import structlog

LineFormat = Literal["json", "logfmt", "console"]
Fields = MutableMapping[str, Any]
KEYS = ("timestamp", "level", "event", "message")
"""The keys that every line has, in this order."""


class Output(Protocol):
    """Where lines go; ``write`` gets one line with its line end."""

    def write(self, text: str, /) -> object: ...


def configure(output: Output, line_format: LineFormat = "json") -> None:
    """Have structlog write lines of that format to ``output``."""
    structlog.configure(
        processors=[*_PREPARE, _RENDERERS[line_format]],
        logger_factory=lambda *_: _LineLogger(output),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )


def line(line_format: LineFormat, level: str, fields: Mapping[str, Any]) -> str:
    """One line with ``fields``, which include ``event``, as structlog would log it."""
    rendered: Any = dict(fields)
    for processor in (*_PREPARE, _RENDERERS[line_format]):
        rendered = processor(None, level, rendered)
    return f"{rendered}\n"


class _LineLogger:
    """The innermost logger of structlog: its methods get rendered lines."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def msg(self, text: str) -> None:
        self._output.write(text + "\n")

    info = warning = error = msg


def _in_order(_: object, __: str, fields: Fields) -> Fields:
    """The usual keys first."""
    return {name: fields[name] for name in KEYS if name in fields} | dict(fields)


def _json(_: object, __: str, fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False, default=str)


def _logfmt(_: object, __: str, fields: Fields) -> str:
    return " ".join(f"{name}={_logfmt_value(value)}" for name, value in fields.items())


def _logfmt_value(value: Any) -> str:
    """``value`` without quotes if it is one plain word, else as a JSON string; lists and tables as JSON in a string."""
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
    plain = value and value.isprintable() and not any(character in value for character in ' "=\\')
    return value if plain else json.dumps(value, ensure_ascii=False)


def _console(_: object, __: str, fields: Fields) -> str:
    """``2026-11-30T01:24:04.065156Z warning upstream is down: Connection refused  remedy="Check that …"``."""
    rest = {name: value for name, value in fields.items() if name not in KEYS and value not in ({}, [], "")}
    kind = "" if fields["event"] == fields["level"] else f"{fields['event']}: "
    first = f"{fields['timestamp']} {fields['level']:<7} {kind}{fields['message']}"
    return f"{first}  {_logfmt(None, '', rest)}".rstrip()


_PREPARE = (structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), _in_order)
_RENDERERS: dict[LineFormat, Callable[[object, str, Fields], str]] = {
    "json": _json,
    "logfmt": _logfmt,
    "console": _console,
}
