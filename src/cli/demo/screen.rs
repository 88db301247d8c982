//! Where the story is told while it runs: standard error, with a bar of the weeks at its foot and colours on a
//! terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::Output;

/// What a line is about, as a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hue {
    Plain,
    Title,
    Faint,
    Hot,
    Good,
    Bad,
}

pub struct Screen<'o> {
    output: &'o Output,
    bar: ProgressBar,
}

impl<'o> Screen<'o> {
    pub fn new(output: &'o Output, weeks: u32) -> Self {
        let bar = ProgressBar::new(u64::from(weeks) * 7);
        if !output.bars || output.json {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{bar:26} {msg}") {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏░"));
        }
        Self { output, bar }
    }

    pub fn line(&self, hue: Hue, text: &str) {
        let text = if self.output.error_colour { coloured(hue, text) } else { text.to_owned() };
        if self.bar.is_hidden() {
            self.output.note(&text);
        } else {
            self.bar.println(text);
        }
    }

    /// So many days of the story are told.
    pub fn moves(&self, days: u64, text: String) {
        self.bar.set_message(text);
        self.bar.set_position(days);
    }

    pub fn ends(&self) {
        self.bar.finish_and_clear();
    }
}

fn coloured(hue: Hue, text: &str) -> String {
    let code = match hue {
        Hue::Plain => return text.to_owned(),
        Hue::Title => "1",
        Hue::Faint => "2",
        Hue::Hot => "1;33",
        Hue::Good => "32",
        Hue::Bad => "31",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
