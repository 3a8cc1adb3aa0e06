-- Demo data: twelve accounts (password `bedside-demo`), 264 patients and their forms. All of it is made up.
--
-- The same rows each time: keys, names and texts are derived from a number by `pg_temp.roll`; only the times are relative to
-- now, so that a dashboard has a recent past. Running it again adds what is missing and changes nothing that is there.
-- Never run it on a project that holds real people: the passwords are public.

-- A die with `sides` faces (0 .. sides - 1) that falls the same way for the same n and purpose.
create or replace function pg_temp.roll(n bigint, purpose text, sides integer) returns integer
language sql immutable as $$ select ('x' || substr(md5(purpose || ':' || n::text), 1, 7))::bit(28)::integer % sides $$;

create or replace function pg_temp.pick(n bigint, purpose text, choices text[]) returns text
language sql immutable as $$ select choices[1 + ('x' || substr(md5(purpose || ':' || n::text), 1, 7))::bit(28)::integer % cardinality(choices)] $$;

-- A version 4 UUID by its looks, since strict readers refuse a bare md5.
create or replace function pg_temp.key(purpose text, n bigint) returns uuid
language sql immutable as $$ select overlay(overlay(md5(purpose || ':' || n::text) placing '4' from 13) placing 'a' from 17)::uuid $$;

create or replace function pg_temp.staff_key(n bigint) returns uuid
language sql immutable as $$ select ('00000000-0000-4000-a000-' || lpad(n::text, 12, '0'))::uuid $$;

-- Accounts, as GoTrue writes them: it reads the token columns into plain strings, so they are '' and not null. The role stands in
-- app metadata, from which a trigger makes the profile.

create temporary table seed_staff (n integer primary key, email text, full_name text, role text, wards text[]);
insert into seed_staff values
  (1, 'admin', 'Ines Halloran', 'admin', '{}'),
  (2, 'clinician.one', 'Tomasz Okafor', 'clinician', '{Cardiology,"Intensive Care",Emergency}'),
  (3, 'clinician.two', 'Mireille Vanterpool', 'clinician', '{Geriatrics,Orthopaedics,Surgery}'),
  (4, 'viewer', 'Sunniva Castellanos', 'viewer', '{}'),
  (5, 'anahit.brandvold', 'Anahit Brandvold', 'clinician', '{Paediatrics}'),
  (6, 'leilani.oduya', 'Leilani Oduya-Márquez', 'clinician', '{Maternity}'),
  (7, 'kwabena.lindqvist', 'Kwabena Lindqvist', 'clinician', '{Oncology}'),
  (8, 'rosalind.tamaki', 'Rosalind Tamaki', 'clinician', '{Neurology}'),
  (9, 'jovan.achterberg', 'Jovan Achterberg', 'clinician', '{Emergency,Surgery}'),
  (10, 'noor.szymborski', 'Noor Szymborski', 'clinician', '{Cardiology,Geriatrics}'),
  (11, 'eluned.farrokhi', 'Eluned Farrokhi', 'admin', '{}'),
  (12, 'matteo.quispe', 'Matteo Quispe', 'viewer', '{}');

insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  confirmation_token, recovery_token, email_change_token_new, email_change, email_change_token_current, phone_change,
  phone_change_token, reauthentication_token)
select
  '00000000-0000-0000-0000-000000000000', pg_temp.staff_key(n), 'authenticated', 'authenticated', email || '@bedside.test',
  '$2a$10$s0SD86I8lVDj5UozhtyO2uRtAUMY2ac5sNJYh/ePDfR.TxovjbC1S', now(),
  jsonb_build_object('provider', 'email', 'providers', jsonb_build_array('email'), 'role', role),
  jsonb_build_object('full_name', full_name), now() - interval '200 days', now(),
  '', '', '', '', '', '', '', ''
from seed_staff
on conflict do nothing;

insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select
  pg_temp.key('identity', n), pg_temp.staff_key(n)::text, pg_temp.staff_key(n),
  jsonb_build_object('sub', pg_temp.staff_key(n), 'email', email || '@bedside.test', 'email_verified', true, 'phone_verified', false),
  'email', now(), now() - interval '200 days', now()
