from __future__ import annotations

from proxy.schema.grants import revoked, revoked_routine
from proxy.schema.relation import Grant, Relation
from proxy.schema.snapshot import Database, Function, Role

DATABASE = Database(roles=(Role("anon", api=True, member_of=("writers",)), Role("writers"), Role("owner")))
TABLE = Relation(
    schema="public",
    name="t",
    kind="r",
    grants=(
        Grant("anon", "UPDATE", ("a", "b"), grantable=True),
        Grant("owner", "DELETE"),
        Grant("public", "DELETE"),
        Grant("writers", "DELETE"),
        Grant("writers", "TRUNCATE"),
    ),
)


def test_all_through_whom_the_role_holds_a_privilege_lose_it_and_no_other() -> None:
    assert revoked("public.t", TABLE, ["anon"], DATABASE, ["DELETE"]) == (
        "revoke delete on public.t from public, writers;",
        "grant delete on public.t to public; grant delete on public.t to writers;",
    )


def test_all_privileges_are_given_back_with_their_columns_and_grant_options() -> None:
    assert revoked("public.t", TABLE, ["anon"], DATABASE) == (
        "revoke all on public.t from anon, public, writers;",
        "grant update (a, b) on public.t to anon with grant option; grant delete on public.t to public;"
        " grant delete, truncate on public.t to writers;",
    )


def test_execute_is_given_back_to_those_who_were_granted_it() -> None:
    function = Function("public", "f", "", "sql", "v", granted_to=("owner", "public"))
    assert revoked_routine("public.f()", function, ["anon"], DATABASE) == (
        "revoke execute on routine public.f() from public;",
        "grant execute on routine public.f() to public;",
    )
