//! `attachments:` of a mail → the files that go with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Found, read};
use crate::{
    definitions::{
        names::{is_language, is_slug},
        nearest::did_you_mean,
        node::{Data, Node},
        problem::{File, quote},
        schema,
    },
    domain::{
        artefact::ArtefactKind,
        attachment::{Attachment, FileType, LARGEST_TOGETHER, MOST, in_words},
    },
};

/// Characters of what the reader sees as a file's name.
const LONGEST_NAME: usize = 120;

/// Endings of what runs on its reader's machine.
const RUN: [&str; 22] = [
    "apk", "app", "bat", "cmd", "com", "dll", "dmg", "docm", "exe", "hta", "iso", "jar", "js",
    "lnk", "msi", "ps1", "py", "scr", "sh", "vbs", "xll", "xlsm",
];

/// The files that there are to go with mails.
pub(super) struct Shelf<'a> {
    /// By their path under `templates/`; shared by all mails that they go with.
    files: BTreeMap<&'a str, Arc<str>>,
    refused: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Shelf<'a> {
    pub fn new(found: &[Found<'a>], refused: Option<&'a BTreeMap<String, String>>) -> Self {
        let files = found.iter().filter(|found| found.unit.kind == ArtefactKind::Attachment);
        let files = files.map(|found| (found.unit.name.as_str(), found.file.text.into())).collect();
        Self { files, refused }
    }

    /// Why a file that is there cannot be attached.
    fn refusal(&self, path: &str) -> Option<&'a str> {
        self.refused?.get(&format!("templates/{path}")).map(String::as_str)
    }
}

/// Those that are right.
pub(super) fn lower(file: &File<'_>, node: &Node, shelf: &Shelf<'_>) -> Vec<Attachment> {
    let mut attachments: Vec<Attachment> = Vec::new();
    let mut names = BTreeSet::new();
    let items = match &node.data {
        Data::Map(_) => std::slice::from_ref(node),
        _ => read::list(file, node, "attachments").unwrap_or_default(),
    };
    for item in items {
        let Some(attachment) = attachment(file, item, shelf) else { continue };
        if !names.insert(attachment.name.to_lowercase()) {
            let message = format!("two attachments are called `{}`", quote(&attachment.name));
            let hint = "give one of them another `name:`".to_owned();
            file.error("duplicate-name", item.span, message, Some(hint));
        }
        attachments.push(attachment);
    }
    if items.len() > MOST {
        let message = format!("a mail has at most {MOST} attachments; this has {}", items.len());
        file.error("too-many", node.span, message, None);
    }
    let together: usize = attachments.iter().map(Attachment::bytes).sum();
    if together > LARGEST_TOGETHER {
        let [most, bytes] = [LARGEST_TOGETHER, together].map(|bytes| in_words(bytes as u64));
        let message = format!("the attachments are larger than {most} together: {bytes}");
        let hint = "many mail servers would refuse it: give a link to some of them".to_owned();
        file.error("too-large", node.span, message, Some(hint));
    }
    attachments
}

fn attachment(file: &File<'_>, node: &Node, shelf: &Shelf<'_>) -> Option<Attachment> {
    let (path_node, name_node) = match &node.data {
        Data::Map(_) => {
            let fields = read::Fields::open(file, node, "an attachment", &schema::ATTACHMENT)?;
            (fields.need("file", "file: files/guide.pdf")?, fields.get("name"))
        }
        _ => (node, None),
    };
    let path = read::text(file, path_node, "attachments")?;
    let error = |rule, message, hint: &str| {
        file.error(rule, path_node.span, message, Some(hint.to_owned()));
    };
    let Some(name) = path.strip_prefix("files/").filter(|name| is_path(name)) else {
        let under = path.trim_start_matches("./").trim_start_matches("templates/");
        let meant =
            if under.starts_with("files/") { under.to_owned() } else { format!("files/{under}") };
        let is_meant = is_path(&meant);
        let hint =
            if is_meant { format!("write: {meant}") } else { "write: files/guide.pdf".to_owned() };
        let message = format!(
            "`{}` cannot be attached: files to attach lie in templates/files/",
            quote(path)
        );
        error("bad-name", message, &hint);
        return None;
    };
    let Some(kind) = FileType::of(name) else {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let endings: Vec<&str> = FileType::endings().collect();
        let (why, hint) = if RUN.contains(&ending) {
            ("it can be run, and mail providers refuse that", "give a link to it".to_owned())
        } else {
            ("mails carry no files of its type", format!("there are: {}", endings.join(", ")))
        };
        error("attachment", format!("`{path}` cannot be attached: {why}"), &hint);
        return None;
    };
    let Some(encoded) = shelf.files.get(path) else {
        if let Some(why) = shelf.refusal(path) {
            let large =
                if why.starts_with("is larger") { "give a link to it" } else { "mend the file" };
            error("attachment", format!("templates/{path} {why}"), large);
        } else {
            let known = shelf.files.keys().copied();
            let hint = did_you_mean(path, known).unwrap_or_else(|| "put it there".to_owned());
            error("unknown-attachment", format!("there is no file templates/{path}"), &hint);
        }
        return None;
    };
    let shown = match name_node {
        None => name.rsplit('/').next().unwrap_or(name),
        Some(node) => shown_name(file, node, kind, name)?,
    };
    let (file, name) = (path.into(), shown.to_owned());
    Some(Attachment { file, name, content_type: kind.content_type, encoded: Arc::clone(encoded) })
}

/// Slugs and, at its end, a name with its endings.
fn is_path(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    path.len() <= 200
        && (folders.is_empty() || folders.split('/').all(is_slug))
        && name.split('.').all(|part| is_slug(part) || is_language(part))
}

/// What mail programs save it as: no path, and of the type that it is.
fn shown_name<'n>(file: &File<'_>, node: &'n Node, kind: FileType, of: &str) -> Option<&'n str> {
    let written = read::text(file, node, "name")?;
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let why = if written.is_empty() || written.chars().count() > LONGEST_NAME {
        format!("a file's name has 1 to {LONGEST_NAME} characters")
    } else if written.starts_with('.')
        || written.contains(|c| turns(c) || "/\\:*?\"<>|".contains(c))
    {
        "a file's name begins with no `.` and has none of / \\ : * ? \" < > |".to_owned()
    } else if FileType::of(written) != Some(kind) {
        let ending = of.rsplit_once('.').map_or("", |(_, ending)| ending);
        format!("it has to end in `.{ending}`, as the file does")
    } else {
        return Some(written);
    };
    let message = format!("`{}` cannot be its name: {why}", quote(written));
    file.error("bad-name", node.span, message, None);
    None
}
