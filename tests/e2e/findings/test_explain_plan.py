"""`fanin explain REQUEST --db-uri URI` shows the statement, its plan for the caller, and the policies in it."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from proxy.commands.main import USAGE, main
from proxy.database.session import Caller, DatabaseFaultError, Limits, connected, rolled_back

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

UNABLE = 75
VIDEOS = "GET /videos?select=id,status&status=eq.uploaded&order=created_at.desc&limit=5"
CLAIMS = json.dumps({"sub": "00000000-0000-0000-0000-000000000001", "role": "authenticated"})


class Shown:
    """Runs the command; both of its outputs."""

    def __init__(self, capsys: pytest.CaptureFixture[str], dsn: str) -> None:
        self._capsys = capsys
        self.dsn = dsn
        self.out = self.err = ""

    def __call__(self, words: str, *options: str, uri: str = "") -> int:
        code = main(["explain", words, "--db-uri", uri or self.dsn, *options])
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def explain(stack: Stack, capsys: pytest.CaptureFixture[str]) -> Shown:
    return Shown(capsys, stack.dsn.replace("//postgres:", "//authenticator:"))


def test_the_plan_is_the_callers_with_the_policies_that_postgres_added(explain: Shown) -> None:
    assert explain(VIDEOS, "--claims", CLAIMS) == 0
    assert "as the role authenticated with the claims sub; estimated, since it was not run" in explain.out
    assert "→ " in explain.out
    assert "reads the whole table public.videos" in explain.out
    assert "videos.status = 'uploaded'::text" in explain.out
    assert 'Policies     public.videos: "own videos": (creator_id IN ( SELECT c.id' in explain.out
    assert "  WHERE\n    videos.status = 'uploaded'" in explain.out
    assert explain.err == ""


def test_a_role_that_bypasses_policies_has_none(explain: Shown) -> None:
    assert explain(VIDEOS, "--role", "service_role") == 0
    assert "Policies     none is added for the role service_role" in explain.out


def test_role_and_claims_are_those_of_the_token_unless_they_are_given(explain: Shown) -> None:
    token = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ("{}", CLAIMS, "x"))
    assert explain(VIDEOS, "-H", f"Authorization: Bearer {token}") == 0
    assert "as the role authenticated with the claims sub" in explain.out
    assert token not in explain.out + explain.err
    assert explain(VIDEOS, "-H", f"Authorization: Bearer {token}", "--role", "anon", "--claims", "{}") == 0
    assert "as the role anon;" in explain.out


def test_analyze_runs_the_statement_and_shows_what_was_measured(explain: Shown) -> None:
    assert explain(VIDEOS, "--role", "service_role", "--analyze") == 0
    assert " ms, read only, and rolled back" in explain.out
    assert "removed" in explain.out


def test_analyze_cannot_write(stack: Stack, explain: Shown) -> None:
    function = "create function public.writes(public.mix_definitions) returns text language plpgsql as "
    body = "$$ begin insert into public.mix_definitions values ('left behind', '', '{}'); return 'x'; end $$"
    run(stack.dsn, function + body)
    try:
        assert explain("GET /mix_definitions?select=name,writes", "--role", "service_role", "--analyze") == UNABLE
        assert "read-only transaction" in explain.err
        assert run(stack.dsn, "select count(*) from public.mix_definitions where name = 'left behind'") == 0
    finally:
        run(stack.dsn, "drop function public.writes(public.mix_definitions)")


def test_json_has_the_plan_too(explain: Shown) -> None:
    assert explain(VIDEOS, "--role", "service_role", "--json") == 0
    plan = json.loads(explain.out)["plan"]
    assert plan["explained"]["role"] == "service_role"
    assert "videos" in {node["relation"] for node in every_node(plan["explained"]["plan"]["root"])}


def test_what_has_no_exact_sql_is_named(explain: Shown) -> None:
    assert explain("GET /videos?select=id,nothing(id)") == 0
    assert "Plan         none: no exact SQL is known for an embed without a known foreign key" in explain.out
    assert explain("GET /rpc/f?a=1") == 0
    assert "Plan         none: no exact SQL is known for a call of a function" in explain.out
    assert explain("PATCH /videos?id=eq.1") == 0
    assert "Plan         none: no exact SQL is known for PATCH" in explain.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--role", "nobody_at_all"), "--role: the database has no role 'nobody_at_all'"),
        (("--role", "postgres"), "--role: the user of --db-uri may not become 'postgres'"),
    ],
)
def test_a_role_that_cannot_be_set_is_one_line_and_the_rest_is_shown(
    explain: Shown, options: tuple[str, ...], said: str
) -> None:
    assert explain(VIDEOS, *options) == UNABLE
    assert explain.err.startswith(f"fanin: {said}")
    assert explain.err.count("\n") == 1
    assert "Fingerprint" in explain.out


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("nonsense", "not a connection URI"),
        ("postgres://someone:secret@127.0.0.1:1/d", "no server answers there"),
        ("{dsn}nowhere", 'database "postgresnowhere" does not exist'),
        ("{wrong}", "the user name or the password is wrong"),
    ],
)
def test_a_wrong_address_is_one_line_without_the_password(explain: Shown, uri: str, said: str) -> None:
    wrong = explain.dsn.replace(":", ":x", 2).replace("postgresql:x//", "postgresql://")
    assert explain(VIDEOS, uri=uri.format(dsn=explain.dsn, wrong=wrong)) == UNABLE
    assert said in explain.err
    assert explain.err.count("\n") == 1
    assert "secret" not in explain.err
    assert "Fingerprint" in explain.out


@pytest.mark.parametrize("claims", ["{", "[]", "x", '{"role": 3}'])
def test_claims_that_are_no_object_are_a_usage_error(explain: Shown, claims: str) -> None:
    assert explain(VIDEOS, "--claims", claims) == USAGE
    assert "--claims: " in explain.err


def test_a_plan_needs_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", VIDEOS, "--analyze"]) == USAGE
    assert "they need --db-uri" in capsys.readouterr().err


async def test_a_statement_and_a_lock_that_take_too_long_are_one_line(stack: Stack) -> None:
    limits = Limits(statement_ms=200, lock_ms=50)
    async with connected(stack.dsn) as connection, connected(stack.dsn) as other:
        with pytest.raises(DatabaseFaultError, match="longer than 200 ms"):
            async with rolled_back(connection, Caller(), limits):
                await connection.fetchval("select pg_sleep(60)")
        transaction = other.transaction()
        await transaction.start()
        await other.execute("lock table public.videos in access exclusive mode")
        with pytest.raises(DatabaseFaultError, match="lock was not granted within 50 ms"):
            async with rolled_back(connection, Caller(), limits):
                await connection.fetchval("select count(*) from public.videos")
        await transaction.rollback()
        async with rolled_back(connection, Caller(), limits):
            assert await connection.fetchval("select count(*) from public.videos") > 0


async def test_the_transaction_has_what_postgrest_sets(stack: Stack) -> None:
    caller = Caller("authenticated", {"sub": "x"}, "auth", "GET", "/videos")
    async with connected(stack.dsn) as connection:
        async with rolled_back(connection, caller, Limits()):
            found = {
                name: await connection.fetchval("select current_setting($1)", name)
                for name in ("role", "search_path", "request.method", "request.path", "transaction_read_only")
            }
            claims = json.loads(await connection.fetchval("select current_setting('request.jwt.claims')"))
        assert found == {
            "role": "authenticated",
            "search_path": '"auth", "public"',
            "request.method": "GET",
            "request.path": "/videos",
            "transaction_read_only": "on",
        }
        assert claims == {"sub": "x", "role": "authenticated"}
        assert await connection.fetchval("select current_user") == "postgres"


def every_node(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(inner for child in node["children"] for inner in every_node(child))]


def run(dsn: str, statement: str) -> Any:
    async def once() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(once())


BY_TRACKING = "GET /videos?select=id&monthly_tracking_id=eq.00000000-0000-0000-0000-000000000001"


def test_the_index_that_would_help_is_named_and_how_that_is_known(stack: Stack, explain: Shown) -> None:
    assert explain(BY_TRACKING, "--role", "service_role", uri=stack.dsn) == 0
    created = 'CREATE INDEX CONCURRENTLY "videos_monthly_tracking_id_idx" ON "public"."videos"'
    assert f"Index        {created} USING btree (monthly_tracking_id); -- by statistics" in explain.out


def test_where_no_index_would_help_the_reason_is_told(stack: Stack, explain: Shown) -> None:
    assert explain("GET /video_rates?rate_per_video=eq.1", "--role", "service_role", uri=stack.dsn) == 0
    assert "Index        none: public.video_rates is small" in explain.out
    assert explain(BY_TRACKING.replace("monthly_tracking_id", "id"), "--role", "service_role", uri=stack.dsn) == 0
    assert "Index        none: no other index could find its rows" in explain.out


def test_json_has_the_index_too(stack: Stack, explain: Shown) -> None:
    assert explain(BY_TRACKING, "--role", "service_role", "--json", uri=stack.dsn) == 0
    (index,) = json.loads(explain.out)["plan"]["indexes"]
    assert index.startswith("CREATE INDEX CONCURRENTLY ")
