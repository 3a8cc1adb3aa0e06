-- What Realtime needs of the database: the published tables, and the policies for private channels.

begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(8);

select bag_eq(
  $$ select tablename::text from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public' $$,
  array['feed_heartbeat', 'form_submissions', 'patients', 'profiles'],
  'the tables of the feed are published');
select is_empty(
  $$ select oid::regclass from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relreplident <> 'd' $$,
  'no table sends the previous values of a row');

select ok(private.ensure_realtime_policies(), 'the policies on realtime.messages exist or can be created');
create temporary table wanted on commit drop as
  select polname, polcmd, pg_get_expr(polqual, polrelid) as polqual, pg_get_expr(polwithcheck, polrelid) as polwithcheck
    from pg_policy where polrelid = 'realtime.messages'::regclass and polname ~ '^bedside_';
select bag_eq(
  'select polname::text from wanted',
  array['bedside_read_own_topic', 'bedside_read_record_room', 'bedside_write_record_room',
        'bedside_read_forms_room', 'bedside_write_forms_room'],
  'each private channel of the app has its policies');

-- As on a project whose migrations ran before Realtime's.
drop policy if exists bedside_read_own_topic on realtime.messages;
drop policy if exists bedside_read_record_room on realtime.messages;
drop policy if exists bedside_write_record_room on realtime.messages;
drop policy if exists bedside_read_forms_room on realtime.messages;
drop policy if exists bedside_write_forms_room on realtime.messages;
select lives_ok('select private.beat_feed()', 'the feed beats without the policies');
select bag_eq(
  $$ select polname, polcmd, pg_get_expr(polqual, polrelid) as polqual, pg_get_expr(polwithcheck, polrelid) as polwithcheck
       from pg_policy where polrelid = 'realtime.messages'::regclass and polname ~ '^bedside_' $$,
  'select * from wanted',
  'the heartbeat brings the missing policies back');

drop policy if exists bedside_read_own_topic on realtime.messages;
insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, save_id) values
  ('7e570000-0000-4000-a000-0000000000a3', 'TAP-0004', 'Dot', 'Four', '1950-01-01', 'Surgery', gen_random_uuid());
select is(
  (select count(*)::integer from pg_policy where polrelid = 'realtime.messages'::regclass and polname ~ '^bedside_'), 5,
  'a save brings a missing policy back');

set local role authenticated;
select throws_ok(
  'select private.ensure_realtime_policies()', '42501', null,
  'a signed-in person cannot call what creates policies');

reset role;
select * from finish();
rollback;
