//! The keys that mails are signed with: their files, and what the DNS says of them.

use super::{
    checkup::{Checkup, Verdict},
    dmarc::Judged,
    is_the_services,
};
use crate::{
    config::{Config, Dkim},
    mail::dkim::{KeyRecord, Published, Signer, published},
};

/// A key as the DNS should know it.
#[derive(Debug)]
pub(super) struct Key {
    pub domain: String,
    /// In the DNS.
    pub name: String,
    /// `None`: its file could not be read here.
    pub record: Option<KeyRecord>,
}

/// Looks at the files.
pub(super) fn files(checkup: &mut Checkup, config: &Config) -> Vec<Key> {
    config.dkim.iter().map(|dkim| file(checkup, dkim)).collect()
}

fn file(checkup: &mut Checkup, dkim: &Dkim) -> Key {
    let record = match Signer::configured(dkim) {
        Ok(Ok(signer)) => {
            let found = format!("{dkim}: {} is {}, for its owner alone", dkim.key_file, signer.key);
            checkup.ok("signing", found);
            Some(signer.key.record())
        }
        Ok(Err(problem)) => {
            checkup.failed("signing", problem.message, problem.hint.unwrap_or_default());
            None
        }
        Err(error) if is_the_services(&error) => {
            let found =
                format!("{} is handed to the service alone, and was not looked at", dkim.key_file);
            checkup.warning("signing", found, "run this within the unit to look at it");
            None
        }
        Err(error) => {
            checkup.failed("signing", error.to_string(), "mend [[dkim]] key_file");
            None
        }
    };
    Key { domain: dkim.domain.clone(), name: dkim.to_string(), record }
}

/// Judges what is published under a key's name.
pub(super) fn judge(key: &Key, texts: &[String]) -> Judged {
    let publish = match &key.record {
        Some(record) => format!("publish: {}", record.zone_line(&key.name)),
        None => "`nurtured dkim record` prints what to publish".to_owned(),
    };
    let failed = |found: &str| (Verdict::Failed, found.to_owned(), publish.clone());
    let [text] = texts else {
        return match texts.len() {
            0 => failed("no DKIM record: what we sign with this key holds for nobody"),
            several => failed(&format!("{several} DKIM records, of which any may be asked")),
        };
    };
    match (published(text), &key.record) {
        (Published::NoRecord, _) => failed("what is there is no DKIM record"),
        (Published::Revoked, _) => failed("the DKIM record says that the key is revoked"),
        (Published::Key(found), Some(ours)) if !ours.is(&found) => {
            failed("the DKIM record is of another key: what we sign does not hold")
        }
        (Published::Key(_), Some(_)) => {
            (Verdict::Ok, "DKIM: the record is of our key".to_owned(), String::new())
        }
        (Published::Key(_), None) => (
            Verdict::Warning,
            "DKIM: there is a record; whether it is of our key was not looked at".to_owned(),
            "run this within the unit to look at it".to_owned(),
        ),
    }
}
