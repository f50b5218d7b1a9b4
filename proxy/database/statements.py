"""The statements that read a snapshot: one per part of it, by name. They need no privilege but to connect.

``$1`` is the array of schemas that PostgREST serves, ``$2`` that of the roles it switches to. All columns exist since
PostgreSQL 13.

Tests: tests/e2e/database/test_read_database.py.
"""

from collections.abc import Mapping

from proxy.schema.snapshot import Part

OWN = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
RELATIONS_OF = f"""pg_class c join pg_namespace n on n.oid = c.relnamespace and {OWN}
  and c.relkind in ('r', 'p', 'v', 'm', 'f')"""
GRANTEE = "case x.grantee when 0 then 'public' else pg_get_userbyid(x.grantee)::text end"
MANAGED = """(exists (select from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid
    and d.deptype = 'e') or n.nspname <> 'public' and (pg_get_userbyid(n.nspowner) ~ '^supabase_([a-z_]+_)?admin$'
  or n.nspname in ('auth', 'storage', 'realtime', 'vault', 'extensions', 'graphql', 'graphql_public',
    'supabase_functions', 'supabase_migrations', 'pgsodium', 'pgsodium_masks', 'pgbouncer', 'net', 'cron', '_realtime',
    '_analytics')
  and (select count(*) from pg_roles where rolname in ('anon', 'authenticated', 'service_role')) = 3))"""
"""Whether a schema is an extension's own, or one of Supabase itself; elsewhere its names are those of anybody."""

SCHEMAS = """
select s.setting from pg_db_role_setting d, unnest(d.setconfig) s(setting)
where s.setting like 'pgrst.db_schemas=%' and d.setdatabase in (0, (
  select oid from pg_database where datname = current_database()))
order by d.setdatabase desc, d.setrole desc limit 1
"""
"""The schemas that PostgREST serves, where they are set in the database."""

EXISTING = "select nspname::text as name from pg_namespace where nspname = any($1)"
"""Those of the schemas that exist."""

ROLES = """
with api as (
  select m.roleid as oid from pg_auth_members m join pg_roles a on a.oid = m.member
  where a.rolname = 'authenticator' or exists (
    select from pg_db_role_setting d, unnest(d.setconfig) s(setting)
    where d.setrole = a.oid and s.setting like 'pgrst.%')
  union select oid from pg_roles where rolname in ('anon', 'authenticated', 'service_role')
)
select r.rolname::text as name, r.oid in (select oid from api) as api, r.rolsuper as superuser,
  r.rolbypassrls as bypass_rls, r.rolcanlogin as login,
  array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
    where m.member = r.oid order by 1) as member_of,
  array(select s.setting from pg_db_role_setting d, unnest(d.setconfig) s(setting)
    where d.setrole = r.oid and (s.setting like 'pgrst.%' or s.setting like 'statement_timeout=%')
    order by 1) as settings
from pg_roles r where r.rolname !~ '^pg_' order by 1
"""

