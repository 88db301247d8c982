-- What reports count by, so that they read indexes and neither wide rows nor more than they count.

-- Whose mail an event came back on: which step of which workflow. Empty for the mail's own outcome.
ALTER TABLE events ADD COLUMN workflow TEXT;
ALTER TABLE events ADD COLUMN step TEXT;
UPDATE events SET
    workflow = (SELECT m.workflow FROM messages AS m WHERE m.id = events.message AND m.kind = 'marketing'),
    step = (SELECT m.step FROM messages AS m WHERE m.id = events.message AND m.kind = 'marketing')
WHERE message IS NOT NULL AND revises IS NULL
    AND kind NOT IN ('mail.sent', 'mail.failed', 'mail.in_doubt', 'mail.cancelled');
CREATE INDEX events_on_mails ON events (workflow, judgement, step, kind, lead, settles_at, message)
    WHERE workflow IS NOT NULL;

-- What is rare and matters, by time.
CREATE INDEX events_that_matter ON events (kind, recorded_at)
    WHERE kind IN ('mail.bounced', 'mail.complained', 'lead.replied', 'lead.unsubscribed', 'stage.changed', 'deal.won',
                   'handoff.made', 'handoff.accepted', 'handoff.returned');

-- At which steps an enrolment left the straight way, and to which: with it the way to its step is known.
ALTER TABLE enrolments ADD COLUMN turns TEXT;
CREATE INDEX enrolments_over ON enrolments (workflow, version, step, status, turns, reason, entered_at)
    WHERE status <> 'active';

-- Written once a mail as before, and now also counted by step.
DROP INDEX messages_over;
CREATE INDEX messages_over ON messages (state, workflow, step, lead, enrolment)
    WHERE state IN ('sent', 'failed', 'in_doubt', 'cancelled');
