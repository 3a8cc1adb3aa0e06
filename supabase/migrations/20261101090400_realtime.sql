-- What travels to open screens: the published tables, a heartbeat that proves that they are still followed, and the message to
-- those who lose sight of a row, for whom Realtime has no event.

-- The heartbeat: one row that changes every ten seconds and takes the same way as every other change.
create table public.feed_heartbeat (
  id smallint primary key default 1 check (id = 1),
  beat bigint not null default 0,
  at timestamptz not null default now()
);
comment on table public.feed_heartbeat is 'Proof of life of the change feed: a missed beat means a broken feed, a skipped number a gap.';
insert into public.feed_heartbeat default values;

alter table public.feed_heartbeat enable row level security;
revoke all on public.feed_heartbeat from anon, authenticated;
grant select on public.feed_heartbeat to authenticated;
grant all on public.feed_heartbeat to service_role;
create policy feed_heartbeat_read on public.feed_heartbeat for select to authenticated using (true);

create function private.stamp_beat() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.at := clock_timestamp();
  return new;
end
$$;

create trigger stamp_beat before update on public.feed_heartbeat
  for each row execute function private.stamp_beat();

create function private.beat_feed() returns void
language sql set search_path = ''
as $$ update public.feed_heartbeat set beat = beat + 1 $$;

-- Supabase owns the publication; adding a table twice is an error, so look first.
do $$
declare
  published text;
begin
  foreach published in array array['profiles', 'patients', 'form_submissions', 'feed_heartbeat'] loop
    if not exists (
      select from pg_publication_tables
       where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = published) then
      execute format('alter publication supabase_realtime add table public.%I', published);
    end if;
  end loop;
end
$$;

-- Where pg_cron comes later, run `select private.schedule_feed_heartbeat();` then.
create function private.schedule_feed_heartbeat() returns boolean
language plpgsql set search_path = ''
as $$
begin
  if not exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    return false;
  end if;
  -- Scheduling a name again replaces its schedule. The job's own log would grow by 8,640 rows a day.
  perform cron.schedule('bedside-feed-heartbeat', '10 seconds', 'select private.beat_feed()');
  perform cron.schedule('bedside-feed-heartbeat-log', '17 3 * * *',
    $job$delete from cron.job_run_details where command = 'select private.beat_feed()' and end_time < now() - interval '1 day'$job$);
  return true;
end
$$;

do $$
begin
  perform private.schedule_feed_heartbeat();
exception when others then
  -- pg_cron before 1.5 knows no seconds. The feed then has no heartbeat, and clients fall back on the echo of their own writes.
  raise notice 'feed heartbeat not scheduled: %', sqlerrm;
end
$$;

-- Lost access. The message names rows, never what is in them: {"table": "patients", "id": ".."} for a row (a patient stands for
-- its forms too), {"table": "*"} for "anything that you hold".
-- (realtime.send gives a payload without an id the id of the message: after "*" it means nothing.)
create function private.announce_lost_access(person uuid, what jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is not null then
    perform realtime.send(what, 'access_revoked', 'user:' || person, true);
  end if;
exception when others then
  -- A hand-over must not fail for want of a message; the row then goes at the next revalidation.
  raise warning 'access_revoked was not sent: %', sqlstate;
end
$$;

-- Above this many rows in one statement it is cheaper for everyone to look at everything again than to be told row by row.
create function private.announce_lost_rows(person uuid, from_table text, ids uuid[]) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  lost uuid;
begin
  -- Admins and viewers see a row whoever it belongs to; who is not active has nothing left to lose.
  if not exists (select from public.profiles where id = person and active and role = 'clinician') then
    return;
  end if;
  if cardinality(ids) > 20 then
    perform private.announce_lost_access(person, '{"table": "*"}');
    return;
  end if;
  foreach lost in array ids loop
    perform private.announce_lost_access(person, jsonb_build_object('table', from_table, 'id', lost));
  end loop;
end
$$;

create function private.patients_lost() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.announce_lost_rows(moved.clinician_id, 'patients', moved.ids)
     from (select o.clinician_id, array_agg(o.id order by o.id) as ids
             from former o join current_rows n using (id)
            where o.clinician_id is not null and n.clinician_id is distinct from o.clinician_id
            group by o.clinician_id) moved;
  return null;
end
$$;

create trigger patients_lost after update on public.patients
  referencing old table as former new table as current_rows
  for each statement execute function private.patients_lost();

create function private.form_submissions_lost() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.announce_lost_rows(moved.clinician_id, 'form_submissions', moved.ids)
     from (select was.clinician_id, array_agg(o.id order by o.id) as ids
             from former o
             join current_rows n using (id)
             join public.patients was on was.id = o.patient_id
             join public.patients now_at on now_at.id = n.patient_id
            where n.patient_id <> o.patient_id
              and was.clinician_id is not null and now_at.clinician_id is distinct from was.clinician_id
            group by was.clinician_id) moved;
  return null;
end
$$;

create trigger form_submissions_lost after update on public.form_submissions
  referencing old table as former new table as current_rows
  for each statement execute function private.form_submissions_lost();

-- Any other role shows other rows, a viewer who becomes a clinician fewer of them. Only who becomes an admin loses nothing.
create function private.role_lost() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.announce_lost_access(new.id, '{"table": "*"}');
  return null;
end
$$;

create trigger role_lost after update on public.profiles
  for each row when (
    (old.active and not new.active) or (old.active and new.role <> old.role and new.role <> 'admin'))
  execute function private.role_lost();

revoke execute on all functions in schema private from public;

-- Only the person reads their topic, active or not: whoever is shut out must hear of it. Nobody writes to it through the API.
do $$
begin
  if to_regclass('realtime.messages') is not null then
    create policy bedside_read_own_topic on realtime.messages for select to authenticated
      using (extension = 'broadcast' and realtime.topic() = 'user:' || (select auth.uid())::text);
  else
    raise warning 'there is no realtime.messages: nobody will hear of lost access';
  end if;
end
$$;
