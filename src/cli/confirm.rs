//! Asking before something is done to many people.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::{context::Context, failure::Failure};

/// Asks whoever sits at the terminal. Where nobody does, that it is refused, with `hint` on how to say so ahead.
///
/// # Errors
/// When the answer is not `yes`, or nobody can be asked.
pub(super) fn confirm(context: &Context, what: &str, hint: &str) -> Result<(), Failure> {
    let nobody = context.output.json || !io::stdin().is_terminal() || !io::stderr().is_terminal();
    if nobody {
        return Err(Failure::unconfirmed(format!("{what}; that was not confirmed")).hint(hint));
    }
    context.output.note(&format!("{what}. Write `yes` to go on:"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::environment(&error))?;
    if answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::unconfirmed("nothing was done"))
}
