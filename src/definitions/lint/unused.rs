//! What is defined and named nowhere in the folder.

use super::{House, named::Named};
use crate::{
    definitions::{Problem, Severity},
    domain::artefact::ArtefactKind,
};

/// Mails to look at and to begin with, which nobody has to send.
const EXAMPLES: &str = "examples/";

/// Of mails and files that go with them there is no place in a text, so these are problems of their files.
pub(super) fn problems(house: &House<'_>) -> Vec<Problem> {
    let named = Named::in_house(house);
    for unit in house.units(ArtefactKind::Segment).filter(|it| !named.segments.contains(&*it.name))
    {
        let message = format!("nothing asks for the segment `{}`", unit.name);
        let hint =
            "delete it, or name it: in_segment(\"…\") in a condition, or `segment:` under `enter`";
        house.file(unit).warning("unused-segment", unit.at, message, Some(hint.to_owned()));
    }
    for unit in house.units(ArtefactKind::Stream).filter(|it| !named.streams.contains(&*it.name)) {
        let message = format!("no step sends the stream `{}`", unit.name);
        let hint = format!("delete it, or add a step: - stream: {}", unit.name);
        house.file(unit).warning("unused-stream", unit.at, message, Some(hint));
    }
    let templates = &house.definitions.templates;
    let mails = templates.mails.iter();
    let mails = mails.filter(|(name, _)| !name.starts_with(EXAMPLES) && !named.has_mail(name));
    // One of its languages stands for all.
    let mails = mails.filter_map(|(name, variants)| {
        let file = variants.values().next()?.file.clone();
        let message = format!("nothing sends the mail `{name}`");
        let hint = "delete it with its languages, or name it in a step or a stream";
        Some(problem(file, "unused-template", message, hint))
    });
    let files = house.units(ArtefactKind::Attachment).filter(|it| !templates.attach(&it.name));
    let files = files.map(|unit| {
        let file = house.file(unit).path.to_owned();
        let message = format!("no mail has the file `{}`", unit.name);
        let hint = "delete it, or name it in a mail: attachments: files/…";
        problem(file, "unused-attachment", message, hint)
    });
    mails.chain(files).collect()
}

fn problem(file: String, rule: &'static str, message: String, hint: &str) -> Problem {
    Problem {
        file,
        line: 1,
        column: 1,
        rule,
        severity: Severity::Warning,
        message,
        hint: Some(hint.to_owned()),
        length: 1,
    }
}
