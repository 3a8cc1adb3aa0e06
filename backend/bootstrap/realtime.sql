-- What Supabase Realtime keeps in a project's database, and what this backend needs to see changes without a
-- replication slot: triggers write every change of a published table to `realtime.outbox`, in the transaction of the
-- change itself, so that what is read there is what was committed.
--
-- Never runs where Realtime itself keeps its schema: see ownership.sql.

create schema if not exists realtime;
grant usage on schema realtime to anon, authenticated, service_role;

-- Messages of the broadcast-from-database kind, and the table whose policies decide about private channels.
create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default now(),
  inserted_at timestamp not null default now(),
  id uuid not null default gen_random_uuid(),
  primary key (id, inserted_at)
);
create index if not exists messages_topic_idx on realtime.messages (topic, inserted_at desc)
  where extension = 'broadcast' and private;
alter table realtime.messages enable row level security;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;

-- The topic that a policy is asked about.
create or replace function realtime.topic() returns text language sql stable as $$
  select nullif(current_setting('realtime.topic', true), '')
$$;

-- A message to a topic, in the transaction of the caller. A failure is a warning: a trigger that tells others about a
-- row must not be the reason why the row is not saved.
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void language plpgsql as $$
declare
  message_id uuid := gen_random_uuid();
begin
  begin
    if jsonb_typeof(payload) = 'object' and not payload ? 'id' then
      payload := payload || jsonb_build_object('id', message_id);
    end if;
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (message_id, payload, event, topic, private, 'broadcast');
  exception when others then
    raise warning 'the broadcast was not stored: %', sqlerrm;
  end;
end
$$;

-- A row's change as a private broadcast, to be called from a trigger.
create or replace function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text,
  new record, old record, level text default 'ROW')
returns void language plpgsql as $$
begin
  if level = 'STATEMENT' then
    raise exception 'broadcast_changes is for row triggers';
  end if;
  perform realtime.send(
    jsonb_build_object(
      'record', to_jsonb(new), 'old_record', to_jsonb(old), 'operation', operation,
      'table', table_name, 'schema', table_schema),
    event_name, topic_name);
end
$$;

-- What happened and was not yet told. `at` is one for a statement; a transaction's greatest counts as its commit.
create table if not exists realtime.outbox (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null,
  kind "char" not null,
  relation oid not null,
  old jsonb,
  new jsonb
);
revoke all on realtime.outbox from public, anon, authenticated, service_role;

create or replace function realtime.capture_message() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  moment timestamptz := clock_timestamp();
begin
  insert into realtime.outbox (at, kind, relation, new)
  select moment, 'B', 0, to_jsonb(m) from new_rows m where m.extension = 'broadcast' and m.event is not null;
  return null;
end
$$;
create or replace trigger realtime_capture after insert on realtime.messages
  referencing new table as new_rows for each statement execute function realtime.capture_message();

-- Counts up with every change of the schema. A sequence, so that a transaction that runs long makes nobody wait.
create sequence if not exists realtime.schema_epoch;

-- Writes the capture function of one table: static SQL, so that its plan is kept.
--
-- An unchanged value that is stored out of line is left out of an UPDATE unless the replica identity is FULL, as in
-- logical replication: both rows then point to the same chunk. Servers before 17 cannot tell; there the value counts
-- as unchanged when it is equal and large.
create or replace function realtime.attach_table(target oid) returns void
language plpgsql set search_path = '' as $$
declare
  identity "char" := (select relreplident from pg_catalog.pg_class where oid = target);
  table_name text := (select format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c
                      join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = target);
  capture text := format('realtime.%I', 'capture_' || target);
  knows_chunks boolean := to_regprocedure('pg_catalog.pg_column_toast_chunk_id("any")') is not null;
  key_columns text;
  chunks text;
  dropped text;
  old_row text;
  new_row text := 'to_jsonb(t)';
