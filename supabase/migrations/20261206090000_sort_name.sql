-- What lists of patients sort by: the last name, or a person's only name, whichever column it is in. An empty last name would sort before
-- everybody else.
alter table public.patients
  add column sort_name text generated always as (coalesce(nullif(last_name, ''), first_name)) stored;
comment on column public.patients.sort_name is 'The last name, or the only name of a person with a single name.';

create index patients_by_sort_name on public.patients (sort_name, first_name, id);
drop index public.patients_by_name;
