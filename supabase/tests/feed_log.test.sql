-- What `feed_since` tells whom. The rows are made here, so that the file runs with and without the seed.

begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(9);

-- The watermark of a refused request is the present. Taken before the first write, it has not seen this transaction.
create temporary table first_answer on commit drop as
  select public.feed_since('text') as answer;
select is(answer ->> 'reason', 'unreadable', 'a text is no watermark') from first_answer;
grant select on first_answer to authenticated;

insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data) values
  ('7e570000-0000-4000-a000-000000000001', 'tap.one@bedside.test', '{"role": "clinician"}', '{"full_name": "Tap One"}'),
  ('7e570000-0000-4000-a000-000000000002', 'tap.two@bedside.test', '{"role": "clinician"}', '{"full_name": "Tap Two"}');
insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, clinician_id) values
  ('7e570000-0000-4000-a000-0000000000a1', 'TAP-0001', 'Ada', 'One', '1950-01-01', 'Surgery', '7e570000-0000-4000-a000-000000000001'),
  ('7e570000-0000-4000-a000-0000000000a2', 'TAP-0002', 'Bob', 'Two', '1950-01-01', 'Surgery', '7e570000-0000-4000-a000-000000000001');
update public.patients set clinician_id = '7e570000-0000-4000-a000-000000000002' where id = '7e570000-0000-4000-a000-0000000000a2';
savepoint undone;
update public.patients set notes = 'x' where id = '7e570000-0000-4000-a000-0000000000a1';
rollback to savepoint undone;

create function pg_temp.told_of_patients() returns setof jsonb language sql as $$
  select change from first_answer, jsonb_array_elements(public.feed_since(answer ->> 'watermark') -> 'changes') change
   where change ->> 'table' = 'patients'
$$;

set local request.jwt.claims = '{"sub": "7e570000-0000-4000-a000-000000000001", "role": "authenticated"}';
set local role authenticated;
select is(
  (select public.feed_since(answer ->> 'watermark') -> 'complete' from first_answer), 'true', 'the answer is complete');
select bag_eq(
  'select pg_temp.told_of_patients()',
  $$ values ('{"table": "patients", "id": "7e570000-0000-4000-a000-0000000000a1", "version": 1}'::jsonb),
            ('{"table": "patients", "id": "7e570000-0000-4000-a000-0000000000a2", "lost": true}') $$,
  'a clinician is told of their patient and of the one that was reassigned');

set local request.jwt.claims = '{"sub": "7e570000-0000-4000-a000-000000000002", "role": "authenticated"}';
select bag_eq(
  'select pg_temp.told_of_patients()',
  $$ values ('{"table": "patients", "id": "7e570000-0000-4000-a000-0000000000a2", "version": 2}'::jsonb) $$,
  'the next clinician is told of the reassigned patient alone');

set local request.jwt.claims = '{"sub": "7e570000-0000-4000-a000-00000000dead", "role": "authenticated"}';
select is_empty('select pg_temp.told_of_patients()', 'an account without a profile is told of nothing');

select throws_ok('select * from private.feed_log', '42501', null, 'nobody reads the log itself');
reset role;
set local role anon;
select throws_ok('select public.feed_since()', '42501', null, 'nobody asks without signing in');
reset role;
set local role service_role;
select throws_ok('select public.feed_since()', '42501', null, 'the service key asks nothing');
reset role;

truncate public.form_submissions;
select is(
  (select public.feed_since(answer ->> 'watermark') ->> 'reason' from first_answer), 'other_database',
  'a TRUNCATE, which no row tells of, ends all watermarks');

select * from finish();
rollback;
