//! The bar of an import, on standard error and only on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use crate::engine::import::Progress;

/// A bar of bytes with the rows so far beside it; invisible elsewhere than on a terminal.
pub(super) fn bar(output: &Output) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if !output.bars {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let template = "{bar:32} {percent:>3}%  {msg}  {per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        let style = style.with_key(
            "per_sec",
            |state: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
                let _ = write!(text, "{:.1} MB/s", state.per_sec() / 1e6);
            },
        );
        bar.set_style(style);
    }
    bar
}

/// What an import calls as it goes.
pub(super) fn moved(bar: &ProgressBar) -> impl Fn(Progress) + Send + 'static + use<> {
    let bar = bar.clone();
    move |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.bytes);
        bar.set_message(format!("{} rows", progress.rows));
    }
}
