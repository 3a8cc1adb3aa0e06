-- Staff, patients and their forms: the tables, what a row may hold, and the indexes that the lists need.
--
-- Row keys are made by the client, so that a row can be created without a network and sent twice without being
-- stored twice. Words with a fixed meaning are text with a CHECK, not enum types: a Realtime filter compares them without a
-- cast, and a later migration can add one in a transaction. Row Level Security is on from the first moment: until the next
-- migration adds policies, nobody but the owner sees anything.

-- What the policies and triggers need and no client may call. The API exposes `public` only.
create schema private;
revoke all on schema private from public;

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  email text not null check (length(email) <= 320),
  full_name text not null check (length(full_name) between 1 and 120 and full_name = btrim(full_name)),
  role text not null default 'viewer' check (role in ('admin', 'clinician', 'viewer')),
  active boolean not null default false,
  updated_at timestamptz not null default now()
);
comment on table public.profiles is 'The staff directory: one row for each account, made by a trigger on auth.users.';
comment on column public.profiles.role is 'What the person may do. Looked up for each request, so a change holds at once, whatever an older token says.';
comment on column public.profiles.active is 'False: may sign in, sees nothing but this row. People who leave are deactivated, not deleted, so that their work keeps its name.';

create table public.patients (
  id uuid primary key default gen_random_uuid(),
  mrn text not null unique check (mrn ~ '^[A-Z0-9][A-Z0-9-]{2,31}$'),
  first_name text not null check (length(first_name) between 1 and 100 and first_name = btrim(first_name)),
  last_name text not null check (length(last_name) between 1 and 100 and last_name = btrim(last_name)),
  date_of_birth date not null check (date_of_birth >= date '1880-01-01'),
  sex text not null default 'unknown' check (sex in ('female', 'male', 'other', 'unknown')),
  status text not null default 'waiting' check (status in ('waiting', 'admitted', 'observation', 'discharged')),
  ward text not null check (ward in (
    'Cardiology', 'Emergency', 'Geriatrics', 'Intensive Care', 'Maternity', 'Neurology', 'Oncology', 'Orthopaedics',
    'Paediatrics', 'Surgery')),
  clinician_id uuid references public.profiles (id) on delete set null,
  notes text not null default '' check (length(notes) <= 10000),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on column public.patients.mrn is 'Medical record number: capitals, digits and hyphens.';
comment on column public.patients.clinician_id is 'Who is responsible. Null: not assigned yet, seen by admins and viewers only.';
comment on column public.patients.version is 'Counts the changes of this row; an update that carries version=eq.N and finds no row has met a conflict.';

create table public.form_submissions (
  id uuid primary key default gen_random_uuid(),
  -- Restrict: a record that somebody wrote does not vanish with another row.
  patient_id uuid not null references public.patients (id) on delete restrict,
  form_type text not null check (form_type in ('intake', 'vitals', 'consent', 'discharge')),
  status text not null default 'draft' check (status in ('draft', 'submitted', 'in_review', 'approved', 'returned')),
  answers jsonb not null default '{}' check (jsonb_typeof(answers) = 'object' and octet_length(answers::text) <= 65536),
  review_comment text not null default '' check (length(review_comment) <= 2000),
  submitted_by uuid references public.profiles (id) on delete set null,
  reviewed_by uuid references public.profiles (id) on delete set null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  submitted_at timestamptz,
  constraint submitted_at_follows_status check ((status = 'draft') = (submitted_at is null))
);
comment on column public.form_submissions.submitted_by is 'Who submitted the form; while it is a draft, who is writing it.';
comment on column public.form_submissions.reviewed_by is 'Who took the form into review, approved or returned it.';
comment on column public.form_submissions.review_comment is 'What the reviewer asks for, above all when a form is returned.';

-- The replica identity stays the default on purpose: FULL would send a row's former values to whoever may see its new ones.

alter table public.profiles enable row level security;
alter table public.patients enable row level security;
alter table public.form_submissions enable row level security;

-- Lists: by name (the default order), by ward and status, one clinician's, the latest changes.
create index patients_by_name on public.patients (last_name, first_name, id);
create index patients_by_clinician on public.patients (clinician_id, last_name, first_name, id);
create index patients_by_ward on public.patients (ward, status, last_name);
create index patients_by_status on public.patients (status, last_name);
create index patients_by_change on public.patients (updated_at desc, id);
create index form_submissions_by_patient on public.form_submissions (patient_id, updated_at desc);
create index form_submissions_by_status on public.form_submissions (status, updated_at desc);
create index form_submissions_by_type on public.form_submissions (form_type, updated_at desc);
create index form_submissions_by_author on public.form_submissions (submitted_by, status);
create index form_submissions_by_reviewer on public.form_submissions (reviewed_by) where reviewed_by is not null;
create index form_submissions_by_change on public.form_submissions (updated_at desc, id);
create index form_submissions_by_day on public.form_submissions (submitted_at) where submitted_at is not null;
