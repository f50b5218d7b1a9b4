"""``fanin explain``: explains a rule, a reason or an error code, or what fanin does with one request."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.commands.admin_api import read_api
from proxy.commands.explain.finding import admin_of, explained_finding, looks_like_finding, prompt_of_rule
from proxy.commands.explain.plan import PlannedRequest, plan_request, read_caller
from proxy.database.session import DatabaseFaultError, UnreachableError
from proxy.explain.facts import Explanation, FoundWrong
from proxy.explain.facts import explain as explain_request
from proxy.explain.request import RequestError, looks_like_request, read_columns, read_request
from proxy.explain.text import lines, to_json
from proxy.explain.words import UnknownWordError, meaning
from proxy.plans.explained import explained_lines
from proxy.recording.admin_client import check_admin_url
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.sql.statement import Sql
from proxy.text.terminal import safe
from proxy.upstream.facts.catalog import read_catalog_once
from proxy.upstream.facts.discovery import known_mount


def explain(options: Namespace, settings: Callable[[], Settings], rules: Sequence[AnyRule]) -> bool:
    """Print the explanation. ``settings`` loads them, which only a request needs. ConfigError for an unknown word.

    False if the database could not be asked for a plan: the rest is printed.
    """
    words = " ".join(options.words)
    try:
        if looks_like_finding(words):
            print(explained_finding(options, words, settings(), rules), end="")
            return True
        if options.prompt:
            print(_prompt_of_rule(options, words.upper(), settings(), rules), end="")
            return True
        if not looks_like_request(words):
            print(meaning(words, rules))
            return True
        explanation, planned, fault = _explanation(options, words, settings())
    except (RequestError, UnknownWordError) as error:
        raise ConfigError(f"explain: {safe(str(error))}") from error
    if options.json:
        print(to_json(explanation, planned))
    else:
        print("\n".join(lines(explanation, _plan_lines(planned))))
    if fault:
        print(f"fanin: {safe(fault)}", file=sys.stderr)
    return not fault


def _prompt_of_rule(options: Namespace, code: str, settings: Settings, rules: Sequence[AnyRule]) -> str:
    if not any(rule.code == code for rule in rules):
        raise ConfigError("explain: --prompt is about a finding: give its key, its id, or the code of its rule")
    return prompt_of_rule(options, code, settings, rules)


def explained_text(about: str, settings: Settings, rules: Sequence[AnyRule]) -> str:
    """The explanation of a code or a request, without a database. Raises UnknownWordError, RequestError."""
    if not looks_like_request(about):
        return meaning(about, rules)
    explanation = explain_request(read_request(about, ()), settings, known_mount(settings), {})
    return "\n".join(lines(explanation, []))


def _explanation(options: Namespace, words: str, settings: Settings) -> tuple[Explanation, PlannedRequest | None, str]:
    """The explanation, the plan if there is a database, and why there is no plan although there is one."""
    if settings.db_uri is None and (options.analyze or options.role or options.claims is not None):
        raise ConfigError("--analyze, --role and --claims are about a plan: they need --db-uri")
    columns = read_columns(options.type, certain=settings.db_uri is not None)
    request, mount = read_request(words, options.header, _body(options)), known_mount(settings)
    found = [] if (admin := admin_of(options)) is None else _found(admin, options.token)
    caller = read_caller(options, settings.catalog.schemas[0])
    explanation = explain_request(request, settings, mount, columns, found=found)
    if settings.db_uri is None:
        return explanation, None, ""
    planned, fault = None, ""
    try:
        planned = PlannedRequest(
            why="no exact SQL is known for a call of a function, or a path without a table or view"
        )
        if explanation.asks is not None:
            planned = asyncio.run(plan_request(explanation.asks, caller, settings, options.analyze))
        catalog = asyncio.run(read_catalog_once(settings))
        explanation = explain_request(request, settings, mount, columns, catalog, found)
    except UnreachableError as error:
        return explanation, None, str(error)
    except DatabaseFaultError as error:
        fault = str(error)
    except ConfigError as error:
        print(f"fanin: warning: {safe(str(error))}", file=sys.stderr)
    if planned is not None and planned.sql and explanation.asks is not None:
        explanation = msgspec.structs.replace(explanation, sql=Sql(planned.sql, explanation.asks.notes))
    return explanation, planned, fault


def _body(options: Namespace) -> bytes | None:
    return None if options.data is None else os.fsencode(options.data)


def _plan_lines(planned: PlannedRequest | None) -> list[str]:
    if planned is None:
        return []
    if planned.explained is None:
        return [f"Plan         none: {planned.why}", ""]
    return [*explained_lines(planned.explained, planned.claims, planned.indexes), ""]


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
