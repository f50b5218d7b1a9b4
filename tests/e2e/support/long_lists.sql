-- More rows than a URL can name, with keys of several types and values that look like rows.
drop table if exists unusual.big;
create table unusual.big (id uuid primary key, n int unique, word text, dec numeric, grp int, note text, j json);
insert into unusual.big
select md5('big:' || n)::uuid, n, n::text, case n when 10001 then 10001.0 else n end, n / 3,
  case n % 3 when 0 then 'note "' || n || E'" é \n' end,
  case n % 500 when 0 then E'[{"a":1}, \n {"id":"2"}]'::json end
from generate_series(1, 21000) n;
create or replace function unusual.loud(unusual.big) returns text language plpgsql volatile as $$
begin perform set_config('response.headers', json_build_array(json_build_object('X-Row', $1.n::text))::text, true);
return ''; end $$;
grant select on unusual.big to anon, service_role;
analyze unusual.big;
