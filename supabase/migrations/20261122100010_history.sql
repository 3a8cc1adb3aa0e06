-- What became of a patient's record: which columns each change touched, from what to what, by whom. Written by the database itself, so that no way of
-- changing a patient goes around it; read by whoever may see the patient; changed by nobody.

create table public.patient_changes (
  id bigint generated always as identity primary key,
  patient_id uuid not null references public.patients (id) on delete cascade,
  version integer not null,
  changed_by uuid references public.profiles (id) on delete set null,
  changed_at timestamptz not null default now(),
  -- {"status": ["admitted", "discharged"]}: the column, what it held, what it holds. Empty for the registration.
  changes jsonb not null default '{}' check (jsonb_typeof(changes) = 'object'),
  unique (patient_id, version)
);
comment on table public.patient_changes is 'The history of patients, a row for each version; long texts are kept by their first 1,000 characters.';
comment on column public.patient_changes.changed_by is 'Null: not a person, but an import or the database''s owner.';

create index patient_changes_by_author on public.patient_changes (changed_by) where changed_by is not null;

alter table public.patient_changes enable row level security;
revoke all on public.patient_changes from anon, authenticated;
grant select on public.patient_changes to authenticated;
grant all on public.patient_changes to service_role;

create policy patient_changes_read on public.patient_changes for select to authenticated
  using (
    (select private.sees_all_patients())
    or ((select private.is_clinician()) and patient_id in (select private.assigned_patient_ids())));

-- `security definer`: people have no right to write history, only to make some.
create function private.record_patient_change() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  -- What people change; versions, times and what is derived are not history.
  followed constant text[] := array[
    'mrn', 'first_name', 'last_name', 'date_of_birth', 'sex', 'status', 'ward', 'clinician_id', 'notes'];
  found jsonb := '{}';
begin
  if tg_op = 'UPDATE' then
    select coalesce(jsonb_object_agg(now_is.key, jsonb_build_array(left(was.value, 1000), left(now_is.value, 1000))), '{}')
      into found
      from jsonb_each_text(to_jsonb(new)) now_is
      join jsonb_each_text(to_jsonb(old)) was using (key)
     where now_is.key = any (followed) and now_is.value is distinct from was.value;
    if found = '{}' then
      return null;
    end if;
  end if;
  insert into public.patient_changes (patient_id, version, changed_by, changed_at, changes)
  select new.id, new.version,
         (select profiles.id from public.profiles where profiles.id = auth.uid()),
         case when tg_op = 'INSERT' then new.created_at else new.updated_at end,
         found
  on conflict do nothing;
  return null;
end
$$;
revoke execute on function private.record_patient_change() from public;

create trigger record_patient_change after insert or update on public.patients
  for each row execute function private.record_patient_change();

-- Patients older than this migration begin their history with what is known: when they came.
insert into public.patient_changes (patient_id, version, changed_at)
select id, version, created_at from public.patients
on conflict do nothing;
