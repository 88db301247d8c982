//! What is parked and why: the same lines for every command that tells of it.

use super::{failure::Failure, output::in_one_line};
use crate::{
    definitions::counted,
    store::{Store, records::Parked},
};

/// Reasons that are told, of mails and of leads each; a campaign has few.
const MOST: u8 = 20;

/// What gives parked mails another try.
pub(super) const MEND_MAILS: &str = "Mend the mails and run `nurtured apply`, or import what their leads lack: they are \
     tried again.";
/// Nothing that marketing ops write keeps a lead from being decided.
const REPORT_LEADS: &str = "Leads that cannot be decided are a fault of the program or of what is stored: report \
     the reason. `nurtured apply` gives them another try.";

/// What is parked now, the most first.
pub(super) async fn parked(store: &Store) -> Result<Vec<Parked>, Failure> {
    Ok(store.parked(MOST.into()).await?)
}

/// How many of what, why, an example, and at the end what to do. Empty where nothing is parked.
pub(super) fn lines(parked: &[Parked], mend_mails: &str) -> Vec<String> {
    if parked.is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["Parked, until what is wrong is mended:".to_owned()];
    for group in parked {
        let what = match group.template.as_deref() {
            None => counted(group.number, "lead"),
            Some("") => counted(group.number, "notice"),
            Some(template) => format!("{} {template}", counted(group.number, "mail")),
        };
        let example = group.example.as_ref();
        let example =
            example.map_or_else(|| format!("lead {}", group.lead), |lead| lead.as_str().to_owned());
        let reason = in_one_line(&group.reason);
        lines.push(format!("  {what} (for example {example}): {reason}"));
    }
    let leads = parked.iter().filter(|group| group.template.is_none()).count();
    let mails = parked.len() - leads;
    if mails.max(leads) >= MOST.into() {
        lines.push(format!("  Of mails, and of leads, the {MOST} most frequent reasons are told."));
    }
    lines.extend((mails > 0).then(|| mend_mails.to_owned()));
    lines.extend((leads > 0).then(|| REPORT_LEADS.to_owned()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::LeadId;

    fn group(template: Option<&str>, number: u64) -> Parked {
        Parked {
            template: template.map(Into::into),
            reason: "why".into(),
            number,
            lead: LeadId(7),
            example: "ann@a.example".parse().ok(),
        }
    }

    #[test]
    fn each_reason_is_told_with_its_number_and_an_example() {
        assert_eq!(lines(&[], MEND_MAILS), [""; 0]);
        let nobody = Parked { example: None, ..group(None, 1) };
        let told = lines(&[group(Some("hello"), 788), group(Some(""), 2), nobody], MEND_MAILS);
        assert_eq!(
            told[1..],
            [
                "  788 mails hello (for example ann@a.example): why",
                "  2 notices (for example ann@a.example): why",
                "  1 lead (for example lead 7): why",
                MEND_MAILS,
                REPORT_LEADS
            ]
        );
        let many: Vec<Parked> = (0..20).map(|_| group(None, 1)).collect();
        assert!(lines(&many, MEND_MAILS).iter().any(|line| line.contains("most frequent")));
        let each: Vec<Parked> = (0..20).map(|n| group((n < 10).then_some("hello"), 1)).collect();
        assert!(!lines(&each, MEND_MAILS).iter().any(|line| line.contains("most frequent")));
    }

    #[test]
    fn what_to_do_fits_what_is_parked() {
        let mails = lines(&[group(Some("hello"), 1)], MEND_MAILS);
        assert_eq!(mails[2..], [MEND_MAILS]);
        assert_eq!(lines(&[group(None, 1)], MEND_MAILS)[2..], [REPORT_LEADS]);
    }

    #[test]
    fn a_reason_does_not_steer_the_terminal() {
        let odd = Parked { reason: "a\u{1b}[2J\nb".into(), ..group(None, 1) };
        assert!(lines(&[odd], MEND_MAILS)[1].ends_with(": a [2J b"));
    }
}