from seed_staff
on conflict do nothing;

-- Names from many places, each person's first and last name from the same one. Patient n takes place n % 14 and there the pair of
-- first and family name number n / 14, so that no two are called the same.

create temporary table seed_names (n integer primary key, female text[], male text[], family text[]);
insert into seed_names values
  (0, '{Aoife,Niamh,Caoimhe,Bronagh,Sorcha,Gráinne}', '{Cormac,Oisín,Fiachra,Declan,Rónán,Tadhg}', '{Mulhearn,"Ó Dálaigh",Tierney,Quilligan,Brosnahan,Keaveney}'),
  (1, '{Chiamaka,Yewande,Amara,Ngozi,Folake,Zainab}', '{Emeka,Babatunde,Chidi,Kelechi,Segun,Ibrahim}', '{Adeyinka,Nwankwo,Balogun,Eze-Obi,Ogunleye,Danjuma}'),
  (2, '{Ximena,Lucía,Itzel,Guadalupe,Noemí,Pilar}', '{Joaquín,Andrés,Iñigo,Rubén,Tomás,Efraín}', '{"Peña Robledo",Villaseñor,Ibáñez,"Cortés Luna",Zamarripa,Muñiz}'),
  (3, '{Ayşe,Gülşen,Elif,Nurcan,Zeynep,Defne}', '{Çağlar,Emre,Oğuz,Kerem,Şahin,Tolga}', '{Yıldırım,Öztürkmen,Karadağ,Çelikbaş,Tuncay,Güneşoğlu}'),
  (4, '{Ieva,Rūta,Justė,Madara,Līga,Elzė}', '{Andris,Jānis,Mantas,Vytautas,Kārlis,Tautvydas}', '{Bērziņš,Kazlauskis,Ozoliņš,Žukauskas,Vītols,Jankūnas}'),
  (5, '{Linh,Thảo,Hương,Ngọc,Mai,Quỳnh}', '{Minh,Đức,Quang,Tuấn,Hiếu,Khôi}', '{Nguyễn,Trần,Phạm,Đặng,Huỳnh,Võ}'),
  (6, '{Astrid,Ingrid,Solveig,Åse,Maren,Turid}', '{Håkon,Sindre,Bjørn,Leif,Torstein,Øyvind}', '{Bjørkmo,Tveitan,Ødegård,Nordskag,Solbakk,Hjelmvik}'),
  (7, '{Priya,Lakshmi,Meenakshi,Anjali,Kavita,Roshni}', '{Arjun,Vikram,Rohan,Suresh,Karthik,Devendra}', '{Raghunathan,Deshmukh,Chatterjee,Iyengar,Bhandari,Kulkarni}'),
  (8, '{Zofia,Grażyna,Małgorzata,Halina,Wiesława,Łucja}', '{Paweł,Grzegorz,Świętosław,Mieczysław,Jacek,Bożydar}', '{Wróblewicz,Dąbrowiak,Szczepański,Łuczak,Gołębiowska,Żurek}'),
  (9, '{Yasmin,Leila,Samira,Hanan,Dunya,Rania}', '{Karim,Youssef,Tariq,Idris,Nabil,Haytham}', '{"El Amrani",Haddadin,Benkirane,al-Masriyyin,Khoury-Saad,Boutaleb}'),
  (10, '{Haruka,Ayumi,Sakura,Michiko,Yui,Emiko}', '{Kenta,Shōta,Daiki,Ryōichi,Takumi,Haruto}', '{Shirasawa,Kuwabara,Ōtsuka,Minamoto,Fujikawa,Iwasaki}'),
  (11, '{Odile,Solène,Aurélie,Maëlys,Béatrice,Inès}', '{Étienne,Loïc,Rémi,Aurélien,Gaël,Théophile}', '{Lachaume,"de la Fontanière",Guérinot,Béranger-Roux,Delacourt,Thévenin}'),
  (12, '{Tala,Sefina,Moana,Kailani,Losa,Anahera}', '{Tavita,Semisi,Wiremu,Ioane,Manaia,Fetu}', '{Fa''asavalu,Tuilagi-Moe,Ngatai,Leota,Parata,Tufuga}'),
  (13, '{Beatrix,Philippa,Imogen,Harriet,Winifred,Rosamund}', '{Rupert,Alistair,Barnaby,Lionel,Edmund,Percival}', '{Thistlewood,Oakenshaw,Pemberwick,Hollingbrook,Larkspur,St-Clare}');

