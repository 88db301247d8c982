-- Also leads (lead:ID), companies (account:NAME) and relays (relay:NAME) are paused; and why, in the words of whoever did it.
ALTER TABLE pauses ADD COLUMN because TEXT;

-- When the last pause of something ended: guards count what came after.
CREATE TABLE resumed (
    scope TEXT   NOT NULL PRIMARY KEY,
    at    BIGINT NOT NULL
) /* WITHOUT ROWID */;

-- What guards count: mails to leads that went in a span of time, and those that were refused for good.
CREATE INDEX messages_gone ON messages (sent_at, workflow, relay) WHERE sent_at IS NOT NULL AND kind = 'marketing';
CREATE INDEX events_failed ON events (recorded_at) WHERE kind = 'mail.failed';
