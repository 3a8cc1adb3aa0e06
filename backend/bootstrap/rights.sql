-- What an administrator has to run once, so that the current role can run the other scripts and the migrations: one
-- statement a row, none where nothing is missing. A superuser lacks nothing.

with me as (
  select oid, rolname, rolsuper or rolcreaterole as makes_roles,
         -- From version 16 on CREATEROLE alone gives no rights over roles that another role made.
         rolcreaterole and current_setting('server_version_num')::integer < 160000 as gives_any_role,
         case when current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end as switches
  from pg_roles where rolname = current_user
),
role as (
  select wanted.*, r.oid
  from (values (1, 'anon', 'noinherit', true), (2, 'authenticated', 'noinherit', true),
               (3, 'service_role', 'noinherit bypassrls', true), (4, 'authenticator', 'noinherit login', false),
               (5, 'supabase_admin', 'noinherit', false), (6, 'supabase_auth_admin', 'noinherit', false),
               (7, 'supabase_realtime_admin', 'noinherit', false), (8, 'dashboard_user', 'noinherit', false)
       ) as wanted (nth, name, attributes, of_the_api)
  left join pg_roles r on r.rolname = wanted.name
),
missing as (
  select 10 + role.nth as nth, format('create role %I %s', role.name, role.attributes) as statement
  from me, role
  where role.oid is null and not me.makes_roles
  union all
  select 20 + role.nth, format('grant %I to %I', role.name, me.rolname)
  from me, role
  where role.of_the_api
    and case when role.oid is null then not me.makes_roles
             else not (pg_has_role(me.oid, role.oid, me.switches) or me.gives_any_role
                       or pg_has_role(me.oid, role.oid, 'member with admin option')) end
  union all
  select 30, format('grant create on database %I to %I', current_database(), me.rolname)
  from me where not has_database_privilege(current_database(), 'create')
  union all
  select 40, format('grant usage, create on schema public to %I', me.rolname)
  from me, pg_namespace n
  where n.nspname = 'public' and not (has_schema_privilege(n.oid, 'usage') and has_schema_privilege(n.oid, 'create'))
  union all
  select 50, format('grant usage on schema %I to %I', n.nspname, role.name)
  from role, pg_namespace n
  where n.nspname in ('extensions', 'public') and not pg_has_role(current_user, n.nspowner, 'usage')
    and role.of_the_api and role.oid is not null and not has_schema_privilege(role.oid, n.oid, 'usage')
  union all
  select 60, format('alter schema %I owner to %I', n.nspname, me.rolname)
  from me, pg_namespace n
  where n.nspname in ('auth', 'realtime', 'supabase_migrations') and not pg_has_role(current_user, n.nspowner, 'usage')
  union all
  select 70, format('alter publication %I owner to %I', p.pubname, me.rolname)
  from me, pg_publication p
  where p.pubname = 'supabase_realtime' and not pg_has_role(current_user, p.pubowner, 'usage')
)
select statement from missing order by nth, statement;