-- What brings people to a ward: the reason, then the note on it.

create temporary table seed_reasons (ward text, n integer, reason text, note text, procedure text, primary key (ward, n));
insert into seed_reasons values
  ('Cardiology', 0, 'Chest tightness on exertion', 'Tightness when climbing stairs for two weeks, none at rest. ECG without acute change, second troponin negative.', 'Coronary angiography'),
  ('Cardiology', 1, 'Palpitations', 'New atrial fibrillation, rate controlled on bisoprolol. Anticoagulation started and explained.', 'Electrical cardioversion'),
  ('Cardiology', 2, 'Swollen ankles, short of breath', 'Decompensated heart failure. Down 2.4 kg since furosemide IV. Daily weights, fluid limit 1.5 l.', 'Transoesophageal echocardiography'),
  ('Cardiology', 3, 'Fainted at work', 'Syncope with prodrome. Holter shows pauses up to 3.1 s at night; pacemaker to be discussed on Thursday.', 'Pacemaker implantation'),
  ('Emergency', 0, 'Fall from a ladder', 'Fall from about 2 m onto the left side. No head injury. Ribs 7 and 8 tender, breathing even, FAST negative.', 'Local wound care and suture'),
  ('Emergency', 1, 'Abdominal pain since last night', 'Pain moved from the navel to the right lower side. Nil by mouth, surgeons informed, ultrasound pending.', 'Diagnostic laparoscopy'),
  ('Emergency', 2, 'Allergic reaction', 'Urticaria and lip swelling after cashews. Adrenaline IM once at the scene, stable since. Watch for six hours.', 'Observation after anaphylaxis'),
  ('Emergency', 3, 'Sudden severe headache', 'Worst headache ever, onset within a minute. CT clear, lumbar puncture offered. Neuro checks hourly.', 'Lumbar puncture'),
  ('Geriatrics', 0, 'Repeated falls at home', 'Third fall in a month, always on the way to the bathroom at night. Orthostatic drop of 28 mmHg. Medication under review.', 'Medication review and gait training'),
  ('Geriatrics', 1, 'Confused since two days', 'Delirium with urinary infection. Clearer in the mornings. Daughter brings glasses and hearing aids today.', 'Bladder catheterisation'),
  ('Geriatrics', 2, 'Losing weight', 'Six kilos lost since spring. Dentures no longer fit; eats well when helped. Dietitian sees on Mondays.', 'Upper endoscopy'),
  ('Intensive Care', 0, 'Septic shock', 'Noradrenaline down to 0.06. Lactate 1.9 and falling. Cultures: E. coli, sensitive to the current antibiotic.', 'Central venous catheter'),
  ('Intensive Care', 1, 'Respiratory failure', 'High-flow 40 l/min, FiO2 0.45. Tolerates prone position while awake. Family informed by telephone at noon.', 'Intubation and ventilation'),
  ('Intensive Care', 2, 'After major surgery', 'First night after aortic repair. Awake, pain 3/10, urine 60 ml/h. Drain 120 ml, serous.', 'Arterial line'),
  ('Maternity', 0, 'Labour, first child', 'Regular contractions since 04:00, 4 cm at admission. CTG unremarkable. Would like a water birth.', 'Epidural analgesia'),
  ('Maternity', 1, 'High blood pressure in pregnancy', 'Week 34, BP up to 158/98, protein 1+. Labetalol started, steroids given. Headache gone.', 'Induction of labour'),
  ('Maternity', 2, 'Planned caesarean', 'Week 39, breech. Asks to have the partner present. Blood group and consent on file.', 'Caesarean section'),
  ('Neurology', 0, 'Weak right arm', 'Woke with weakness of the right arm, NIHSS 4. MRI: small infarct left. Swallow test passed, speech therapy daily.', 'Thrombectomy'),
  ('Neurology', 1, 'First seizure', 'Generalised seizure of about two minutes, witnessed. EEG booked. No driving, told and understood.', 'Sleep EEG'),
  ('Neurology', 2, 'Numbness in both legs', 'Ascending numbness since the weekend, reflexes weak. Vital capacity every four hours; immunoglobulins day 2 of 5.', 'Lumbar puncture'),
  ('Oncology', 0, 'Chemotherapy, third cycle', 'Day 1 of cycle 3. Nausea well controlled with the new scheme. Port without irritation.', 'Chemotherapy through port'),
  ('Oncology', 1, 'Fever after chemotherapy', 'Neutrophils 0.3. Broad antibiotics within the hour; afebrile since yesterday evening.', 'Bone marrow biopsy'),
  ('Oncology', 2, 'Pain not controlled', 'Pain from spinal metastases. Morphine changed to a pump, sleeps through now. Palliative team involved.', 'Nerve block'),
  ('Orthopaedics', 0, 'Broken hip', 'Fall on the pavement, femoral neck fracture. Operated the same day; stands with a frame, full weight allowed.', 'Hip replacement'),
  ('Orthopaedics', 1, 'Knee replacement', 'Day 2 after total knee replacement. Bends to 75°, walks the corridor with crutches.', 'Total knee replacement'),
  ('Orthopaedics', 2, 'Back pain with leg weakness', 'Disc herniation L4/5 with foot drop since Friday. Operation list for tomorrow, first place.', 'Microdiscectomy'),
  ('Paediatrics', 0, 'Wheezing', 'Third episode this winter. Salbutamol every three hours, spacer technique practised with both parents.', 'Inhalation therapy'),
  ('Paediatrics', 1, 'Vomiting and diarrhoea', 'Rotavirus. Drinks small sips; weight up 300 g since admission. The cuddly rabbit stays in the bed.', 'Intravenous rehydration'),
  ('Paediatrics', 2, 'Broken forearm', 'Fell off the climbing frame. Greenstick fracture, set under sedation. Fingers warm and moving.', 'Closed reduction under sedation'),
  ('Surgery', 0, 'Gallstones', 'Laparoscopic cholecystectomy without complication. Light food tolerated, drain out this morning.', 'Laparoscopic cholecystectomy'),
  ('Surgery', 1, 'Inguinal hernia', 'Elective repair, right side. Lives alone, neighbour collects tomorrow.', 'Hernia repair with mesh'),
  ('Surgery', 2, 'Bowel obstruction', 'Adhesions. Conservative so far: tube drained 900 ml, first wind this morning. Re-evaluate at 18:00.', 'Adhesiolysis');

