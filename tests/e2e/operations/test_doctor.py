"""`fanin doctor` on real set-ups, sound and broken: what it says, the three settings, the exit code."""

from __future__ import annotations

import asyncio
import os
import sys
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import pytest

from proxy.commands.main import FINDINGS, OK, USAGE
from tests.e2e.operations.test_differing_headers import READS, reads
from tests.e2e.support.bursts import burst, sockets
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import ScriptedConnection, ScriptedUpstream, answers
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.stack]
FANIN = str(Path(sys.executable).with_name("fanin"))
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("FANIN_")}


class Told(NamedTuple):
    """The report: per check its states and texts, the settings at its end, and the exit code."""

    code: int
    checks: dict[str, list[str]]
    settings: list[str]
    out: str


async def doctor(stack: Stack, *arguments: str, limit: str = "") -> Told:
    """`fanin doctor` with the token of the stack; ``limit`` is a command of bash that runs before."""
    token = ("-H", f"Authorization: Bearer {stack.token}") if stack.token else ()
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f'{limit}\nexec "$@"', "-", FANIN, "doctor", "--upstream", stack.url, *token, *arguments,
        env=CLEAN, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, errors = await asyncio.wait_for(process.communicate(), 60)
    out = printed.decode()
    checks: dict[str, list[str]] = {}
    report, _, end = out.partition("\n\n")
    for line in report.splitlines():
        if line[:1] != " ":
            checks.setdefault(line[9:23].strip(), []).append(f"{line[:8].strip()}: {line[24:]}")
    lines = [line[5:] for line in end.splitlines() if line.startswith("  ") and line[2:3].isdigit()]
    assert process.returncode is not None
    return Told(process.returncode, checks, lines, out + errors.decode())


async def test_lists_without_an_order_merge_and_no_setting_is_proposed_for_them(stack: Stack) -> None:
    told = await doctor(stack)
    assert told.code == OK, told.out
    assert told.checks["lists by key"][0].startswith("ok: merge: creator_applications, ")
    assert not [line for line in told.settings if line.startswith("merge.ties")]


async def test_a_sound_setup_has_nothing_broken_and_ends_with_three_settings(stack: Stack) -> None:
    told = await doctor(stack, "--set", "merge.ties=none")
    assert told.code == OK, told.out
    assert told.checks["upstream"][0].startswith(f"ok: {stack.url} answers in ")
    assert "postgrest/" in told.checks["upstream"][0]
    assert told.checks["mount"] == ["ok: / for clients, / at upstream, profile postgrest"]
    assert told.checks["schemas"] == ["ok: public"]
    assert told.checks["headers"] == ["ok: merged answers may have all headers of answers"]
    assert told.checks["clock"] == ["ok: within 30 s of upstream's"]
    assert told.checks["ulimit"][0].startswith("ok: ")
    assert told.checks["reads by key"][0].startswith("ok: merge: creator_applications, ")
    assert "since there is no order" in told.checks["lists by key"][0]
    assert told.settings == ['db_uri = "postgres://…"', 'merge.ties = "physical"', 'detect.row_keys = "on"']
    assert stack.token not in told.out


async def test_what_the_settings_have_already_is_not_proposed(stack: Stack) -> None:
    told = await doctor(stack, "--db-uri", stack.dsn, "--set", "detect.row_keys=on", "--record", "r")
    assert told.code == OK, told.out
    assert told.checks["lists by key"][0].startswith("ok: merge: ")
    assert told.checks["database"][0].startswith("ok: ")
    assert told.settings == []
    assert "No setting is worth changing." in told.out
    assert stack.dsn not in told.out
    assert "r" not in os.listdir()


async def test_db_max_rows_is_found_by_an_answer_that_is_cut(stack: Stack) -> None:
    with postgrest_with(stack, db_schemas="public", db_max_rows="50") as cutting:
        assert (told := await doctor(cutting)).code == OK
        assert told.checks["max-rows"] == ["ok: db-max-rows is 50: answers are cut there"]
        assert told.settings[0] == "merge.max_rows = 50"
        wrong = await doctor(cutting, "--set", "merge.max_rows=1000")
        assert wrong.code == FINDINGS
        assert wrong.checks["max-rows"] == ["broken: db-max-rows is 50, and merge.max_rows is 1,000"]
        right = await doctor(cutting, "--set", "merge.max_rows=50")
        assert right.checks["max-rows"] == ["ok: db-max-rows is 50, and merge.max_rows says so"]


async def test_schemas_that_are_not_postgrests_are_broken(unusual: Stack) -> None:
    told = await doctor(unusual)
    assert told.code == FINDINGS
    assert told.checks["schemas"] == ["broken: PostgREST serves unusual; catalog.schemas is public"]
    assert told.settings[0] == 'catalog.schemas = ["unusual"]'
    assert (await doctor(unusual, "--set", 'catalog.schemas=["unusual"]')).checks["schemas"] == ["ok: unusual"]


