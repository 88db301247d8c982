//! Which column means what: HubSpot's headers, our own attribute names, or a mapping file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use super::{ImportError, rejects::is_own};
use crate::{
    definitions::nearest,
    domain::{
        lead::Stage,
        name::Name,
        value::{Schema, ValueType},
    },
};

/// A mapping file, for exports whose headers are not recognised.
///
/// ```toml
/// ignore = ["Notes"]
/// [columns]
/// "E-mail" = "email"
/// "Plan" = "plan"          # an attribute; one that is not declared is kept, and named in a note
/// [stages]
/// "Prospect" = "lead"
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Columns that are left out without a word.
    #[serde(default)]
    ignore: BTreeSet<String>,
    /// By header, what its cells are.
    #[serde(default)]
    columns: BTreeMap<String, String>,
    /// By the CRM's word, our stage.
    #[serde(default)]
    stages: BTreeMap<String, Stage>,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// When it cannot be read or is not what a mapping looks like.
    pub fn load(file: &Path) -> Result<Self, ImportError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ImportError::Unreadable { file: file.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| ImportError::Malformed {
            file: file.to_owned(),
            what: error.to_string().trim_end().to_owned(),
            hint: "a mapping has [columns] \"Header\" = \"attribute\", ignore = [\"Header\"], [stages] \"Word\" = \"stage\"".into(),
        })
    }

    pub(super) fn stage(&self, cell: &str) -> Option<Stage> {
        let mapped = self.stages.iter().find(|(word, _)| word.eq_ignore_ascii_case(cell));
        mapped.map(|(_, stage)| *stage).or_else(|| stage_of(cell))
    }
}

/// What the cells of one column are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Skip,
    Email,
    Attribute {
        name: Name,
        kind: ValueType,
    },
    Zone,
    Language,
    Stage,
    Consent,
    ConsentDate,
    /// Whose consent for the purpose of the import is taken back.
    Withdrawn,
    Unsubscribed,
}

impl Target {
    /// Whether several columns may be this: of the cells of a row any yes is one.
    fn objects(&self) -> bool {
        matches!(self, Self::Withdrawn | Self::Unsubscribed)
    }
}

/// The columns of one file.
#[derive(Debug)]
pub(super) struct Columns {
    /// In the order of the file.
    pub targets: Vec<Target>,
    pub unknown: Vec<String>,
    /// Attributes that the mapping names and the schema does not.
    undeclared: Vec<Name>,
}

impl Columns {
    /// # Errors
    /// What does not fit together, with what to do.
    pub(super) fn resolve(
        headers: &[String],
        mapping: &Mapping,
        schema: &Schema,
    ) -> Result<Self, (String, String)> {
        for named in mapping.columns.keys().chain(&mapping.ignore) {
            if !headers.iter().any(|header| header == named) {
                return Err((
                    format!("the mapping names the column `{named}`, which is not there"),
                    format!("the columns are: {}", quoted(headers)),
                ));
            }
        }
        let mut targets: Vec<Target> = Vec::with_capacity(headers.len());
        let (mut unknown, mut undeclared) = (Vec::new(), Vec::new());
        for header in headers {
            let target = if let Some(word) = mapping.columns.get(header) {
                Some(named(word, schema)?)
            } else if mapping.ignore.contains(header) || is_own(header) {
                Some(Target::Skip)
            } else {
                recognised(header, schema)
            };
            let target = target.unwrap_or_else(|| {
                unknown.push(header.clone());
                Target::Skip
            });
            if target != Target::Skip
                && !target.objects()
                && let Some(other) = targets.iter().position(|earlier| *earlier == target)
            {
                return Err((
                    format!("{:?} and {header:?} mean the same", headers[other]),
                    "leave one of them out by `ignore = [\"…\"]` in a mapping file".into(),
                ));
            }
            if let Target::Attribute { name, .. } = &target
                && schema.slot(name).is_none()
            {
                undeclared.push(name.clone());
            }
            targets.push(target);
        }
        if !targets.contains(&Target::Email) {
            return Err((
                format!("no column holds the e-mail address; there are: {}", quoted(headers)),
                "name it in a mapping file: [columns] \"Header\" = \"email\"".into(),
            ));
        }
        Ok(Self { targets, unknown, undeclared })
    }

