-- Who did what to a form can't be forged, and what was submitted stays as it was.
--
--   * `changed_by` is set by the database, also when a client sends nothing but this column.
--   * Answers change only in a draft and in a returned form. A review step changes status and comment, nothing else.
--   * Form type and patient are final from the first submission on, also after the form was withdrawn or returned.
--   * Only the author withdraws a submission.
--   * A form that was submitted once can't be deleted, whatever its status is now.

alter table public.form_submissions add column first_submitted_at timestamptz;
comment on column public.form_submissions.first_submitted_at is
  'When the form was submitted for the first time; null if it never was. From then on its type and patient are final and it can''t be deleted.';

-- Without triggers, because this changes no version and no time. A draft with a review comment was submitted before and returned.
alter table public.form_submissions disable trigger user;
update public.form_submissions
   set first_submitted_at = coalesce(submitted_at, updated_at)
 where submitted_at is not null or review_comment <> '';
alter table public.form_submissions enable trigger user;

create or replace function private.name_form_changer() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if current_user = 'authenticated' then
    new.changed_by := auth.uid();
  elsif tg_op = 'INSERT' then
    new.changed_by := coalesce(new.changed_by, auth.uid());
  elsif new.changed_by is not distinct from old.changed_by and to_jsonb(new) is distinct from to_jsonb(old) then
    -- An import that changes `changed_by` itself keeps it, and so does the foreign key when a profile is deleted.
    new.changed_by := auth.uid();
  end if;
  return new;
end
$$;

create function private.stamp_first_submission() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if current_user = 'authenticated' then
    new.first_submitted_at := case when tg_op = 'UPDATE' then old.first_submitted_at end;
  end if;
  new.first_submitted_at := coalesce(new.first_submitted_at, new.submitted_at);
  return new;
end
$$;

-- Runs after stamp_form_submission, which sets submitted_at: triggers run in alphabetical order.
create trigger stamp_submission before insert or update on public.form_submissions
  for each row execute function private.stamp_first_submission();

create function private.keep_submitted_form() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- The owner and service_role (imports, seed) state what was decided elsewhere.
  if current_user <> 'authenticated' then
    return new;
  end if;
  if old.status not in ('draft', 'returned') and new.answers is distinct from old.answers then
    raise exception 'the answers of a submitted form cannot change' using errcode = '42501',
      hint = 'The author can withdraw it, a reviewer can return it.';
  end if;
  if old.first_submitted_at is not null
     and (new.form_type is distinct from old.form_type or new.patient_id is distinct from old.patient_id) then
    raise exception 'type and patient of a form cannot change once it was submitted' using errcode = '42501';
  end if;
  if old.status = 'submitted' and new.status = 'draft' and old.submitted_by is distinct from auth.uid() then
    raise exception 'only the author withdraws a submission' using errcode = '42501', hint = 'A reviewer can return it.';
  end if;
  return new;
end
$$;

-- Runs after have_save: a save that is sent again is answered as such.
create trigger keep_submitted_form before update on public.form_submissions
  for each row execute function private.keep_submitted_form();

drop policy form_submissions_delete on public.form_submissions;
create policy form_submissions_delete on public.form_submissions for delete to authenticated
  using (
    status = 'draft' and first_submitted_at is null
    and ((select private.is_admin())
         or ((select private.is_clinician()) and patient_id in (select private.assigned_patient_ids()))));

revoke execute on function private.stamp_first_submission(), private.keep_submitted_form() from public;
