-- What the people of a company share: to whom mails were reserved lately, and when one of them last replied. Its rev goes up
-- whenever that changes, so that whoever decided by an older one decides again.
CREATE TABLE accounts (
    account    TEXT   NOT NULL PRIMARY KEY,
    rev        BIGINT NOT NULL,
    touched    TEXT   NOT NULL, -- JSON: when, by lead
    replied_at BIGINT
) /* WITHOUT ROWID */;
