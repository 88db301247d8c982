//! From the templates of a release to a renderer, with every problem at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tera::Tera;

use super::{
    Renderer, built_in, calendar, campaigns, codes,
    context::{IN_CARDS, IN_LAYOUTS, IN_PAGES, KNOWN, STANDING, TO_LEADS, TO_STAFF},
    filters, lint, meter,
    paragraphs::Paragraphs,
    prepare::Form,
    problem::RenderProblem,
    questions, segments,
    source::{Complaint, Part, Source},
    stencils::Stencils,
    tags::bound,
};
use crate::{
    definitions::meant,
    domain::{
        definitions::Definitions,
        hand_off::HandOff,
        name::Name,
        template::{CARD, MailTemplate, Markup, Templates},
        workflow::StepKind,
    },
};

impl Renderer {
    /// Checks and compiles all templates.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn new(definitions: &Definitions) -> Result<Self, Vec<RenderProblem>> {
        Self::unless(Vec::new(), definitions)
    }

    /// Likewise, of what is to go live: nothing may be seen in it that would park some mails. What is live
    /// goes on with all others.
    ///
    /// # Errors
    /// All that is wrong with the templates.
    pub fn for_release(definitions: &Definitions) -> Result<Self, Vec<RenderProblem>> {
        Self::unless(calendar::mixed(definitions), definitions)
    }

    fn unless(
        mut problems: Vec<RenderProblem>,
        definitions: &Definitions,
    ) -> Result<Self, Vec<RenderProblem>> {
        let mut templates = definitions.templates.clone();
        templates.mails.insert(Name::new(""), built_in::notice());
        templates.mails.insert(CARD.into(), built_in::card());
        let (sources, unprepared) = sources(&templates);
        problems.extend(unprepared);
        let partials = templates.partials.keys().map(|name| &**name).collect();
        let names = definitions.segments.iter().map(|segment| segment.name.clone()).collect();
        for source in sources.values() {
            problems.extend(lint::lint(source, &partials));
            problems.extend(questions::problems(source, &definitions.questions));
            problems.extend(segments::problems(source, &names));
        }
        let (tera, unread) = compiled(&sources, &mut problems);
        let reads = |source: &Source| {
            let name = source.tera_name();
            if unread.contains(name.as_str()) {
                return lint::names_read(source);
            }
            let names = tera.get_template_variables(&name).unwrap_or_default();
            names.into_iter().map(str::to_owned).collect()
        };
        variables(definitions, &templates, reads, &sources, &mut problems);
        problems.extend(codes::to_staff(definitions, &templates, &sources));
        problems.extend(campaigns::missing_fields(definitions, &templates, &sources));
        if !problems.is_empty() {
            problems.sort_by_key(|p| (p.file.clone(), p.line, p.column, p.message.clone()));
            problems.dedup();
            return Err(problems);
        }
        let mut pools: HashMap<String, BTreeSet<Name>> = HashMap::new();
        for source in sources.values() {
            pools.entry(source.file.clone()).or_default().extend(codes::pools(source).into_keys());
        }
        pools.retain(|_, pools| !pools.is_empty());
        let segments = sources.iter().map(|(name, source)| (name.clone(), segments::asked(source)));
        let segments = segments.filter(|(_, asked)| !asked.is_empty()).collect();
        let asked = sources.iter().map(|(name, source)| {
            (name.clone(), questions::asked(source).into_iter().collect::<BTreeSet<_>>())
        });
        let asked = asked.filter(|(_, asked)| !asked.is_empty()).collect();
        Ok(Self {
            tera,
            asked,
            segments,
            sources,
            pools,
            templates,
            schema: definitions.schema.clone(),
            people: definitions.people.clone(),
            house: definitions.policy.language.clone(),
            stencils: Stencils::new(),
            paragraphs: Paragraphs::default(),
        })
    }
}

