-- Who changed a form last: where two people changed one answer, each is told whose the other version is.

alter table public.form_submissions add column changed_by uuid references public.profiles (id) on delete set null;
comment on column public.form_submissions.changed_by is 'Who changed the form last; null for an import. Set by the database.';

create index form_submissions_by_changer on public.form_submissions (changed_by) where changed_by is not null;

create function private.name_form_changer() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- A person who is deleted leaves the forms, and nobody's name under them.
  if tg_op = 'INSERT' or to_jsonb(new) - 'changed_by' is distinct from to_jsonb(old) - 'changed_by' then
    new.changed_by := auth.uid();
  end if;
  return new;
end
$$;
revoke execute on function private.name_form_changer() from public;

-- Before any other trigger, by its name: what those set by themselves is no change of a person's.
create trigger a_name_form_changer before insert or update on public.form_submissions
  for each row execute function private.name_form_changer();
