//! Every variant of a mail, as files and as a page to look through.

use std::{fs, path::Path};

use serde::Serialize;
use tera::Tera;

use crate::{
    cli::{
        context::Context,
        failure::Failure,
        preview::{Preview, Wanted},
    },
    definitions::counted,
    domain::{lead::LeadState, template::MailTemplate},
    mail::compose::Letter,
    render::Sample,
};

const PAGE: &str = include_str!("all.html");

#[derive(Serialize)]
struct Report<'a> {
    template: &'a str,
    /// The page to look through.
    page: String,
    mails: Vec<Shown<'a>>,
}

/// A variant for one of the leads.
#[derive(Serialize)]
struct Shown<'a> {
    /// The file that it was made from.
    file: &'a str,
    language: String,
    /// `full` or `sparse`.
    lead: &'static str,
    /// Of the files that were written, without their ending. `None`: it cannot be rendered.
    name: Option<String>,
    subject: Option<String>,
    html_bytes: Option<usize>,
    /// What goes with it, by name.
    attachments: Vec<String>,
    /// Why it cannot be rendered.
    problem: Option<String>,
}

pub(super) fn run(context: &Context, wanted: &Wanted, folder: &Path) -> Result<(), Failure> {
    let preview = Preview::new(context, wanted)?;
    fs::create_dir_all(folder).map_err(Failure::at(folder))?;
    let definitions = &preview.live.definitions;
    let (templates, house) = (&definitions.templates, &definitions.policy.language);
    let mut mails = Vec::new();
    for mail in templates.mails.get(&preview.template).into_iter().flat_map(|it| it.values()) {
        let language = mail.language.as_ref().unwrap_or(house);
        // The one without a language is sent to nobody where there is one in that of the house.
        let served = templates.variant(&preview.template, language, house);
        if served.is_none_or(|served| served.file != mail.file) {
            continue;
        }
        for sample in Sample::ALL {
            let Some(lead) = sample.lead(definitions, language, context.now()) else { continue };
            mails.push(shown(context, &preview, mail, (sample, &lead), folder)?);
        }
    }
    let page = folder.join("index.html");
    fs::write(&page, page_of(wanted, &mails)?).map_err(Failure::at(&page))?;
    let failed = mails.iter().filter(|mail| mail.problem.is_some()).count();
    let report =
        Report { template: &wanted.template, page: page.to_string_lossy().into_owned(), mails };
    context.output.result(&report, || {
        let problems = report.mails.iter().filter_map(|mail| {
            Some(format!("{}, {}: {}\n", mail.file, mail.lead, mail.problem.as_ref()?))
        });
        let written = counted(report.mails.len() - failed, "mail");
        format!("{}{written}: open {}", problems.collect::<String>(), report.page)
    })?;
    if failed > 0 { Err(Failure::already_shown()) } else { Ok(()) }
}

/// Writes one of them, if it can be rendered.
fn shown<'a>(
    context: &Context,
    preview: &Preview,
    mail: &'a MailTemplate,
    (sample, lead): (Sample, &LeadState),
    folder: &Path,
) -> Result<Shown<'a>, Failure> {
    let mut shown = Shown {
        file: &mail.file,
        language: lead.language.to_string(),
        lead: sample.word(),
        name: None,
        subject: None,
        html_bytes: None,
        attachments: mail.attachments.iter().map(|file| file.name.clone()).collect(),
        problem: None,
    };
    let written = preview.letter(context, lead).and_then(|letter| {
        let composed = letter.compose().map_err(Failure::problems)?;
        Ok((letter, composed))
    });
    let (Letter { subject, html, text, .. }, composed) = match written {
        Ok(written) => written,
        Err(failure) => {
            shown.problem = Some(failure.message().to_owned());
            return Ok(shown);
        }
    };
    let html = html.unwrap_or_default();
    let stem = mail.file.trim_start_matches("templates/");
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem).replace('/', "-");
    let name = format!("{stem}.{}", sample.word());
    let parts: [(&str, &[u8]); 3] =
        [("html", html.as_bytes()), ("txt", text.as_bytes()), ("eml", &composed.bytes)];
    for (ending, content) in parts {
        let path = folder.join(format!("{name}.{ending}"));
        fs::write(&path, content).map_err(Failure::at(&path))?;
    }
    shown.name = Some(name);
    shown.subject = Some(subject);
    shown.html_bytes = Some(html.len());
    Ok(shown)
}

/// The mails stand in frames that run nothing and lead nowhere.
fn page_of(wanted: &Wanted, mails: &[Shown<'_>]) -> Result<String, Failure> {
    let mut context = tera::Context::new();
    context.insert("template", &wanted.template);
    context.insert("mails", mails);
    let mut tera = Tera::new();
    // By its ending it is escaped.
    tera.add_raw_template("all.html", PAGE).map_err(Failure::environment)?;
    tera.render("all.html", &context).map_err(Failure::environment)
}
