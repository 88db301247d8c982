//! Groups of header-like fields: `message/delivery-status` (RFC 3464 §2.1),
//! `message/feedback-report` (RFC 5965 §3), returned headers.

/// Fields up to a blank line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Group(Vec<(String, String)>);

const MOST_GROUPS: usize = 100;
const MOST_FIELDS: usize = 500;

/// Reads groups apart by blank lines; folded lines are joined, lines that are no field left out.
pub(super) fn parse(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group::default();
    for line in text.lines() {
        if line.trim().is_empty() {
            if !group.0.is_empty() {
                groups.push(std::mem::take(&mut group));
                if groups.len() == MOST_GROUPS {
                    return groups;
                }
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.0.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':')
            && is_name(name.trim())
            && group.0.len() < MOST_FIELDS
        {
            let name = name.trim().to_ascii_lowercase();
            // Each stands once in a group; some servers forget the blank line between groups.
            if name == "final-recipient" && group.get(&name).is_some() && groups.len() < MOST_GROUPS
            {
                groups.push(std::mem::take(&mut group));
            }
            group.0.push((name, value.trim().to_owned()));
        }
    }
    if !group.0.is_empty() {
        groups.push(group);
    }
    groups
}

/// RFC 5322 §3.6.8, without what never stands in a name.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl Group {
    /// The first field of that name, written in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The value without its comments: `5.0.0 (permanent failure)` is `5.0.0`.
    pub(super) fn bare(&self, name: &str) -> Option<&str> {
        self.get(name).map(|value| value.split('(').next().unwrap_or(value).trim())
    }

    /// The part after the type: `rfc822; ann@example.com` is `ann@example.com`.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        self.get(name).map(|value| value.split_once(';').map_or(value, |(_, value)| value).trim())
    }
}
