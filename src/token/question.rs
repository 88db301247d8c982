//! The links of questions: which mail, which question, which answer, all inside one MAC.

use super::{Keyring, MailRef, Purpose};
use crate::domain::{name::Name, question::Ask};

impl Keyring {
    /// The token of a question's link.
    #[must_use]
    pub fn question(&self, mail: &MailRef, ask: &Ask) -> String {
        let mut payload = mail.to_bytes().to_vec();
        let purpose = match ask {
            Ask::Declared { key, value } => {
                // Inside the MAC, so that no letter moves from the key to the answer. A key that is too long
                // for it is too long for a token.
                let length = u16::try_from(key.len()).unwrap_or(u16::MAX);
                payload.extend_from_slice(&length.to_be_bytes());
                payload.extend_from_slice(key.as_bytes());
                payload.extend_from_slice(value.as_bytes());
                Purpose::Asked
            }
            Ask::Later { after } => {
                payload.extend_from_slice(after.as_bytes());
                Purpose::Later
            }
            Ask::Preferences => Purpose::Preferences,
            Ask::Outcome { value } => {
                payload.extend_from_slice(value.as_bytes());
                Purpose::Outcome
            }
        };
        self.seal(purpose, &payload)
    }

    /// The mail and the question of a link that we signed.
    #[must_use]
    pub fn read_question(&self, token: &str) -> Option<(MailRef, Ask)> {
        let (purpose, payload) = self.open_any(token)?;
        let (mail, rest) = MailRef::split(&payload)?;
        let text = |bytes| std::str::from_utf8(bytes).ok().map(Name::from);
        let ask = match purpose {
            purpose if purpose == Purpose::Asked as u8 => {
                let (length, rest) = rest.split_first_chunk()?;
                let (key, value) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
                Ask::Declared { key: text(key)?, value: text(value)? }
            }
            purpose if purpose == Purpose::Later as u8 => Ask::Later { after: text(rest)? },
            purpose if purpose == Purpose::Preferences as u8 && rest.is_empty() => Ask::Preferences,
            purpose if purpose == Purpose::Outcome as u8 => Ask::Outcome { value: text(rest)? },
            _ => return None,
        };
        Some((mail, ask))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::id::{LeadId, MessageId};

    fn asks() -> impl Strategy<Value = Ask> {
        let word = || "\\PC{0,50}".prop_map(|word: String| Name::from(word));
        prop_oneof![
            (word(), word()).prop_map(|(key, value)| Ask::Declared { key, value }),
            word().prop_map(|after| Ask::Later { after }),
            Just(Ask::Preferences),
            word().prop_map(|value| Ask::Outcome { value }),
        ]
    }

    proptest! {
        /// Two links are the same only if mail, question and answer are: nothing can be cut otherwise.
        #[test]
        fn a_link_says_what_was_signed_and_nothing_else(
            lead in any::<i64>(),
            message in any::<i64>(),
            ask in asks(),
            other in asks(),
        ) {
            let keys = Keyring::from_seed(1);
            let mail = MailRef { lead: LeadId(lead), message: MessageId(message) };
            let token = keys.question(&mail, &ask);
            prop_assert_eq!(token == keys.question(&mail, &other), ask == other);
            prop_assert_eq!(keys.read_question(&token), Some((mail, ask)));
            prop_assert_eq!(keys.read_unsubscribe(&token), None);
            prop_assert_eq!(Keyring::from_seed(2).read_question(&token), None);
            for length in 0..token.len() {
                prop_assert_eq!(keys.read_question(&token[..length]), None);
            }
        }

        #[test]
        fn no_link_survives_a_flipped_bit(ask in asks(), place in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let keys = Keyring::from_seed(1);
            let mail = MailRef { lead: LeadId(7), message: MessageId(8) };
            let mut bytes = keys.question(&mail, &ask).into_bytes();
            let place = place.index(bytes.len());
            bytes[place] ^= 1_u8 << bit;
            if let Ok(token) = String::from_utf8(bytes) {
                prop_assert_eq!(keys.read_question(&token), None);
            }
        }
    }

    #[test]
    fn letters_do_not_move_between_key_and_answer() {
        let keys = Keyring::from_seed(1);
        let mail = MailRef { lead: LeadId(7), message: MessageId(8) };
        let ask = |key: &str, value: &str| Ask::Declared { key: key.into(), value: value.into() };
        assert_ne!(keys.question(&mail, &ask("ab", "c")), keys.question(&mail, &ask("a", "bc")));
        assert_eq!(keys.read_question(&keys.question(&mail, &ask(&"k".repeat(70_000), "v"))), None);
        assert_eq!(keys.read_question(&keys.unsubscribe(&mail)), None);
    }
}
