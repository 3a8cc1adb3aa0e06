-- Letting a person in. An admin writes an invitation and hands its code over; whoever signs up with that address and that code
-- starts with the name and role that were written down. No service key is needed, so none is near a browser.
--
-- An address alone opens nothing: addresses are known or guessed, and where mail is not confirmed anybody can sign up with any.

create table public.staff_invitations (
  id uuid primary key default gen_random_uuid(),
  email text not null unique check (length(email) <= 320 and email ~ '^[^[:space:]@]+@[^[:space:]@]+$' and email = lower(email)),
  full_name text not null check (length(full_name) between 1 and 120 and full_name = btrim(full_name)),
  role text not null check (role in ('admin', 'clinician', 'viewer')),
  -- The first twelve digits of a random UUID are all random: 48 bits.
  code text not null default upper(left(replace(gen_random_uuid()::text, '-', ''), 12)),
  invited_by uuid default auth.uid() references public.profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '14 days'
);
comment on table public.staff_invitations is 'Who may become staff: read and written by admins, used up by the sign-up that names its code.';
create index staff_invitations_by_inviter on public.staff_invitations (invited_by);

alter table public.staff_invitations enable row level security;
revoke all on public.staff_invitations from anon, authenticated;
-- The code, the inviter and the dates are the database's.
grant select, delete, insert (id, email, full_name, role) on public.staff_invitations to authenticated;
grant all on public.staff_invitations to service_role;

create policy staff_invitations_read on public.staff_invitations for select to authenticated
  using ((select private.is_admin()));
create policy staff_invitations_create on public.staff_invitations for insert to authenticated
  with check ((select private.is_admin()));
create policy staff_invitations_delete on public.staff_invitations for delete to authenticated
  using ((select private.is_admin()));

create function private.stamp_invitation() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  new.email := lower(btrim(new.email));
  new.full_name := btrim(new.full_name);
  if exists (select from public.profiles where lower(email) = new.email) then
    raise exception 'this address belongs to somebody already' using errcode = '23505', constraint = 'staff_invitations_email_key';
  end if;
  -- One that ran out does not stand in the way of the next.
  delete from public.staff_invitations where email = new.email and expires_at <= now();
  return new;
end
$$;

create trigger stamp_invitation before insert on public.staff_invitations
  for each row execute function private.stamp_invitation();

-- As before, and: the invitation's word stands for the role that app metadata did not give. Who names a code that is not good, or
-- signs up with an invited address without one, is refused altogether: nobody takes the place of the person who was meant.
create or replace function private.create_profile() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  given_role text := new.raw_app_meta_data ->> 'role';
  given_name text := new.raw_user_meta_data ->> 'full_name';
  given_code constant text := upper(regexp_replace(new.raw_user_meta_data ->> 'invitation', '[^0-9A-Za-z]', '', 'g'));
  address constant text := lower(coalesce(new.email, ''));
  invited public.staff_invitations;
begin
  if given_role is null or given_role not in ('admin', 'clinician', 'viewer') then
    given_role := null;
    select * into invited from public.staff_invitations where email = address and expires_at > now() for update;
    if given_code is distinct from invited.code then
      raise exception 'no invitation with this code' using errcode = '42501';
    end if;
    if invited.id is not null then
      given_role := invited.role;
      given_name := invited.full_name;
    end if;
  end if;
  delete from public.staff_invitations where email = address;

  insert into public.profiles (id, email, full_name, role, active)
  values (
    new.id,
    coalesce(new.email, ''),
    coalesce(
      nullif(btrim(left(btrim(given_name), 120)), ''),
      nullif(btrim(left(split_part(new.email, '@', 1), 120)), ''),
      'Unnamed'),
    coalesce(given_role, 'viewer'),
    given_role is not null)
  on conflict (id) do nothing;
  return new;
end
$$;

revoke execute on all functions in schema private from public;
