-- What other systems are to be told of leads: one call for each visit of a webhook step.
CREATE TABLE calls (
    id             BIGINT NOT NULL PRIMARY KEY,
    lead           BIGINT NOT NULL,
    enrolment      BIGINT NOT NULL,
    step           TEXT   NOT NULL,
    visit          BIGINT NOT NULL,
    workflow       TEXT   NOT NULL,
    target         TEXT   NOT NULL,
    -- What is told, as JSON; nothing any more once it was taken or given up.
    told           TEXT   NOT NULL,
    -- Whether it waits, parked, for somebody to mend what was wrong; else it has failed then.
    parks          BOOLEAN NOT NULL,
    state          TEXT   NOT NULL CHECK (state IN ('due', 'answered', 'failed', 'parked')),
    due_at         BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    token          BIGINT,
    lease_until    BIGINT,
    reason         TEXT,
    created_at     BIGINT NOT NULL,
    first_tried_at BIGINT,
    settled_at     BIGINT          -- or parked
);
-- A step runs once per visit of an enrolment.
CREATE UNIQUE INDEX calls_key ON calls (lead, enrolment, step, visit);
CREATE INDEX calls_due ON calls (due_at, id) WHERE state = 'due';
CREATE INDEX calls_counted ON calls (state, target);
