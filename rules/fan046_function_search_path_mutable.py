"""FAN046 function-search-path-mutable: a function that looks names up in the search path of its caller.

What it does
------------
Finds functions in the schemas that PostgREST serves without a ``search_path`` of their own. Functions with an
SQL-standard body (BEGIN ATOMIC) do not count: Postgres resolved their names when they were created. Nor do functions in
C.

Why it hurts
------------
A caller that can create objects in a schema of its search path, such as ``pg_temp``, decides what the names in the
function mean. With SECURITY DEFINER its code runs with the rights of the owner.

Example
-------
::

    create function public.count_users() returns bigint language sql security definer
      as $$ select count(*) from auth.users $$;

Look-alike
----------
::

    create function public.count_users() returns bigint language sql security definer set search_path = ''
      as $$ select count(*) from auth.users $$;
    create function public.twice(n int) returns int language sql immutable return 2 * n;

Use instead
-----------
::

    create function public.count_users() returns bigint language sql security definer
      as $$ select count(*) from auth.users $$;
    alter function public.count_users() set search_path = public, pg_temp;

Safety
------
Advice: fanin changes nothing. A function in SQL with settings of its own is not inlined into the query that calls it.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.names import qualified, quoted
from proxy.schema.snapshot import Database, Function
from proxy.schema.undo import in_a_line, with_undo
from proxy.settings_base import Thresholds


class FunctionSearchPathMutable(Thresholds):
    table = "function_search_path_mutable"


BOUND_LANGUAGES = ("c", "internal")


def inspect(database: Database, _: Workload, __: RuleContext[FunctionSearchPathMutable]) -> Iterator[Finding]:
    """One finding per function."""
    for function in database.own_functions():
        resolved = function.language in BOUND_LANGUAGES or (function.language == "sql" and not function.body.strip())
        if function.search_path is None and not resolved:
            yield _finding(function, database)


RULE = Rule(
    code="FAN046",
    name="function-search-path-mutable",
    safety="advice",
    document=__doc__,
    thresholds=FunctionSearchPathMutable,
    inspect_database=inspect,
    needs=("extensions", "functions"),
)


def _finding(function: Function, database: Database) -> Finding:
    name = qualified(function.schema, function.name)
    routine = f"{name}({in_a_line(function.arguments)})"
    schemas = dict.fromkeys([function.schema, *_schemas_of_extensions(database)])
    path = ", ".join([*map(quoted, schemas), "pg_temp"])
    return Finding(
        code=RULE.code,
        impact="MEDIUM" if function.definer else "LOW",
        confidence="high",
        title=f"{routine} uses the search_path of its caller",
        relation=function.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Its caller decides in which schemas the names in its body are looked up"
        + (", and it runs with the rights of its owner." if function.definer else "."),
        current="SECURITY DEFINER" if function.definer else "SECURITY INVOKER",
        evidence=(f"pg_proc.proconfig of {routine} has no search_path",),
        fix=Fix(
            sql=with_undo(
                f"alter routine {routine} set search_path = {path};", f"alter routine {routine} reset search_path;"
            )
        ),
        expected="Names in the body mean the same for each caller.",
        risk=f"Names of schemas other than {', '.join(schemas)} must be qualified in its body. A function in SQL is not"
        " inlined any more.",
        object=DatabaseObject("function", function.schema, function.name),
    )


def _schemas_of_extensions(database: Database) -> list[str]:
    """Schemas with operators and functions that its body may use."""
    return sorted({each.schema for each in database.extensions} - {"pg_catalog"})
