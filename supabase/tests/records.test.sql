-- Who is the author of what, what stays, and which answers can be submitted. The rows are made here, so that the file runs with and
-- without the seed.

begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(25);

insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data) values
  ('7e570000-0000-4000-a000-000000000001', 'tap.one@bedside.test', '{"role": "clinician"}', '{"full_name": "Tap One"}'),
  ('7e570000-0000-4000-a000-000000000002', 'tap.two@bedside.test', '{"role": "clinician"}', '{"full_name": "Tap Two"}'),
  ('7e570000-0000-4000-a000-000000000003', 'tap.admin@bedside.test', '{"role": "admin"}', '{"full_name": "Tap Admin"}');
insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, clinician_id) values
  ('7e570000-0000-4000-a000-0000000000a1', 'TAP-0001', 'Ada', 'One', '1950-01-01', 'Surgery', '7e570000-0000-4000-a000-000000000001'),
  ('7e570000-0000-4000-a000-0000000000a2', 'TAP-0002', '', 'Single', '1950-01-01', 'Surgery', '7e570000-0000-4000-a000-000000000001');
insert into public.form_submissions (id, patient_id, form_type, submitted_by) values
  ('7e570000-0000-4000-a000-0000000000f1', '7e570000-0000-4000-a000-0000000000a1', 'intake', '7e570000-0000-4000-a000-000000000001'),
  ('7e570000-0000-4000-a000-0000000000f2', '7e570000-0000-4000-a000-0000000000a1', 'vitals', '7e570000-0000-4000-a000-000000000001');

select throws_ok(
  $$ insert into public.patients (mrn, date_of_birth, ward) values ('TAP-0003', '1950-01-01', 'Surgery') $$,
  '23514', null, 'a patient has at least one name');
select throws_ok(
  $$ update public.form_submissions set answers = '{"pain": 1e400}' where id = '7e570000-0000-4000-a000-0000000000f1' $$,
  '23514', null, 'answers hold no number that a client cannot read');
select throws_ok(
  $$ update public.form_submissions set answers = ('{"a": ' || repeat('[', 125) || repeat(']', 125) || '}')::jsonb
      where id = '7e570000-0000-4000-a000-0000000000f1' $$,
  '23514', null, 'answers are not nested deeply');

-- The author.
set local request.jwt.claims = '{"sub": "7e570000-0000-4000-a000-000000000001", "role": "authenticated"}';
set local role authenticated;
update public.form_submissions set changed_by = '7e570000-0000-4000-a000-000000000002' where id = '7e570000-0000-4000-a000-0000000000f1';
select is(changed_by, '7e570000-0000-4000-a000-000000000001', 'changed_by is the user who sent the change')
  from public.form_submissions where id = '7e570000-0000-4000-a000-0000000000f1';
select throws_ok(
  $$ update public.form_submissions set status = 'submitted' where id = '7e570000-0000-4000-a000-0000000000f1' $$,
  '23514', null, 'an empty form cannot be submitted');
