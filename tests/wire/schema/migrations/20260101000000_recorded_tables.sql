-- The tables and policies that the recorded server had.

create table public.profiles (
  id uuid primary key,
  email text,
  full_name text,
  role text,
  updated_at timestamptz default now()
);
create table public.patients (
  id uuid primary key,
  mrn text,
  first_name text,
  last_name text,
  date_of_birth date,
  clinician_id uuid,
  status text,
  notes jsonb,
  updated_at timestamptz default now()
);
create table public.form_submissions (
  id uuid primary key,
  patient_id uuid,
  form_type text,
  status text,
  answers jsonb,
  submitted_by uuid,
  submitted_at timestamptz
);
alter table public.form_submissions replica identity full;
-- one column of every type of interest; RLS off
create table public.all_types (
  id bigint primary key,
  c_int2 smallint, c_int4 integer, c_int8 bigint,
  c_numeric numeric, c_float4 real, c_float8 double precision,
  c_bool boolean, c_text text, c_varchar varchar(20), c_char char(5),
  c_uuid uuid, c_date date, c_time time, c_timetz timetz,
  c_timestamp timestamp, c_timestamptz timestamptz, c_interval interval,
  c_json json, c_jsonb jsonb, c_bytea bytea, c_inet inet,
  c_int_array integer[], c_text_array text[], c_jsonb_array jsonb[],
  c_int4range int4range
);
alter table public.profiles enable row level security;
alter table public.patients enable row level security;
alter table public.form_submissions enable row level security;
create policy profiles_select on public.profiles for select to authenticated
  using (id = auth.uid() or (auth.jwt() ->> 'user_role') = 'admin');
create policy patients_select on public.patients for select to authenticated
  using (clinician_id = auth.uid());
create policy form_submissions_select on public.form_submissions for select to authenticated
  using (submitted_by = auth.uid());
grant select, insert, update, delete on all tables in schema public to authenticated, service_role;
grant select on public.all_types to anon;
alter publication supabase_realtime add table
  public.profiles, public.patients, public.form_submissions, public.all_types;
-- extra tables used to show replica identity / privilege / error cases without RLS
create table public.items (id bigint primary key, body text, qty integer, meta jsonb);            -- default replica identity, no RLS
create table public.items_full (id bigint primary key, body text, qty integer, meta jsonb);       -- REPLICA IDENTITY FULL, no RLS
alter table public.items_full replica identity full;
create table public.no_pk (v text);                                                               -- no primary key, no RLS
create table public.hidden_pk (id bigint primary key, visible text, secret text);                 -- authenticated may read only "visible"
create table public.hidden_col (id bigint primary key, visible text, secret text);                -- authenticated may not read "secret"
create table public.not_published (id bigint primary key, v text);                                -- not in the publication
grant select, insert, update, delete on public.items, public.items_full, public.no_pk, public.not_published to authenticated, service_role;
revoke all on public.hidden_pk, public.hidden_col from anon, authenticated;
grant select (visible) on public.hidden_pk to authenticated;
grant select (id, visible) on public.hidden_col to authenticated;
alter publication supabase_realtime add table public.items, public.items_full, public.no_pk, public.hidden_pk, public.hidden_col;