/// Every text that tera is to compile, by tera's name.
pub(super) fn sources(templates: &Templates) -> (HashMap<String, Source>, Vec<RenderProblem>) {
    let (mut sources, mut problems) = (HashMap::new(), Vec::new());
    let mut add = |part, form, file: &str, text: &str, at| {
        let (source, faults) = Source::new(part, form, file, text, at);
        problems.extend(faults);
        sources.insert(source.tera_name(), source);
    };
    for (name, text) in &templates.layouts {
        add(Part::Layout, Form::AsItIs, &format!("templates/layouts/{name}.html"), text, (1, 1));
    }
    for (name, text) in &templates.partials {
        add(Part::Partial, Form::Partial, &format!("templates/{name}"), text, (1, 1));
    }
    for mail in templates.mails.values().flat_map(|variants| variants.values()) {
        add(Part::Subject, Form::AsItIs, &mail.file, &mail.subject, mail.subject_at);
        if let Some(preheader) = &mail.preheader {
            add(Part::Preheader, Form::AsItIs, &mail.file, preheader, mail.preheader_at);
        }
        for (part, line) in mail.calendar.iter().flat_map(|calendar| &calendar.parts) {
            add(Part::Calendar(part), Form::AsItIs, &mail.file, &line.text, line.at);
        }
        let form = match mail.markup {
            Markup::Markdown => Form::Markdown,
            Markup::Mjml => Form::Mjml,
            Markup::Html => Form::AsItIs,
        };
        add(Part::Body, form, &mail.file, &mail.body, (mail.body_line, 1));
    }
    for name in templates.partials.keys().filter(|name| !name.ends_with(".html")) {
        problems.push(RenderProblem {
            file: format!("templates/{name}"),
            line: 1,
            column: 1,
            message: "files to include end in `.html`".to_owned(),
            hint: None,
        });
    }
    (sources, problems)
}

/// And the names of the sources that tera cannot read.
fn compiled<'s>(
    sources: &'s HashMap<String, Source>,
    problems: &mut Vec<RenderProblem>,
) -> (Tera, HashSet<&'s str>) {
    let mut tera = Tera::new();
    tera.autoescape_on([".html"]);
    filters::register(&mut tera);
    codes::register(&mut tera);
    meter::register(&mut tera);
    let prepared = sources.iter().filter_map(|(name, source)| {
        source.prepared.as_ref().map(|prepared| (name.as_str(), prepared.text.as_str()))
    });
    if problems.is_empty() && tera.add_raw_templates(prepared).is_ok() {
        return (tera, HashSet::new());
    }
    // One by one, to find all that is wrong; what may be included is there from the start, empty.
    for name in
        sources.values().filter(|source| source.part == Part::Partial).map(Source::tera_name)
    {
        let _ = tera.add_raw_template(&name, "");
    }
    let mut order: Vec<_> = sources.iter().collect();
    order.sort_by_key(|(name, source)| (source.part != Part::Partial, name.as_str()));
    let said: HashSet<_> = problems.iter().map(|p| (p.file.clone(), p.line)).collect();
    let mut unread = HashSet::new();
    for (name, source) in order {
        let Some(prepared) = &source.prepared else {
            unread.insert(name.as_str());
            continue;
        };
        let Err(error) = tera.add_raw_template(name, &prepared.text) else { continue };
        unread.insert(name.as_str());
        let complaint = Complaint::of(&error);
        let ours = ["Unknown filter", "Unknown function", "Unknown template"];
        let offset = prepared.source_offset(complaint.offset);
        let problem = source.problem(offset, complaint.message, None);
        // What was said in our words is not said again in tera's.
        let again = said.contains(&(problem.file.clone(), problem.line))
            || ours.iter().any(|start| problem.message.starts_with(start));
        if !again {
            problems.push(problem);
        }
    }
    (tera, unread)
}