STATEMENTS: Mapping[Part, str] = {
    "server": """
select current_setting('server_version_num')::int as version, current_setting('max_connections')::int
    as max_connections, pg_is_in_recovery() as replica, current_database()::text as database,
  extract(epoch from now())::float8 as now,
  extract(epoch from coalesce((select d.stats_reset from pg_stat_database d where d.datname = current_database()),
    (select b.stats_reset from pg_stat_bgwriter b)))::float8 as stats_reset,
  current_setting('autovacuum')::bool as autovacuum,
  current_setting('autovacuum_vacuum_threshold')::int as vacuum_threshold,
  current_setting('autovacuum_vacuum_scale_factor')::float8 as vacuum_scale_factor,
  coalesce(current_setting('autovacuum_vacuum_max_threshold', true), '-1')::int as vacuum_max_threshold
""",
    "roles": ROLES,
    "extensions": """
select e.extname::text as name, n.nspname::text as schema, e.extversion as version
from pg_extension e join pg_namespace n on n.oid = e.extnamespace order by 1
""",
    "relations": f"""
select c.oid::int8 as oid, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind,
  pg_get_userbyid(c.relowner)::text as owner, n.nspname = any($1::text[]) as exposed,
  {MANAGED} or exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
    and d.deptype = 'e') as managed, c.relispartition as partition,
  c.relrowsecurity as row_security, c.relforcerowsecurity as forced,
  coalesce(obj_description(c.oid, 'pg_class'), '') as comment, c.reltuples::float8 as rows, c.relpages as pages,
  coalesce(c.reloptions, array[]::text[]) as options,
  array(select a.attname::text from pg_index i, unnest(i.indkey::int2[]) with ordinality k(num, at), pg_attribute a
    where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k.num
      and k.at <= i.indnkeyatts order by k.at)
    as primary_key
from {RELATIONS_OF} order by 2, 3
""",
    "columns": f"""
select c.oid::int8 as oid, a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
  not a.attnotnull as nullable, a.attgenerated <> '' as generated, a.attidentity <> '' as identity,
  coalesce(pg_get_expr(d.adbin, d.adrelid), '') as default, coalesce(col_description(c.oid, a.attnum), '') as comment,
  case when t.typtype = 'd' then (with recursive under as (
    select t.typbasetype as oid, t.typtypmod as typmod union all
    select n.typbasetype, n.typtypmod from under u join pg_type n on n.oid = u.oid and n.typtype = 'd')
    select format_type(u.oid, u.typmod) from under u join pg_type n on n.oid = u.oid and n.typtype <> 'd')
    else '' end as base_type
from {RELATIONS_OF} join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
order by 1, a.attnum
""",
    "indexes": f"""
select c.oid::int8 as oid, n.nspname::text as schema, c.relname::text as "table", i.relname::text as name,
  m.amname::text as method, coalesce(pg_get_expr(x.indpred, x.indrelid), '') as where, x.indisunique as unique,
  x.indisprimary as primary, coalesce((select k.conname::text from pg_constraint k where k.conindid = i.oid
    and k.contype in ('p', 'u', 'x') limit 1), '') as constraint, x.indisvalid as valid,
  x.indisreplident or x.indisclustered or exists (select from pg_constraint k where k.conindid = i.oid
    and k.contype = 'f') or exists (select from pg_inherits h where h.inhrelid = i.oid) as referenced,
  pg_relation_size(i.oid) as size, pg_get_indexdef(i.oid) as definition,
  array(select pg_get_indexdef(i.oid, k, true) from generate_series(1, x.indnkeyatts) k order by k) as keys,
  array(select coalesce(a.attname::text, '') from generate_series(1, x.indnkeyatts) k left join pg_attribute a
    on a.attrelid = c.oid and a.attnum = x.indkey[k - 1] and a.attnum > 0 order by k) as key_columns,
  array(select o.opcname::text from generate_series(1, x.indnkeyatts) k
    join pg_opclass o on o.oid = x.indclass[k - 1] order by k) as opclasses,
  array(select o.opcdefault from generate_series(1, x.indnkeyatts) k
    join pg_opclass o on o.oid = x.indclass[k - 1] order by k) as default_opclasses,
  array(select coalesce((select l.collname::text from pg_collation l where l.oid = x.indcollation[k - 1]
      and l.oid is distinct from (select a.attcollation from pg_attribute a
        where a.attrelid = c.oid and a.attnum = x.indkey[k - 1])), '')
    from generate_series(1, x.indnkeyatts) k order by k) as collations,
  array(select x.indoption[k - 1]::int from generate_series(1, x.indnkeyatts) k order by k) as options,
  array(select a.attname::text from generate_series(x.indnkeyatts + 1, x.indnatts) k join pg_attribute a
    on a.attrelid = c.oid and a.attnum = x.indkey[k - 1] order by k) as include
from {RELATIONS_OF} join pg_index x on x.indrelid = c.oid join pg_class i on i.oid = x.indexrelid
join pg_am m on m.oid = i.relam order by 2, 3, 4
""",
    "foreign_keys": f"""
select c.oid::int8 as oid, k.conname::text as name, tn.nspname::text as target_schema, t.relname::text as target,
  array(select a.attname::text from unnest(k.conkey) with ordinality u(num, at)
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.at) as columns,
  array(select a.attname::text from unnest(k.confkey) with ordinality u(num, at)
    join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.at) as target_columns,
  k.confdeltype::text as on_delete, k.confupdtype::text as on_update, k.convalidated as valid
from {RELATIONS_OF} join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0
join pg_class t on t.oid = k.confrelid join pg_namespace tn on tn.oid = t.relnamespace order by 1, 2
""",
    "policies": f"""
select c.oid::int8 as oid, p.polname::text as name, p.polpermissive as permissive, p.polcmd::text as command,
  array(select case when r = 0 then 'public' else pg_get_userbyid(r)::text end from unnest(p.polroles) r order by 1)
    as roles, pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check
from {RELATIONS_OF} join pg_policy p on p.polrelid = c.oid order by 1, 2
""",
    "functions": f"""
select n.nspname::text as schema, p.proname::text as name, pg_get_function_identity_arguments(p.oid) as arguments,
  l.lanname::text as language, p.provolatile::text as volatility, p.prosecdef as definer,
  (select substr(s, 13) from unnest(p.proconfig) s where s like 'search_path=%') as search_path,
  array(select r from unnest($2::text[]) r where has_function_privilege(r, p.oid, 'EXECUTE') order by 1)
    as executable_by,
  array(select {GRANTEE} from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
    where x.privilege_type = 'EXECUTE' order by 1) as granted_to, n.nspname = any($1::text[]) as exposed,
  {MANAGED} or exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid
    and d.deptype = 'e') as managed, coalesce(pg_get_function_result(p.oid), '') as returns, p.prosrc as body
from pg_proc p join pg_namespace n on n.oid = p.pronamespace and {OWN} join pg_language l on l.oid = p.prolang
where p.prokind in ('f', 'p') order by 1, 2, 3
""",
    "views": f"""
select c.oid::int8 as oid, pg_get_viewdef(c.oid) as definition,
  coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1',
    'security_invoker=yes'], false) as security_invoker,
  array(select distinct tn.nspname || '.' || t.relname from pg_rewrite w join pg_depend d on d.objid = w.oid
    and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass join pg_class t
    on t.oid = d.refobjid and t.oid <> c.oid join pg_namespace tn on tn.oid = t.relnamespace
    where w.ev_class = c.oid order by 1) as depends_on
from {RELATIONS_OF} where c.relkind in ('v', 'm') order by 1
""",
    "triggers": f"""
select c.oid::int8 as oid, t.tgname::text as name, fn.nspname::text as function_schema, p.proname::text as function,
  t.tgtype & 1 = 1 as per_row, t.tgtype & 2 = 2 as before, t.tgenabled <> 'D' as enabled,
  array_remove(array[case when t.tgtype & 4 = 4 then 'INSERT' end, case when t.tgtype & 8 = 8 then 'DELETE' end,
    case when t.tgtype & 16 = 16 then 'UPDATE' end, case when t.tgtype & 32 = 32 then 'TRUNCATE' end], null) as events
from {RELATIONS_OF} join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal
join pg_proc p on p.oid = t.tgfoid join pg_namespace fn on fn.oid = p.pronamespace order by 1, 2
""",
    "privileges": f"""
select c.oid::int8 as oid, r as role, v as verb,
  case when has_table_privilege(r, c.oid, v) or v = 'DELETE' then array[]::text[] else array(
    select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      and has_column_privilege(r, c.oid, a.attnum, v) order by a.attnum) end as columns
from {RELATIONS_OF}, unnest($2::text[]) r, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) v
where has_schema_privilege(r, n.oid, 'USAGE')
  and case when v = 'DELETE' then has_table_privilege(r, c.oid, v) else has_any_column_privilege(r, c.oid, v) end
order by 1, 2, 3
""",
    "grants": f"""
select c.oid::int8 as oid, {GRANTEE} as role, x.privilege_type as privilege, array[]::text[] as columns,
  x.is_grantable as grantable
from {RELATIONS_OF}, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x
union all
select c.oid::int8, {GRANTEE}, x.privilege_type, array_agg(a.attname::text order by a.attnum), x.is_grantable
from {RELATIONS_OF} join pg_attribute a on a.attrelid = c.oid and not a.attisdropped, aclexplode(a.attacl) x
group by 1, 2, 3, 5 order by 1, 2, 3, 4
""",
    "table_stats": """
select s.relid::int8 as oid, s.seq_scan, s.seq_tup_read, coalesce(s.idx_scan, 0) as idx_scan, s.n_live_tup as live,
  s.n_dead_tup as dead, s.n_tup_ins as inserted, s.n_tup_upd as updated, s.n_tup_hot_upd as hot_updated,
  s.n_tup_del as deleted, s.n_mod_since_analyze as modified_since_analyze,
  extract(epoch from greatest(s.last_analyze, s.last_autoanalyze))::float8 as last_analyze,
  extract(epoch from greatest(s.last_vacuum, s.last_autovacuum))::float8 as last_vacuum,
  coalesce(pg_relation_size(s.relid), 0) as size
from pg_stat_user_tables s order by 1
""",
    "index_stats": """
select s.schemaname::text as schema, s.indexrelname::text as name, s.idx_scan as scans
from pg_stat_user_indexes s order by 1, 2
""",
    "column_stats": f"""
select c.oid::int8 as oid, s.attname::text as name, s.n_distinct::float8, s.null_frac::float8, s.avg_width,
  s.most_common_vals::text::text[] as common_values, s.most_common_freqs::float8[] as common_frequencies,
  s.histogram_bounds::text::text[] as histogram, s.correlation::float8
from {RELATIONS_OF} join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname
where not s.inherited or c.relkind = 'p' order by 1, 2
""",
}

HIDDEN_STATISTICS = f"""
select n.nspname::text as schema, c.relname::text as relation, has_table_privilege(c.oid, 'SELECT') as readable,
  row_security_active(c.oid) as secured, session_user::text as role from {RELATIONS_OF}
where c.relkind in ('r', 'p', 'm') and n.nspname = any($1::text[])
  and (not has_table_privilege(c.oid, 'SELECT') or row_security_active(c.oid)) order by 1, 2
"""
"""Tables of which pg_stats shows the connected role nothing, or not all columns."""
