-- Deactivation ends the account's sessions: no token is renewed, and the API of the auth service refuses the tokens in hand. Until they
-- expire they open nothing else, because every policy asks for an active profile.

create function private.end_sessions() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Looked up, so that deactivation works where this role may not delete from GoTrue's tables.
  if has_table_privilege('auth.sessions', 'select') and has_table_privilege('auth.sessions', 'delete')
     and has_table_privilege('auth.refresh_tokens', 'select') and has_table_privilege('auth.refresh_tokens', 'delete') then
    -- Tokens from before GoTrue had sessions belong to none.
    delete from auth.refresh_tokens where user_id = new.id::text;
    delete from auth.sessions where user_id = new.id;
  else
    raise warning 'the sessions of % could not be ended', new.id;
  end if;
  return null;
end
$$;
revoke execute on function private.end_sessions() from public;

create trigger end_sessions after update of active on public.profiles
  for each row when (old.active and not new.active) execute function private.end_sessions();
