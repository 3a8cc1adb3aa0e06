-- What each form asks, generated from src/model/form_kind by its test `the_database_checks_what_the_forms_ask`.

delete from private.form_fields;
insert into private.form_fields (form_type, position, key, question, required, asked_when, asked_is, longest, least, most, decimals, choices, span) values
  ('intake', 1, 'reason', 'text', true, null, null, 200, null, null, null, null, null),
  ('intake', 2, 'history', 'text', false, null, null, 4000, null, null, null, null, null),
  ('intake', 3, 'allergies', 'text', true, null, null, 4000, null, null, null, null, null),
  ('intake', 4, 'medication', 'text', true, null, null, 4000, null, null, null, null, null),
  ('intake', 5, 'mobility', 'choice', true, null, null, 100, null, null, null, array['independent', 'with a stick', 'with a frame', 'wheelchair', 'bedbound'], null),
  ('intake', 6, 'risks', 'choices', false, null, null, 100, null, null, null, array['fall', 'pressure', 'confusion', 'infection', 'swallowing'], null),
  ('intake', 7, 'contact_name', 'text', true, null, null, 200, null, null, null, null, null),
  ('intake', 8, 'contact_relation', 'choice', false, null, null, 100, null, null, null, array['partner', 'parent', 'child', 'sibling', 'grandparent', 'guardian', 'neighbour', 'friend', 'other'], null),
  ('intake', 9, 'contact_phone', 'text', true, null, null, 200, null, null, null, null, null),
  ('vitals', 1, 'measured_at', 'moment', true, null, null, 100, null, null, null, null, 'past'),
  ('vitals', 2, 'heart_rate', 'number', true, null, null, 100, 20, 300, 0, null, null),
  ('vitals', 3, 'systolic', 'number', true, null, null, 100, 40, 300, 0, null, null),
  ('vitals', 4, 'diastolic', 'number', true, null, null, 100, 20, 200, 0, null, null),
  ('vitals', 5, 'respiratory_rate', 'number', true, null, null, 100, 3, 80, 0, null, null),
  ('vitals', 6, 'oxygen_saturation', 'number', true, null, null, 100, 40, 100, 0, null, null),
  ('vitals', 7, 'temperature', 'number', true, null, null, 100, 25, 45, 1, null, null),
  ('vitals', 8, 'pain', 'number', false, null, null, 100, 0, 10, 0, null, null),
  ('vitals', 9, 'weight_kg', 'number', false, null, null, 100, 0.3, 400, 1, null, null),
  ('vitals', 10, 'remark', 'text', false, null, null, 4000, null, null, null, null, null),
  ('consent', 1, 'procedure', 'text', true, null, null, 200, null, null, null, null, null),
  ('consent', 2, 'anaesthesia', 'yes_no', true, null, null, 100, null, null, null, null, null),
  ('consent', 3, 'risks_explained', 'yes_no', true, null, null, 100, null, null, null, null, null),
  ('consent', 4, 'questions_answered', 'yes_no', true, null, null, 100, null, null, null, null, null),
  ('consent', 5, 'interpreter', 'yes_no', true, null, null, 100, null, null, null, null, null),
  ('consent', 6, 'interpreter_name', 'text', true, 'interpreter', 'true', 200, null, null, null, null, null),
  ('consent', 7, 'data_sharing', 'yes_no', true, null, null, 100, null, null, null, null, null),
  ('consent', 8, 'signed_by', 'choice', true, null, null, 100, null, null, null, array['patient', 'guardian', 'proxy'], null),
  ('consent', 9, 'signed_on', 'date', true, null, null, 100, null, null, null, null, 'past'),
  ('consent', 10, 'signature', 'text', true, null, null, 200, null, null, null, null, null),
  ('discharge', 1, 'diagnosis', 'text', true, null, null, 200, null, null, null, null, null),
  ('discharge', 2, 'summary', 'text', true, null, null, 4000, null, null, null, null, null),
  ('discharge', 3, 'medication', 'text', true, null, null, 4000, null, null, null, null, null),
  ('discharge', 4, 'follow_up', 'text', true, null, null, 4000, null, null, null, null, null),
  ('discharge', 5, 'follow_up_on', 'date', false, null, null, 100, null, null, null, null, 'future'),
  ('discharge', 6, 'destination', 'choice', true, null, null, 100, null, null, null, array['home', 'rehabilitation', 'care home', 'other hospital'], null),
  ('discharge', 7, 'discharged_on', 'date', true, null, null, 100, null, null, null, null, 'past'),
  ('discharge', 8, 'papers', 'choices', false, null, null, 100, null, null, null, array['letter', 'medication plan', 'prescription', 'aids'], null);

delete from private.form_rules;
insert into private.form_rules (form_type, lower_key, upper_key) values
  ('vitals', 'diastolic', 'systolic');
