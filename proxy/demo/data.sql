-- RetroMuscle's rows for :creators creators. They are the same on every machine and Postgres version:
-- each id is the md5 of a name, each random choice a part of such an md5.

create function pg_temp.pick(what text, choices int) returns int language sql immutable as $$
  select ('x' || substr(md5(what), 1, 7))::bit(28)::int % choices
$$;

insert into public.video_rates (video_type, rate_per_video, is_placeholder) values
  ('OOTD', 100, false),
  ('TRAINING', 95, false),
  ('BEFORE_AFTER', 120, false),
  ('SPORTS_80S', 140, false),
  ('CINEMATIC', 180, true);

insert into public.package_definitions (tier, quota_videos, monthly_credits) values
  (10, 10, 500), (20, 20, 1000), (30, 30, 1500), (40, 40, 2000);

insert into public.mix_definitions (name, positioning, distribution) values
  ('VOLUME', 'as many as possible',
   '{"OOTD": 0.4, "TRAINING": 0.3, "BEFORE_AFTER": 0.1, "SPORTS_80S": 0.1, "CINEMATIC": 0.1}'),
  ('BALANCED', 'a bit of everything',
   '{"OOTD": 0.2, "TRAINING": 0.2, "BEFORE_AFTER": 0.2, "SPORTS_80S": 0.2, "CINEMATIC": 0.2}'),
  ('PREMIUM_80S', 'the look of the brand',
   '{"OOTD": 0.1, "TRAINING": 0.1, "BEFORE_AFTER": 0.1, "SPORTS_80S": 0.5, "CINEMATIC": 0.2}'),
  ('TRANSFORMATION', 'before and after',
   '{"OOTD": 0.1, "TRAINING": 0.3, "BEFORE_AFTER": 0.4, "SPORTS_80S": 0.1, "CINEMATIC": 0.1}');

insert into public.creators
select
  md5('creator:' || n)::uuid,
  md5('user:' || n)::uuid,
  'creator_' || n,
  'creator_' || n || '@example.com',
  10 * (1 + pg_temp.pick('tier:' || n, 4)),
  (array['VOLUME', 'BALANCED', 'PREMIUM_80S', 'TRANSFORMATION'])[1 + pg_temp.pick('mix:' || n, 4)],
  (array['active', 'active', 'active', 'active', 'paused'])[1 + pg_temp.pick('status:' || n, 5)],
  timestamptz '2024-06-01 09:30:00+00' + n * interval '61 minutes',
  jsonb_build_object('tiktok', '@creator_' || n, 'instagram', 'creator.' || n),
  case when pg_temp.pick('notes:' || n, 3) = 0 then 'Prefers mornings, says "hi" first, l''été' end,
  n || ' Arnold Street, 94' || lpad(pg_temp.pick('zip:' || n, 1000)::text, 3, '0') || ' Venice',
  timestamptz '2024-06-01 08:00:00.25+00' + n * interval '61 minutes'
from generate_series(1, :creators) n;

-- Six months; m = 6 is the newest. `key` names a video: its creator, month and position.
create temp table months on commit drop as
select n, m, to_char(make_date(2025, m, 1), 'YYYY-MM') as month,
  md5('tracking:' || n || ':' || m)::uuid as id, md5('creator:' || n)::uuid as creator_id
from generate_series(1, :creators) n cross join generate_series(1, 6) m;

create temp table drafts on commit drop as
select
  months.*,
  md5('video:' || key)::uuid as video_id,
  (array['OOTD', 'TRAINING', 'BEFORE_AFTER', 'SPORTS_80S', 'CINEMATIC'])
    [1 + pg_temp.pick('type:' || key, 5)] as video_type,
  case
    when m = 6 then (array['uploaded', 'pending_review', 'approved'])
      [1 + pg_temp.pick('review:' || key, 3)]
    when pg_temp.pick('review:' || key, 10) = 0 then 'rejected'
    else 'approved'
  end as status,
  make_date(2025, m, 1) + position * interval '4 days 5 hours'
    + pg_temp.pick('at:' || key, 1000000) * interval '1 microsecond' as at
from months
cross join generate_series(1, 5) position
cross join lateral (select n || ':' || m || ':' || position as key) k;

