-- Discount codes, each for one lead's passage through a workflow.
CREATE TABLE code_pools (
    pool       TEXT   NOT NULL PRIMARY KEY,
    warn_below BIGINT NOT NULL -- a warning where fewer are left
);

CREATE TABLE codes (
    pool      TEXT   NOT NULL,
    code      TEXT   NOT NULL,
    place     BIGINT NOT NULL, -- in the order in which they came
    lead      BIGINT,          -- whose it is
    enrolment BIGINT,
    message   BIGINT,          -- the first that it was given to
    given_at  BIGINT,
    PRIMARY KEY (pool, code)
) /* WITHOUT ROWID */;
CREATE UNIQUE INDEX codes_given ON codes (pool, lead, enrolment) WHERE lead IS NOT NULL;
CREATE INDEX codes_left ON codes (pool, place) WHERE lead IS NULL;
