-- Giving a patient to a colleague. Row Level Security can't express it as an update: the new row would have to be visible to the
-- one who has just given it away (see patients_change). So it is a function, with the same optimistic version check.

create function public.hand_over_patient(patient uuid, new_clinician uuid, expected_version integer) returns integer
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
comment on function public.hand_over_patient(uuid, uuid, integer) is
  'Assigns a patient to another clinician. Returns the new version; null when there is no such patient of yours at that version.';

revoke execute on function public.hand_over_patient(uuid, uuid, integer) from public, anon;
grant execute on function public.hand_over_patient(uuid, uuid, integer) to authenticated, service_role;