-- In the newest month the payments of exactly `due` creators are due, spread evenly over all creators.
insert into public.monthly_tracking
with delivered as (
  select id, jsonb_build_object(
    'OOTD', count(*) filter (where video_type = 'OOTD'),
    'TRAINING', count(*) filter (where video_type = 'TRAINING'),
    'BEFORE_AFTER', count(*) filter (where video_type = 'BEFORE_AFTER'),
    'SPORTS_80S', count(*) filter (where video_type = 'SPORTS_80S'),
    'CINEMATIC', count(*) filter (where video_type = 'CINEMATIC')
  ) as counts
  from drafts
  where status = 'approved'
  group by id
),
mixes as (
  select x.name, p.tier, p.quota_videos,
    (select jsonb_object_agg(key, (value::numeric * p.quota_videos)::int)
     from jsonb_each_text(x.distribution)) as quotas
  from public.mix_definitions x cross join public.package_definitions p
),
payments as (
  select months.*,
    case
      when m < 6 then 'paid'
      when n * due / :creators > (n - 1) * due / :creators then 'due'
      when pg_temp.pick('paid:' || n, 2) = 0 then 'paid'
      else 'pending'
    end as payment_status
  from months cross join (select least(greatest(:creators / 20, 20), :creators) as due) size
)
select
  t.id,
  t.month,
  c.id,
  c.package_tier,
  mixes.quota_videos,
  c.default_mix,
  mixes.quotas,
  coalesce(delivered.counts, '{"OOTD": 0, "TRAINING": 0, "BEFORE_AFTER": 0, "SPORTS_80S": 0, "CINEMATIC": 0}'),
  make_date(2025, m, 25),
  t.payment_status,
  case when t.payment_status = 'paid' then timestamptz '2025-01-30 12:00:00+00'
    + (m - 1) * interval '1 month' end
from payments t
join public.creators c on c.id = t.creator_id
join mixes on mixes.name = c.default_mix and mixes.tier = c.package_tier
left join delivered on delivered.id = t.id;

insert into public.videos
select
  video_id, id, creator_id, video_type,
  'https://files.example.com/videos/' || video_id || '.mp4',
  status,
  at,
  case when status in ('approved', 'rejected') then at + interval '2 days' end,
  case when status in ('approved', 'rejected') then 'admin@example.com' end
from drafts;

insert into public.rushes
select
  md5('rush:' || n || ':' || m)::uuid, id, creator_id,
  'rush ' || month || ', take 1.mov',
  100 + pg_temp.pick('size:' || n || ':' || m, 9000) / 10.0,
  'https://files.example.com/rushes/' || id || '.mov',
  make_date(2025, m, 2) + n * interval '1 second'
from months;

-- About one creator in 20 has no payout account yet.
insert into public.creator_payout_profiles
select
  md5('creator:' || n)::uuid,
  (array['iban', 'paypal', 'stripe'])[1 + k],
  case when k = 0 then 'FR76' || lpad(pg_temp.pick('iban:' || n, 100000000)::text, 23, '0') end,
  case when k = 1 then 'creator_' || n || '@example.com' end,
  case when k = 2 then 'acct_' || substr(md5('stripe:' || n), 1, 16) end
from (
  select n, pg_temp.pick('method:' || n, 3) as k from generate_series(1, :creators) n
) profiles
where pg_temp.pick('account:' || n, 20) <> 0;

insert into public.creator_contract_signatures
select
  md5('signature:' || n)::uuid, md5('creator:' || n)::uuid, md5('user:' || n)::uuid, '2024-05',
  timestamptz '2024-06-01 09:30:00+00' + n * interval '61 minutes',
  '{"clause1": true, "clause2": true, "clause3": true}'
from generate_series(1, :creators) n;

-- Every creator has one approved application; half as many others were rejected or are pending.
insert into public.creator_applications
select
  md5('application:' || n)::uuid,
  md5('user:' || n)::uuid,
  case when n <= :creators then 'approved'
       else (array['draft', 'pending_review', 'rejected'])[1 + pg_temp.pick('applied:' || n, 3)] end,
  'creator_' || n,
  'creator_' || n || '@example.com',
  10 * (1 + pg_temp.pick('tier:' || n, 4)),
  (array['VOLUME', 'BALANCED', 'PREMIUM_80S', 'TRANSFORMATION'])[1 + pg_temp.pick('mix:' || n, 4)],
  timestamptz '2024-05-20 08:00:00+00' + n * interval '61 minutes'
from generate_series(1, :creators * 3 / 2) n;
