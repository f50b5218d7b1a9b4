"""What a report says is missing is a statement to paste: after it, the check runs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from proxy.commands.main import OK
from tests.commands.test_check import no_variables as no_variables
from tests.e2e.database.test_audit_database import KEPT, PUBLIC
from tests.e2e.database.test_audit_database import desk as desk
from tests.e2e.database.test_audit_indexes import BY_OWNER, of_tables
from tests.e2e.database.test_audit_indexes import shop as shop
from tests.e2e.database.test_grants import calling, signatures
from tests.e2e.database.test_read_database import READ_BY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.database.test_audit_database import Desk

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

STATEMENT = re.compile(r"(?:GRANT|ALTER ROLE|CREATE EXTENSION) [^;]+;")
NEEDED_TO_ASK = ("has_table_privilege", "has_function_privilege")
"""Without these it cannot be asked what else is missing."""
NEEDED_TO_START = {catalog for catalog, parts in READ_BY.items() if "server" in parts}
"""Where nothing at all can be read, there is no report."""


@pytest.fixture
def stranger(desk: Desk) -> Iterator[str]:
    """The URI of a role that may only connect."""
    desk.sql(f"create role stranger login password '{urlsplit(desk.dsn).password}'")
    try:
        yield desk.uri.replace("//postgres", "//stranger")
    finally:
        desk.sql("drop owned by stranger", "drop role stranger")


def audited(desk: Desk, uri: str, *words: str) -> list[dict[str, Any]]:
    """What was not checked."""
    ran = desk.audit("--db-uri", uri, *PUBLIC, "--fail-on", "never", "--format", "json", *words)
    assert (ran.code, ran.err) == (OK, "")
    missing: list[dict[str, Any]] = json.loads(ran.out)["not_checked"]
    return missing


def pasted(desk: Desk, missing: list[dict[str, Any]]) -> list[str]:
    """Run the statements of the remedies as a superuser."""
    texts = list(dict.fromkeys(text for each in missing for text in STATEMENT.findall(each["remedy"])))
    assert texts, missing
    desk.sql(*texts)
    return texts


def test_after_the_printed_grants_each_catalog_and_table_is_read(desk: Desk, stranger: str) -> None:
    desk.sql(KEPT)
    for catalog in READ_BY.keys() - NEEDED_TO_START:
        desk.sql(f"revoke select on pg_catalog.{catalog} from public")
    missing = audited(desk, stranger)
    assert len({each["check"] for each in missing}) > 10
    pasted(desk, missing)
    hidden = audited(desk, stranger)
    assert {each["check"] for each in hidden} == {"column_stats"}, "statistics that the role may not see"
    assert "ALTER ROLE stranger BYPASSRLS;" in pasted(desk, hidden)
    assert audited(desk, stranger) == []


def test_after_the_printed_grants_each_function_of_the_catalog_is_called(desk: Desk, stranger: str) -> None:
    desk.sql(KEPT, "grant select on all tables in schema public to stranger", "alter role stranger bypassrls")
    called = [name for name in calling() if name not in NEEDED_TO_ASK]
    found = signatures(desk, called)
    for name in called:
        desk.sql(f"revoke execute on function {found[name]} from public")
    texts = pasted(desk, audited(desk, stranger))
    assert any("EXECUTE ON FUNCTION pg_catalog.pg_get_expr(pg_node_tree,oid)" in text for text in texts)
    assert audited(desk, stranger) == []


def test_after_the_printed_grants_the_statements_of_requests_are_planned_as_their_roles(
    shop: Desk, stranger: str, tmp_path: Path
) -> None:
    shop.sql("revoke all on schema public from public", "alter role stranger bypassrls")
    shop.sql("grant select on public.videos to authenticated", "grant usage on schema public to authenticated")
    file = tmp_path / "reports.sql"
    file.write_text("-- calls: 9, ms: 9\n-- role: authenticated\nselect id from videos where owner_id = 7;")
    traffic = ("--traces", shop.record(*of_tables(f"4 × {BY_OWNER}")), "--sql", str(file))
    first = audited(shop, stranger, *traffic)
    texts = pasted(shop, first)
    assert {
        "GRANT authenticated TO stranger;",
        "GRANT SELECT ON public.videos TO stranger;",
        "GRANT USAGE ON SCHEMA public TO stranger;",
    } <= set(texts)
    assert [each for each in audited(shop, stranger, *traffic) if STATEMENT.search(each["remedy"])] == []


def test_after_the_printed_grant_a_trial_builds_its_indexes(shop: Desk, stranger: str) -> None:
    shop.sql("create role keeper", "alter table public.videos owner to keeper")
    shop.sql("grant usage, create on schema public to stranger, keeper", "grant select on public.videos to stranger")
    shop.sql("grant usage on schema public to service_role", "grant service_role to stranger")
    traffic = ("--traces", shop.record(*of_tables(f"4 × {BY_OWNER}")), "--trial", "--trial")
    try:
        refused = [each for each in audited(shop, stranger, *traffic) if each["check"] == "FAN020"]
        assert "GRANT keeper TO stranger;" in pasted(shop, refused)
        assert [each for each in audited(shop, stranger, *traffic) if each["check"] == "FAN020"] == []
    finally:
        shop.sql("drop owned by keeper", "drop role keeper")