select throws_ok(
  $$ update public.form_submissions set status = 'submitted', answers = jsonb_build_object(
       'measured_at', to_char(now() at time zone 'UTC' + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI"Z"'), 'heart_rate', 72, 'systolic', 121,
       'diastolic', 78, 'temperature', 36.8, 'respiratory_rate', 14, 'oxygen_saturation', 98)
      where id = '7e570000-0000-4000-a000-0000000000f2' $$,
  '23514', null, 'nothing is measured in the future');
select lives_ok(
  $$ update public.form_submissions set status = 'submitted', answers = jsonb_build_object(
       'measured_at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), 'heart_rate', 72, 'systolic', 121,
       'diastolic', 78, 'temperature', 36.8, 'respiratory_rate', 14, 'oxygen_saturation', 98)
      where id = '7e570000-0000-4000-a000-0000000000f2' $$,
  'a complete form can be submitted');
select throws_ok(
  $$ update public.form_submissions set answers = '{}' where id = '7e570000-0000-4000-a000-0000000000f2' $$,
  '42501', null, 'not even the author changes the answers of a submitted form');
select throws_ok(
  $$ update public.form_submissions set form_type = 'intake' where id = '7e570000-0000-4000-a000-0000000000f2' $$,
  '42501', null, 'the type of a submitted form is final');
select throws_ok(
  $$ update public.form_submissions set patient_id = '7e570000-0000-4000-a000-0000000000a2' where id = '7e570000-0000-4000-a000-0000000000f2' $$,
  '42501', null, 'the patient of a submitted form is final');
update public.form_submissions set status = 'draft' where id = '7e570000-0000-4000-a000-0000000000f2';
select is_empty(
  $$ with deleted as (delete from public.form_submissions where id = '7e570000-0000-4000-a000-0000000000f2' returning id) select id from deleted $$,
  'a form that was submitted once is not deleted, also as a draft');
update public.form_submissions set status = 'submitted' where id = '7e570000-0000-4000-a000-0000000000f2';
select throws_ok(
  $$ update public.profiles set full_name = 'tap  TWO' where id = '7e570000-0000-4000-a000-000000000001' $$,
  '23505', null, 'no one takes the name of a colleague');
select throws_ok(
  $$ update public.profiles set full_name = U&'Tap\200B Two' where id = '7e570000-0000-4000-a000-000000000001' $$,
  '23514', null, 'a name has no invisible characters');

-- An admin, who reviews.
set local request.jwt.claims = '{"sub": "7e570000-0000-4000-a000-000000000003", "role": "authenticated"}';
select throws_ok(
  $$ update public.form_submissions set status = 'approved', answers = answers || '{"pain": 9}' where id = '7e570000-0000-4000-a000-0000000000f2' $$,
  '42501', null, 'a review step changes no answers');
select throws_ok(
  $$ update public.form_submissions set status = 'draft' where id = '7e570000-0000-4000-a000-0000000000f2' $$,
  '42501', null, 'only the author withdraws');
select lives_ok(
  $$ update public.form_submissions set status = 'approved', review_comment = 'Fine' where id = '7e570000-0000-4000-a000-0000000000f2' $$,
  'a review step changes status and comment');
select results_eq(
  $$ select changes -> 'status' ->> 1 from public.form_changes where form_id = '7e570000-0000-4000-a000-0000000000f2' and changes ? 'status' order by version $$,
  array['submitted', 'draft', 'submitted', 'approved'],
  'the history of a form holds each step');
delete from public.patients where id = '7e570000-0000-4000-a000-0000000000a2';
select results_eq(
  $$ select action from public.patient_changes where patient_id = '7e570000-0000-4000-a000-0000000000a2' order by version $$,
  array['created', 'deleted'],
  'an admin reads the history of a deleted patient');
select throws_ok(
  'update public.form_changes set changed_by = null', '42501', null, 'no user rewrites a history');

reset role;
select throws_ok('delete from public.patient_changes', '42501', null, 'not even the owner deletes from a history');

-- Accounts.
insert into auth.sessions (id, user_id) values (gen_random_uuid(), '7e570000-0000-4000-a000-000000000002');
insert into auth.refresh_tokens (token, user_id) values ('tap', '7e570000-0000-4000-a000-000000000002');
update public.profiles set active = false where id = '7e570000-0000-4000-a000-000000000002';
select is_empty(
  $$ select user_id::text from auth.sessions where user_id = '7e570000-0000-4000-a000-000000000002'
     union all select user_id from auth.refresh_tokens where user_id = '7e570000-0000-4000-a000-000000000002' $$,
  'deactivation ends the sessions of the account');
select throws_ok(
  $$ update auth.users set email = 'tap.elsewhere@bedside.test' where id = '7e570000-0000-4000-a000-000000000002' $$,
  'PT403', null, 'a deactivated account keeps its address');
insert into public.staff_invitations (email, full_name, role) values ('tap.invited@bedside.test', 'Tap Invited', 'viewer');
select throws_ok(
  $$ update auth.users set email = 'Tap.Invited@bedside.test' where id = '7e570000-0000-4000-a000-000000000001' $$,
  '23505', null, 'no account moves to an invited address');
select throws_ok(
  $$ insert into auth.users (id, email, raw_user_meta_data) values (gen_random_uuid(), 'tap.invited@bedside.test', '{"invitation": "WRONG"}') $$,
  'PT403', null, 'a wrong code opens no account');
select throws_ok(
  $$ insert into auth.users (id, email, raw_user_meta_data) values (gen_random_uuid(), 'tap.stranger@bedside.test', '{"invitation": "WRONG"}') $$,
  'PT403', null, 'an address without an invitation gets the same answer');

select * from finish();
rollback;
