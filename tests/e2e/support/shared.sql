-- Tables of which answers may be shared by all identities, and some of which they may not.
drop schema if exists shared cascade;
create schema shared;
create table shared.rates (id integer primary key, rate integer not null);
insert into shared.rates values (1, 10), (2, 20);
create table shared.shown (like shared.rates including all);
insert into shared.shown table shared.rates;
alter table shared.shown enable row level security;
create policy everybody on shared.shown for select using (true);
create table shared.own (like shared.rates including all, owner text not null default 'a');
insert into shared.own table shared.rates;
alter table shared.own enable row level security;
create policy owners on shared.own using (owner = current_setting('request.jwt.claims', true)::json ->> 'sub');
create table shared.members (like shared.rates including all);
alter table shared.members enable row level security;
create policy members on shared.members for select to authenticated using (true);
create table shared.hidden (like shared.rates including all);
alter table shared.hidden enable row level security;
create view shared.mine as
  select r.*, current_setting('request.jwt.claims', true)::json ->> 'sub' as sub from shared.rates r;
create table shared.computed (like shared.rates including all);
create function shared.sub(shared.computed) returns text stable language sql as
  $$ select current_setting('request.jwt.claims', true)::json ->> 'sub' $$;
grant usage on schema shared to anon, authenticated, service_role;
grant all on all tables in schema shared to authenticated, service_role;
