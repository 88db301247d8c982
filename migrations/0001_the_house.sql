-- One text for SQLite and PostgreSQL. Every id, number and time is a BIGINT (times: UTC milliseconds),
-- every enumeration a TEXT with a CHECK; JSON that only the program reads is TEXT.
-- On SQLite a key that is one BIGINT is written INTEGER, and tables of small rows are made WITHOUT ROWID
-- (store/dialect.rs): their rows lie in the tree of their key, which halves what an insert writes.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE leads (
    lead        BIGINT NOT NULL PRIMARY KEY,
    address     TEXT   NOT NULL,
    domain      TEXT   NOT NULL, -- with its @, as a suppression names it
    account     TEXT,
    stage       TEXT   NOT NULL CHECK (stage IN ('lead', 'mql', 'sql', 'customer', 'recycled', 'disqualified')),
    stage_since BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    imported_by BIGINT,          -- the last import that named it
    profile     TEXT   NOT NULL,
    memory      TEXT   NOT NULL
);
CREATE INDEX leads_stage ON leads (stage); -- counted

-- Whose an address is. By domain, so that all of a domain are found here, too, and colleagues lie together.
CREATE TABLE addresses (
    domain TEXT   NOT NULL, -- with its @
    local  TEXT   NOT NULL,
    lead   BIGINT NOT NULL,
    PRIMARY KEY (domain, local)
) /* WITHOUT ROWID */;

-- Narrow: it is written by every event and every decision.
CREATE TABLE lead_timer (
    lead       BIGINT NOT NULL PRIMARY KEY,
    bucket     BIGINT NOT NULL,
    lane       BIGINT NOT NULL CHECK (lane BETWEEN 0 AND 4), -- 4: parked
    wake_at    BIGINT NOT NULL,
    rev        BIGINT NOT NULL,
    reflected  BIGINT NOT NULL, -- events up to this rev are in the lead's memory
    attempts   BIGINT NOT NULL,
    stop_epoch BIGINT NOT NULL, -- goes up with each objection
    decided_at BIGINT NOT NULL,
    decided_release BIGINT NOT NULL DEFAULT 0 -- by which it was decided last
);
CREATE INDEX lead_timer_due ON lead_timer (lane, wake_at, lead);

CREATE TABLE parked_leads (
    lead   BIGINT NOT NULL PRIMARY KEY,
    reason TEXT   NOT NULL,
    at     BIGINT NOT NULL
);

CREATE TABLE events (
    lead        BIGINT NOT NULL,
    rev         BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    object      TEXT,
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    judgement   TEXT   NOT NULL CHECK (judgement IN ('human', 'machine', 'unsure')),
    settles_at  BIGINT,
    message     BIGINT,
    about       TEXT,
    revises     BIGINT,
    data        TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    PRIMARY KEY (lead, rev)
) /* WITHOUT ROWID */;

CREATE TABLE event_dedupe (
    lead BIGINT NOT NULL,
    key  TEXT   NOT NULL,
    PRIMARY KEY (lead, key)
) /* WITHOUT ROWID */;

CREATE TABLE enrolments (
    lead       BIGINT NOT NULL,
    enrolment  BIGINT NOT NULL, -- the how-manieth of its lead
    workflow   TEXT   NOT NULL,
    version    TEXT   NOT NULL,
    status     TEXT   NOT NULL CHECK (status IN ('active', 'finished', 'goal', 'left', 'cancelled')),
    step       TEXT   NOT NULL,
    visit      BIGINT NOT NULL,
    phase      TEXT   NOT NULL CHECK (phase IN ('ready', 'waiting', 'mailing')),
    entered_at BIGINT NOT NULL,
    armed_at   BIGINT NOT NULL,
    due_at     BIGINT,
    civil      TEXT,
    held       TEXT,
    entry      TEXT,
    ended_at   BIGINT,
    reason     TEXT,
    PRIMARY KEY (lead, enrolment)
) /* WITHOUT ROWID */;
CREATE INDEX enrolments_active ON enrolments (version) WHERE status = 'active';
CREATE INDEX enrolments_in ON enrolments (workflow, lead) WHERE status = 'active';

