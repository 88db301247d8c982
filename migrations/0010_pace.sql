-- Lines that mails stand in: when the next of each may leave at the earliest.
CREATE TABLE lines (
    line TEXT   NOT NULL PRIMARY KEY,
    head BIGINT NOT NULL -- microseconds since 1970
) /* WITHOUT ROWID */;
