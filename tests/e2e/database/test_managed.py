"""What belongs to an extension or to Supabase itself is left alone; what only has such a name is not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from proxy.database.snapshot import read_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from proxy.demo.postgres import Postgres

TABLES = "create table {0}.t (id int); create function {0}.f() returns int language sql as 'select 1';"


async def own(uri: str, *schemas: str) -> set[str]:
    """The schemas of the relations that rules look at, and of the functions; both are the same."""
    database = await read_database(uri, schemas)
    relations = {relation.schema for relation in database.own()}
    assert relations == {function.schema for function in database.own_functions()}
    return relations


@asynccontextmanager
async def renamed(server: Postgres, role: str) -> AsyncIterator[None]:
    """Without a role of that name."""
    admin = await asyncpg.connect(server.dsn)
    await admin.execute(f"alter role {role} rename to {role}_hidden")
    try:
        yield
    finally:
        await admin.execute(f"alter role {role}_hidden rename to {role}")
        await admin.close()


async def test_what_is_in_the_own_schema_of_an_extension_is_left_alone(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    sql = f"create schema jobs; alter extension plpgsql add schema jobs; {TABLES.format('jobs')}"
    uri = await example_database(sql + TABLES.format("public"))
    assert await own(uri, "public", "jobs") == {"public"}


async def test_members_of_an_extension_are_left_alone_beside_tables_in_the_schema_that_it_was_put_into(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    member = "create table public.member (id int); alter extension plpgsql add table public.member;"
    uri = await example_database(TABLES.format("public") + member)
    assert [relation.name for relation in (await read_database(uri, ("public",))).own()] == ["t"]


async def test_schemas_of_supabase_are_known_by_their_owner_and_by_their_names(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    role = (
        "do $$ begin create role supabase_hooks_admin; exception when duplicate_object then null; end $$;"
        "create schema hooks authorization supabase_hooks_admin; create schema storage;"
    )
    uri = await example_database(role + "".join(map(TABLES.format, ("hooks", "storage", "public"))))
    assert await own(uri, "public", "hooks", "storage") == {"public"}


async def test_without_supabase_a_schema_with_such_a_name_is_checked(
    example_database: Callable[[str], Awaitable[str]], server: Postgres
) -> None:
    uri = await example_database("create schema storage;" + "".join(map(TABLES.format, ("storage", "public"))))
    async with renamed(server, "service_role"):
        assert await own(uri, "public", "storage") == {"public", "storage"}