    /// What to say of attributes that nothing can use yet, each of which may be a slip, and of columns that
    /// were not taken. `is_live`: the schema is that of a release.
    pub(super) fn notes(&self, schema: &Schema, is_live: bool) -> Vec<String> {
        let own = ["stage", "consent", "consent_date", "withdrawn", "unsubscribed"];
        let declared = || schema.iter().map(|(_, attribute)| &*attribute.name).chain(own);
        let note = |name: &Name| {
            let meant = nearest(name, declared());
            let meant = meant.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
            format!(
                "the attribute `{name}` is kept, but conditions and mails know it only once it is declared under \
                 `attributes:` and applied{meant}"
            )
        };
        let objections: Vec<String> =
            self.unknown.iter().filter(|header| may_object(header)).cloned().collect();
        let mut notes = Vec::new();
        if !objections.is_empty() {
            notes.push(format!(
                "who objects by {} is written to all the same: say in a mapping file that this is `unsubscribed` (no mail at \
                 all) or `withdrawn` (none for the --purpose of this import), or ignore it",
                quoted(&objections)
            ));
        }
        notes.extend(self.undeclared.iter().map(note));
        let is_all_known = self.unknown.is_empty() && self.undeclared.is_empty();
        if !is_live && !is_all_known {
            notes.push(
                "nothing is live yet, so that only the standard attributes are known: run `nurtured apply`, then import \
                 the file again"
                    .into(),
            );
        } else if !self.unknown.is_empty() {
            notes.push("columns that were not taken are kept if a mapping file names them".into());
        }
        notes
    }

    pub(super) fn position(&self, target: &Target) -> Option<usize> {
        self.positions(target).next()
    }

    pub(super) fn positions(&self, target: &Target) -> impl Iterator<Item = usize> {
        let columns = self.targets.iter().enumerate();
        columns.filter_map(move |(column, one)| (one == target).then_some(column))
    }
}

/// Headers as messages name them: each in quotes, and nothing in them that would act on a terminal.
#[must_use]
pub fn quoted(headers: &[String]) -> String {
    headers.iter().map(|header| format!("{header:?}")).collect::<Vec<_>>().join(", ")
}

/// What a header means by itself.
fn recognised(header: &str, schema: &Schema) -> Option<Target> {
    let header = header.trim().to_lowercase();
    let word = match header.as_str() {
        "record id" | "contact id" | "record id - contact" => "external_id",
        "e-mail" | "email address" | "e-mail address" => "email",
        "phone number" | "mobile phone number" => "phone",
        "company name" | "associated company" => "company",
        "number of employees" => "employees",
        "annual revenue" => "revenue",
        "country/region" => "country",
        "time zone" | "timezone" => "zone",
        "preferred language" => "language",
        "lifecycle stage" => "stage",
        "original source" => "source",
        "contact owner" => "owner",
        "create date" => "created_on",
        "marketing consent" => "consent",
        "consent date" => "consent_date",
        "unsubscribed from all email"
        | "opted out"
        | "opted out of email"
        | "has opted out of email"
        | "email opt out" => "unsubscribed",
        other => &other.replace([' ', '-'], "_"),
    };
    special(word).or_else(|| attribute(word, schema))
}

/// Whether a column that is not taken may say who is not to be written to.
fn may_object(header: &str) -> bool {
    let header = joined(header);
    let words = [
        "optedout",
        "optout",
        "unsubscri",
        "donotemail",
        "donotcontact",
        "marketingcontactstatus",
        "blacklist",
        // German, Italian, French and Spanish.
        "abgemeldet",
        "abbestell",
        "widerspr",
        "werbesperre",
        "disiscritt",
        "noncontattare",
        "désinscri",
        "désabonn",
        "nepascontacter",
        "nocontactar",
        "dadodebaja",
    ];
    words.iter().any(|word| header.contains(word))
}

/// What a mapping file says that a column is.
fn named(word: &str, schema: &Schema) -> Result<Target, (String, String)> {
    if let Some(target) = special(word).or_else(|| attribute(word, schema)) {
        return Ok(target);
    }
    let well_formed = word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.len() <= 60
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if well_formed {
        return Ok(Target::Attribute { name: word.into(), kind: ValueType::Text });
    }
    Err((
        format!("`{word}` is no name of an attribute"),
        "write lower-case words joined by `_`, like `annual_plan`".into(),
    ))
}

fn special(word: &str) -> Option<Target> {
    Some(match word {
        "email" => Target::Email,
        "stage" => Target::Stage,
        "consent" => Target::Consent,
        "consent_date" => Target::ConsentDate,
        "withdrawn" => Target::Withdrawn,
        "unsubscribed" => Target::Unsubscribed,
        "zone" => Target::Zone,
        "language" => Target::Language,
        _ => return None,
    })
}

fn attribute(word: &str, schema: &Schema) -> Option<Target> {
    let attribute = schema.attribute(schema.slot(word)?);
    Some(Target::Attribute { name: attribute.name.clone(), kind: attribute.kind })
}

/// In lower case and in one piece: `Opt-Out`, `opt_out` and `OptOut` are the same.
fn joined(words: &str) -> String {
    words.to_lowercase().replace([' ', '-', '_'], "")
}

