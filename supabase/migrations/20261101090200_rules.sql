-- What the database decides about a row, whoever writes it: versions and times, who did what, and which changes make sense.
--
-- `authenticated` is the one role through which people write. For it, the marks (version, times, authors) are set here and
-- whatever the client sent in those columns is dropped, not refused, so that a client may send back a row as it read it.
-- The owner and service_role (imports, seed) may state times and authors, but never the version of a changed row.

create function private.stamp_patient() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.date_of_birth > current_date + 1 then -- a day's grace for those who live ahead of UTC
    raise exception 'date of birth lies in the future' using errcode = '23514', constraint = 'patients_date_of_birth_check';
  end if;

  if tg_op = 'INSERT' then
    new.version := 1;
    if current_user = 'authenticated' then
      new.created_at := now();
      new.updated_at := now();
      if new.clinician_id is null and private.is_clinician() then
        new.clinician_id := auth.uid();
      end if;
    end if;
  else
    if new.id <> old.id then
      raise exception 'the key of a patient cannot change' using errcode = '23514';
    end if;
    new.version := old.version + 1;
    new.created_at := old.created_at;
    new.updated_at := now();
  end if;
  return new;
end
$$;

create trigger stamp_patient before insert or update on public.patients
  for each row execute function private.stamp_patient();

-- A patient is assigned to somebody who treats. `security definer`: the answer must not depend on who asks.
create function private.check_assignee() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if not exists (
    select from public.profiles where id = new.clinician_id and active and role in ('clinician', 'admin')) then
    raise exception 'a patient can be assigned to an active clinician only' using errcode = '23514', constraint = 'patients_assignee_check';
  end if;
  return new;
end
$$;

-- Named to run after stamp_patient, which may fill clinician_id: triggers fire in alphabetical order.
create trigger verify_assignee_on_insert before insert on public.patients
  for each row when (new.clinician_id is not null) execute function private.check_assignee();
create trigger verify_assignee_on_update before update on public.patients
  for each row when (new.clinician_id is not null and new.clinician_id is distinct from old.clinician_id)
  execute function private.check_assignee();

create function private.stamp_form_submission() returns trigger
language plpgsql set search_path = ''
as $$
declare
  by_person constant boolean := current_user = 'authenticated';
begin
  if tg_op = 'INSERT' then
    new.version := 1;
    if by_person then
      if new.status not in ('draft', 'submitted') then
        raise exception 'a form begins as draft or submitted' using errcode = '23514', constraint = 'form_submissions_status_check';
      end if;
      new.created_at := now();
      new.updated_at := now();
      new.submitted_at := null;
      new.submitted_by := auth.uid();
      new.reviewed_by := null;
      new.review_comment := '';
    end if;
  else
    if new.id <> old.id then
      raise exception 'the key of a form cannot change' using errcode = '23514';
    end if;
    new.version := old.version + 1;
    new.created_at := old.created_at;
    new.updated_at := now();
    if by_person then
      new.submitted_at := old.submitted_at;
      new.submitted_by := old.submitted_by;
      new.reviewed_by := old.reviewed_by;

      if old.status = 'approved' and new.status = 'approved' then
        raise exception 'an approved form cannot change' using errcode = '42501', hint = 'An admin can take it back into review.';
      elsif old.status = 'approved' and not private.is_admin() then
        raise exception 'only an admin takes an approved form back into review' using errcode = '42501';
      elsif new.status <> old.status then
        if (old.status, new.status) not in (
          ('draft', 'submitted'),
          ('submitted', 'draft'), ('submitted', 'in_review'), ('submitted', 'approved'), ('submitted', 'returned'),
          ('in_review', 'submitted'), ('in_review', 'approved'), ('in_review', 'returned'),
          ('returned', 'draft'), ('returned', 'submitted'),
          ('approved', 'in_review')) then
          raise exception 'a form cannot go from % to %', old.status, new.status
            using errcode = '23514', constraint = 'form_submissions_status_check';
        end if;
        if new.status in ('in_review', 'approved', 'returned') then
          new.reviewed_by := auth.uid();
        else
          new.reviewed_by := null;
          -- Released from review it is still the submission that it was; otherwise it is a new one, or none yet.
          if old.status <> 'in_review' then
            new.submitted_at := null;
            new.submitted_by := auth.uid();
          end if;
        end if;
      end if;
    end if;
  end if;

  new.submitted_at := case when new.status = 'draft' then null else coalesce(new.submitted_at, now()) end;
  return new;
end
$$;

create trigger stamp_form_submission before insert or update on public.form_submissions
  for each row execute function private.stamp_form_submission();

create function private.stamp_profile() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.id <> old.id then
    raise exception 'the key of a profile cannot change' using errcode = '23514';
  end if;
  new.updated_at := now();
  if current_user <> 'authenticated' or (new.role = old.role and new.active = old.active) then
    return new;
  end if;

  if not private.is_admin() then
    raise exception 'only an admin sets roles' using errcode = '42501';
  end if;
  -- The last one can't lock everyone out. The row locks make two admins who demote each other meet here, not slip past.
  if old.role = 'admin' and old.active and not (new.role = 'admin' and new.active) then
    perform private.keep_another_admin(old.id);
  end if;
  return new;
end
$$;

create function private.keep_another_admin(leaving uuid) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform from public.profiles where role = 'admin' and active and id <> leaving for update;
  if not found then
    raise exception 'the last admin keeps the role' using errcode = '23514', constraint = 'profiles_last_admin_check';
  end if;
end
$$;
revoke execute on all functions in schema private from public;
grant execute on function private.keep_another_admin(uuid) to authenticated;

create trigger stamp_profile before update on public.profiles
  for each row execute function private.stamp_profile();

-- Each account has a profile. The role comes from app metadata, which only the service role writes; user metadata is the
-- person's own to write, so it may name them and nothing more. An account that nobody gave a role (a self-made one) starts as
-- a viewer and is not active: reading every patient is not what signing up should earn.
create function private.create_profile() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  given_role constant text := new.raw_app_meta_data ->> 'role';
  role_is_given constant boolean := coalesce(given_role in ('admin', 'clinician', 'viewer'), false);
begin
  insert into public.profiles (id, email, full_name, role, active)
  values (
    new.id,
    coalesce(new.email, ''),
    coalesce(
      nullif(btrim(left(btrim(new.raw_user_meta_data ->> 'full_name'), 120)), ''),
      nullif(btrim(left(split_part(new.email, '@', 1), 120)), ''),
      'Unnamed'),
    case when role_is_given then given_role else 'viewer' end,
    role_is_given)
  on conflict (id) do nothing;
  return new;
end
$$;

create trigger create_profile after insert on auth.users
  for each row execute function private.create_profile();

create function private.follow_email() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  update public.profiles set email = coalesce(new.email, '') where id = new.id;
  return new;
end
$$;

create trigger follow_email after update of email on auth.users
  for each row when (new.email is distinct from old.email) execute function private.follow_email();

revoke execute on function private.create_profile(), private.follow_email() from public;

-- Accounts older than this migration. As with a self-made account, an admin decides who of them is let in.
insert into public.profiles (id, email, full_name)
select id, coalesce(email, ''), coalesce(nullif(btrim(left(split_part(email, '@', 1), 120)), ''), 'Unnamed')
  from auth.users
on conflict (id) do nothing;