-- Patients 1–60 belong to the first clinician, 61–120 to the second, the others to six colleagues; eight wait for one.

insert into public.patients (
  id, mrn, first_name, last_name, date_of_birth, sex, status, ward, clinician_id, notes, created_at, updated_at)
select
  pg_temp.key('patient', p.n),
  'BH-' || 100000 + (p.n * 7919) % 899981,
  (case when p.sex = 'female' or p.sex = 'other' and p.n % 2 = 0 then s.female else s.male end)[1 + p.n / 14 % 6],
  s.family[1 + (p.n / 14 + p.n / 84) % 6],
  current_date - p.age_days,
  p.sex, p.status, p.ward,
  c.id,
  case
    when pg_temp.roll(p.n, 'note kind', 100) < 8 then ''
    when p.status = 'waiting' then r.reason || '. ' || pg_temp.pick(p.n, 'arrival', array[
      'Referred by the family doctor, letter on file.', 'Came by ambulance, stable on the way.', 'Walked in with a relative.',
      'Bed requested for this afternoon.', 'Transferred from another hospital; discs with images in the folder.'])
    when pg_temp.roll(p.n, 'note kind', 100) < 55 then r.note
    when pg_temp.roll(p.n, 'note kind', 100) < 85 then r.note || E'\n' || pg_temp.pick(p.n, 'remark', case when p.ward = 'Paediatrics' then array[
      'Mother stays overnight, bed 2.', 'No known allergies.', 'Plasters: the ones with dinosaurs.', 'Both parents share custody; tell both.',
      'Egg allergy, carries an injector.', 'Call if SpO₂ < 92 % or pulse > 150.'] else array[
      'Allergic to penicillin (rash, 2011).', 'No known allergies.', 'Hard of hearing, left side better. Speak slowly.',
      'Prefers to be called by the first name.', 'Interpreter booked for the round on Wednesday.', 'Diabetes type 2, HbA1c 7.4 %.',
      'Vegetarian; no gelatine capsules.', 'Partner may be told everything, parents nothing.', 'Fall risk: bed low, bell within reach.',
      'Anticoagulated. Last dose 08:00.', 'Visits after 16:00 please: naps at noon.', 'MRSA screening negative.', 'Call if SpO₂ < 92 % or pulse > 130.'] end)
    else concat_ws(E'\n', 'S: ' || r.reason || '. ' || pg_temp.pick(p.n, 'says', array[
        'Slept badly, says the pain is "like a belt".', 'Feels better than yesterday.', 'Worried about going home alone.', 'Hungry for the first time.']),
      'O: ' || r.note,
      'A: ' || pg_temp.pick(p.n, 'assessment', array['Improving as expected.', 'No change since the last round.', 'Slower than hoped; no new findings.']),
      'P: ' || pg_temp.pick(p.n, 'plan', array['Continue. Bloods tomorrow 07:00.', 'Mobilise with physiotherapy, review on Friday.',
        'Discuss at the noon meeting; inform family.', 'Step down if stable for 24 h.']))
  end,
  p.came_at,
  least(now() - make_interval(mins => 3 + pg_temp.roll(p.n, 'minutes', 50)),
        p.came_at + make_interval(mins => 40 + pg_temp.roll(p.n, 'changed', 4000)))
