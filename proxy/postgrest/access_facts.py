"""Whether reads of a table may give different identities different rows, by Postgres' system catalogs.

A read of a table as a whole gives everybody the same who may read it, unless row-level security, a function or a
setting of a role comes in between. What is not known to be harmless is a reason.

PostgreSQL, "System Catalogs": pg_policy, pg_class, pg_attribute, pg_roles, pg_auth_members, pg_db_role_setting.

Tests: tests/e2e/cache/test_shared.py.
"""

from collections.abc import Iterable

from proxy.postgrest.hazards import CatalogRow

FINGERPRINT = """
select md5(concat_ws('|',
  (select string_agg(md5(p::text), ',' order by p.oid) from pg_policy p),
  (select string_agg(md5(concat_ws(',', c.oid, c.relkind, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
    c.relowner, c.relhasrules)), ',' order by c.oid) from pg_class c where c.relnamespace = any(s.oids)),
  (select string_agg(md5(concat_ws(',', a.attrelid, a.attnum, a.attacl)), ',' order by a.attrelid, a.attnum)
    from pg_attribute a where a.attacl is not null and a.attrelid >= 16384),
  (select string_agg(md5(concat_ws(',', n.oid, n.nspname, n.nspacl)), ',' order by n.oid) from pg_namespace n),
  (select string_agg(md5(concat_ws(',', r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolbypassrls, r.rolcanlogin)),
    ',' order by r.oid) from pg_roles r),
  (select string_agg(md5(m::text), ',' order by m.roleid, m.member) from pg_auth_members m),
  (select string_agg(md5(d::text), ',' order by d.setdatabase, d.setrole) from pg_db_role_setting d)
))
from (select array(select oid from pg_namespace where nspname = any($1)) as oids) s
"""
"""One text that changes with every policy, grant, role, membership, and setting of a role."""

REFUSALS = r"""
select n.nspname::text as schema, c.relname::text as relation,
  case
    when c.relkind not in ('r', 'p', 'm') then 'it is not a table'
    when c.relhasrules and c.relkind <> 'm' then 'it has rules'
    when exists (select from pg_proc f where f.proargtypes[0] = c.reltype and c.reltype <> 0)
      then 'it has computed columns'
    when exists (
      select from pg_db_role_setting d, unnest(d.setconfig) as one
      where d.setrole <> 0
        and one ~* '^(timezone|datestyle|intervalstyle|bytea_output|extra_float_digits|xmlbinary|lc_[a-z]+'
          '|default_text_search_config|transform_null_equals)='
    ) then 'a role has a setting that changes how values are written or compared'
    when not c.relrowsecurity then ''
    when restricting.name is not null
      then 'row-level security is on, and policy ' || restricting.name || ' depends on the row or on who asks'
    when not exists (
      select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('*', 'r')
    ) then 'row-level security is on, and no policy shows rows'
    else ''
  end as refusal
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join lateral (
  select quote_ident(p.polname) as name from pg_policy p
  where p.polrelid = c.oid and p.polcmd in ('*', 'r')
    and (pg_get_expr(p.polqual, p.polrelid) is distinct from 'true' or p.polroles <> '{0}')
  order by p.polname limit 1
) restricting on true
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = any($1)
"""
"""One row per relation; ``refusal`` is empty if its answers are the same for all who may read it."""


def read_refusals(rows: Iterable[CatalogRow]) -> dict[str, str]:
    """By ``schema.relation``, why its answers may depend on who asks; empty if they do not."""
    return {f"{row['schema']}.{row['relation']}": str(row["refusal"]) for row in rows}
