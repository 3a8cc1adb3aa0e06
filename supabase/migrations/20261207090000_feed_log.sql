-- Exact catch-up: a log of changes, and an RPC that says what changed since a watermark.
--
-- No live feed reports what it lost. This log can: it is written in the transaction of the change, so
-- it holds exactly what was committed, and `feed_since` answers with what concerns the caller.
--
-- A watermark is a snapshot: the set of transactions whose changes its holder has seen. A sequence or
-- a time would miss a transaction that commits late; this can't, because such a transaction was not
-- in the snapshot, whatever its number is.

-- Versions of profiles, as patients and forms have them

alter table public.profiles add column version integer not null default 1;
comment on column public.profiles.version is 'Counts the changes of this row. Set by the database.';

create or replace function private.stamp_profile() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.id <> old.id then
    raise exception 'the key of a profile cannot change' using errcode = '23514';
  end if;
  new.version := old.version + 1;
  new.updated_at := now();
  if current_user <> 'authenticated' or (new.role = old.role and new.active = old.active) then
    return new;
  end if;

  if not private.is_admin() then
    raise exception 'only an admin sets roles' using errcode = '42501';
  end if;
  -- The row locks make two admins who demote each other wait for one another here.
  if old.role = 'admin' and old.active and not (new.role = 'admin' and new.active) then
    perform private.keep_another_admin(old.id);
  end if;
  return new;
end
$$;

create function private.stamp_new_profile() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.version := 1;
  return new;
end
$$;
create trigger stamp_new_profile before insert on public.profiles
  for each row execute function private.stamp_new_profile();

-- The log

create table private.feed_log (
  xid xid8 not null default pg_current_xact_id(),
  table_name text not null,
  key uuid,
  version bigint,
  lost_by uuid[],
  lost_by_all boolean not null default false,
  horizon xid8 not null default pg_snapshot_xmin(pg_current_snapshot()),
  at timestamptz not null default clock_timestamp()
);
comment on table private.feed_log is
  'What changed in the published tables, for `feed_since`. Kept for 24 hours or 1,000,000 rows, whichever is less.';
comment on column private.feed_log.table_name is 'The table of the row, or * for "everything that this person holds".';
comment on column private.feed_log.version is 'The version that was written; for a deletion the last one; null for a loss alone.';
comment on column private.feed_log.lost_by is 'Users who lost sight of the row by this change.';
comment on column private.feed_log.lost_by_all is 'True for a deletion: everyone who sees all rows of the table lost this one.';
comment on column private.feed_log.horizon is 'No transaction below this one was running when the change was written.';
-- Not BRIN: space of cleaned rows is used again, so that its ranges would soon cover everything.
create index feed_log_by_transaction on private.feed_log (xid);

create table private.feed_log_start (
  id smallint primary key default 1 check (id = 1),
  xid xid8 not null
);
comment on table private.feed_log_start is 'The log is complete from this transaction on.';
insert into private.feed_log_start (xid) values (pg_snapshot_xmin(pg_current_snapshot()));

-- Unlogged on purpose: crash recovery, the restore of a physical backup and the promotion of a standby
-- empty the table, and nothing else does. Each of them can repeat transaction ids, which a watermark
-- can't tell. (PostgreSQL may give the id of an aborted transaction again after a crash.)
create unlogged table private.feed_epoch (
  id uuid not null default gen_random_uuid(),
  one_row boolean primary key default true check (one_row)
);
comment on table private.feed_epoch is
  'Part of every watermark. Delete the row after changing published tables with triggers disabled: then all clients read again.';

alter table private.feed_log enable row level security;
alter table private.feed_log_start enable row level security;
alter table private.feed_epoch enable row level security;
create policy feed_log_closed on private.feed_log as restrictive for all using (false);
create policy feed_log_start_closed on private.feed_log_start as restrictive for all using (false);
create policy feed_epoch_closed on private.feed_epoch as restrictive for all using (false);
revoke all on private.feed_log, private.feed_log_start, private.feed_epoch
  from public, anon, authenticated, service_role;

-- Cleaning

