-- What a review is worth: nobody reviews what they submitted themselves, who returns a form says why, and what the
-- reviewer said is changed by the reviewer only.

create function private.check_form_review() returns trigger
language plpgsql set search_path = ''
as $$
declare
  -- A review, or a return from review: the states that the reviewer's name stands under.
  reviewed constant boolean := new.status in ('in_review', 'approved', 'returned');
begin
  -- The owner and service_role (imports, seed) state what was decided elsewhere.
  if current_user <> 'authenticated' then
    return new;
  end if;

  if reviewed and new.status <> old.status then
    if old.submitted_by = auth.uid() then
      raise exception 'nobody reviews a form of their own' using errcode = '42501';
    end if;
    if new.status = 'returned' and btrim(new.review_comment) = '' then
      raise exception 'a form is returned with a comment' using errcode = '23514', constraint = 'form_submissions_review_comment_check';
    end if;
  elsif not (reviewed and old.reviewed_by = auth.uid()) then
    -- Dropped, not refused: a client may send back a row as it read it.
    new.review_comment := old.review_comment;
  end if;
  return new;
end
$$;
revoke execute on function private.check_form_review() from public;

create trigger check_form_review before update on public.form_submissions
  for each row execute function private.check_form_review();

comment on column public.form_submissions.review_comment is
  'What the reviewer says; never empty when a form is returned. It stays through the next submission, so that the next review can see what was asked.';
