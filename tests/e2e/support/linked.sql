-- Tables with every kind of relationship that PostgREST embeds by. Filled the same each time.
drop schema if exists linked cascade;
create schema linked;
grant usage on schema linked to anon;

create table linked.team (id int primary key, name text not null, lead_id int);
create table linked.person (id int primary key, name text not null, team_id int references linked.team,
  boss_id int references linked.person, tags jsonb not null default '{}', joined date);
alter table linked.team add constraint team_lead foreign key (lead_id) references linked.person;
create table linked.profile (person_id int primary key references linked.person, bio text);
create table linked.skill (id int primary key, label text not null, level int not null);
create table linked.person_skill (person_id int references linked.person, skill_id int references linked.skill, since date,
  primary key (person_id, skill_id));
create table linked.place (a int, b int, name text, primary key (a, b));
create table linked.visit (id int primary key, person_id int not null references linked.person, a int, b int,
  note text, foreign key (a, b) references linked.place);
create table linked."Odd name" (id int primary key, "Person id" int references linked.person, "a.b" text);
create function linked.skills_of(linked.person) returns setof linked.skill stable
begin atomic select s.* from linked.skill s join linked.person_skill x on x.skill_id = s.id where x.person_id = $1.id; end;
create function linked.team_of(linked.person) returns setof linked.team rows 1 stable
begin atomic select t.* from linked.team t where t.id = $1.team_id; end;
create function linked.shout(linked.person) returns text stable return upper($1.name);

insert into linked.team select n, 'team ' || n from generate_series(1, 20) n;
insert into linked.person select n, 'person ' || n, nullif(1 + n % 21, 21), case when n > 10 then 1 + n % 10 end,
  jsonb_build_object('n', n % 7, 'list', jsonb_build_array(n, n + 1)), date '2020-01-01' + n % 300
from generate_series(1, 2000) n;
update linked.team set lead_id = id * 3 where id < 15;
insert into linked.profile select n, 'bio ' || n from generate_series(1, 2000, 2) n;
insert into linked.skill select n, 'skill ' || n, n % 5 from generate_series(1, 30) n;
insert into linked.person_skill select n, 1 + (n * k) % 30, date '2021-01-01' + n % 90
from generate_series(1, 2000) n, generate_series(1, 3) k on conflict do nothing;
insert into linked.place select a, b, a || '/' || b from generate_series(1, 5) a, generate_series(1, 5) b;
insert into linked.visit select n, 1 + n % 2000, 1 + n % 5, 1 + n % 4, 'note ' || n % 13 from generate_series(1, 6000) n;
insert into linked."Odd name" select n, n, 'x ' || n from generate_series(1, 50) n;
create view linked.crew as select p.id, upper(p.name) as called, p.team_id, p.joined from linked.person p
where exists (select from linked.team t where t.id = p.team_id);
create view linked.crew_of_crew as with one as (select 1) select c.id as who, c.team_id from linked.crew c, one;
create view linked.crew_visit as select v.note, v.person_id as person from linked.visit v;
create materialized view linked.big_team as select team_id, count(*) as people from linked.person group by 1;
create index on linked.person (team_id, joined desc nulls last, id);
create index on linked.visit (person_id);
create index on linked.visit (note text_pattern_ops);
grant select on all tables in schema linked to anon;
analyze;
