-- Who may enter the private room of a record: presence ("who is here") and broadcast ("in which field"). A room is named after its record,
-- `patient:<id>` or `form:<id>`, and open to whoever may see that record. What is typed never travels through it.

-- Asks as the person who wants in, so that the answer is the one of the record's own policies.
create function private.sees_record_of_room(room text) returns boolean
language sql stable set search_path = ''
as $$
  select case
    when room ~ '^patient:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then exists (select from public.patients where id = substr(room, 9)::uuid)
    when room ~ '^form:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then exists (select from public.form_submissions where id = substr(room, 6)::uuid)
    else false
  end
$$;
revoke execute on function private.sees_record_of_room(text) from public;
grant execute on function private.sees_record_of_room(text) to authenticated;

do $$
begin
  if to_regclass('realtime.messages') is not null then
    create policy bedside_read_record_room on realtime.messages for select to authenticated
      using (extension in ('presence', 'broadcast') and (select private.sees_record_of_room(realtime.topic())));
    create policy bedside_write_record_room on realtime.messages for insert to authenticated
      with check (extension in ('presence', 'broadcast') and (select private.sees_record_of_room(realtime.topic())));
  else
    raise warning 'there is no realtime.messages: nobody will see who else has a record open';
  end if;
end
$$;
