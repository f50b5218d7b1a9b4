"""``fanin explain``: explains a rule, a reason or an error code, or what fanin does with one request."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from proxy.analysis.rule import AnyRule
from proxy.commands.admin_api import read_api
from proxy.explain.facts import Explanation, FoundWrong
from proxy.explain.facts import explain as explain_request
from proxy.explain.request import RequestError, looks_like_request, read_columns, read_request
from proxy.explain.text import lines, to_json
from proxy.explain.words import UnknownWordError, meaning
from proxy.recording.admin_client import check_admin_url
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.text.terminal import safe
from proxy.upstream.catalog import read_catalog_once
from proxy.upstream.discovery import known_mount


def explain(options: Namespace, settings: Callable[[], Settings], rules: Sequence[AnyRule]) -> None:
    """Print the explanation. ``settings`` loads them, which only a request needs. ConfigError for an unknown word."""
    words = " ".join(options.words)
    try:
        if not looks_like_request(words):
            print(meaning(words, rules))
            return
        explanation = _explanation(options, words, settings())
    except (RequestError, UnknownWordError) as error:
        raise ConfigError(f"explain: {safe(str(error))}") from error
    print(to_json(explanation) if options.json else "\n".join(lines(explanation)))


def _explanation(options: Namespace, words: str, settings: Settings) -> Explanation:
    columns = read_columns(options.type, certain=settings.db_uri is not None)
    request, mount = read_request(words, options.header), known_mount(settings)
    found = [] if options.running is None else _found(options.running, options.token)
    try:
        catalog = asyncio.run(read_catalog_once(settings))
    except ConfigError as error:
        print(f"fanin: warning: {safe(str(error))}", file=sys.stderr)
        return explain_request(request, settings, mount, columns, found=found)
    return explain_request(request, settings, mount, columns, catalog, found)


def _found(admin: str, token: str | None) -> list[FoundWrong]:
    """What the fanin with this admin port found by comparing with originals; raises AdminPortError, ConfigError."""
    check_admin_url(admin)
    rows = read_api(admin, token or os.environ.get("FANIN_ADMIN_TOKEN"), "/api/findings", "not_merged")
    return [
        FoundWrong(
            row["relation"], row["profile"], str(row["column"]).encode(), f"Found by comparison: {row['detail']}"
        )
        for row in rows
        if row["since"] is not None
    ]
