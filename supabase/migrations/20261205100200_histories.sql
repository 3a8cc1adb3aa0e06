-- Histories keep complete values, can only grow, and outlive the row they describe.
--
-- Nothing points from a history to its row or to the author's profile with a foreign key: deleting either leaves the history alone.
-- Users who see the row read its history; the history of a deleted row is for admins.

-- Patients

alter table public.patient_changes
  drop constraint patient_changes_patient_id_fkey,
  drop constraint patient_changes_changed_by_fkey,
  add column action text not null default 'changed' check (action in ('created', 'changed', 'deleted'));
update public.patient_changes set action = 'created' where changes = '{}';
comment on table public.patient_changes is 'The history of patients, a row for each version with complete values. Append-only; outlives the patient.';
comment on column public.patient_changes.changed_by is 'The profile''s id, kept after the profile is deleted. Null: an import or the database''s owner.';
comment on column public.patient_changes.changes is
  'For each column that changed, what it held and what it holds. Empty for the registration; the last values for the deletion.';

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
    select coalesce(jsonb_object_agg(now_is.key, jsonb_build_array(was.value, now_is.value)), '{}')
      into changed
      from jsonb_each_text(to_jsonb(new)) now_is
      join jsonb_each_text(to_jsonb(old)) was using (key)
     where now_is.key = any (followed) and now_is.value is distinct from was.value;
    if changed = '{}' then
      return null;
    end if;
  elsif tg_op = 'DELETE' then
    select jsonb_object_agg(was.key, jsonb_build_array(was.value, null))
      into changed
      from jsonb_each_text(to_jsonb(old)) was
     where was.key = any (followed);
    insert into public.patient_changes (patient_id, version, action, changed_by, changes)
    values (old.id, old.version + 1, 'deleted', auth.uid(), changed);
    return null;
  end if;
  insert into public.patient_changes (patient_id, version, action, changed_by, changed_at, changes)
  values (
    new.id, new.version, case when tg_op = 'INSERT' then 'created' else 'changed' end, auth.uid(),
    case when tg_op = 'INSERT' then new.created_at else new.updated_at end, changed);
  return null;
end
$$;

drop trigger record_patient_change on public.patients;
create trigger record_patient_change after insert or update or delete on public.patients
  for each row execute function private.record_patient_change();

-- Forms. A draft that was never submitted is typing: its history is when it began, and what it held when it was deleted. The first
-- submission records every answer, and from then on each change does.

create table public.form_changes (
  id bigint generated always as identity primary key,
  form_id uuid not null,
  patient_id uuid not null,
  version integer not null,
  action text not null check (action in ('created', 'changed', 'deleted')),
  changed_by uuid,
  changed_at timestamptz not null default now(),
  -- {"status": ["submitted", "returned"], "answers": {"pain": [3, 4]}}: what it held, what it holds.
  changes jsonb not null default '{}' check (jsonb_typeof(changes) = 'object'),
  unique (form_id, version)
);
comment on table public.form_changes is 'The history of forms, with complete values from the first submission on. Append-only; outlives the form.';
comment on column public.form_changes.changed_by is 'The profile''s id, kept after the profile is deleted. Null: an import or the database''s owner.';
create index form_changes_by_patient on public.form_changes (patient_id, changed_at desc);

alter table public.form_changes enable row level security;
revoke all on public.form_changes from anon, authenticated, service_role;
grant select on public.form_changes to authenticated, service_role;

create function private.record_form_change() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  followed constant text[] := array['patient_id', 'form_type', 'status', 'review_comment', 'submitted_by', 'reviewed_by'];
  before jsonb := jsonb '{}';
  after jsonb := jsonb '{}';
  answers jsonb;
  changed jsonb;
