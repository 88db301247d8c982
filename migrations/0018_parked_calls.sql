-- By its state alone nothing is looked for but what is parked: what is due is read in its order.
DROP INDEX calls_counted;
CREATE INDEX calls_counted ON calls (target, state);
CREATE INDEX calls_parked ON calls (id) WHERE state = 'parked';