async def test_a_header_in_each_answer_and_one_that_differs_are_told_with_the_setting(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(
            "create schema doctored; grant usage on schema doctored to public;"
            " create function doctored.headers() returns void language sql as $$ select set_config('response.headers',"
            """ format('[{"X-Same": "1"}, {"X-Each": "%s"}]', gen_random_uuid()), true) $$"""
        )
        with postgrest_with(stack, db_schemas="public", db_pre_request="doctored.headers") as served:
            told = await doctor(served)
            allowed = await doctor(served, "--set", 'merge.same_headers=["x-same", "X-Each"]')
    finally:
        await connection.execute("drop schema doctored cascade")
        await connection.close()
    unknown = "fanin does not know it, and discards merged answers"
    assert told.checks["headers"] == [
        f"warning: x-same is in each answer: {unknown}",
        f"warning: x-each differs per call: {unknown}",
    ]
    assert told.settings[0] == 'merge.same_headers = ["x-same", "x-each"]'
    assert allowed.checks["headers"] == ["ok: merged answers may have all headers of answers"]


async def test_an_upstream_that_does_not_answer_is_broken_and_the_machine_is_still_checked(stack: Stack) -> None:
    told = await doctor(stack._replace(url="http://127.0.0.1:1"))
    assert told.code == FINDINGS
    assert told.checks["upstream"][0].startswith("broken: http://127.0.0.1:1: ")
    assert told.checks.keys() == {"upstream", "callers", "ulimit"}
    assert told.settings[0] == 'upstream = "http://HOST:PORT"'


async def test_a_path_at_which_postgrest_is_not_is_broken_and_the_right_one_is_found(stack: Stack) -> None:
    for path in ("/rest/v1", "/creators"):
        told = await doctor(stack._replace(url=stack.url + path))
        assert told.code == FINDINGS
        assert told.checks["mount"][0].endswith("PostgREST is not there (status 404)")
        assert told.settings[0] == f'upstream = "{stack.url}"'


async def test_where_another_server_answers_the_first_setting_to_change_is_the_upstream(stack: Stack) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"
    async with ScriptedUpstream(answers(page)) as other:
        told = await doctor(stack._replace(url=other.url))
    assert told.code == FINDINGS
    assert told.checks["mount"][0].endswith("PostgREST is not there (status 200)")
    assert told.settings[0] == 'upstream = "http://HOST:PORT"'


async def test_a_role_that_may_read_nothing_leaves_checks_unknown_and_says_what_to_give(stack: Stack) -> None:
    with postgrest_with(stack, db_schemas="public", openapi_mode="disabled") as silent:
        told = await doctor(silent)
    assert told.code == OK, told.out
    assert told.checks["merging"] == ["unknown: PostgREST describes no relation to this role"]
    assert told.checks["headers"][0].startswith("unknown: ")


async def test_a_database_that_cannot_be_read_is_broken(stack: Stack) -> None:
    told = await doctor(stack, "--db-uri", "postgres://nobody:pa55@127.0.0.1:1/none")
    assert told.code == FINDINGS
    assert told.checks["database"][0].startswith("broken: db_uri: the catalog could not be read")
    assert "pa55" not in told.out


async def test_a_low_limit_of_descriptors_is_told_with_what_it_allows(stack: Stack) -> None:
    told = await doctor(stack, limit="ulimit -n 2000")
    assert told.checks["ulimit"][0].startswith("warning: the settings need 4,620 file descriptors")
    assert told.settings[0].startswith("limits.connections = ")


async def other_server(talk: ScriptedConnection) -> None:
    while await talk.request() is not None:
        await talk.send(
            b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nDate: Wed, 01 Jan 2020 00:00:00 GMT\r\n"
            b"Content-Type: text/html\r\nContent-Length: 4\r\n\r\nnone"
        )


@pytest.fixture
async def elsewhere() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream(other_server) as upstream:
        yield upstream


async def test_another_server_and_its_clock_are_told(stack: Stack, elsewhere: ScriptedUpstream) -> None:
    told = await doctor(stack._replace(url=elsewhere.url))
    assert told.code == FINDINGS
    assert told.checks["mount"][0].endswith("PostgREST is not there (status 404)")
    assert "s behind this machine's" in told.checks["clock"][0]


@pytest.mark.parametrize("are_judged", [False, True])
async def test_request_headers_that_a_running_fanin_saw_differ_are_told(stack: Stack, are_judged: bool) -> None:
    mode = "rewrite" if are_judged else "pass"
    async with fanin_with_admin(stack.url, mode=mode) as served:
        nothing = await doctor(stack, "--admin", served.url)
        async with sockets(served.sidecar.port, READS) as clients:
            await burst(clients, reads(stack, "X-Call: pa55-{}"))
            await burst(clients, reads(stack, "X-Call: pa55-again-{}"))
        served.sidecar.closer.finish()
        served.sidecar.rule_runner.inspect_workload(inf)
        told = await doctor(stack, "--admin", served.url)
    assert nothing.checks["callers"] == ["ok: no request header was seen to keep reads apart"]
    assert told.checks["callers"][0].startswith("warning: ")
    assert "x-call" in told.checks["callers"][0]
    assert ('identity.also_neutral = ["x-call"]' in told.settings) is are_judged
    assert "pa55" not in told.out


async def test_an_invalid_header_is_a_usage_error_that_does_not_repeat_it(stack: Stack) -> None:
    told = await doctor(stack, "-H", "pa55")
    assert told.code == USAGE
    assert "pa55" not in told.out
