-- Steps that were passed over, as their date was past or a mail had not left in time: rare, and counted by step.
CREATE INDEX decision_log_passed_over ON decision_log (workflow, what, step, lead, at)
    WHERE what IN ('skipped', 'expired');
