-- No account without an invitation, and no way to take an invited address.
--
-- An account is created by a sign-up that names the code of an invitation, or by a holder of the service key who gives it a role in app
-- metadata. Everything else is refused, with the same answer whether the address is invited or not.
--
-- GoTrue answers PT403 with status 403 and this code to a client that sends no API version, and with its general failure to one that
-- does. Any other error stays a failure, so that a client can tell a wrong code from a database that is down.

create or replace function private.create_profile() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  account auth.users;
  given_role text;
  given_name text;
  given_code text;
  address text;
  invited public.staff_invitations;
begin
  -- GoTrue's admin API inserts an account and gives it its role afterwards, so the deferred call reads the row again.
  select * into account from auth.users where id = new.id;
  if account.id is null or exists (select from public.profiles where id = new.id) then
    return null;
  end if;
  given_role := account.raw_app_meta_data ->> 'role';
  given_name := account.raw_user_meta_data ->> 'full_name';
  given_code := upper(regexp_replace(account.raw_user_meta_data ->> 'invitation', '[^0-9A-Za-z]', '', 'g'));
  address := lower(coalesce(account.email, ''));

  if given_role is null or given_role not in ('admin', 'clinician', 'viewer') then
    if given_code is null and tg_name = 'create_profile' then
      return null;
    end if;
    select * into invited from public.staff_invitations
     where email = address and expires_at > now() and code = given_code for update;
    if invited.id is null then
      raise exception 'no invitation with this code' using errcode = 'PT403';
    end if;
    given_role := invited.role;
    given_name := invited.full_name;
  end if;
  delete from public.staff_invitations where email = address;

  insert into public.profiles (id, email, full_name, role, active)
  values (
    account.id,
    coalesce(account.email, ''),
    private.free_name(coalesce(nullif(btrim(given_name), ''), nullif(split_part(account.email, '@', 1), ''), 'Unnamed'), account.id),
    given_role,
    true);
  return null;
end
$$;

-- At once for a sign-up with a code and for an account with a role; at the end of the transaction for the rest.
create constraint trigger create_profile_late after insert on auth.users
  deferrable initially deferred
  for each row execute function private.create_profile();

-- Who sits on an invited address before its owner signs up keeps the owner out. The answer is that of an address that is taken.
create function private.keep_address() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if exists (select from public.profiles where id = new.id and not active) then
    raise exception 'a deactivated account keeps its address' using errcode = 'PT403';
  end if;
  if exists (select from public.staff_invitations where email = lower(new.email) and expires_at > now()) then
    raise exception 'duplicate key value violates unique constraint "users_email_partial_key"'
      using errcode = '23505', constraint = 'users_email_partial_key';
  end if;
  return new;
end
$$;
revoke execute on function private.keep_address() from public;
create trigger keep_address before update of email on auth.users
  for each row when (new.email is distinct from old.email) execute function private.keep_address();

comment on column public.profiles.active is
  'False: may sign in, sees only this row. People who leave are deactivated, not deleted, so that their work keeps its name.';