from (
  select
    n, staff, ward, status,
    case ward
      when 'Paediatrics' then 90 + pg_temp.roll(n, 'age', 5300)
      when 'Geriatrics' then 26300 + pg_temp.roll(n, 'age', 8700)
      when 'Maternity' then 7000 + pg_temp.roll(n, 'age', 8200)
      else 8000 + pg_temp.roll(n, 'age', 23000)
    end as age_days,
    case
      when ward = 'Maternity' then 'female'
      when pg_temp.roll(n, 'sex', 100) < 49 then 'female'
      when pg_temp.roll(n, 'sex', 100) < 96 then 'male'
      when pg_temp.roll(n, 'sex', 100) < 98 then 'other'
      else 'unknown'
    end as sex,
    now() - case status
      when 'waiting' then make_interval(mins => 25 + pg_temp.roll(n, 'came', 1700))
      when 'discharged' then make_interval(days => 6 + pg_temp.roll(n, 'came', 110), mins => pg_temp.roll(n, 'came minutes', 1400))
      else make_interval(hours => 14 + pg_temp.roll(n, 'came', 400), mins => pg_temp.roll(n, 'came minutes', 60))
    end as came_at
  from (
    select
      n, w.staff,
      pg_temp.pick(n, 'ward', (select wards from seed_staff where seed_staff.n = w.staff)) as ward,
      case
        when n > 256 or pg_temp.roll(n, 'status', 100) < 12 then 'waiting'
        when pg_temp.roll(n, 'status', 100) < 60 then 'admitted'
        when pg_temp.roll(n, 'status', 100) < 76 then 'observation'
        else 'discharged'
      end as status
    from generate_series(1, 264) n
    cross join lateral (select case when n <= 60 then 2 when n <= 120 then 3 when n <= 256 then 5 + n % 6 else 9 end as staff) w
  ) placed
) p
join seed_names s on s.n = p.n % 14
join seed_reasons r on r.ward = p.ward
  and r.n = pg_temp.roll(p.n, 'reason', (select count(*)::integer from seed_reasons where ward = p.ward))