-- Called by a write now and then, so that it needs no scheduler. At most `batch` rows a call.
--
-- A row is deleted only below feed_log_start, and who holds a watermark from before that is answered
-- "too_old". So a transaction that still runs with a low id stays safe: whatever it commits later
-- is missing only for watermarks that had not seen it, and those lie below its id. Cleaning by age
-- waits for such a transaction, so that current watermarks remain good; cleaning by size doesn't, or
-- a forgotten session would let the log grow without bound.
create function private.clean_feed_log(batch bigint) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  -- An estimate, since counting takes 200 ms; a row takes about 100 bytes.
  is_large constant boolean := (
    select case when c.reltuples < 0 then pg_relation_size(c.oid) > 100000000 else c.reltuples > 1000000 end
      from pg_catalog.pg_class c where c.oid = 'private.feed_log'::regclass);
  -- More than the longest interval between two requests of one client.
  kept constant interval := case when is_large then interval '5 minutes' else interval '24 hours' end;
  running constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  complete_from xid8;
begin
  -- One cleaner at a time, and nobody waits for it. A stricter isolation level would turn this lock
  -- into a serialization failure of somebody's write.
  if current_setting('transaction_isolation') <> 'read committed' then
    return;
  end if;
  perform from private.feed_log_start for update skip locked;
  if not found then
    return;
  end if;

  with oldest as (select l.xid, l.at from private.feed_log l order by l.xid limit batch)
  select coalesce(
           (select min(o.xid) from oldest o where o.at >= clock_timestamp() - kept),
           (select min(l.xid) from private.feed_log l where l.xid > (select max(o.xid) from oldest o)),
           running)
    into complete_from;
  if not is_large then
    complete_from := least(complete_from, running);
  end if;

  -- A start that no transaction has reached comes from another cluster, with a restored dump.
  update private.feed_log_start
     set xid = complete_from
   where xid < complete_from or xid > pg_snapshot_xmax(pg_current_snapshot());
  delete from private.feed_log
   where ctid = any (array(
     select l.ctid from private.feed_log l
      where l.xid < (select s.xid from private.feed_log_start s)
      order by l.xid limit batch));
end
$$;

-- Losses: in the log, which proves them, and as a message, which is faster.

drop trigger patients_lost on public.patients;
drop trigger form_submissions_lost on public.form_submissions;
drop trigger role_lost on public.profiles;
drop function private.patients_lost(), private.form_submissions_lost(), private.role_lost(),
  private.announce_lost_rows(uuid, text, uuid[]);

create function private.record_lost_rows(person uuid, from_table text, ids uuid[]) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  lost uuid;
begin
  -- Admins and viewers see a row whoever it belongs to; who is not active has nothing left to lose.
  if not exists (select from public.profiles where id = person and active and role = 'clinician') then
    return;
  end if;
  insert into private.feed_log (table_name, key, lost_by)
  select from_table, lost_key, array[person] from unnest(ids) lost_key;
  -- Above this many rows, one refetch of everything is cheaper than a message for each.
  if cardinality(ids) > 20 then
    perform private.announce_lost_access(person, '{"table": "*"}');
    return;
  end if;
  foreach lost in array ids loop
    perform private.announce_lost_access(person, jsonb_build_object('table', from_table, 'id', lost));
  end loop;
end
$$;

-- The person, if that is who sees a row because it belongs to them; null for everybody else.
create function private.clinician_as_array(person uuid) returns uuid[]
language sql stable security definer set search_path = ''
as $$ select array[id] from public.profiles where id = person and active and role = 'clinician' $$;

-- The triggers
--
-- A failure in here fails the write. The log is part of the transaction on purpose: a change that
-- is missing from it would be a loss that nobody notices, which is what the log is there to prevent.
--
-- Transition tables are never joined with each other. Plans are kept for the session, and one made for
-- a single row would join a bulk change row by row; EXCEPT takes linear time whatever was planned.
--
-- An update that leaves a row as it was is logged as well, because its version counts up.

create function private.log_patients() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  logged bigint;
  moved bigint;
begin
  if tg_op = 'DELETE' then
    insert into private.feed_log (table_name, key, version, lost_by, lost_by_all)
    select 'patients', o.id, o.version, private.clinician_as_array(o.clinician_id), true from old_rows o;
  else
    insert into private.feed_log (table_name, key, version)
    select 'patients', n.id, n.version from new_rows n;
  end if;
  get diagnostics logged = row_count;

  if tg_op = 'UPDATE' then
    select count(*) into moved
      from (select id, clinician_id from old_rows except select id, clinician_id from new_rows) o;
    if moved > 0 then
      -- The previous clinician loses the patient, which stands for its forms too.
      perform private.record_lost_rows(lost.clinician_id, 'patients', lost.ids)
         from (select o.clinician_id, array_agg(o.id order by o.id) as ids
                 from (select id, clinician_id from old_rows except select id, clinician_id from new_rows) o
                where o.clinician_id is not null
                group by o.clinician_id) lost;
      -- The next one gains the patient with its forms. The patient's own entry stands for them: whoever
      -- reads it takes every list of forms for changed.
    end if;
  end if;

  if logged > 1000 or (logged > 0 and pg_current_xact_id()::text::bigint % 1024 = 0) then
    perform private.clean_feed_log(5000 + 2 * logged);
  end if;
  return null;
