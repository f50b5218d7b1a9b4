"""FAN037 policy-on-user-metadata: a policy that trusts what users can change about themselves.

What it does
------------
Finds policies whose USING or WITH CHECK reads ``user_metadata`` of the token, or ``raw_user_meta_data`` of
``auth.users``, or calls a function that does. The expressions and functions are parsed: a text that is only compared
with does not count. What cannot be parsed is listed as not checked.

Why it hurts
------------
Each user may set its own user metadata with the client library. Who writes ``role: admin`` there has what the policy
gives to administrators.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    create policy admins on public.videos using (((select auth.jwt()) -> 'user_metadata' ->> 'role') = 'admin');

Look-alike
----------
::

    create table public.videos (id bigint primary key, kind text);
    alter table public.videos enable row level security;
    create policy admins on public.videos using (((select auth.jwt()) -> 'app_metadata' ->> 'role') = 'admin');
    create policy kinds on public.videos for select using (kind = 'user_metadata');

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    create policy admins on public.videos using (((select auth.jwt()) -> 'app_metadata' ->> 'role') = 'admin');

Safety
------
Advice: fanin changes nothing. Only the server can write ``app_metadata``: the values must be moved there first.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import clauses_of, creation_of, unparsed
from proxy.schema.names import qualified, quoted
from proxy.schema.parsing import reads_user_metadata, with_server_metadata
from proxy.schema.relation import Policy, Relation
from proxy.schema.snapshot import Database, Function, NotChecked
from proxy.schema.undo import in_a_line, with_undo
from proxy.settings_base import Thresholds


class PolicyOnUserMetadata(Thresholds):
    table = "policy_on_user_metadata"


def inspect(database: Database, _: Workload, __: RuleContext[PolicyOnUserMetadata]) -> Iterator[Finding | NotChecked]:
    """One finding per policy."""
    for relation in database.own():
        for policy in relation.policies:
            for clause, expression in policy.expressions:
                if not expression.parsed:
                    yield unparsed(RULE.code, relation, policy, clause)
            functions = list(_functions(policy, database))
            found = [function for function in functions if reads_user_metadata(function.body)]
            if any(expression.user_metadata for _, expression in policy.expressions):
                yield _finding(relation, policy, _fix(relation, policy, database))
            elif found:
                yield _finding(relation, policy, _fix_of_function(found[0]), found[0])
            else:
                unknown = [function for function in functions if reads_user_metadata(function.body) is None]
                yield from (_unread(function) for function in unknown)


def _functions(policy: Policy, database: Database) -> Iterator[Function]:
    """The functions that a policy calls, without those of Postgres, of extensions and of Supabase."""
    calls = dict.fromkeys((call.schema, call.name) for _, each in policy.expressions for call in each.calls)
    for schema, name in calls:
        yield from (function for function in database.overloads(schema, name) if not function.managed)


def _unread(function: Function) -> NotChecked:
    because = f"the function {function.full_name} names user metadata, and its body cannot be parsed"
    return NotChecked(RULE.code, because, "Look whether it decides by it.", function.full_name)


RULE = Rule(
    code="FAN037",
    name="policy-on-user-metadata",
    safety="advice",
    document=__doc__,
    thresholds=PolicyOnUserMetadata,
    inspect_database=inspect,
    needs=("relations", "columns", "policies", "functions"),
)


def _finding(relation: Relation, policy: Policy, fix: Fix, function: Function | None = None) -> Finding:
    name = qualified(relation.schema, relation.name)
    return Finding(
        code=RULE.code,
        impact="HIGH",
        confidence="high",
        title=f"policy {policy.name} on {name} trusts the user metadata",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Users can change their user metadata themselves, and with it what the policy allows them.",
        current="any user can give itself what the policy asks for",
        evidence=(
            creation_of(policy, name),
            *([f"{function.full_name}: {' '.join(function.body.split())}"] if function else ()),
        ),
        fix=fix,
        expected="Only the server decides whom the policy allows.",
        risk="Until the values are in the app metadata, the policy allows nobody; a token has them after its refresh.",
        object=DatabaseObject("policy", relation.schema, policy.name, relation.name),
    )


def _fix_of_function(function: Function) -> Fix:
    return Fix(reason=f"let {function.full_name} read app_metadata, which only the server can change")


def _fix(relation: Relation, policy: Policy, database: Database) -> Fix:
    name = qualified(relation.schema, relation.name)
    users = database.relation("auth", "users")
    reads_column = any("raw_user_meta_data" in {column.name for column in e.columns} for _, e in policy.expressions)
    if reads_column and not (users and any(column.name == "raw_app_meta_data" for column in users.columns)):
        return Fix(reason="auth.users has no raw_app_meta_data: keep the value in a table that users cannot write")
    head = f"alter policy {quoted(policy.name)} on {name}"
    clauses = " ".join(
        f"{clause.lower()} ({in_a_line(with_server_metadata(each.text))})" for clause, each in policy.expressions
    )
    return Fix(sql=with_undo(f"{head} {clauses};", f"{head} {clauses_of(policy)};"))
