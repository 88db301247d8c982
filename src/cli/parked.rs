//! What is parked and why: the same lines for every command that tells of it.

use super::failure::Failure;
use crate::store::{Store, records::Parked};

/// Reasons that are told; a campaign has few.
const MOST: i64 = 20;

/// What gives it another try.
pub(super) const WAY_OUT: &str =
    "Mend the mail and run `nurtured apply`, or import what the leads lack: they are tried again.";

/// What is parked now, the most first.
pub(super) async fn parked(store: &Store) -> Result<Vec<Parked>, Failure> {
    Ok(store.parked(MOST).await?)
}

/// How many of what, why, an example, and at the end what to do. Empty where nothing is parked.
pub(super) fn lines(parked: &[Parked], way_out: &str) -> Vec<String> {
    if parked.is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["Parked, until what is wrong is mended:".to_owned()];
    for group in parked {
        let (number, plural) = (group.number, if group.number == 1 { "" } else { "s" });
        let what = match group.template.as_deref() {
            None => format!("{number} lead{plural}"),
            Some("") => format!("{number} notice{plural}"),
            Some(template) => format!("{number} mail{plural} {template}"),
        };
        let example = group.example.as_ref();
        let example = example.map(|lead| format!(" (for example {})", lead.as_str()));
        lines.push(format!("  {what}{}: {}", example.unwrap_or_default(), group.reason));
    }
    let shown = i64::try_from(parked.len()).unwrap_or(MOST);
    if shown == MOST {
        lines.push(format!("  These are the {MOST} most frequent reasons."));
    }
    lines.push(way_out.to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(template: Option<&str>, number: u64) -> Parked {
        Parked {
            template: template.map(Into::into),
            reason: "why".into(),
            number,
            example: "ann@a.example".parse().ok(),
        }
    }

    #[test]
    fn each_reason_is_told_with_its_number_and_an_example() {
        assert_eq!(lines(&[], WAY_OUT), [""; 0]);
        let nobody = Parked { example: None, ..group(None, 1) };
        let told = lines(&[group(Some("hello"), 788), group(Some(""), 2), nobody], WAY_OUT);
        let of = [
            "788 mails hello (for example ann@a.example)",
            "2 notices (for example ann@a.example)",
        ];
        assert_eq!(
            told[1..],
            [&format!("  {}: why", of[0]), &format!("  {}: why", of[1]), "  1 lead: why", WAY_OUT]
        );
        let many: Vec<Parked> = (0..20).map(|_| group(None, 1)).collect();
        assert!(lines(&many, WAY_OUT).iter().any(|line| line.contains("most frequent")));
    }
}