-- Seeded again, a colleague may have left in the meantime.
left join public.profiles c on c.id = pg_temp.staff_key(p.staff) and p.n <= 256 and c.active and c.role in ('clinician', 'admin')
on conflict do nothing;

-- Forms: an intake for everyone, up to four sets of vitals, a consent for two in three, a summary for those who went home.

insert into public.form_submissions (
  id, patient_id, form_type, status, answers, review_comment, submitted_by, reviewed_by, created_at, updated_at, submitted_at)
select
  pg_temp.key('form', f.f), f.patient_id, f.form_type, f.status,
  -- A draft has got as far as its writer has. Drafts of vitals lack nothing that is required, so they can be submitted.
  case when f.status = 'draft' then f.answers - pg_temp.pick(f.f, 'left out', f.last_answers) - pg_temp.pick(f.f, 'left out too', f.last_answers)
       else f.answers end,
  case when f.status = 'returned' then pg_temp.pick(f.f, 'comment', array[
    'Please add the dose of each drug.', 'The blood pressure looks swapped, check again.', 'Signature of the guardian is missing.',
    'Which side? Please state left or right.', 'Follow-up date lies in the past.', 'Allergies: "none" or "not asked"?']) else '' end,
  f.author,
  case when f.status in ('in_review', 'approved', 'returned') then f.reviewer end,
  f.started_at,
  case f.status
    when 'draft' then least(now() - interval '2 minutes', f.started_at + make_interval(mins => 5 + pg_temp.roll(f.f, 'typing', 90)))
    when 'submitted' then f.submitted_at
    else least(now() - interval '1 minute', f.submitted_at + make_interval(mins => 12 + pg_temp.roll(f.f, 'review', 1500)))
  end,
  case when f.status <> 'draft' then f.submitted_at end
