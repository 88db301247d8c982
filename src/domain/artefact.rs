//! Artefacts: what is defined, each under the hash of its content, kept for ever.

use serde::{Deserialize, Serialize};

use super::{name::Name, workflow::Version};

/// What an artefact defines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtefactKind {
    Workflow,
    Segment,
    Scoring,
    Policy,
    People,
    Attributes,
    Question,
    /// One language variant of a mail.
    Mail,
    Layout,
    Partial,
    /// A file that goes with mails, as [`FileType::encoded`](super::attachment::FileType::encoded) writes it.
    Attachment,
    Campaign,
    /// Mails that are sent one after the other.
    Stream,
}

/// One thing defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    pub kind: ArtefactKind,
    pub name: Name,
    pub version: Version,
    /// The file it was read from, for messages.
    pub file: String,
    /// Canonical JSON, a template's text, or a file's content as mails have it.
    pub content: String,
}

/// An artefact by kind, name and version: one line of a release's manifest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ArtefactRef {
    pub kind: ArtefactKind,
    pub name: Name,
    pub version: Version,
    /// The folder has it no more; it is there for leads in flight alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried: bool,
}
