//! Who enters a workflow.

use super::{Form, Map, may};
use crate::domain::enter::ENDED;

/// The first of them are ways to enter, of which a workflow has one.
pub(in crate::definitions) const ENTER: Map = Map {
    title: "enter",
    keys: &[
        may("segment", Form::Name("a segment"), "another way", "whoever comes into the segment"),
        may("when", Form::Condition, "another way", "whoever the condition becomes true for"),
        may("event", Form::Event, "another way", "whoever this happens to"),
        may(
            "date",
            Form::Name("an attribute of type date"),
            "another way",
            "whoever comes to that day, on the lead's own clock",
        ),
        may(
            "schedule",
            Form::Text,
            "another way",
            "leads for whom `who` is true each time that a clock ticks, by a cron expression: `\"0 9 1 * *\"`",
        ),
        may(
            "workflow",
            Form::Name("a workflow"),
            "another way",
            "whoever's way through that workflow ends",
        ),
        may(
            "by_hand",
            Form::YesNo,
            "another way",
            "only those who are named: `nurtured enrol WORKFLOW EMAIL…`",
        ),
        may(
            "ended",
            Form::OneOf(|| ENDED.map(|(word, _)| word).to_vec()),
            "`any`",
            "with `workflow`: how it has ended; `any` is each of these, but not who was taken out by hand",
        ),
        may("object", Form::Text, "any", "with `event`: which form, page, mail, stage or source"),
        may(
            "where",
            Form::Condition,
            "all",
            "with `event`: a condition on the event; with `date`: one on the lead, asked at that hour",
        ),
        may(
            "each",
            Form::Text,
            "once for each lead",
            "with `event`: a key of its data; a lead is in once for each value of it, as one for each appointment",
        ),
        may(
            "offset",
            Form::Text,
            "on the day itself",
            "with `date`: days, weeks, months or years before it, as `-60d`, or after it, as `2 weeks`",
        ),
        may("at", Form::Text, "`\"09:00\"`", "with `date`: the hour, on the lead's own clock"),
        may(
            "yearly",
            Form::YesNo,
            "no",
            "with `date`: whether it comes each year; for a 29 February, in other years on the last of February",
        ),
        may(
            "late",
            Form::Length,
            "`1d`",
            "with `date` and `schedule`: how late leads still come in where nothing was at work then",
        ),
        may("zone", Form::Zone, "the policy's", "with `schedule`: on whose clock"),
        may(
            "who",
            Form::Condition,
            "refused with `schedule`",
            "with `schedule`: which leads, asked at each tick",
        ),
        may(
            "existing",
            Form::YesNo,
            "refused with `segment` and `when`",
            "whether those who are inside already when it first goes live come in, too",
        ),
        may(
            "again",
            Form::WordOr(&["never", "always"], "`after` and a length of time, as `after 180d`"),
            "never",
            "whether a lead comes in once more: that long after the last time ended",
        ),
    ],
    later: &["api", "stage", "limit"],
};
