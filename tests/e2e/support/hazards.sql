-- Relations that the catalog knows to be unsafe, and their neighbours that are safe.
drop schema if exists hazards cascade;
create schema hazards;
grant usage on schema hazards to anon, authenticated, service_role;
set search_path = hazards, public, extensions;

create table base (id int primary key, title text not null, kind text not null default 'a');
insert into base (id, title) select n, 'base ' || n from generate_series(1, 60) n;
create table child (id int primary key, base_id int not null constraint child_base references base, note text);
insert into child select n, 1 + n % 20, 'note ' || n from generate_series(1, 60) n;
create view plain as select * from base;
create view plain_on_plain as select * from plain where length(title) > 0;

-- Foreign tables; what they read does not exist, which the catalog does not say.
create extension if not exists postgres_fdw schema extensions;
drop server if exists elsewhere cascade;
create server elsewhere foreign data wrapper postgres_fdw;
create foreign table far (id int, title text) server elsewhere;
create view far_view as select * from far;
create view far_twice as select v.id, b.title from base b left join far_view v on v.id = b.id;
create view far_in_subquery as select id, (select count(*) from far_twice) as others from base;
create table parted (id int, title text) partition by range (id);
create table parted_near partition of parted for values from (0) to (10);
create foreign table parted_far partition of parted for values from (10) to (20) server elsewhere;
create view over_parted as select * from parted;
create table parent (id int, title text);
create foreign table heir () inherits (parent) server elsewhere;
create materialized view copied as select * from far with no data;

-- Volatile functions.
create view ticket as select gen_random_uuid() as token;
create view ticket_view as select token, 1 as id from ticket;
create view some_rows as select * from base where random() < 2;
create view clocked as select id, clock_timestamp() as at from base;
create view shuffled as select * from base order by random();
create view in_cte as with t as (select id, timeofday() as day from base) select * from t;
create view sampled as select * from base tablesample bernoulli (100);
create view sampled_alike as select * from base tablesample bernoulli (100) repeatable (1);
create function unmarked(int) returns int language sql as 'select $1';
create function marked(int) returns int stable language sql as 'select $1';
create view calls_unmarked as select id, unmarked(id) as one from base;
create view calls_marked as select id, marked(id) as one, now() as at, current_user as who from base;
create function unmarked_equal(int, text) returns boolean language sql as 'select $1::text = $2';
create operator === (leftarg = int, rightarg = text, function = unmarked_equal);
create view by_operator as select * from base where id === title or true;
create function unmarked_step(int, int) returns int language sql as 'select $1 + $2';
create aggregate unmarked_sum (int) (sfunc = unmarked_step, stype = int, initcond = 0);
create view by_aggregate as select kind, unmarked_sum(id) as total from base group by kind;
create view listed as select n as id from generate_series(1, unmarked(5)) n;
create view windowed as select id, row_number() over (order by id) as n from base;

-- Policies, rules, security barriers.
create table guarded (id int primary key, title text);
insert into guarded select id, title from base;
alter table guarded enable row level security;
create policy own on guarded for select using (unmarked(id) > 0);
create view guarded_view as select * from guarded;
create table well_guarded (id int primary key, title text);
insert into well_guarded select id, title from base;
alter table well_guarded enable row level security;
create policy own on well_guarded for select using (marked(id) > 0);
create policy written on well_guarded for insert with check (unmarked(id) > 0);
create table unguarded (id int primary key, title text);
create policy own on unguarded for select using (unmarked(id) > 0);
create table ruled (id int primary key, title text);
create rule copy as on insert to ruled do also insert into child values (new.id, 1, new.title);
create view ruled_view as select * from ruled;
create view fenced with (security_barrier) as select * from base where id > 0;
create view fenced_view as select * from fenced;
create view open with (security_barrier = false) as select * from base where id > 0;

-- Computed columns and relationships.
create function token(base) returns uuid language sql as 'select gen_random_uuid()';
create function tag(base) returns text stable language sql as 'select $1.title';
create function tickets(child) returns setof ticket stable language sql as 'select * from ticket';
create function bases(child) returns setof base stable rows 1 language sql as 'select * from base where id = $1.base_id';
create view base_ticket as select b.id, gen_random_uuid() as token from base b;
grant all on all tables in schema hazards to anon, authenticated, service_role;
