//! Patterns of `matches`: what they take when compiled is bounded, of one and of all together.

use std::cell::Cell;

use regex::{Regex, RegexBuilder};

/// How large a compiled pattern may be, in bytes. They are tried in turn and each try is charged: what
/// does not fit took its time, too.
const SIZES: [usize; 4] = [4 << 10, 16 << 10, 64 << 10, 256 << 10];
/// What all patterns of a campaign may be charged together, in bytes.
const ALL: usize = 16 << 20;

/// The room that is left for compiled patterns. One for all conditions that are compiled together.
#[derive(Debug)]
pub struct PatternRoom(Cell<usize>);

impl Default for PatternRoom {
    fn default() -> Self {
        Self(Cell::new(ALL))
    }
}

impl PatternRoom {
    /// Compiles a pattern, if it is one and there is room for it.
    ///
    /// # Errors
    /// What to say of it.
    pub(super) fn compile(&self, pattern: &str) -> Result<Regex, String> {
        for size in SIZES {
            let Some(left) = self.0.get().checked_sub(size) else {
                let all = ALL >> 20;
                return Err(format!("the patterns of all conditions take more than {all} MB"));
            };
            self.0.set(left);
            let built = RegexBuilder::new(pattern)
                .size_limit(size)
                .dfa_size_limit(SIZES[SIZES.len() - 1])
                .nest_limit(50)
                .build();
            match built {
                Ok(regex) => return Ok(regex),
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(other) => {
                    let text = other.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    return Err(format!("not a pattern: {}", last.trim_start_matches("error: ")));
                }
            }
        }
        Err("this pattern is too large".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_charged_about_what_it_takes() {
        let room = PatternRoom::default();
        room.compile("^IT").unwrap();
        assert_eq!(ALL - room.0.get(), SIZES[0]);
        room.compile("\\w{5}").unwrap();
        let tried: usize = SIZES.iter().sum();
        assert_eq!(ALL - room.0.get(), SIZES[0] + tried);
        assert!(room.compile("\\w{9999}").unwrap_err().contains("this pattern"));
        assert_eq!(ALL - room.0.get(), SIZES[0] + 2 * tried);
        assert!(room.compile("(").unwrap_err().contains("not a pattern"));
        room.0.set(SIZES[0] - 1);
        assert!(room.compile("^IT").unwrap_err().contains("all conditions"));
    }
}
