-- Who may write to the room of a record. Everyone who sees a record may enter its room and see who is there; only those who may edit
-- records show up in it and say where they are. A viewer who could write could appear in it, and under any name.
--
-- What this does not prove: Realtime checks whether a user may write to a topic, not what they write. The key of a presence and the
-- content of a broadcast are chosen by the sender, so a user with edit rights can still claim to be a colleague with edit rights. Rooms
-- are hints on a screen; who changed what is decided by the database alone.

-- Asks as the person who wants to write, as `sees_record_of_room` does.
create function private.edits_record_of_room(room text) returns boolean
language sql stable set search_path = ''
as $$
  select private.current_role_name() in ('admin', 'clinician') and private.sees_record_of_room(room)
$$;
revoke execute on function private.edits_record_of_room(text) from public;
grant execute on function private.edits_record_of_room(text) to authenticated;

-- As before, but for the policy `bedside_write_record_room`.
create or replace function private.ensure_realtime_policies() returns boolean
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

    -- The room of a record: open to whoever may see the record, to be written to by those who may edit it.
    if not 'bedside_read_record_room' = any (existing) then
      create policy bedside_read_record_room on realtime.messages for select to authenticated
        using (extension in ('presence', 'broadcast') and (select private.sees_record_of_room(realtime.topic())));
    end if;
    if not 'bedside_write_record_room' = any (existing) then
      create policy bedside_write_record_room on realtime.messages for insert to authenticated
        with check (extension in ('presence', 'broadcast') and (select private.edits_record_of_room(realtime.topic())));
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

-- The policy that was written before goes, and comes back in its new form: now, or with the next heartbeat or save.
do $$
begin
  if exists (select from pg_catalog.pg_policies
              where schemaname = 'realtime' and tablename = 'messages' and policyname = 'bedside_write_record_room') then
    drop policy bedside_write_record_room on realtime.messages;
  end if;
  if not private.ensure_realtime_policies() then
    raise notice 'realtime.messages has no policies yet: the next heartbeat or save after Realtime''s first connection creates them';
  end if;
end
$$;
