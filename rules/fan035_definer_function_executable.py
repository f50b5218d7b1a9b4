"""FAN035 definer-function-executable: a SECURITY DEFINER function that API roles may call as an RPC.

What it does
------------
Finds functions with SECURITY DEFINER in the schemas that PostgREST serves, that a role that PostgREST switches to may
execute. Postgres grants EXECUTE on new functions to everybody. Functions that return ``trigger`` or ``event_trigger``
cannot be called and do not count, nor do roles that bypass row-level security. The evidence says whether the body asks
who calls (``auth.uid()``, ``auth.jwt()``, ``current_setting(…)``). A function whose body cannot be parsed, or is in
another language than SQL and PL/pgSQL, is listed as not checked as well.

Why it hurts
------------
The function runs with the rights of its owner: policies and grants do not protect what it reads and writes, and whoever
has a key of the API can call it with any arguments.

Example
-------
::

    create function public.remove_user(id uuid) returns void language sql security definer set search_path = ''
      as $$ delete from auth.users u where u.id = remove_user.id $$;

Look-alike
----------
::

    create function public.remove_user(id uuid) returns void language sql security definer set search_path = ''
      as $$ delete from auth.users u where u.id = remove_user.id $$;
    revoke execute on function public.remove_user(uuid) from public;
    create function public.on_change() returns trigger language plpgsql security definer set search_path = ''
      as $$ begin return new; end $$;
    create function public.twice(n int) returns int language sql immutable as $$ select 2 * n $$;

Use instead
-----------
::

    create function public.remove_user(id uuid) returns void language sql security definer set search_path = ''
      as $$ delete from auth.users u where u.id = remove_user.id $$;
    revoke execute on function public.remove_user(uuid) from public, anon, authenticated;

Safety
------
Advice: fanin changes nothing. A function may check its caller itself: that it asks for it does not prove that.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import bound_roles
from proxy.schema.grants import revoked_routine
from proxy.schema.names import qualified, quoted
from proxy.schema.routine_body import asks_who_calls, why_unread
from proxy.schema.snapshot import Database, Function, NotChecked
from proxy.schema.undo import in_a_line, with_undo
from proxy.settings_base import Thresholds


class DefinerFunctionExecutable(Thresholds):
    table = "definer_function_executable"


NOT_CALLABLE = ("trigger", "event_trigger")


def inspect(
    database: Database, _: Workload, __: RuleContext[DefinerFunctionExecutable]
) -> Iterator[Finding | NotChecked]:
    """One finding per function, and what is not known of it."""
    roles = bound_roles(database)
    for function in database.own_functions():
        callers = tuple(role for role in function.executable_by if role in roles)
        if function.definer and callers and function.returns not in NOT_CALLABLE:
            yield _finding(function, callers, _policies_with(function, database), database)
            if asks_who_calls(function) is None:
                yield _unread(function)


def _unread(function: Function) -> NotChecked:
    because = f"whether the function checks its caller is not known: {why_unread(function)}"
    name = f"{function.full_name}({function.arguments})"
    return NotChecked("FAN035", because, "Read it yourself.", name)


RULE = Rule(
    code="FAN035",
    name="definer-function-executable",
    safety="advice",
    document=__doc__,
    thresholds=DefinerFunctionExecutable,
    inspect_database=inspect,
    needs=("roles", "relations", "policies", "functions"),
)


def _policies_with(function: Function, database: Database) -> tuple[str, ...]:
    """The policies that call it, for which its callers need EXECUTE."""
    return tuple(
        f"{policy.name} of {relation.full_name}"
        for relation in database.relations
        for policy in relation.policies
        for _, expression in policy.expressions
        if not expression.parsed or any(call.qualified == function.full_name for call in expression.calls)
    )


def _finding(function: Function, callers: tuple[str, ...], policies: tuple[str, ...], database: Database) -> Finding:
    name = qualified(function.schema, function.name)
    anybody = any(role != "authenticated" for role in callers)
    used = f"policies that call it: {', '.join(dict.fromkeys(policies))}"
    return Finding(
        code=RULE.code,
        impact="HIGH" if anybody and function.volatility == "v" and not policies else "MEDIUM",
        confidence="medium",
        title=f"{', '.join(callers)} can call {name}({function.arguments}) with the rights of its owner",
        relation=function.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Policies and grants do not protect what the function reads and writes.",
        current=f"executable by {', '.join(callers)}",
        evidence=(f"pg_proc.prosecdef of {name} is true", *((used,) if policies else ()), *_asking(function)),
        fix=_fix(function, callers, policies, database),
        expected="Only roles of the server can call it.",
        risk="Clients that call it by /rpc fail. If they must call it, let it check its caller first, and ignore this"
        " finding.",
        object=DatabaseObject("function", function.schema, function.name),
    )


def _asking(function: Function) -> tuple[str, ...]:
    """What its body says of its caller, in a line; nothing if the body is not known."""
    asks = asks_who_calls(function)
    if asks is None:
        return ()
    return (f"its body asks who calls: {', '.join(asks)}" if asks else "nothing in its body asks who calls",)


def _fix(function: Function, callers: tuple[str, ...], policies: tuple[str, ...], database: Database) -> Fix:
    signature = f"{quoted(function.name)}({in_a_line(function.arguments)})"
    routine = f"{quoted(function.schema)}.{signature}"
    if policies:
        # A policy calls it with the rights of the reader, so that REVOKE would refuse all reads of the table.
        move = f"create schema if not exists private;\nalter routine {routine} set schema private;"
        undo = f"alter routine private.{signature} set schema {quoted(function.schema)};"
        return Fix(sql=with_undo(f"-- policies call it: out of the API's schemas\n{move}", undo))
    return Fix(sql=with_undo(*revoked_routine(routine, function, callers, database)))
