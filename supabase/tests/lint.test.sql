-- The rules of Supabase's linter that a later migration can break.

begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(7);

select is_empty(
  $$ select oid::regprocedure from pg_proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
        and not exists (select from unnest(proconfig) setting where setting in ('search_path=', 'search_path=""')) $$,
  'every function fixes an empty search_path');
select is_empty(
  $$ select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace and prosecdef $$,
  'no function of public runs with the rights of its owner');
select is_empty(
  $$ select oid::regprocedure from pg_proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace) and has_function_privilege('anon', oid, 'execute') $$,
  'a visitor who is not signed in may call no function');
select is_empty(
  $$ select polrelid::regclass, polcmd, count(*) from pg_policy join pg_class c on c.oid = polrelid
      where relnamespace = 'public'::regnamespace and polpermissive group by polrelid, polcmd having count(*) > 1 $$,
  'there is one permissive policy for each table and action');
select is_empty(
  $$ select tablename, policyname from pg_policies
      where schemaname = 'public'
        and regexp_replace(concat(qual, with_check), '\( *SELECT (auth|private)\.\w+\(\)', '', 'gi') ~ '(auth|private)\.\w+\(\)' $$,
  'policies call functions once for each statement, not for each row');
select is_empty(
  $$ select conrelid::regclass, conname from pg_constraint k
      where contype = 'f' and connamespace in ('public'::regnamespace, 'private'::regnamespace)
        and not exists (select from pg_index i where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1]) $$,
  'every foreign key has an index');
select is_empty(
  $$ select indrelid::regclass, array_agg(indexrelid::regclass) from pg_index i join pg_class c on c.oid = i.indrelid
      where relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      group by indrelid, indkey::text, indclass::text, indoption::text, pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid)
     having count(*) > 1 $$,
  'no index exists twice');

select * from finish();
rollback;