from (
  select
    k.f, p.id as patient_id, k.form_type,
    -- The older a form, the likelier it is settled.
    case
      when t.started_at < now() - interval '6 days' then
        case when pg_temp.roll(k.f, 'settled', 100) < 92 then 'approved' when pg_temp.roll(k.f, 'settled', 100) < 96 then 'returned' else 'submitted' end
      when t.started_at < now() - interval '1 day' then
        (array['approved', 'approved', 'approved', 'approved', 'approved', 'in_review', 'submitted', 'submitted', 'returned', 'draft'])[1 + pg_temp.roll(k.f, 'settled', 10)]
      else (array['draft', 'draft', 'draft', 'submitted', 'submitted', 'submitted', 'submitted', 'in_review', 'in_review', 'approved'])[1 + pg_temp.roll(k.f, 'settled', 10)]
    end as status,
    case when t.by_colleague then pg_temp.staff_key(9 + pg_temp.roll(k.f, 'colleague', 2)) else p.clinician_id end as author,
    case when pg_temp.roll(k.f, 'reviewer', 3) = 0 then pg_temp.staff_key(11)
         when t.by_colleague and p.clinician_id is not null then p.clinician_id
         else pg_temp.staff_key(1) end as reviewer,
    t.started_at,
    least(now() - interval '4 minutes', t.started_at + make_interval(mins => 6 + pg_temp.roll(k.f, 'filling in', 70))) as submitted_at,
    case k.form_type
      when 'intake' then jsonb_build_object(
        'reason', r.reason,
        'history', pg_temp.pick(k.f, 'history', case when p.ward = 'Paediatrics' then array['Born at term, healthy so far.', 'Asthma since last year.',
          'Vaccinated by the schedule.', 'Two ear infections, grommets in place.'] else array['No earlier illness of note.', 'High blood pressure for ten years.',
          'Asthma since childhood.', 'Type 2 diabetes, diet and tablets.', 'Appendix removed in 2004.', 'Melanoma 2016, treated, clear since.',
          'Migraine, two attacks a month.', 'Hypothyroidism.'] end),
        'allergies', pg_temp.pick(k.f, 'allergies', array['None known', 'None known', 'None known', 'Penicillin: rash', 'Latex', 'Iodine contrast: hives', 'Peanuts', 'Plasters']),
        'medication', pg_temp.pick(k.f, 'medication', case when p.ward = 'Paediatrics' then array['None', 'Vitamin D drops', 'Salbutamol as needed', 'Paracetamol syrup as needed']
          else array['None', 'Ramipril 5 mg 1-0-0', 'Metformin 1000 mg 1-0-1', 'Levothyroxine 75 µg 1-0-0', E'Bisoprolol 2.5 mg 1-0-0\nApixaban 5 mg 1-0-1',
            'Salbutamol as needed', 'Ibuprofen 400 mg as needed'] end),
        'risks', to_jsonb(string_to_array(pg_temp.pick(k.f, 'risks', case when p.ward in ('Paediatrics', 'Maternity') then array['', '', '', 'infection']
          else array['', '', 'fall', 'fall', 'fall,confusion', 'infection', 'pressure,fall', 'swallowing'] end), ',')),
        'mobility', pg_temp.pick(k.f, 'mobility', case when p.ward in ('Paediatrics', 'Maternity') then array['independent']
          else array['independent', 'independent', 'with a stick', 'with a frame', 'wheelchair', 'bedbound'] end),
        'contact_name', pg_temp.pick(k.f, 'contact', s.female || s.male) || ' ' || p.last_name,
        'contact_relation', pg_temp.pick(k.f, 'relation', case when p.ward = 'Paediatrics' then array['parent', 'parent', 'grandparent', 'guardian']
          else array['partner', 'partner', 'child', 'sibling', 'neighbour', 'friend'] end),
        'contact_phone', '+44 7700 900' || lpad(pg_temp.roll(k.f, 'phone', 1000)::text, 3, '0')) -- a range kept free for fiction
      when 'vitals' then jsonb_build_object(
        'measured_at', to_char(t.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"+00:00"'),
        'heart_rate', 62 + pg_temp.roll(k.f, 'heart', 36) + case when p.ward in ('Paediatrics', 'Intensive Care') then 22 else 0 end,
        'systolic', case when p.ward = 'Paediatrics' then 92 else 106 end + pg_temp.roll(k.f, 'systolic', 48),
        'diastolic', case when p.ward = 'Paediatrics' then 54 else 60 end + pg_temp.roll(k.f, 'diastolic', 30),
        'temperature', (36.1 + pg_temp.roll(k.f, 'temperature', 12) / 10.0 + case when pg_temp.roll(k.f, 'fever', 9) = 0 then 1.6 else 0 end)::numeric(3, 1),
        'respiratory_rate', 12 + pg_temp.roll(k.f, 'breaths', 9) + case when p.ward = 'Paediatrics' then 8 else 0 end,
        'oxygen_saturation', 93 + pg_temp.roll(k.f, 'oxygen', 7),
        'pain', pg_temp.roll(k.f, 'pain', 8),
        'weight_kg', (case when p.ward = 'Paediatrics' then 4 + (current_date - p.date_of_birth) / 140.0 + pg_temp.roll(p.n, 'weight', 30) / 10.0
          else 51 + pg_temp.roll(p.n, 'weight', 400) / 10.0 end)::numeric(4, 1),
        'remark', pg_temp.pick(k.f, 'vitals remark', array['', '', '', '', 'After walking the corridor.', 'Asleep, not woken.', 'Cuff on the left arm only.', 'Repeated after ten minutes.']))
      when 'consent' then jsonb_build_object(
        'procedure', r.procedure,
        'risks_explained', true,
        'questions_answered', pg_temp.roll(k.f, 'questions', 12) > 0,
        'anaesthesia', pg_temp.roll(k.f, 'anaesthesia', 3) > 0,
        'data_sharing', pg_temp.roll(k.f, 'sharing', 4) > 0,
        'interpreter', pg_temp.roll(k.f, 'interpreter', 8) = 0,
        'signed_by', case when p.ward = 'Paediatrics' then 'guardian' else 'patient' end,
        'signed_on', to_char(t.started_at, 'YYYY-MM-DD'),
        'signature', case when p.ward = 'Paediatrics' then pg_temp.pick(k.f, 'contact', s.female || s.male) else p.first_name end || ' ' || p.last_name)
        || case when pg_temp.roll(k.f, 'interpreter', 8) = 0
             then jsonb_build_object('interpreter_name', pg_temp.pick(k.f, 'interpreter name', array['Nadia Haddad', 'Luca Moretti', 'Oksana Bilyk', 'Thi Mai Tran']))
             else '{}' end
      else jsonb_build_object(
        'diagnosis', r.reason,
        'summary', r.note || ' ' || pg_temp.pick(k.f, 'course', array['Recovered well and left in good spirits.', 'The rest of the stay was uneventful.',
          'Mobile on the stairs before going home.', 'Family was taught how to help.', 'Some tiredness remains.']),
        'medication', pg_temp.pick(k.f, 'take home', case when p.ward = 'Paediatrics' then array['None.', 'Paracetamol syrup for three days.', 'Salbutamol with spacer as needed.']
          else array['Unchanged.', 'Paracetamol 1 g up to four times a day for a week.', 'New: ramipril 2.5 mg 1-0-0.',
            'Enoxaparin 40 mg daily until fully mobile.', 'Amoxicillin until Sunday, then stop.'] end),
        'follow_up', pg_temp.pick(k.f, 'follow up', array['Family doctor within a week.', 'Outpatient clinic in six weeks.', 'Stitches out after ten days.', 'None needed.']),
        'discharged_on', to_char(t.started_at, 'YYYY-MM-DD'),
        'papers', jsonb_build_array('letter') || to_jsonb(string_to_array(pg_temp.pick(k.f, 'papers', array['', 'medication plan', 'medication plan,prescription']), ',')),
        'destination', case when p.ward in ('Paediatrics', 'Maternity') then 'home'
          else pg_temp.pick(k.f, 'destination', array['home', 'home', 'home', 'rehabilitation', 'care home']) end)
    end as answers,
    case k.form_type
      when 'intake' then array['history', 'mobility', 'contact_phone', 'medication']
      when 'vitals' then array['pain', 'weight_kg', 'remark']
      when 'consent' then array['questions_answered', 'data_sharing', 'signature']
      else array['medication', 'follow_up', 'destination']
    end as last_answers
  from (
    select patients.*, n
    from generate_series(1, 264) n
    join public.patients on patients.id = pg_temp.key('patient', n)
  ) p
  join seed_names s on s.n = p.n % 14
  join seed_reasons r on r.ward = p.ward
    and r.n = pg_temp.roll(p.n, 'reason', (select count(*)::integer from seed_reasons where ward = p.ward))
  cross join lateral (
    -- Which forms this patient has, each with a number of its own and how far into the stay (0 to 1) it was begun.
    select p.n * 10 as f, 'intake' as form_type, 0.0 as into_stay
    union all
    select p.n * 10 + i, 'vitals', (i - pg_temp.roll(p.n * 10 + i, 'into stay', 100) / 100.0) / 4
    from generate_series(1, 4) i
    where p.status <> 'waiting' and pg_temp.roll(p.n * 10 + i, 'has vitals', 10) < 6
    union all
    select p.n * 10 + 5, 'consent', 0.1 where p.status <> 'waiting' and pg_temp.roll(p.n, 'has consent', 3) > 0
    union all
    select p.n * 10 + 6, 'discharge', 0.98 where p.status = 'discharged'
  ) k
  cross join lateral (
    -- One form in five was written by a colleague, whom the ward borrowed or the patient was taken over from.
    select p.clinician_id is null or pg_temp.roll(k.f, 'author', 5) = 0 as by_colleague,
      p.created_at + make_interval(mins => 8 + pg_temp.roll(k.f, 'begun', 12)) + k.into_stay
      * (case when p.status = 'discharged' then make_interval(days => 2 + pg_temp.roll(p.n, 'stay', 4)) else now() - interval '40 minutes' - p.created_at end) as started_at
  ) t
) f
on conflict do nothing;

drop table seed_staff, seed_names, seed_reasons;
drop function pg_temp.roll(bigint, text, integer), pg_temp.pick(bigint, text, text[]), pg_temp.key(text, bigint), pg_temp.staff_key(bigint);
