-- Policies on `realtime.messages`, created as soon as the table exists. A hosted project gets Realtime's tables when its first client
-- connects, which is usually after the migrations. The earlier migrations skip the policies in that case.
--
-- An event trigger on CREATE TABLE would not help: on a hosted project it is skipped for the roles that run Realtime's own migrations,
-- and elsewhere the policies would depend on a function and columns that later Realtime migrations still replace. So the heartbeat and
-- every save look for the policies, which is one catalog lookup.

create function private.ensure_realtime_policies() returns boolean
language plpgsql set search_path = '' set lock_timeout = '500ms'
as $$
declare
  existing name[];
begin
  -- Not to_regclass: it raises an error for a role without USAGE on the schema.
  select array(select polname from pg_catalog.pg_policy where polrelid = c.oid and polname ~ '^bedside_') into existing
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where n.nspname = 'realtime' and c.relname = 'messages';
  if existing is null then
    return false;
  elsif existing @> array['bedside_read_own_topic', 'bedside_read_record_room', 'bedside_write_record_room',
                          'bedside_read_forms_room', 'bedside_write_forms_room']::name[] then
    return true;
  end if;

  begin
    -- Only the person reads their topic, active or not: access_revoked must reach deactivated accounts too. No client writes to it.
    if not 'bedside_read_own_topic' = any (existing) then
      create policy bedside_read_own_topic on realtime.messages for select to authenticated
        using (extension = 'broadcast' and realtime.topic() = 'user:' || (select auth.uid())::text);
    end if;

    -- The room of a record: open to whoever may see the record.
    if not 'bedside_read_record_room' = any (existing) then
      create policy bedside_read_record_room on realtime.messages for select to authenticated
        using (extension in ('presence', 'broadcast') and (select private.sees_record_of_room(realtime.topic())));
    end if;
    if not 'bedside_write_record_room' = any (existing) then
      create policy bedside_write_record_room on realtime.messages for insert to authenticated
        with check (extension in ('presence', 'broadcast') and (select private.sees_record_of_room(realtime.topic())));
    end if;

    -- The room of all forms: active staff see who is editing; admins and clinicians may show up.
    if not 'bedside_read_forms_room' = any (existing) then
      create policy bedside_read_forms_room on realtime.messages for select to authenticated
        using (extension in ('presence', 'broadcast') and realtime.topic() = 'ward:forms'
          and (select private.current_role_name()) is not null);
    end if;
    if not 'bedside_write_forms_room' = any (existing) then
      create policy bedside_write_forms_room on realtime.messages for insert to authenticated
        with check (extension = 'presence' and realtime.topic() = 'ward:forms'
          and (select private.current_role_name()) in ('admin', 'clinician'));
    end if;
    return true;
  exception when others then
    -- No right to create policies, no realtime.topic() yet, or a lock on the table. A heartbeat or a save must not fail because of
    -- that; the next one tries again.
    raise notice 'policies on realtime.messages were not created: %', sqlerrm;
    return false;
  end;
end
$$;
comment on function private.ensure_realtime_policies() is
  'Creates the policies on realtime.messages that do not exist yet. False: the table is missing or the policies could not be created.';
create or replace function private.beat_feed() returns void
language sql set search_path = ''
as $$
  update public.feed_heartbeat set beat = beat + 1;
  select private.ensure_realtime_policies();
$$;

-- Projects without pg_cron have no heartbeat. As before, and: each save looks for the policies.
create or replace function private.have_save() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  delete from private.saves where at < now() - interval '90 days';
  insert into private.saves (id) values (new.save_id);
  new.save_id := null;
  perform private.ensure_realtime_policies();
  return new;
end
$$;

revoke execute on function private.ensure_realtime_policies() from public;

do $$
begin
  if not private.ensure_realtime_policies() then
    raise notice 'realtime.messages has no policies yet: the next heartbeat or save after Realtime''s first connection creates them';
  end if;
end
$$;
