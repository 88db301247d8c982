-- How far relays are that warm up: with each provider, and with all others.
CREATE TABLE ramps (
    relay     TEXT   NOT NULL,
    receivers TEXT   NOT NULL, -- a provider of the policy, or `others`
    begun     BIGINT NOT NULL, -- the first day of the warm-up; days since 1970
    step      BIGINT NOT NULL,
    day       BIGINT NOT NULL, -- the one that the step is for
    held      TEXT,            -- why it does not go up
    PRIMARY KEY (relay, receivers)
) /* WITHOUT ROWID */;

-- What came of the mails of a relay on a day.
CREATE INDEX attempts_by ON attempts (relay, at, message, outcome);
