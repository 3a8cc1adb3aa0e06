-- People with a single name can be registered. The name is in either column and the other one is empty.

alter table public.patients
  alter column first_name set default '',
  alter column last_name set default '',
  drop constraint patients_first_name_check,
  drop constraint patients_last_name_check,
  add constraint patients_first_name_check check (length(first_name) <= 100 and first_name = btrim(first_name)),
  add constraint patients_last_name_check check (length(last_name) <= 100 and last_name = btrim(last_name)),
  add constraint patients_name_check check (first_name <> '' or last_name <> '');
comment on column public.patients.first_name is 'Empty for a person with a single name that is in last_name.';
comment on column public.patients.last_name is 'Empty for a person with a single name that is in first_name.';

create or replace function private.fold_patient() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.search_text := private.fold_for_search(concat_ws(' ', nullif(new.last_name, ''), nullif(new.first_name, ''), new.mrn));
  return new;
end
$$;
