//! `nurtured completions SHELL`: what a shell needs to complete our commands and options.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, context::Context, failure::Failure};

/// Prints a script for a shell; where it goes, the shell's manual says.
///
/// For bash: nurtured completions bash > /usr/share/bash-completion/completions/nurtured
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "nurtured", &mut script);
    context.output.print(|out| std::io::Write::write_all(out, &script))
}
