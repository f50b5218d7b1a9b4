-- Child rows that are read without an order.
drop schema if exists row_order cascade;
create schema row_order;
grant usage on schema row_order to anon, authenticated, service_role;
-- As most child tables are: an index on the foreign key, rows in the order of their insertion.
create table row_order.comment (id int primary key, post_id int not null, body text not null, score numeric);
insert into row_order.comment select n, n * 7919 % 150, 'comment ' || n, n % 3 from generate_series(1, 1500) n;
create index on row_order.comment (post_id);
-- Without an index on the key.
create table row_order.plain as select * from row_order.comment;
-- Trap 10: an index returns the rows of a room in the order of another column, which is not that of the table.
create table row_order.msg (id int primary key, room int not null, ts timestamptz not null, body text not null);
insert into row_order.msg
select n, n / 4, timestamptz '2024-01-01' + (10000 - n) * interval '1 minute', repeat('x', 200)
from generate_series(1, 3000) n;
create index on row_order.msg (room, ts);
-- The same, but that most rooms have their rows in the order of the table.
create table row_order.late (like row_order.msg including all);
insert into row_order.late
select n, n / 4, timestamptz '2024-01-01' + (case when n > 1900 then 10000 - n else n end) * interval '1 minute',
  repeat('x', 200)
from generate_series(1, 3000) n;
-- Rows that were updated in place: an index finds them where they were, a sequential scan where they are.
create table row_order.edited (id int primary key, post_id int not null, body text not null) with (fillfactor = 50);
insert into row_order.edited select n, n / 10, 'comment ' || n from generate_series(1, 1500) n;
create index on row_order.edited (post_id);
update row_order.edited set body = body || ', edited' where id % 50 = 3;
-- The same, but that few rows were updated, and a merged call of most keys reads the whole table.
create table row_order.edited_few (id int primary key, post_id int not null, body text not null) with (fillfactor = 40);
insert into row_order.edited_few select n, n % 60, 'comment ' || n from generate_series(1, 3000) n;
create index on row_order.edited_few (post_id);
update row_order.edited_few set body = body || ', edited' where id % 97 = 3;
-- Rows of one key in several partitions, of which the one that was made last is the first to be read.
create table row_order.part (id int not null, post_id int not null, body text) partition by range (id);
create table row_order.part_b partition of row_order.part for values from (700) to (2000);
create table row_order.part_a partition of row_order.part for values from (0) to (700);
insert into row_order.part select id, post_id, body from row_order.comment;
-- Rows of one key in one partition.
create table row_order.hashed (id int not null, post_id int not null, body text) partition by hash (post_id);
create table row_order.hashed_0 partition of row_order.hashed for values with (modulus 2, remainder 0);
create table row_order.hashed_1 partition of row_order.hashed for values with (modulus 2, remainder 1);
insert into row_order.hashed select id, post_id, body from row_order.comment;
-- Inheritance.
create table row_order.base (id int not null, post_id int not null);
create table row_order.derived () inherits (row_order.base);
insert into row_order.base select id, post_id from row_order.comment where id % 2 = 0;
insert into row_order.derived select id, post_id from row_order.comment where id % 2 = 1;
create view row_order.seen as select * from row_order.comment;
create view row_order.with_ctid as select ctid, id, post_id from row_order.comment;
create materialized view row_order.kept as select * from row_order.comment;
create index on row_order.kept (post_id);
-- A caller may read some columns only.
create table row_order.narrow (id int primary key, post_id int not null, secret text);
insert into row_order.narrow select id, post_id, 'secret' from row_order.comment;
create index on row_order.narrow (post_id);
-- Rows that some callers may not see.
create table row_order.owned (id int primary key, post_id int not null, owner text not null);
insert into row_order.owned select id, post_id, case when id % 3 = 0 then 'ann' else 'bob' end from row_order.comment;
create index on row_order.owned (post_id);
alter table row_order.owned enable row level security;
create policy own on row_order.owned for select
using (owner = coalesce(current_setting('request.headers', true)::json ->> 'x-owner', 'ann'));
-- Many rows per key.
create table row_order.crowded (id int primary key, post_id int not null);
insert into row_order.crowded select n, n % 3 from generate_series(1, 4000) n;
-- Rows that a caller sees who asks by GET.
create table row_order.by_method (id int primary key, post_id int not null);
insert into row_order.by_method select id, post_id from row_order.comment;
alter table row_order.by_method enable row level security;
create policy get on row_order.by_method for select
using (id % 2 = 0 or current_setting('request.method', true) = 'GET');
-- The parent of all of them.
create table row_order.post (id int primary key, title text not null);
insert into row_order.post select n, 'post ' || n from generate_series(0, 149) n;
alter table row_order.comment add foreign key (post_id) references row_order.post;
-- Rows that clients update in place, through PostgREST.
create table row_order.changing (id int primary key, post_id int not null, body text not null) with (fillfactor = 60);
insert into row_order.changing select n, n % 60, 'comment ' || n from generate_series(1, 3000) n;
create index on row_order.changing (post_id);
create function row_order.change(post int) returns void language sql security definer as $$
  update row_order.changing set body = body || '!' where id = post
$$;
grant execute on function row_order.change to anon;
grant insert, update, delete on row_order.changing to anon;
grant select on all tables in schema row_order to anon, authenticated, service_role;
revoke select on row_order.narrow from anon;
grant select (id, post_id) on row_order.narrow to anon;
analyze;