begin
  if tg_op = 'UPDATE' and new.first_submitted_at is null then
    return null;
  end if;
  if tg_op = 'DELETE' or (tg_op = 'UPDATE' and old.first_submitted_at is not null) then
    before := to_jsonb(old);
  end if;
  if tg_op <> 'DELETE' and new.first_submitted_at is not null then
    after := to_jsonb(new);
  end if;

  select coalesce(jsonb_object_agg(key, jsonb_build_array(before -> key, after -> key)), '{}') into changed
    from unnest(followed) key
   where before -> key is distinct from after -> key;
  select jsonb_object_agg(key, jsonb_build_array(was.value, now_is.value)) into answers
    from jsonb_each(coalesce(before -> 'answers', '{}')) was
    full join jsonb_each(coalesce(after -> 'answers', '{}')) now_is using (key)
   where was.value is distinct from now_is.value;
  if answers is not null then
    changed := changed || jsonb_build_object('answers', answers);
  end if;
  if tg_op = 'UPDATE' and changed = '{}' then
    return null;
  end if;

  if tg_op = 'DELETE' then
    insert into public.form_changes (form_id, patient_id, version, action, changed_by, changes)
    values (old.id, old.patient_id, old.version + 1, 'deleted', auth.uid(), changed);
  else
    insert into public.form_changes (form_id, patient_id, version, action, changed_by, changed_at, changes)
    values (
      new.id, new.patient_id, new.version, case when tg_op = 'INSERT' then 'created' else 'changed' end, auth.uid(),
      case when tg_op = 'INSERT' then new.created_at else new.updated_at end, changed);
  end if;
  return null;
end
$$;

create trigger record_form_change after insert or update or delete on public.form_submissions
  for each row execute function private.record_form_change();

-- Forms older than this migration begin their history with what they hold today.
insert into public.form_changes (form_id, patient_id, version, action, changed_by, changed_at, changes)
select f.id, f.patient_id, f.version, 'created', coalesce(f.changed_by, f.submitted_by), f.created_at,
  case when f.first_submitted_at is null then '{}' else
    (select jsonb_object_agg(key, jsonb_build_array(null, value)) from jsonb_each(to_jsonb(f))
      where key in ('patient_id', 'form_type', 'status', 'review_comment', 'submitted_by', 'reviewed_by'))
    || jsonb_build_object('answers', coalesce((select jsonb_object_agg(key, jsonb_build_array(null, value)) from jsonb_each(f.answers)), '{}'))
  end
  from public.form_submissions f;

-- Reading

drop policy patient_changes_read on public.patient_changes;
create policy patient_changes_read on public.patient_changes for select to authenticated
  using ((select private.is_admin()) or exists (select from public.patients p where p.id = patient_id));
create policy form_changes_read on public.form_changes for select to authenticated
  using ((select private.is_admin()) or exists (select from public.form_submissions f where f.id = form_id));

-- Growing only. The rights are gone for everyone but the owner, and the triggers stop the owner's own slips and functions. Where a law
-- demands an erasure, the owner disables the triggers for it.

revoke insert, update, delete, truncate on public.patient_changes from service_role;

create function private.refuse_history_change() returns trigger
language plpgsql set search_path = ''
as $$
begin
  raise exception 'a history can only grow' using errcode = '42501';
end
$$;
create trigger keep_history before update or delete on public.patient_changes
  for each row execute function private.refuse_history_change();
create trigger keep_whole_history before truncate on public.patient_changes
  for each statement execute function private.refuse_history_change();
create trigger keep_history before update or delete on public.form_changes
  for each row execute function private.refuse_history_change();
create trigger keep_whole_history before truncate on public.form_changes
  for each statement execute function private.refuse_history_change();

-- Keys are made by clients, so a deleted row's key can be used again. Its versions then go on where the history ends.
create function private.continue_patient_versions() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  new.version := coalesce((select max(version) + 1 from public.patient_changes where patient_id = new.id), new.version);
  return new;
end
$$;
create function private.continue_form_versions() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  new.version := coalesce((select max(version) + 1 from public.form_changes where form_id = new.id), new.version);
  return new;
end
$$;
-- Named to run after stamp_patient and stamp_form_submission, which set version 1.
create trigger stamp_version before insert on public.patients
  for each row execute function private.continue_patient_versions();
create trigger stamp_version before insert on public.form_submissions
  for each row execute function private.continue_form_versions();

revoke execute on function
  private.record_form_change(), private.refuse_history_change(), private.continue_patient_versions(), private.continue_form_versions()
  from public;
