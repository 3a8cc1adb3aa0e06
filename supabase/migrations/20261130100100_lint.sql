-- What `supabase db lint` and `supabase db advisors` report, fixed. Behaviour stays.

-- The call is dynamic, so that the check does not need pg_cron to be installed.
create or replace function private.schedule_feed_heartbeat() returns boolean
language plpgsql set search_path = ''
as $$
declare
  cron constant name := (
    select nspname from pg_catalog.pg_namespace
     where nspname = 'cron' and exists (select from pg_catalog.pg_extension where extname = 'pg_cron'));
begin
  if cron is null then
    return false;
  end if;
  -- Scheduling a name again replaces its schedule. The job's own log would grow by 8,640 rows a day.
  execute format('select %I.schedule($1, $2, $3)', cron)
    using 'bedside-feed-heartbeat', '10 seconds', 'select private.beat_feed()';
  execute format('select %I.schedule($1, $2, $3)', cron)
    using 'bedside-feed-heartbeat-log', '17 3 * * *',
      $job$delete from cron.job_run_details where command = 'select private.beat_feed()' and end_time < now() - interval '1 day'$job$;
  return true;
end
$$;

-- `found` hid the variable of the same name that PL/pgSQL sets, and began as text.
create or replace function private.record_patient_change() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  -- What people change; versions, times and derived columns are not history.
  followed constant text[] := array[
    'mrn', 'first_name', 'last_name', 'date_of_birth', 'sex', 'status', 'ward', 'clinician_id', 'notes'];
  changed jsonb := jsonb '{}';
begin
  if tg_op = 'UPDATE' then
    select coalesce(jsonb_object_agg(now_is.key, jsonb_build_array(left(was.value, 1000), left(now_is.value, 1000))), '{}')
      into changed
      from jsonb_each_text(to_jsonb(new)) now_is
      join jsonb_each_text(to_jsonb(old)) was using (key)
     where now_is.key = any (followed) and now_is.value is distinct from was.value;
    if changed = '{}' then
      return null;
    end if;
  end if;
  insert into public.patient_changes (patient_id, version, changed_by, changed_at, changes)
  select new.id, new.version,
         (select profiles.id from public.profiles where profiles.id = auth.uid()),
         case when tg_op = 'INSERT' then new.created_at else new.updated_at end,
         changed
  on conflict do nothing;
  return null;
end
$$;

-- Functions with the owner's rights belong in the schema that the API does not expose; the one in `public` only calls it.
create function private.hand_over_patient(patient uuid, new_clinician uuid, expected_version integer) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  new_version integer;
begin
  if not (private.is_admin() or private.is_clinician()) then
    raise exception 'only a clinician or an admin hands over a patient' using errcode = '42501';
  end if;
  if new_clinician is null and not private.is_admin() then
    raise exception 'a hand-over names who takes over' using errcode = '42501';
  end if;

  update public.patients
     set clinician_id = new_clinician
   where id = patient
     and version = expected_version
     and (private.is_admin() or clinician_id = auth.uid())
  returning version into new_version;
  return new_version;
end
$$;
revoke execute on function private.hand_over_patient(uuid, uuid, integer) from public;
grant execute on function private.hand_over_patient(uuid, uuid, integer) to authenticated, service_role;

create or replace function public.hand_over_patient(patient uuid, new_clinician uuid, expected_version integer) returns integer
language sql security invoker set search_path = ''
as $$ select private.hand_over_patient(patient, new_clinician, expected_version) $$;

-- Only functions with the owner's rights touch the ids of saves. A table without a policy would do the same without saying so.
create policy saves_closed on private.saves as restrictive for all using (false);