/// A CRM's word for a stage.
fn stage_of(cell: &str) -> Option<Stage> {
    Some(match joined(cell).as_str() {
        "marketingqualifiedlead" => Stage::Mql,
        "salesqualifiedlead" | "opportunity" => Stage::Sql,
        "evangelist" => Stage::Customer,
        "subscriber" => Stage::Lead,
        other => return Stage::from_word(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(headers: &[&str], mapping: &str) -> Result<Columns, (String, String)> {
        let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
        let mapping = toml::from_str(mapping).expect("a mapping");
        Columns::resolve(&headers, &mapping, &Schema::standard())
    }

    #[test]
    fn hubspot_headers_and_our_own_names_are_recognised() {
        let columns = resolve(
            &["Record ID", "First Name", "EMAIL", "Country/Region", "job_title", "Shoe size"],
            "",
        )
        .expect("they fit");
        let name = |name: &str, kind| Target::Attribute { name: name.into(), kind };
        assert_eq!(
            columns.targets,
            [
                name("external_id", ValueType::Text),
                name("first_name", ValueType::Text),
                Target::Email,
                name("country", ValueType::Text),
                name("job_title", ValueType::Text),
                Target::Skip
            ]
        );
        assert_eq!(columns.unknown, ["Shoe size"]);
    }

    #[test]
    fn a_mapping_names_and_ignores() {
        let columns = resolve(
            &["Mail", "Shoe size", "Notes"],
            "ignore = [\"Notes\"]\n[columns]\n\"Mail\" = \"email\"\n\"Shoe size\" = \"shoe_size\"",
        )
        .expect("they fit");
        assert_eq!(columns.position(&Target::Email), Some(0));
        assert_eq!(
            columns.targets[1],
            Target::Attribute { name: "shoe_size".into(), kind: ValueType::Text }
        );
        assert!(columns.unknown.is_empty());
        let [note] = &columns.notes(&Schema::standard(), true)[..] else { panic!("one note") };
        assert!(note.contains("`shoe_size`") && !note.contains("did you mean"), "{note}");
    }

    #[test]
    fn a_column_of_objections_is_not_left_out_silently() {
        let headers =
            ["email", "Opted out of email: News", "Marketing contact status", "Shoe size"];
        let notes = |mapping| {
            let columns = resolve(&headers, mapping).expect("they fit");
            columns.notes(&Schema::standard(), true).remove(0)
        };
        let both = "\"Opted out of email: News\", \"Marketing contact status\" is written";
        assert!(notes("").contains(both), "{}", notes(""));
        let mapping = "ignore = [\"Marketing contact status\"]\n[columns]\n\"Opted out of email: News\" = \"withdrawn\"";
        assert!(!notes(mapping).contains("objects"), "{}", notes(mapping));
        for header in [
            "HasOptedOutOfEmail",
            "DoNotEmail",
            "do_not-contact",
            "Werbe-Widerspruch",
            "Désinscrit",
        ] {
            let columns = resolve(&["email", header], "").expect("they fit");
            let note = columns.notes(&Schema::standard(), true).remove(0);
            assert!(note.contains("who objects by"), "{header}: {note}");
        }
        for header in ["Unsubscribed", "Opted out", "Email Opt Out", "Unsubscribed from all email"]
        {
            let columns = resolve(&["email", header], "").expect("they fit");
            assert_eq!(columns.position(&Target::Unsubscribed), Some(1), "{header}");
        }
    }

    #[test]
    fn the_stages_of_the_page_of_commands_are_what_they_become() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md"));
        let (_, table) = page.split_once("\n| in a CRM | stage |\n").expect("the table");
        let rows: Vec<&str> =
            table.lines().skip(1).take_while(|row| row.starts_with('|')).collect();
        assert!(rows.len() >= 4, "{rows:?}");
        for row in rows {
            let mut cells = row.trim_matches('|').split('|').map(|cell| cell.split('`'));
            let mut words = || cells.next().expect("a cell").skip(1).step_by(2);
            let theirs: Vec<&str> = words().collect();
            let ours = words().next().and_then(Stage::from_word);
            for word in theirs {
                assert_eq!(stage_of(word), ours, "{word}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let refused = |headers: &[&str], mapping| resolve(headers, mapping).expect_err("refused").0;
        assert!(refused(&["name"], "").contains("no column holds the e-mail address"));
        assert!(refused(&["email", "E-mail"], "").contains("mean the same"));
        assert!(refused(&["email"], "ignore = [\"Nots\"]").contains("`Nots`, which is not there"));
        assert!(refused(&["email", "a"], "[columns]\n\"a\" = \"Not Good\"").contains("`Not Good`"));
    }

    #[test]
    fn stages_of_a_crm_become_ours() {
        let mapping: Mapping = toml::from_str("[stages]\n\"Prospect\" = \"lead\"").expect("fits");
        assert_eq!(mapping.stage("Sales Qualified Lead"), Some(Stage::Sql));
        assert_eq!(mapping.stage("marketing qualified lead"), Some(Stage::Mql));
        assert_eq!(mapping.stage("prospect"), Some(Stage::Lead));
        assert_eq!(mapping.stage("customer"), Some(Stage::Customer));
        assert_eq!(mapping.stage("whatever"), None);
    }
}