CREATE TABLE messages (
    id             BIGINT NOT NULL PRIMARY KEY,
    lead           BIGINT NOT NULL,
    enrolment      BIGINT NOT NULL,
    step           TEXT   NOT NULL,
    visit          BIGINT NOT NULL,
    recipient      TEXT   NOT NULL, -- empty: the lead
    kind           TEXT   NOT NULL CHECK (kind IN ('marketing', 'internal')),
    workflow       TEXT   NOT NULL,
    version        TEXT   NOT NULL,
    purpose        TEXT   NOT NULL,
    template       TEXT   NOT NULL,
    priority       BIGINT NOT NULL,
    state          TEXT   NOT NULL CHECK (state IN ('reserved', 'claimed', 'transmitting', 'deferred', 'sent',
                                                    'failed', 'in_doubt', 'cancelled', 'parked')),
    due_at         BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    token          BIGINT,
    lease_until    BIGINT,
    stop_epoch     BIGINT NOT NULL, -- the lead's when it was reserved
    relay          TEXT,
    reason         TEXT,
    created_at     BIGINT NOT NULL,
    first_tried_at BIGINT,
    settled_at     BIGINT,          -- or parked
    sent_at        BIGINT
);
-- A step runs once per visit of an enrolment.
CREATE UNIQUE INDEX messages_key ON messages (lead, enrolment, step, visit, recipient);
-- A lead has at most one open marketing message.
CREATE UNIQUE INDEX messages_open ON messages (lead)
    WHERE kind = 'marketing' AND state IN ('reserved', 'claimed', 'transmitting', 'deferred');
-- What is over is in none of these. By workflow, so that what is paused is not walked over.
CREATE INDEX messages_due ON messages (workflow, kind, due_at, id, state)
    WHERE state IN ('reserved', 'deferred');
CREATE INDEX messages_held ON messages (lease_until, id) WHERE state IN ('claimed', 'transmitting');
CREATE INDEX messages_parked ON messages (lead, id) WHERE state = 'parked';
CREATE INDEX messages_over ON messages (state) -- counted
    WHERE state IN ('sent', 'failed', 'in_doubt', 'cancelled');

CREATE TABLE attempts (
    message BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    relay   TEXT,
    outcome TEXT   NOT NULL,
    detail  TEXT,
    PRIMARY KEY (message, attempt, at)
) /* WITHOUT ROWID */;

CREATE TABLE decision_log (
    lead     BIGINT NOT NULL,
    rev      BIGINT NOT NULL,
    line     BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    what     TEXT   NOT NULL,
    workflow TEXT,
    step     TEXT,
    reason   TEXT   NOT NULL,
    PRIMARY KEY (lead, rev, line)
) /* WITHOUT ROWID */;

CREATE TABLE score_ledger (
    lead        BIGINT NOT NULL,
    rev         BIGINT NOT NULL,
    line        BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    score       TEXT   NOT NULL CHECK (score IN ('fit', 'engagement')),
    rule        TEXT   NOT NULL,
    points      BIGINT NOT NULL, -- thousandths
    reason      TEXT   NOT NULL,
    event       BIGINT,          -- the rev of the hit that it is for
    PRIMARY KEY (lead, rev, line)
) /* WITHOUT ROWID */;

CREATE TABLE suppressions (
    subject TEXT   NOT NULL PRIMARY KEY, -- an address, or a domain with its @
    reason  TEXT   NOT NULL CHECK (reason IN ('unsubscribed', 'complained', 'hard_bounce', 'manual')),
    source  TEXT   NOT NULL,
    at      BIGINT NOT NULL
) /* WITHOUT ROWID */;

CREATE TABLE artefacts (
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    version TEXT NOT NULL,
    file    TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (kind, name, version)
);
CREATE INDEX artefacts_version ON artefacts (version);

CREATE TABLE releases (
    release    BIGINT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    who        TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    manifest   TEXT   NOT NULL,
    live_since TEXT   NOT NULL -- by workflow: the instant and the release, also of its entry condition
);

CREATE TABLE sweeps (
    release  BIGINT  NOT NULL PRIMARY KEY,
    begun_at BIGINT  NOT NULL,
    cursor   BIGINT  NOT NULL, -- leads up to this one are done
    done     BOOLEAN NOT NULL
);

-- Leads in a workflow are looked at again: its pause began or ended.
CREATE TABLE workflow_sweeps (
    workflow TEXT   NOT NULL PRIMARY KEY,
    cursor   BIGINT NOT NULL -- leads up to this one are done
);

CREATE TABLE pauses (
    scope TEXT   NOT NULL PRIMARY KEY, -- a workflow, or all
    who   TEXT   NOT NULL,
    at    BIGINT NOT NULL
);
