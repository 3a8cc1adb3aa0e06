-- The room of all forms, `ward:forms`: whoever fills in a form shows up there with its id, so that a list can say who is editing what. Ids
-- are all that travels; whose form it is, and what is in it, only those can look up who see the row. All active staff may look, those
-- who may edit may show up, and nobody may say anything.
do $$
begin
  if to_regclass('realtime.messages') is not null then
    create policy bedside_read_forms_room on realtime.messages for select to authenticated
      using (extension in ('presence', 'broadcast') and realtime.topic() = 'ward:forms'
        and (select private.current_role_name()) is not null);
    create policy bedside_write_forms_room on realtime.messages for insert to authenticated
      with check (extension = 'presence' and realtime.topic() = 'ward:forms'
        and (select private.current_role_name()) in ('admin', 'clinician'));
  else
    raise warning 'there is no realtime.messages: no list of forms will say who is editing';
  end if;
end
$$;