end
$$;

create function private.log_form_submissions() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  logged bigint;
begin
  if tg_op = 'DELETE' then
    insert into private.feed_log (table_name, key, version, lost_by, lost_by_all)
    select 'form_submissions', o.id, o.version,
           (select private.clinician_as_array(p.clinician_id) from public.patients p where p.id = o.patient_id), true
      from old_rows o;
  else
    insert into private.feed_log (table_name, key, version)
    select 'form_submissions', n.id, n.version from new_rows n;
  end if;
  get diagnostics logged = row_count;

  if tg_op = 'UPDATE' then
    perform private.record_lost_rows(lost.clinician_id, 'form_submissions', lost.ids)
       from (select was.clinician_id, array_agg(o.id order by o.id) as ids
               from (select id, patient_id from old_rows except select id, patient_id from new_rows) o
               join public.patients was on was.id = o.patient_id
               join public.form_submissions f on f.id = o.id
               join public.patients now_at on now_at.id = f.patient_id
              where was.clinician_id is not null and now_at.clinician_id is distinct from was.clinician_id
              group by was.clinician_id) lost;
  end if;

  if logged > 1000 or (logged > 0 and pg_current_xact_id()::text::bigint % 1024 = 0) then
    perform private.clean_feed_log(5000 + 2 * logged);
  end if;
  return null;
end
$$;

create function private.log_profiles() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  logged bigint;
begin
  if tg_op = 'DELETE' then
    insert into private.feed_log (table_name, key, version, lost_by_all)
    select 'profiles', o.id, o.version, true from old_rows o;
  else
    insert into private.feed_log (table_name, key, version)
    select 'profiles', n.id, n.version from new_rows n;
  end if;
  get diagnostics logged = row_count;

  if tg_op = 'DELETE' then
    insert into private.feed_log (table_name, lost_by)
    select '*', array[o.id] from old_rows o;
  elsif tg_op = 'UPDATE' then
    -- Each role sees other rows, so everything that the person holds is in doubt. A message goes only
    -- to those who may see less than before: not to a new admin, not to somebody who is let in.
    insert into private.feed_log (table_name, lost_by)
    select '*', array[o.id]
      from (select id, role, active from old_rows except select id, role, active from new_rows) o;
    perform private.announce_lost_access(o.id, '{"table": "*"}')
       from (select id, role, active from old_rows except select id, role, active from new_rows) o
       join public.profiles p on p.id = o.id
      where o.active and (not p.active or (p.role <> o.role and p.role <> 'admin'));
  end if;

  if logged > 1000 or (logged > 0 and pg_current_xact_id()::text::bigint % 1024 = 0) then
    perform private.clean_feed_log(5000 + 2 * logged);
  end if;
  return null;
end
$$;

-- No row says what a TRUNCATE removed.
create function private.end_feed_epoch() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  delete from private.feed_epoch;
  return null;
end
$$;

do $$
declare
  logged text;
