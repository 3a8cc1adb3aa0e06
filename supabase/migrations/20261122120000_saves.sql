-- No save counts twice. A client names each save with an id of its own making and sends it along as `save_id`. When the reply
-- gets lost it sends the save again; the name tells that it was had already, even if others have changed the row since.
--
-- The column only carries the name in: it is null in every stored row, so that a non-null value always comes from the
-- statement at hand, never from an earlier one.

alter table public.patients add column save_id uuid check (save_id is null);
alter table public.form_submissions add column save_id uuid check (save_id is null);
comment on column public.patients.save_id is 'Write only: the client''s name of this save. Refused (23505, saves_pkey) if it was had before.';
comment on column public.form_submissions.save_id is 'Write only: the client''s name of this save. Refused (23505, saves_pkey) if it was had before.';

create table private.saves (
  id uuid primary key,
  at timestamptz not null default now()
);
create index saves_by_time on private.saves (at);
alter table private.saves enable row level security;
comment on table private.saves is 'The names of saves that were had. After 90 days nobody sends one again.';

create function private.have_save() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  delete from private.saves where at < now() - interval '90 days';
  insert into private.saves (id) values (new.save_id);
  new.save_id := null;
  return new;
end
$$;
revoke execute on function private.have_save() from public;

-- Named to run before the other triggers of the row: a save that was had needs no further judgement.
create trigger have_save before insert or update on public.patients
  for each row when (new.save_id is not null) execute function private.have_save();
create trigger have_save before insert or update on public.form_submissions
  for each row when (new.save_id is not null) execute function private.have_save();
