//! The form in which the store keeps what decisions remember.
//!
//! It is read and written whenever a lead is decided, and of all leads when a segment is counted: so it is
//! compact, [postcard](https://postcard.jamesmunns.com/wire-format): numbers take as many bytes as they need
//! and fields have no names. The first byte says which form it is.

use super::Memory;

/// The fields of [`Memory`] in their order, and of what is in it: [`Fact`](crate::domain::facts::Fact),
/// [`SentMail`](super::SentMail), [`Passage`](super::Passage), `Booked`, `Event` and its parts. Another order of
/// fields or variants, or another field, is another form; serde's `skip_serializing_if`, `default`, `flatten` and
/// `untagged` are of no use here. (What there is of `default` reads the JSON.)
const FORM: u8 = 1;
/// What was kept before there was a compact form: JSON.
const JSON: u8 = b'{';

/// A column of a lead that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the lead's {0} cannot be read")]
pub struct Unreadable(pub &'static str);

/// The fields of a stored memory in their order, each as postcard keeps it; `None` of one in another form.
pub(super) fn in_order(stored: &[u8]) -> Option<&[u8]> {
    stored.strip_prefix(&[FORM])
}

impl Memory {
    /// Adds the stored form to `bytes`.
    ///
    /// # Errors
    /// Never for a memory that can be made; the library has a word for it.
    pub fn pack(&self, mut bytes: Vec<u8>) -> postcard::Result<Vec<u8>> {
        bytes.push(FORM);
        postcard::to_extend(self, bytes)
    }

    /// # Errors
    /// [`Unreadable`]: cut off, changed, or of a newer program.
    pub fn unpack(bytes: &[u8]) -> Result<Self, Unreadable> {
        let memory = match bytes {
            [FORM, packed @ ..] => match postcard::take_from_bytes(packed) {
                Ok((memory, [])) => Some(memory),
                _ => None,
            },
            [JSON, ..] => serde_json::from_slice(bytes).ok(),
            _ => None,
        };
        memory.ok_or(Unreadable("memory"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        event::{Event, EventKind, Judgement, StepRef},
        facts::{Fact, Hit},
        id::{EnrolmentNo, MessageId, Rev},
        lead::{Passage, SentMail},
        score::{Booked, MilliPoints},
        time::Instant,
        value::Value,
    };

    fn at(millis: i64) -> Instant {
        Instant::from_millis(millis)
    }

    /// Nothing in it is empty.
    fn full() -> Memory {
        let hit = Hit { at: at(1000), counts_from: at(1020), rev: Rev(3) };
        let fact = Fact { first: Some(at(900)), count: 2, ring: [hit].into_iter().collect() };
        Memory {
            plan: -7,
            facts: [("page.visited /pricing".to_owned(), fact)].into(),
            segments: [("warm".into(), at(5))].into(),
            fit: MilliPoints(20_000),
            fit_rules: [("italian".into(), MilliPoints(20_000))].into(),
            booked: Booked { points: MilliPoints(-3), waiting: vec![Rev(4)] },
            withheld: ["lead → mql".into()].into(),
            at_the_door: [("reawaken".into(), at(6))].into(),
            passages: [(
                "welcome".into(),
                Passage { times: 2, entered_at: at(7), ended_at: Some(at(8)) },
            )]
            .into(),
            sends: vec![SentMail {
                message: Some(MessageId(9)),
                at: at(10),
                workflow: "welcome".into(),
                purpose: "insights".into(),
            }],
            received: [("cold/report".into(), at(11))].into(),
            unsettled: [Judgement::Human, Judgement::Machine, Judgement::Unsure]
                .map(|judgement| Event {
                    rev: Rev(12),
                    kind: EventKind::PAGE_VISITED,
                    object: Some("/x".into()),
                    occurred_at: at(13),
                    recorded_at: at(14),
                    judgement,
                    settles_at: Some(at(15)),
                    message: Some(MessageId(17)),
                    about: Some(StepRef {
                        enrolment: EnrolmentNo(18),
                        step: "one".into(),
                        visit: 2,
                    }),
                    revises: Some(Rev(19)),
                    data: [
                        ("a".into(), Value::Text("b".into())),
                        ("c".into(), Value::Number(1.5)),
                        ("d".into(), Value::Bool(true)),
                        ("e".into(), Value::Date(at(20))),
                    ]
                    .into(),
                })
                .into(),
            next_enrolment: EnrolmentNo(16),
            reflected: Rev(0),
        }
    }

    const FORM_1: &str = "010d0115706167652e76697369746564202f70726963696e6701880e0201d00f062801047761\
         726d0ac0b80201076974616c69616ec0b802050108010c6c65616420e28692206d716c010872\
         656177616b656e0c010777656c636f6d65020e0110010112140777656c636f6d6508696e7369\
         67687473010b636f6c642f7265706f72741603180c706167652e7669736974656401022f781a\
         1c00011e01220124036f6e65020126040161000162016301000000000000f83f016402010165\
         0328180c706167652e7669736974656401022f781a1c01011e01220124036f6e650201260401\
         61000162016301000000000000f83f0164020101650328180c706167652e7669736974656401\
         022f781a1c02011e01220124036f6e65020126040161000162016301000000000000f83f0164\
         02010165032820";

    /// If this fails, the order or the type of a field is another: leads in databases would be read
    /// wrongly. Make it another form, and keep reading this one.
    #[test]
    fn the_form_is_the_one_that_is_in_databases() {
        let bytes = full().pack(Vec::new()).unwrap();
        let hex = format!("{bytes:02x?}").replace(['[', ',', ' ', ']'], "");
        assert_eq!(hex, FORM_1);
        assert_eq!(Memory::unpack(&bytes), Ok(full()));
    }

    #[test]
    fn what_was_kept_before_is_still_read() {
        let json = r#"{"plan":-7,"reflected":3,"facts":{"page.visited":{"f":900,"n":2,"h":[[1000,3,20]]}},
            "fit":20000,"booked":{"p":-3},"passages":{"welcome":{"n":2,"e":7}},
            "sends":[{"at":10,"workflow":"welcome","purpose":"insights"}],"next_enrolment":16}"#;
        let memory = Memory::unpack(json.as_bytes()).unwrap();
        assert_eq!((memory.plan, memory.next_enrolment), (-7, EnrolmentNo(16)));
        assert_eq!(memory.facts["page.visited"].ring[0].counts_from, at(1020));
        assert_eq!(
            (memory.passages["welcome"].times, memory.passages["welcome"].ended_at),
            (2, None)
        );
        assert_eq!((memory.sends[0].message, memory.booked.points), (None, MilliPoints(-3)));
        assert_eq!(Memory::unpack(b"{}"), Ok(Memory::default()));
    }

    proptest! {
        #[test]
        fn what_is_cut_off_or_changed_is_refused_or_read_and_never_panics(
            cut in 0..800_usize,
            place in 0..800_usize,
            byte: u8,
        ) {
            let mut bytes = full().pack(Vec::new()).unwrap();
            let whole = bytes.len();
            prop_assert_eq!(Memory::unpack(&bytes[..cut.min(whole)]).is_ok(), cut >= whole);
            bytes[place % whole] = byte;
            let _ = Memory::unpack(&bytes);
            bytes.push(0);
            let _ = Memory::unpack(&bytes);
        }
    }
}