begin
  foreach logged in array array['profiles', 'patients', 'form_submissions'] loop
    execute format('create trigger feed_log_insert after insert on public.%1$I
      referencing new table as new_rows for each statement execute function private.%2$I()', logged, 'log_' || logged);
    execute format('create trigger feed_log_update after update on public.%1$I
      referencing old table as old_rows new table as new_rows for each statement execute function private.%2$I()',
      logged, 'log_' || logged);
    execute format('create trigger feed_log_delete after delete on public.%1$I
      referencing old table as old_rows for each statement execute function private.%2$I()', logged, 'log_' || logged);
    execute format('create trigger feed_log_truncate after truncate on public.%I
      for each statement execute function private.end_feed_epoch()', logged);
  end loop;
end
$$;

-- Reading

-- Which history of transactions a watermark belongs to: this cluster, database, table and epoch. Null
-- where no watermark can be given: a standby, whose snapshots don't list running transactions.
--
-- The timeline is not part of it: a promotion empties feed_epoch, while the control file shows the
-- former timeline until the first checkpoint.
create function private.feed_identity() returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  epoch uuid;
begin
  if pg_is_in_recovery() then
    return null;
  end if;
  select e.id into epoch from private.feed_epoch e;
  if epoch is null and not current_setting('transaction_read_only')::boolean then
    insert into private.feed_epoch default values on conflict do nothing;
    select e.id into epoch from private.feed_epoch e;
  end if;
  return (select system_identifier from pg_control_system())
    || '.' || (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
    || '.' || 'private.feed_log'::regclass::oid
    || '.' || epoch;
end
$$;

-- `<identity>/<snapshot>`; nulls for any other text. Everything is checked before the cast, because
-- an error would end the request.
create function private.parse_watermark(watermark text, out identity text, out seen pg_snapshot)
language plpgsql stable set search_path = ''
as $$
declare
  snapshot constant text := split_part(watermark, '/', 2);
  low bigint;
  high bigint;
  running bigint[];
begin
  -- Two expressions without captures: one with captures and bounds took 150 microseconds.
  if length(watermark) > 100000
     or watermark !~ '^[-.0-9a-f]+/[0-9]+:[0-9]+:([0-9]+(,[0-9]+)*)?$'
     or snapshot ~ '[0-9]{19}' then
    return;
  end if;
  low := split_part(snapshot, ':', 1)::bigint;
  high := split_part(snapshot, ':', 2)::bigint;
  running := string_to_array(split_part(snapshot, ':', 3), ',')::bigint[];
  if low < 1 or high < low
     or running <> '{}' and running <> array(select x from unnest(running) x where x >= low and x < high order by x) then
    return;
  end if;
  identity := split_part(watermark, '/', 1);
  seen := snapshot::pg_snapshot;
end
$$;

create type private.feed_entry as (table_name text, key uuid, lost boolean);

-- The part of the answer that needs the owner's rights: the log itself, before anything is hidden.
create function private.read_feed_log(
  watermark text, identity text,
  out next text, out reason text, out entries private.feed_entry[], out interval_ms integer)
-- The settings keep one plan, by index, for all watermarks: 0.1 ms for nothing new. Otherwise each
-- call is planned again (0.3 ms), and after a bulk change, when one transaction wrote half of the
-- log, as a sequential scan (160 ms). Without sequential scans, small tables look so expensive
-- that their queries would be compiled.
language plpgsql stable security definer
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off
as $$
declare
  most_keys constant integer := 2000;
  most_rows constant integer := 50000;
  person constant uuid := auth.uid();
  snapshot constant pg_snapshot := pg_current_snapshot();
  -- A start that no transaction has reached comes from another cluster, with a restored dump.
  complete_from constant xid8 := coalesce(
    (select s.xid from private.feed_log_start s where s.xid <= pg_snapshot_xmax(snapshot)), '0');
  staff double precision := (
    select c.reltuples from pg_catalog.pg_class c where c.oid = 'public.profiles'::regclass);
  claimed text;
  seen pg_snapshot;
  rows_read integer;
begin
  if staff <= 0 then -- never analysed
    staff := (select count(*) from public.profiles);
  end if;
  interval_ms := 15000 + 45000 * (least(greatest(staff, 50), 2000) - 50) / 1950;
  entries := '{}';
  next := coalesce(identity, '') || '/' || snapshot;

  if watermark is null then
    -- A first watermark reaches back, for answers of other requests that began before this one. A
    -- change that is 30 s old knows which transactions were running then: all that have committed
    -- since lie at or above its horizon, also one that was written long before it was committed.
    next := coalesce(identity, '') || '/' || (
      select format('%1$s:%1$s:', least(
        pg_snapshot_xmin(snapshot),
        coalesce(
          (select l.horizon from private.feed_log l
            where l.xid >= complete_from and l.xid < pg_snapshot_xmax(snapshot)
              and l.at <= clock_timestamp() - interval '30 seconds'
            order by l.xid desc limit 1),
          (select min(l.xid) from private.feed_log l where l.xid >= complete_from)))));
    return;
  end if;

  select w.identity, w.seen into claimed, seen from private.parse_watermark(watermark) w;
  reason := case
    when seen is null then 'unreadable'
    when claimed is distinct from identity then 'other_database'
    when pg_snapshot_xmax(seen) > pg_snapshot_xmax(snapshot) then 'future'
    when pg_snapshot_xmin(seen) < complete_from then 'too_old'
  end;
  if reason is not null then
    return;
  end if;

  -- What `seen` doesn't hold: transactions that began after it, and those that were running. Two
  -- ranges of the index, where `xid >= xmin and not pg_visible_in_snapshot(..)` would read everything
  -- since the oldest running transaction. Ids that no transaction has reached come with a
  -- restored dump.
  with unseen as (
    (select l.table_name, l.key, l.lost_by, l.lost_by_all
       from private.feed_log l
      where l.xid >= pg_snapshot_xmax(seen)
        and (l.xid < pg_snapshot_xmax(snapshot) or l.xid = pg_current_xact_id_if_assigned())
      order by l.xid
      limit most_rows)
    union all
    (select l.table_name, l.key, l.lost_by, l.lost_by_all
       from private.feed_log l
      where l.xid = any (array(select pg_snapshot_xip(seen)))
      limit most_rows)
  ),
  keys as (
    select u.table_name, u.key,
           bool_or(coalesce(person = any (u.lost_by), false)
                   or (u.lost_by_all and case u.table_name
                         when 'profiles' then (select private.current_role_name()) is not null
                         else (select private.sees_all_patients()) end)) as lost
      from unseen u
     where u.key is not null or person = any (u.lost_by)
     group by u.table_name, u.key
     limit most_keys + 1
  )
  select coalesce(array_agg((k.table_name, k.key, k.lost)::private.feed_entry), '{}'),
         (select count(*) from unseen)
    into entries, rows_read
    from keys k;
  if cardinality(entries) > most_keys or rows_read >= most_rows then
    entries := '{}';
    reason := 'too_many';
  end if;
end
$$;

-- Runs with the rights of the caller, so that the policies of the tables decide what is in the answer,
-- as of now: access that changed since the log was written counts.
--
-- Stable, so that everything in here and in read_feed_log reads with one snapshot, that of the calling
-- statement. It is the next watermark, so no commit can fall between the rows that were read and
-- the transactions that the watermark counts as seen.
create function private.answer_feed_since(watermark text, identity text) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  log record;
  changes jsonb;
begin
  select * into log from private.read_feed_log(watermark, identity);
  if log.entries <> '{}' then
    select jsonb_agg(case
             when known.version is not null
               then jsonb_build_object('table', known.table_name, 'id', known.key, 'version', known.version)
             when known.table_name = '*' then jsonb_build_object('table', '*', 'lost', true)
             else jsonb_build_object('table', known.table_name, 'id', known.key, 'lost', true)
           end)
      into changes
      from (
        select e.table_name, e.key, e.lost, bool_or(e.table_name = '*') over () as all_lost,
               -- Not joins: for many entries they would check the policies of all rows of a table.
               case e.table_name
                 when 'patients' then (select p.version from public.patients p where p.id = e.key)
                 when 'form_submissions' then (select f.version from public.form_submissions f where f.id = e.key)
                 when 'profiles' then (select s.version from public.profiles s where s.id = e.key)
               end as version
          from unnest(log.entries) e
      ) known
     -- "*" stands for every other loss. Those may be of rows that the person saw in no role.
     where known.version is not null or (known.lost and (not known.all_lost or known.table_name = '*'));
  end if;
  return jsonb_build_object(
    'watermark', log.next,
    'complete', log.reason is null,
    'reason', log.reason,
    'changes', coalesce(changes, '[]'),
    'interval_ms', log.interval_ms);
end
$$;

-- An empty text counts as null, because the embedded backend's REST engine sends one for it.
create function public.feed_since(watermark text default null) returns jsonb
language sql volatile security invoker set search_path = ''
as $$ select private.answer_feed_since(nullif(watermark, ''), private.feed_identity()) $$;
comment on function public.feed_since(text) is
  'What changed for the caller since a watermark, and the next watermark. Null: no changes, and a first watermark.';

revoke execute on all functions in schema private from public;
revoke execute on function public.feed_since(text) from public, anon, service_role;
grant usage on type private.feed_entry to authenticated;
grant execute on function
  public.feed_since(text), private.answer_feed_since(text, text), private.feed_identity(),
  private.read_feed_log(text, text)
  to authenticated;

-- The heartbeat is no longer needed. Its table stays, for clients from before this migration.

drop function private.schedule_feed_heartbeat();

do $end_heartbeat$
declare
  cron constant name := (
    select nspname from pg_catalog.pg_namespace
     where nspname = 'cron' and exists (select from pg_catalog.pg_extension where extname = 'pg_cron'));
begin
  if cron is not null then
    execute format(
      'select %1$I.unschedule(jobid) from %1$I.job where jobname in (''bedside-feed-heartbeat'', ''bedside-feed-heartbeat-log'')',
      cron);
  end if;
end
$end_heartbeat$;
