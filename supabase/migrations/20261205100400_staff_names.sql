-- A name identifies one person: active staff have different names, and a name has no characters that can't be seen.
--
-- Two names are the same if they differ only in case, in white space, in compatibility forms (`ﬁ` for `fi`) or in invisible characters.
-- Where two colleagues share a name, an admin tells them apart: "Maria Garcia (Cardiology)".

-- NFKC, one space between words, none around them.
create function private.clean_name(name text) returns text
language sql immutable strict set search_path = ''
as $$ select btrim(regexp_replace(normalize(name, nfkc), '\s+', ' ', 'g')) $$;

-- Control characters, text direction marks, joiners, fillers, variation selectors, tags and private use.
create function private.without_hidden_characters(name text) returns text
language sql immutable strict set search_path = ''
as $$
  select regexp_replace(name,
    '[\u0001-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u2028-\u202E\u2060-\u206F'
    '\u2800\u3164\uE000-\uF8FF\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U0010FFFF]',
    '', 'g')
$$;

create function private.name_key(name text) returns text
language sql immutable strict set search_path = ''
as $$ select lower(private.clean_name(private.without_hidden_characters(name))) $$;

revoke execute on function private.clean_name(text), private.without_hidden_characters(text), private.name_key(text) from public;
-- The index below computes it with the rights of the user who changes a name.
grant execute on function private.clean_name(text), private.without_hidden_characters(text), private.name_key(text)
  to authenticated, service_role;

-- A name that no active member of staff has: `wanted`, or `wanted (2)`, `wanted (3)` ...
create function private.free_name(wanted text, for_profile uuid) returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  cleaned constant text := coalesce(
    nullif(btrim(left(private.clean_name(private.without_hidden_characters(wanted)), 120)), ''), 'Unnamed');
  candidate text := cleaned;
  n integer := 1;
begin
  while exists (
    select from public.profiles
     where active and id <> for_profile and private.name_key(full_name) = private.name_key(candidate)) loop
    n := n + 1;
    candidate := btrim(left(cleaned, 110)) || ' (' || n || ')';
  end loop;
  return candidate;
end
$$;
revoke execute on function private.free_name(text, uuid) from public;

-- Names from before this migration.
alter table public.profiles disable trigger user;
update public.profiles
   set full_name = coalesce(nullif(private.clean_name(private.without_hidden_characters(full_name)), ''), 'Unnamed')
 where full_name is distinct from private.clean_name(private.without_hidden_characters(full_name));
do $$
declare
  repeated record;
begin
  for repeated in
    select id, full_name, row_number() over (partition by private.name_key(full_name) order by updated_at, id) as n
      from public.profiles where active
  loop
    if repeated.n > 1 then
      update public.profiles set full_name = private.free_name(repeated.full_name, repeated.id) where id = repeated.id;
    end if;
  end loop;
end
$$;
alter table public.profiles enable trigger user;

create unique index profiles_active_name_key on public.profiles (private.name_key(full_name)) where active;

create function private.clean_profile_name() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.full_name <> private.without_hidden_characters(new.full_name) then
    raise exception 'a name has no invisible characters' using errcode = '23514', constraint = 'profiles_full_name_check';
  end if;
  new.full_name := private.clean_name(new.full_name);
  return new;
end
$$;
revoke execute on function private.clean_profile_name() from public;
create trigger clean_profile_name before insert or update of full_name on public.profiles
  for each row execute function private.clean_profile_name();

-- An invitation names the profile to come, so the same holds for it.
create or replace function private.stamp_invitation() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  new.email := lower(btrim(new.email));
  if new.full_name <> private.without_hidden_characters(new.full_name) then
    raise exception 'a name has no invisible characters' using errcode = '23514', constraint = 'staff_invitations_full_name_check';
  end if;
  new.full_name := private.clean_name(new.full_name);
  if exists (select from public.profiles where lower(email) = new.email) then
    raise exception 'this address belongs to somebody already' using errcode = '23505', constraint = 'staff_invitations_email_key';
  end if;
  if exists (select from public.profiles where active and private.name_key(full_name) = private.name_key(new.full_name)) then
    raise exception 'a colleague has this name' using errcode = '23505', constraint = 'profiles_active_name_key';
  end if;
  -- An expired invitation doesn't block a new one.
  delete from public.staff_invitations where email = new.email and expires_at <= now();
  return new;
end
$$;
