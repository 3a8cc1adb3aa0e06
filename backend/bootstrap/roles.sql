-- The roles, schemas and privileges that every Supabase project is born with.
--
-- The role that runs this may be an ordinary one that owns the database: what such a role can't do is left out here,
-- and either not needed by the backend or asked for beforehand (see rights.sql).

do $$
declare
  me pg_catalog.pg_roles%rowtype;
  found pg_catalog.pg_roles%rowtype;
  wanted text;
  version constant integer := current_setting('server_version_num');
begin
  select * into strict me from pg_roles where rolname = current_user;
  foreach wanted in array array['authenticator', 'anon', 'authenticated', 'service_role', 'supabase_admin',
                                'supabase_auth_admin', 'supabase_realtime_admin', 'dashboard_user'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      execute format('create role %I noinherit', wanted);
    end if;
    select * into strict found from pg_roles where rolname = wanted;
    -- From version 16 on CREATEROLE alone gives no rights over roles that another role made.
    continue when not (me.rolsuper or pg_has_role(me.oid, found.oid, 'member with admin option')
                       or me.rolcreaterole and version < 160000);
    if wanted = 'authenticator' and not found.rolcanlogin and (me.rolsuper or me.rolcreaterole) then
      alter role authenticator login;
    end if;
    -- Before version 16 only a superuser can give this; since then also a role that has it.
    if wanted = 'service_role' and not found.rolbypassrls
       and (me.rolsuper or me.rolcreaterole and me.rolbypassrls and version >= 160000) then
      alter role service_role bypassrls;
    end if;
    if wanted in ('anon', 'authenticated', 'service_role') then
      execute format('grant %I to authenticator, current_user', wanted);
    end if;
  end loop;
end
$$;

create schema if not exists extensions;

do $$
declare
  mine text;
begin
  for mine in
    select nspname from pg_namespace
    where nspname in ('extensions', 'public') and pg_has_role(current_user, nspowner, 'usage')
  loop
    execute format('grant usage on schema %I to anon, authenticated, service_role', mine);
  end loop;
end
$$;

alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;

do $$
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
end
$$;
