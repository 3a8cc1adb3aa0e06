-- Finding a patient by what one can type: `zukauskas` finds Žukauskas, `dalaigh` finds Ó Dálaigh, `dete` finds D'Été.
--
-- Names and number are folded into one column, which lists search by `search_text=like.*part*` for each word typed. Who asks folds
-- the word by the same rule: decomposed (NFD), combining marks dropped, letters that don't decompose replaced, apostrophes
-- dropped, lower case. No extension is needed for that, so it is the same in the embedded database.

create function private.fold_for_search(words text) returns text
language sql immutable strict set search_path = ''
as $$
  select lower(
    replace(replace(replace(replace(replace(
      translate(
        regexp_replace(normalize(words, nfd), U&'[\0300-\036F]', '', 'g'),
        U&'\0110\0111\00D8\00F8\0141\0142\0131\00D0\00F0\0126\0127\0027\2019\02BB\02BC\0060',
        'ddoolliddhh'), -- the rest, apostrophes of all kinds, has no partner and goes
      U&'\00C6', 'ae'), U&'\00E6', 'ae'), U&'\0152', 'oe'), U&'\0153', 'oe'), U&'\00DF', 'ss'))
$$;
grant execute on function private.fold_for_search(text) to authenticated, service_role;

alter table public.patients add column search_text text not null default '';
comment on column public.patients.search_text is 'Last name, first name and number, folded for search. Kept by a trigger; what a client sends is dropped.';

create function private.fold_patient() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.search_text := private.fold_for_search(concat_ws(' ', new.last_name, new.first_name, new.mrn));
  return new;
end
$$;
revoke execute on function private.fold_for_search(text), private.fold_patient() from public;

create trigger fold_patient before insert or update on public.patients
  for each row execute function private.fold_patient();

update public.patients set search_text = '';

-- A trigram index serves the search where the extension is at hand; elsewhere a scan of 10,000 patients takes a few milliseconds.
do $$
declare
  extension_schema text;
begin
  if exists (select from pg_available_extensions where name = 'pg_trgm')
     and to_regnamespace('extensions') is not null then
    create extension if not exists pg_trgm with schema extensions;
    select n.nspname into extension_schema
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
    execute format('create index patients_by_search on public.patients using gin (search_text %I.gin_trgm_ops)', extension_schema);
  end if;
end
$$;
