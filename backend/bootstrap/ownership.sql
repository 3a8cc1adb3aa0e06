-- Whose database this is: one row for the reason it can't be used, none where it is new or this backend's own.
--
-- `realtime.outbox` is the mark of this backend: it is made together with everything else in the `auth` and `realtime`
-- schemas, and no part of Supabase makes a table of that name. Without it, anything in these schemas is another's.
-- With it, the tables in which GoTrue and Realtime record their own migrations say that those services took over.

with object as (
  select n.nspname as schema, c.relname as name, c.relowner as owner, c.relkind in ('r', 'p') as is_table
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('auth', 'realtime', 'supabase_migrations') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  union all
  select n.nspname, p.proname, p.proowner, false
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('auth', 'realtime')
),
verdict as (
  select o.*,
         is_table and (schema, name) in (
           ('auth', 'schema_migrations'), ('realtime', 'schema_migrations'), ('realtime', 'subscription')) as of_a_service,
         schema <> 'supabase_migrations'
           and not exists (select from object where is_table and schema = 'realtime' and name = 'outbox') as of_another,
         not pg_has_role(current_user, owner, 'usage') as owned_by_another
  from object o
)
select format('%I.%I', schema, name) as object, of_a_service or of_another as foreign_object,
       pg_get_userbyid(owner)::text as owner, current_database()::text as database
from verdict
where of_a_service or of_another or owned_by_another
order by of_a_service desc, of_another desc, is_table desc, schema, name
limit 1;
