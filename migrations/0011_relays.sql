-- By which relay a mail is to go; empty where nobody has said it yet. Each relay finds its own mails.
ALTER TABLE messages ADD COLUMN via TEXT NOT NULL DEFAULT '';
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (via, workflow, kind, due_at, id, state)
    WHERE state IN ('reserved', 'deferred');

-- Relays that are down: one of the daemons asks them now and then.
CREATE TABLE breakers (
    relay    TEXT   NOT NULL PRIMARY KEY,
    since    BIGINT NOT NULL,
    probe_at BIGINT NOT NULL
) /* WITHOUT ROWID */;

-- Mail that goes slowly, as the servers that it is for have put some of it off.
CREATE TABLE throttles (
    relay    TEXT   NOT NULL,
    receiver TEXT   NOT NULL, -- a provider or a domain; empty: all mail by the relay
    level    BIGINT NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (relay, receiver)
) /* WITHOUT ROWID */;
