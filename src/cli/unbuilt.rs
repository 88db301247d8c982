//! Commands that are not built yet: they say so and fail.

use super::failure::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(super) fn failure(command: &str) -> Failure {
    Failure::usage(format!("`nurtured {command}` is not built yet"))
}
