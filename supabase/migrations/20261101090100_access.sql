-- Who may do what. One policy for each table and action, made of three questions about the person who asks; all of them are
-- answered from the tables, never from the token, so that a lowered role or a reassigned patient counts from the next statement on.
--
-- The `(select ..)` around each question is not decoration: the planner then asks it once a statement, not once a row.
--
--              profiles                  patients                      form_submissions
--   admin      read, set role/active     all                           all but to write an approved form
--   clinician  read, rename oneself      read, create, change own      of own patients: read, create, change; delete drafts
--   viewer     read, rename oneself      read                          read
--   inactive   read own row              nothing                       nothing
--   anon       nothing                   nothing                       nothing

-- The functions are `security definer`, since they read tables whose policies call them, and see an empty search_path, so
-- that no other object can take the place of the one that is meant.

create function private.current_role_name() returns text
language sql stable security definer set search_path = ''
as $$ select role from public.profiles where id = auth.uid() and active $$;
comment on function private.current_role_name() is 'The role of the person who asks; null for nobody, and for an account that is not active.';

create function private.sees_all_patients() returns boolean
language sql stable security definer set search_path = ''
as $$ select coalesce(private.current_role_name() in ('admin', 'viewer'), false) $$;

create function private.is_admin() returns boolean
language sql stable security definer set search_path = ''
as $$ select coalesce(private.current_role_name() = 'admin', false) $$;

create function private.is_clinician() returns boolean
language sql stable security definer set search_path = ''
as $$ select coalesce(private.current_role_name() = 'clinician', false) $$;

-- A set, asked for with `patient_id in (select ..)`, becomes a hash table that is built once a statement. An array with `= any (..)` is
-- searched through for each row: counting 90,000 forms took 390 ms for somebody with 1,200 patients, this way 20.
create function private.assigned_patient_ids() returns setof uuid
language sql stable security definer set search_path = ''
as $$ select id from public.patients where clinician_id = auth.uid() $$;

revoke execute on all functions in schema private from public;
grant usage on schema private to authenticated, service_role;
grant execute on function
  private.current_role_name(), private.sees_all_patients(), private.is_admin(), private.is_clinician(), private.assigned_patient_ids()
  to authenticated, service_role;

-- A Supabase project grants everything in `public` to all API roles by default. Say what is meant instead.
revoke all on public.profiles, public.patients, public.form_submissions from anon, authenticated;
grant all on public.profiles, public.patients, public.form_submissions to service_role;
grant select on public.profiles to authenticated;
grant update (full_name, role, active) on public.profiles to authenticated;
grant select, insert, update, delete on public.patients, public.form_submissions to authenticated;

-- The directory is open to all active staff, work addresses included: a hand-over needs both name and address, and Realtime
-- shows a row whole or not at all.
create policy profiles_read on public.profiles for select to authenticated
  using (id = (select auth.uid()) or (select private.current_role_name()) is not null);

-- Which columns, and that nobody raises themselves, is the trigger's business: a policy can't compare old and new.
create policy profiles_change on public.profiles for update to authenticated
  using ((select private.is_admin()) or (id = (select auth.uid()) and (select private.current_role_name()) is not null))
  with check ((select private.is_admin()) or (id = (select auth.uid()) and (select private.current_role_name()) is not null));

create policy patients_read on public.patients for select to authenticated
  using ((select private.sees_all_patients()) or (clinician_id = (select auth.uid()) and (select private.is_clinician())));

create policy patients_create on public.patients for insert to authenticated
  with check ((select private.is_admin()) or (clinician_id = (select auth.uid()) and (select private.is_clinician())));

-- A clinician can't give a patient away by an update: an update with a WHERE also checks the new row against the read policy,
-- and the new row would be out of sight. public.hand_over_patient is the way.
create policy patients_change on public.patients for update to authenticated
  using ((select private.is_admin()) or (clinician_id = (select auth.uid()) and (select private.is_clinician())))
  with check ((select private.is_admin()) or (clinician_id = (select auth.uid()) and (select private.is_clinician())));

-- For a patient registered by mistake; the foreign key refuses it once there are forms.
create policy patients_delete on public.patients for delete to authenticated
  using ((select private.is_admin()));

create policy form_submissions_read on public.form_submissions for select to authenticated
  using (
    (select private.sees_all_patients())
    or ((select private.is_clinician()) and patient_id in (select private.assigned_patient_ids())));

create policy form_submissions_create on public.form_submissions for insert to authenticated
  with check (
    (select private.is_admin())
    or ((select private.is_clinician()) and patient_id in (select private.assigned_patient_ids())));

create policy form_submissions_change on public.form_submissions for update to authenticated
  using (
    (select private.is_admin())
    or ((select private.is_clinician()) and patient_id in (select private.assigned_patient_ids())))
  with check (
    (select private.is_admin())
    or ((select private.is_clinician()) and patient_id in (select private.assigned_patient_ids())));

-- What was submitted stays. An admin may remove what was submitted by mistake, but never an approved record.
create policy form_submissions_delete on public.form_submissions for delete to authenticated
  using (
    ((select private.is_admin()) and status <> 'approved')
    or (status = 'draft' and (select private.is_clinician())
        and patient_id in (select private.assigned_patient_ids())));
