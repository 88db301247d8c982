-- Workflows that leads enter when a clock ticks: one row each, as long as they are live.
CREATE TABLE schedules (
    workflow TEXT   NOT NULL PRIMARY KEY,
    -- What it goes by, and since when: of another schedule nothing is made up for.
    mark     BIGINT NOT NULL,
    since    BIGINT NOT NULL,
    next_at  BIGINT NOT NULL,
    -- The tick for which leads are being gone through, and up to which lead that is done.
    tick_at  BIGINT,
    cursor   BIGINT
) /* WITHOUT ROWID */;

-- Ticks that nobody entered by.
CREATE TABLE missed_ticks (
    workflow TEXT   NOT NULL,
    tick_at  BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    because  TEXT   NOT NULL,
    PRIMARY KEY (workflow, tick_at)
) /* WITHOUT ROWID */;
