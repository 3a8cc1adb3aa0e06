-- Who sees and changes what, asked as each role. The rows are made here, so that the file runs with and without the seed.

begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(17);

insert into auth.users (id, email, raw_app_meta_data) values
  ('7e570000-0000-4000-a000-000000000001', 'tap.one@bedside.test', '{"role": "clinician"}'),
  ('7e570000-0000-4000-a000-000000000002', 'tap.two@bedside.test', '{"role": "clinician"}'),
  ('7e570000-0000-4000-a000-000000000003', 'tap.viewer@bedside.test', '{"role": "viewer"}'),
  ('7e570000-0000-4000-a000-000000000004', 'tap.left@bedside.test', '{"role": "viewer"}');
update public.profiles set active = false where id = '7e570000-0000-4000-a000-000000000004';
insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, clinician_id) values
  ('7e570000-0000-4000-a000-0000000000a1', 'TAP-0001', 'Ada', 'One', '1950-01-01', 'Surgery', '7e570000-0000-4000-a000-000000000001'),
  ('7e570000-0000-4000-a000-0000000000a2', 'TAP-0002', 'Bea', 'Two', '1950-01-01', 'Surgery', '7e570000-0000-4000-a000-000000000002');
insert into public.form_submissions (id, patient_id, form_type) values
  ('7e570000-0000-4000-a000-0000000000f1', '7e570000-0000-4000-a000-0000000000a1', 'vitals'),
  ('7e570000-0000-4000-a000-0000000000f2', '7e570000-0000-4000-a000-0000000000a2', 'vitals');

select is_empty(
  $$ select oid::regclass from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity $$,
  'every table of public has row level security');
select is_empty(
  $$ select oid::regclass from pg_class c
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not exists (select from pg_policy where polrelid = c.oid) $$,
  'every table of public has a policy');

select throws_ok(
  $$ insert into auth.users (id, email, raw_app_meta_data) values ('7e570000-0000-4000-a000-000000000005', 'tap.uninvited@bedside.test', '{}');
     set constraints all immediate $$,
  'PT403', null, 'there is no account without an invitation');

-- A clinician.
set local request.jwt.claims = '{"sub": "7e570000-0000-4000-a000-000000000001", "role": "authenticated"}';
set local role authenticated;
select results_eq(
  'select mrn from public.patients', array['TAP-0001'],
  'a clinician sees only their own patients');
select results_eq(
  'select id from public.form_submissions', array['7e570000-0000-4000-a000-0000000000f1'::uuid],
  'a clinician sees only the forms of their own patients');
select results_eq(
  $$ with changed as (update public.patients set notes = 'seen' returning mrn) select mrn from changed $$, array['TAP-0001'],
  'an update by a clinician reaches only their own patients');
select throws_ok(
  $$ insert into public.form_submissions (patient_id, form_type) values ('7e570000-0000-4000-a000-0000000000a2', 'vitals') $$,
  '42501', null, 'a clinician cannot write a form for a colleague''s patient');
select throws_ok(
  $$ update public.profiles set role = 'admin' where id = '7e570000-0000-4000-a000-000000000001' $$,
  '42501', null, 'a clinician cannot make themselves an admin');
select is(
  public.hand_over_patient('7e570000-0000-4000-a000-0000000000a1', '7e570000-0000-4000-a000-000000000002', 2), 3,
  'a clinician hands over their own patient');
select is_empty('select mrn from public.patients', 'a patient who was handed over is out of sight');

-- A viewer.
set local request.jwt.claims = '{"sub": "7e570000-0000-4000-a000-000000000003", "role": "authenticated"}';
select results_eq(
  $$ select mrn from public.patients where mrn like 'TAP-%' order by mrn $$, array['TAP-0001', 'TAP-0002'],
  'a viewer sees every patient');
select throws_ok(
  $$ insert into public.patients (mrn, first_name, last_name, date_of_birth, ward) values ('TAP-0003', 'Cy', 'Three', '1950-01-01', 'Surgery') $$,
  '42501', null, 'a viewer cannot register a patient');
select is_empty(
  $$ with changed as (update public.patients set notes = 'changed' returning mrn) select mrn from changed $$,
  'an update by a viewer reaches no patient');
select is_empty(
  $$ with deleted as (delete from public.form_submissions returning id) select id from deleted $$,
  'a deletion by a viewer reaches no form');
select throws_ok(
  $$ select public.hand_over_patient('7e570000-0000-4000-a000-0000000000a1', '7e570000-0000-4000-a000-000000000001', 3) $$,
  '42501', null, 'a viewer cannot hand over a patient');

-- A deactivated account, and a visitor who is not signed in.
set local request.jwt.claims = '{"sub": "7e570000-0000-4000-a000-000000000004", "role": "authenticated"}';
select is_empty('select id from public.patients', 'a deactivated account sees no patient');
set local role anon;
select throws_ok('select id from public.patients', '42501', null, 'a visitor who is not signed in may not ask');

reset role;
select * from finish();
rollback;
