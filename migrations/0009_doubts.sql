-- Mails that may have arrived, and nobody knows: when that was first so, whatever became of them since; and of an
-- enrolment that did not go on for it, which mail it is.
ALTER TABLE messages ADD COLUMN doubted_at BIGINT;
UPDATE messages SET doubted_at = settled_at WHERE state = 'in_doubt';
ALTER TABLE enrolments ADD COLUMN doubt BIGINT;
