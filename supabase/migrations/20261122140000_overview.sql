-- What the dashboard draws, added up where the rows are: a few hundred numbers instead of all the rows they count. The function
-- runs as whoever asks, so that Row Level Security decides what is counted: nobody learns a number about rows they may not see.

create function public.overview(offset_minutes integer default 0)
returns table (days json, statuses json, wards json, reviews json)
language sql stable security invoker set search_path = ''
as $$
  with
    -- A day begins at midnight where the person is, or numbers of last night would stand under tomorrow.
    here as (
      select make_interval(mins => least(greatest(offset_minutes, -840), 840)) as ahead
    ),
    -- Read once: the policy is asked once a statement, and the four answers below agree with each other.
    forms as materialized (
      select form_type, status, submitted_at, updated_at from public.form_submissions
    ),
    days as (
      select day::date as day
      from here, generate_series(
        ((now() + ahead) at time zone 'UTC')::date - 29, ((now() + ahead) at time zone 'UTC')::date, interval '1 day') as day
    ),
    handed_in as (
      select ((submitted_at + ahead) at time zone 'UTC')::date as day, count(*) as submitted
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
comment on function public.overview(integer) is
  'Counts for the dashboard, of what the person may see: forms handed in on each of the last 30 days, forms by status, patients in wards, hours from submission to approval.';

revoke execute on function public.overview(integer) from public, anon;
grant execute on function public.overview(integer) to authenticated, service_role;
