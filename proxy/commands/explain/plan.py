"""``fanin explain REQUEST --db-uri URI``: the statement that PostgREST would run, and its plan for the caller.

Tests: tests/e2e/findings/test_explain_plan.py.
"""

import base64
import binascii
import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

import msgspec

from proxy.advisor.levels import read_levels
from proxy.database.advise_request import advise_request
from proxy.database.connection import DatabaseError
from proxy.database.plans import explain_statement, read_declared_schema
from proxy.database.session import Caller, DatabaseFaultError, Limits, connected
from proxy.database.snapshot import read_database
from proxy.database.trial import CalledStatement
from proxy.plans.explained import ExplainedStatement
from proxy.postgrest.request.api_request import ApiRequest
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.sql.expressions import UnwritableError
from proxy.sql.planned import Planned, planned, text_of


class PlannedRequest(msgspec.Struct, frozen=True):
    """What the database says of one request. ``sql`` is empty, and ``why`` says why, if there is no exact SQL."""

    sql: str = ""
    why: str = ""
    claims: tuple[str, ...] = ()
    explained: ExplainedStatement | None = None
    indexes: tuple[str, ...] = ()
    """Statements of indexes that would help it, or why there is none."""


def read_caller(options: Namespace, schema: str) -> Caller:
    """The role and claims of ``--role`` and ``--claims``, else those of the token in ``-H Authorization``.

    ConfigError if the claims are no JSON object. The token's signature is not checked: PostgREST does that.
    """
    claims = _token_claims(options.header)
    if options.claims is not None:
        try:
            claims = json.loads(options.claims)
        except ValueError as error:
            raise ConfigError(f"--claims: not JSON: {error}") from None
        if not isinstance(claims, dict):
            raise ConfigError('--claims: not a JSON object: write it as \'{"sub": "…"}\'')
    role = options.role or claims.get("role", "")
    if not isinstance(role, str) or "\0" in role:
        raise ConfigError("--claims: the role in it is not a name")
    return Caller(role, claims, schema)


def _token_claims(headers: Sequence[str]) -> dict[str, Any]:
    values = [value.strip() for name, _, value in (line.partition(":") for line in headers)
              if name.strip().lower() == "authorization"]  # fmt: skip
    parts = values[0].split(" ")[-1].split(".") if values else []
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


async def plan_request(request: ApiRequest, caller: Caller, settings: Settings, analyze: bool) -> PlannedRequest:
    """The SQL, the plan and the indexes of a request. Raises DatabaseFaultError; needs ``db_uri``."""
    if settings.db_uri is None:
        raise DatabaseFaultError("--db-uri: is needed for a plan")
    uri = settings.db_uri.get_secret_value()
    async with connected(uri) as connection:
        schema = await read_declared_schema(connection, settings.catalog.schemas[0])
        try:
            sql = planned(request, schema, settings.merge.max_rows)
        except UnwritableError as error:
            return PlannedRequest(why=f"no exact SQL is known for {error}")
        caller = msgspec.structs.replace(caller, schema=sql.relations[0][0])
        explained = await explain_statement(connection, sql, caller, Limits(), analyze)
        try:
            statement = CalledStatement(sql.statements(sql.values)[0], caller)
            database = await read_database(uri, tuple(dict.fromkeys(name for name, _ in sql.relations)))
            indexes = await advise_request(
                connection, database, read_levels(request, schema), schema, statement, bool(explained.policies)
            )
        except (DatabaseError, DatabaseFaultError) as error:
            indexes = (f"not looked for: {error}",)
    return PlannedRequest(_text(sql), "", tuple(sorted(set(caller.claims) - {"role"})), explained, indexes)


def _text(sql: Planned) -> str:
    trees = (sql.rows,) if sql.count is None else (sql.rows, sql.count)
    return "\n\n".join(text_of(tree, sql.values, pretty=True) + ";" for tree in trees)
