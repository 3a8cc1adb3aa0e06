-- What the database checks about the answers of a form.
--
-- Always: size, depth and values that every client can read. A form that breaks these limits would make each list that contains it
-- unreadable. At submission by a person: types, bounds and required answers, from the same description of the forms as the app's.

-- Limits

create function private.answers_over_limit(answers jsonb) returns text
language sql immutable set search_path = ''
as $$
  with recursive node (key, value, depth) as (
    select null::text, answers, 0
    union all
    select child.key, child.value, node.depth + 1
      from node
      cross join lateral (
        select key, value from jsonb_each(case jsonb_typeof(node.value) when 'object' then node.value else '{}' end)
        union all
        select null, value from jsonb_array_elements(case jsonb_typeof(node.value) when 'array' then node.value else '[]' end)
      ) child
     -- One level more than is allowed, so that it is seen.
     where node.depth < 5
  ),
  worst as (
    select
      coalesce(max(depth), 0) > 4 as too_deep,
      count(*) > 1000 as too_many,
      coalesce(bool_or(length(key) > 100), false) as long_key,
      coalesce(bool_or(jsonb_typeof(value) = 'string' and length(value #>> '{}') > 20000), false) as long_text,
      -- Whole numbers that a double holds exactly, and fractions of the same size.
      coalesce(bool_or(case jsonb_typeof(value) when 'number' then
        abs((value #>> '{}')::numeric) > 9007199254740991 or scale((value #>> '{}')::numeric) > 30 end), false) as odd_number
    from node
  )
  select case
    when octet_length(answers::text) > 65536 then 'are larger than 64 KiB'
    else (
      select case
        when too_deep then 'are nested deeper than 4 levels'
        when too_many then 'hold more than 1000 values'
        when long_key then 'have a key longer than 100 characters'
        when long_text then 'hold a text longer than 20000 characters'
        when odd_number then 'hold a number out of range'
      end from worst)
  end
$$;

create function private.limit_answers() returns trigger
language plpgsql set search_path = ''
as $$
declare
  problem text;
begin
  if tg_op = 'UPDATE' and new.answers is not distinct from old.answers then
    return new;
  end if;
  problem := private.answers_over_limit(new.answers);
  if problem is not null then
    raise exception 'the answers %', problem using errcode = '23514', constraint = 'form_submissions_answers_check';
  end if;
  return new;
end
$$;
create trigger limit_answers before insert or update on public.form_submissions
  for each row execute function private.limit_answers();

-- The questions of each form. The rows are generated from the app's form kinds: see the migrations named *_form_kinds.sql.

create table private.form_fields (
  form_type text not null,
  position integer not null,
  key text not null,
  question text not null check (question in ('text', 'number', 'choice', 'choices', 'date', 'moment', 'yes_no')),
  required boolean not null,
  -- Asked only while the answer to this question is `asked_is`.
  asked_when text,
  asked_is text,
  longest integer not null,
  least double precision,
  most double precision,
  decimals integer,
  choices text[],
  -- Dates: of this stay (past), or an appointment (future).
  span text check (span in ('past', 'future')),
  primary key (form_type, key)
);
comment on table private.form_fields is 'The questions of each form type, generated from src/model/form_kind.';

create table private.form_rules (
  form_type text not null,
  lower_key text not null,
  upper_key text not null,
  primary key (form_type, lower_key, upper_key)
);
comment on table private.form_rules is 'The number in lower_key is below the one in upper_key; generated from src/model/form_kind.';

alter table private.form_fields enable row level security;
alter table private.form_rules enable row level security;
create policy form_fields_closed on private.form_fields as restrictive for all using (false);
create policy form_rules_closed on private.form_rules as restrictive for all using (false);

-- The day of `YYYY-MM-DD`; null for anything else. A cast would raise an error, and catching one does not work in the embedded PostgreSQL.
create function private.calendar_day(said text) returns date
language sql immutable strict set search_path = ''
as $$
  select case
    when said !~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' or said < '0001' then null
    when substr(said, 9, 2)::integer
         > extract(day from make_date(substr(said, 1, 4)::integer, substr(said, 6, 2)::integer, 1) + interval '1 month - 1 day') then null
    else make_date(substr(said, 1, 4)::integer, substr(said, 6, 2)::integer, substr(said, 9, 2)::integer)
  end
$$;

-- What is wrong with one answer; null if nothing is.
create function private.answer_problem(field private.form_fields, answer jsonb) returns text
language plpgsql stable set search_path = ''
as $$
declare
  is_text constant boolean := jsonb_typeof(answer) = 'string';
  said constant text := answer #>> '{}';
  number numeric;
  day date;
  instant timestamptz;
begin
  case field.question
    when 'text' then
      if not is_text then
        return 'is not a text';
      elsif length(said) > field.longest then
        return format('is longer than %s characters', field.longest);
      end if;

    when 'number' then
      if jsonb_typeof(answer) <> 'number' then
        return 'is not a number';
      end if;
      number := said::numeric;
      if scale(trim_scale(number)) > field.decimals then
        return format('has more than %s decimals', field.decimals);
      elsif number < field.least::numeric or number > field.most::numeric then
        return format('is not between %s and %s', field.least, field.most);
      end if;

    when 'choice' then
      if not is_text or said <> all (field.choices) then
        return 'is not one of the choices';
      end if;

    when 'choices' then
      if jsonb_typeof(answer) <> 'array' or exists (
           select from jsonb_array_elements(answer) word
            where jsonb_typeof(word) <> 'string' or word #>> '{}' <> all (field.choices)) then
        return 'is not a list of choices';
      end if;

    when 'yes_no' then
      if jsonb_typeof(answer) <> 'boolean' then
        return 'is neither yes nor no';
      end if;

    when 'date', 'moment' then
      -- A moment is the time on the wall clock, with its offset from UTC: 2026-11-22T08:30+01:00. Clients before the offset was
      -- stored send it without one.
      if not is_text then
        return 'is not a date';
      elsif field.question = 'moment' then
        if said !~ '^.{10}T([01][0-9]|2[0-3]):[0-5][0-9](Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?$' then
          return 'is not a day and a time';
        end if;
        day := private.calendar_day(left(said, 10));
      else
        day := private.calendar_day(said);
      end if;
      if day is null then
        return 'is not a date of the calendar';
      end if;
      -- Where it is unknown, the time zone is the one where this moment comes first: UTC+14.
      instant := case
        when field.question = 'date' then day::timestamp at time zone 'UTC' - interval '14 hours'
        when length(said) > 16 then said::timestamptz
        else (said || '+14:00')::timestamptz
      end;
      -- Five minutes for clocks that differ. A week for forms that were submitted offline.
      if field.span = 'past' and instant > now() + interval '5 minutes' then
        return 'is in the future';
      elsif field.span = 'past' and day < now()::date - interval '1 year 7 days' then
        return 'is more than a year ago';
      elsif field.span = 'future' and day < now()::date - interval '1 month 7 days' then
        return 'is more than a month ago';
      elsif field.span = 'future' and day > now()::date + interval '2 years 1 day' then
        return 'is more than two years ahead';
      end if;
  end case;
  return null;
end
$$;

-- The first problem that keeps these answers from being submitted; null if there is none. Answers that no question asks for are kept:
-- they belong to an older or a newer form.
create function private.answers_problem(of_type text, answers jsonb) returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  field private.form_fields;
  rule private.form_rules;
  answer jsonb;
  problem text;
begin
  for field in select * from private.form_fields where form_type = of_type order by position loop
    if field.asked_when is not null and answers ->> field.asked_when is distinct from field.asked_is then
      continue;
    end if;
    answer := answers -> field.key;
    if answer is null or answer in ('null', '[]') or (jsonb_typeof(answer) = 'string' and answer #>> '{}' !~ '\S') then
      if field.required then
        return field.key || ' is missing';
      end if;
      continue;
    end if;
    problem := private.answer_problem(field, answer);
    if problem is not null then
      return field.key || ' ' || problem;
    end if;
  end loop;

  for rule in select * from private.form_rules where form_type = of_type loop
    -- Both are numbers by now, or not there.
    if (answers ->> rule.lower_key)::numeric >= (answers ->> rule.upper_key)::numeric then
      return rule.lower_key || ' is not below ' || rule.upper_key;
    end if;
  end loop;
  return null;
end
$$;

create function private.verify_answers() returns trigger
language plpgsql set search_path = ''
as $$
declare
  problem text;
begin
  -- The owner and service_role (imports, seed) state what was submitted elsewhere. A form released from review was submitted before.
  if current_user <> 'authenticated' or new.status <> 'submitted'
     or (tg_op = 'UPDATE' and old.status not in ('draft', 'returned')) then
    return new;
  end if;
  problem := private.answers_problem(new.form_type, new.answers);
  if problem is not null then
    raise exception 'the form cannot be submitted: %', problem using errcode = '23514', constraint = 'form_submissions_answers_check';
  end if;
  return new;
end
$$;
create trigger verify_answers before insert or update on public.form_submissions
  for each row execute function private.verify_answers();

revoke execute on function
  private.answers_over_limit(jsonb), private.limit_answers(), private.calendar_day(text), private.answer_problem(private.form_fields, jsonb),
  private.answers_problem(text, jsonb), private.verify_answers()
  from public;
grant execute on function private.answers_over_limit(jsonb), private.answers_problem(text, jsonb) to authenticated, service_role;