/// The variables that are read are there, and what every mail to a lead must have is read.
fn variables(
    definitions: &Definitions,
    templates: &Templates,
    reads: impl Fn(&Source) -> BTreeSet<String>,
    sources: &HashMap<String, Source>,
    problems: &mut Vec<RenderProblem>,
) {
    let attributes = definitions.schema.iter().map(|(_, attribute)| &*attribute.name);
    let base: BTreeSet<&str> = KNOWN.into_iter().chain(attributes).collect();
    let readers = readers(definitions);
    let broken_parts = problems.iter().any(|p| {
        p.file.starts_with("templates/layouts/") || p.file.starts_with("templates/partials/")
    });
    // A layout or a partial may read what any mail that uses it has.
    let mut shared: BTreeSet<&str> = base.clone();
    shared.extend(TO_LEADS.iter().chain(&TO_STAFF).chain(&IN_LAYOUTS).chain([&IN_CARDS]));

    let mut of_files: HashMap<&str, Vec<&Source>> = HashMap::new();
    for source in sources.values() {
        of_files.entry(source.file.as_str()).or_default().push(source);
    }
    for (name, variants) in &templates.mails {
        let reads_it = match name.as_str() {
            "" => Some(Reader::Staff),
            CARD => Some(Reader::Sales),
            _ => readers.get(name).copied(),
        };
        for mail in variants.values() {
            let mut known = base.clone();
            known.extend(mail.defaults.keys().map(|name| &**name));
            if reads_it != Some(Reader::Lead) {
                known.extend(TO_STAFF);
            }
            if matches!(reads_it, None | Some(Reader::Lead)) {
                known.extend(TO_LEADS);
            }
            if matches!(reads_it, None | Some(Reader::Sales)) {
                known.insert(IN_CARDS);
            }
            shared.extend(mail.defaults.keys().map(|name| &**name));
            let mut read = BTreeSet::new();
            for &source in of_files.get(mail.file.as_str()).into_iter().flatten() {
                let mut names = reads(source);
                if source.part == Part::Body && mail.markup == Markup::Mjml {
                    names.retain(|name| !IN_PAGES.contains(&name.as_str()));
                }
                problems.extend(lint::unknown_variables(source, names.clone(), &known));
                problems.extend(lint::fields_of_texts(source, &known));
                if source.part == Part::Body {
                    read.extend(names);
                }
            }
            let mut layout_is_there = true;
            if let Some(layout) = &mail.layout {
                let source = sources.get(&format!("layouts/{layout}.html"));
                layout_is_there = source.is_some();
                read.extend(source.map(&reads).into_iter().flatten());
                if !layout_is_there {
                    let hint = meant(layout, templates.layouts.keys().map(|name| &**name));
                    let message = format!("there is no layout `templates/layouts/{layout}.html`");
                    problems.push(RenderProblem {
                        file: mail.file.clone(),
                        line: 1,
                        column: 1,
                        message,
                        hint,
                    });
                }
            }
            // What cannot be read yet may hold them.
            let whole =
                layout_is_there && !broken_parts && problems.iter().all(|p| p.file != mail.file);
            if whole {
                let is_notice = match reads_it {
                    Some(reader) => reader != Reader::Lead,
                    // No step names it yet: what it reads tells.
                    None => STANDING.iter().chain([&IN_CARDS]).any(|name| read.contains(*name)),
                };
                problems.extend(must_haves(mail, is_notice, &read));
            }
        }
    }
    let bound_anywhere: BTreeSet<&str> = sources.values().flat_map(|it| bound(&it.text)).collect();
    for source in sources.values().filter(|s| matches!(s.part, Part::Layout | Part::Partial)) {
        let names = reads(source);
        problems.extend(lint::unknown_variables(source, names, &shared));
        let mut read_alike = shared.clone();
        // Those who include it may give these names other values.
        read_alike.retain(|name| !bound_anywhere.contains(name));
        problems.extend(lint::fields_of_texts(source, &read_alike));
    }
}

/// A mail to a lead shows how to stop it and who sends it (RFC 8058, CAN-SPAM, Codice privacy 130(4)).
fn must_haves(mail: &MailTemplate, is_notice: bool, read: &BTreeSet<String>) -> Vec<RenderProblem> {
    let say = |message: String, hint: Option<String>| RenderProblem {
        file: mail.file.clone(),
        line: 1,
        column: 1,
        message,
        hint,
    };
    if is_notice {
        let without = [
            ("unsubscribe_url", "a notice to our own people has no `unsubscribe_url`"),
            (questions::VARIABLE, "a notice to our own people asks no questions of leads"),
        ];
        let said = without.into_iter().filter(|(name, _)| read.contains(*name));
        let hint = "give it another layout";
        return said.map(|(_, why)| say(why.to_owned(), Some(hint.to_owned()))).collect();
    }
    let without = |name: &&str| !read.contains(*name);
    TO_LEADS
        .into_iter()
        .filter(without)
        .map(|name| {
            let hint = format!("use a layout that has it, or write {{{{ {name} }}}} into the body");
            say(format!("neither the mail nor its layout shows `{name}`"), Some(hint))
        })
        .collect()
}

/// Who reads a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    Lead,
    Staff,
    /// Those of our own people who are handed a lead.
    Sales,
}

/// The readers of the mails that steps name; a mail that a lead may get is for leads, and what only
/// cards have is in no mail that goes out otherwise, too.
pub(super) fn readers(definitions: &Definitions) -> BTreeMap<Name, Reader> {
    let mut readers = BTreeMap::new();
    let live = definitions.workflows.iter().map(|live| &live.workflow);
    for workflow in definitions.structures.values().chain(live) {
        for step in workflow.steps.iter() {
            for mail in definitions.mails_of(&step.kind) {
                readers.insert(mail.clone(), Reader::Lead);
            }
            match &step.kind {
                StepKind::Notify { template: Some(template), .. } => {
                    let reader = readers.entry(template.clone()).or_insert(Reader::Staff);
                    *reader = if *reader == Reader::Lead { Reader::Lead } else { Reader::Staff };
                }
                StepKind::HandOff(HandOff { template: Some(template), .. }) => {
                    readers.entry(template.clone()).or_insert(Reader::Sales);
                }
                _ => {}
            }
        }
    }
    readers
}
