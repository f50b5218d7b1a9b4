-- Relations whose merged or shared answers are not what PostgREST answers alone. `current_query()` is the statement that
-- PostgREST sends: a merged call is the one with `ANY`.
drop schema if exists untrusted cascade;
create schema untrusted;
grant usage on schema untrusted to anon, authenticated, service_role;
-- Labelled stable, as nobody checks: the catalog does not show what the views do.
create function untrusted.query() returns text stable language sql as 'select current_query()';
create table untrusted.item (id int primary key, parent int, title text not null);
insert into untrusted.item select n, n / 3, 'item ' || n from generate_series(1, 600) n;
create index on untrusted.item (parent);
-- Answers `=` and not `= ANY`, as foreign tables over search engines and web APIs do.
create view untrusted.only_equal as select * from untrusted.item where untrusted.query() not like '%ANY%';
-- Loses one key in fifty.
create view untrusted.one_in_fifty as
select * from untrusted.item where not (untrusted.query() like '%ANY%' and id % 50 = 7);
-- Has rows for keys that have none.
create view untrusted.extra as
select * from untrusted.item
union all
select n, n, 'extra' from generate_series(601, 700) n where untrusted.query() like '%ANY%';
-- Loses one of several rows.
create view untrusted.short as
select * from untrusted.item where not (untrusted.query() like '%ANY%' and id % 3 = 1);
-- Loses the rows of some keys, and merged calls show no row for these.
create view untrusted.silent as
select * from untrusted.item
union all
select n, n, 'silent' from generate_series(601, 700) n where untrusted.query() not like '%ANY%';
-- Keys up to 60 have a row, and further ones two. Loses one of the two, and both of some keys.
create view untrusted.thinned as
select * from (
  select id, case when id <= 60 then id else 60 + (id - 60) / 2 end as key, title from untrusted.item
) i where not (untrusted.query() like '%ANY%' and id > 60 and (id % 2 = 1 or id % 20 = 10));
-- Columns that are wrong in merged calls, or other ones each time, though the table is sound.
create function untrusted.heard(untrusted.item) returns boolean stable return untrusted.query() not like '%ANY%';
create function untrusted.stamp(untrusted.item) returns uuid language sql as 'select gen_random_uuid()';
-- Other rows each time.
create view untrusted.ticket as select gen_random_uuid() as token;
-- Becomes wrong when the switch is thrown.
create table untrusted.switch (wrong boolean not null);
insert into untrusted.switch values (false);
create view untrusted.later as
select i.* from untrusted.item i where not (untrusted.query() like '%ANY%' and (select wrong from untrusted.switch));
create view untrusted.later_ticket as
select case when wrong then gen_random_uuid()::text else 'the same' end as token from untrusted.switch;
grant select on all tables in schema untrusted to anon, authenticated, service_role;
