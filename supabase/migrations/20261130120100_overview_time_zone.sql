-- Days of the dashboard by the name of a time zone. An offset is today's, and cuts the days before a change to or from summer time an
-- hour off.

-- The day of an instant where a person is. Takes a zone's name, or an offset as POSIX writes it.
create function private.day_in(instant timestamptz, zone text) returns date
language sql stable set search_path = ''
as $$
  select (instant at time zone zone)::date
$$;

-- The names of time zones, since PostgreSQL's own list takes long to read and an unknown name is an error.
create table private.time_zones (name text primary key);
insert into private.time_zones select distinct name from pg_catalog.pg_timezone_names;
alter table private.time_zones enable row level security;
revoke all on private.time_zones from public, anon, authenticated;

-- The zone, or an offset as `overview` writes it; UTC for anything else.
create function private.known_time_zone(zone text) returns text
language sql stable security definer set search_path = ''
as $$
  select coalesce(
    (select name from private.time_zones where name = zone),
    case when zone ~ '^<here>-?[0-9]{2}:[0-9]{2}:[0-9]{2}$' then zone end,
    'UTC')
$$;
revoke execute on function private.day_in(timestamptz, text), private.known_time_zone(text) from public;
grant execute on function private.day_in(timestamptz, text), private.known_time_zone(text) to authenticated, service_role;

create function public.overview_in(time_zone text)
returns table (days json, statuses json, wards json, reviews json)
language sql stable security invoker set search_path = ''
as $$
  with
    -- A day begins at midnight where the person is, or numbers of last night would stand under tomorrow.
    here as materialized (
      select private.known_time_zone(time_zone) as zone
    ),
    -- Read once: the policy is asked once a statement, and the four answers below agree with each other.
    forms as materialized (
      select form_type, status, submitted_at, updated_at from public.form_submissions
    ),
    days as (
      select private.day_in(now(), zone) - past as day
      from here, generate_series(0, 29) as past
    ),
    handed_in as (
      select private.day_in(submitted_at, zone) as day, count(*) as submitted
      from here, forms
      where submitted_at > now() - interval '32 days'
      group by 1
    )
  select
    (select json_agg(json_build_object('day', day, 'submitted', coalesce(submitted, 0)) order by day)
       from days left join handed_in using (day)),
    (select coalesce(json_agg(json_build_object('status', status, 'count', n)), '[]')
       from (select status, count(*) as n from forms group by status) as counted),
    (select coalesce(json_agg(json_build_object(
         'ward', ward, 'waiting', waiting, 'admitted', admitted, 'observation', observation) order by ward), '[]')
       from (
         select ward,
           count(*) filter (where status = 'waiting') as waiting,
           count(*) filter (where status = 'admitted') as admitted,
           count(*) filter (where status = 'observation') as observation
         from public.patients where status <> 'discharged' group by ward) as counted),
    -- An approved form does not change any more, so its last change is its approval.
    (select coalesce(json_agg(json_build_object(
         'form_type', form_type, 'count', n, 'median_hours', median, 'slow_hours', slow) order by form_type), '[]')
       from (
         select form_type, count(*) as n,
           percentile_cont(0.5) within group (order by hours) as median,
           percentile_cont(0.9) within group (order by hours) as slow
         from (
           select form_type, greatest(extract(epoch from updated_at - submitted_at) / 3600.0, 0)::float8 as hours
           from forms where status = 'approved' and updated_at > now() - interval '90 days') as approved
         group by form_type) as counted)
$$;
comment on function public.overview_in(text) is
  'Counts for the dashboard, of what the person may see: forms handed in on each of the last 30 days of a time zone, forms by status, patients in wards, hours from submission to approval.';

-- Apps of an older build still ask by offset, in minutes ahead of UTC. POSIX counts the other way.
create or replace function public.overview(offset_minutes integer default 0)
returns table (days json, statuses json, wards json, reviews json)
language sql stable security invoker set search_path = ''
as $$
  select counted.* from public.overview_in(
    format('<here>%s', -make_interval(mins => least(greatest(offset_minutes, -840), 840)))) as counted
$$;

revoke execute on function public.overview_in(text) from public, anon;
grant execute on function public.overview_in(text) to authenticated, service_role;
