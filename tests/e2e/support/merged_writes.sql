drop schema if exists written cascade;
create schema written;
grant usage on schema written to anon, authenticated, service_role;
create table written.thing (
  id int primary key, code uuid not null unique, big bigint not null unique, name text not null, size int check (size < 100),
  team int not null
);
create table written.log (id int, name text);
create function written.log() returns trigger language plpgsql as
$$ begin insert into written.log values (new.id, new.name); return new; end $$;
create trigger log after update on written.thing for each row execute function written.log();
create table written.watched (id int primary key, name text);
create function written.nothing() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger watch after update or delete on written.watched for each statement execute function written.nothing();
create view written.seen as select * from written.thing;
create table written.fed (id int primary key, name text);
create function written.refuse() returns trigger language plpgsql as
$$ begin if new.name = 'late' then perform pg_sleep(30); end if;
   if new.name = 'soon' then perform pg_sleep(0.1); end if; return new; end $$;
create trigger refuse before update on written.fed for each row execute function written.refuse();
create table written.own (id int primary key, owner text not null, name text);
alter table written.own enable row level security;
create policy own on written.own to authenticated 
  using (owner = current_setting('request.jwt.claims', true)::json ->> 'sub') with check (true);
grant all on all tables in schema written to service_role, authenticated;
insert into written.thing select g, md5(g::text)::uuid, 9000000000 + g, 'name ' || g, g, g % 3 from generate_series(1, 40) g;
insert into written.watched select g, 'w' from generate_series(1, 40) g;
insert into written.fed select g, 'f' from generate_series(1, 40) g;
insert into written.own select g, case when g % 2 = 0 then 'even' else 'odd' end, 'o' from generate_series(1, 40) g;