begin
  select string_agg(format('%L, t.%I', a.attname, a.attname), ', ') into key_columns
  from pg_catalog.pg_index i
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
  where i.indrelid = target and case identity when 'i' then i.indisreplident else i.indisprimary end;
  if identity = 'f' then
    old_row := 'to_jsonb(t)';
  else
    old_row := coalesce('jsonb_build_object(' || key_columns || ')', '''{}''::jsonb');
    select string_agg(
             case when knows_chunks then format('pg_column_toast_chunk_id(t.%I) as toast_%s', a.attname, a.attnum)
             else format('t.%I as toast_%s', a.attname, a.attnum) end, ', '),
           string_agg(
             case when knows_chunks then format('case when o.toast_%1$s = n.toast_%1$s then %2$L end', a.attnum, a.attname)
             else format('case when o.toast_%1$s::text = n.toast_%1$s::text and pg_column_size(o.toast_%1$s) > 2000 then %2$L end',
                         a.attnum, a.attname) end, ', ')
    into chunks, dropped
    from pg_catalog.pg_attribute a
    where a.attrelid = target and a.attnum > 0 and not a.attisdropped and a.attstorage in ('x', 'e');
  end if;
  execute format($f$
    create or replace function %1$s() returns trigger
    language plpgsql security definer set search_path = '' set timezone = 'UTC' set datestyle = 'ISO'
    set intervalstyle = 'postgres' set bytea_output = 'hex' as $body$
    declare
      moment timestamptz := clock_timestamp();
    begin
      if tg_op = 'INSERT' then
        insert into realtime.outbox (at, kind, relation, new)
        select moment, 'I', %2$s, %3$s from new_rows t;
      elsif tg_op = 'DELETE' then
        insert into realtime.outbox (at, kind, relation, old)
        select moment, 'D', %2$s, %4$s from old_rows t;
      else
        insert into realtime.outbox (at, kind, relation, old, new)
        select moment, 'U', %2$s, o.doc, %5$s
        from (select row_number() over () as nth, %4$s as doc%6$s from old_rows t) o
        join (select row_number() over () as nth, %3$s as doc%6$s from new_rows t) n on n.nth = o.nth
        order by o.nth;
      end if;
      return null;
    end
    $body$ $f$,
    capture, target, new_row, old_row,
    case when dropped is null then 'n.doc' else 'n.doc - array_remove(array[' || dropped || '], null)' end,
    case when chunks is null then '' else ', ' || chunks end);
  execute format('create or replace trigger realtime_capture_insert after insert on %s
    referencing new table as new_rows for each statement execute function %s()', table_name, capture);
  execute format('create or replace trigger realtime_capture_update after update on %s
    referencing old table as old_rows new table as new_rows for each statement execute function %s()', table_name, capture);
  execute format('create or replace trigger realtime_capture_delete after delete on %s
    referencing old table as old_rows for each statement execute function %s()', table_name, capture);
end
$$;

-- Makes the triggers match the publication: tables that joined it get them, tables that left it lose them.
create or replace function realtime.attach() returns void
language plpgsql security definer set search_path = '' as $$
declare
  target oid;
  left_over record;
begin
  for target in
    select c.oid from pg_catalog.pg_publication_tables p
    join pg_catalog.pg_namespace n on n.nspname = p.schemaname
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
    where p.pubname = 'supabase_realtime' and c.relkind = 'r' and not c.relispartition
      and n.nspname <> 'realtime'
  loop
    perform realtime.attach_table(target);
  end loop;
  for left_over in
    select t.tgname, format('%I.%I', n.nspname, c.relname) as table_name
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where t.tgname in ('realtime_capture_insert', 'realtime_capture_update', 'realtime_capture_delete')
      and not exists (
        select from pg_catalog.pg_publication_tables p
        where p.pubname = 'supabase_realtime' and p.schemaname = n.nspname and p.tablename = c.relname)
  loop
    execute format('drop trigger if exists %I on %s', left_over.tgname, left_over.table_name);
  end loop;
  perform nextval('realtime.schema_epoch');
end
$$;

-- Follows changes of the schema while it runs. Needs a superuser, which the embedded PostgreSQL is. Without it, tables
-- that are published later are followed from the next start on, and columns are looked up again every second.
create or replace function realtime.follow_schema() returns event_trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_tag in ('ALTER PUBLICATION', 'CREATE PUBLICATION', 'DROP PUBLICATION') then
    perform realtime.attach();
  elsif tg_tag = 'ALTER TABLE' then
    -- Its columns or its replica identity may be others now.
    perform realtime.attach_table(command.objid)
    from (select distinct objid from pg_catalog.pg_event_trigger_ddl_commands() where classid = 'pg_catalog.pg_class'::regclass) command
    join pg_catalog.pg_trigger t on t.tgrelid = command.objid and t.tgname = 'realtime_capture_insert';
    perform nextval('realtime.schema_epoch');
  else
    perform nextval('realtime.schema_epoch');
  end if;
end
$$;
do $$
begin
  if (select rolsuper from pg_roles where rolname = current_user)
     and not exists (select from pg_event_trigger where evtname = 'realtime_follow_schema') then
    create event trigger realtime_follow_schema on ddl_command_end execute function realtime.follow_schema();
  end if;
end
$$;
