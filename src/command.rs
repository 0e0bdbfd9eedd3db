//! Programs of staff's own that are run to tell somebody: the alarm of a desk's health, the alert of urgent mail.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// Nobody can be sure to have been told.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("the command ended with {0}")]
    Ended(ExitStatus),
    #[error("the command cannot be run: {0}")]
    NotRun(std::io::Error),
    #[error("the command takes longer than {} s", .0.as_secs())]
    TooLong(Duration),
}

/// Runs program and arguments, without a shell, with these variables besides our own. It reads nothing, what it prints is
/// dropped, and what it complains of (stderr) goes to the log. Without a program there is nothing to do.
///
/// # Errors
/// Any end but a good one. A command that takes longer than `limit` is killed.
pub async fn run(words: &[String], facts: &[(&str, &str)], limit: Duration) -> Result<(), CommandError> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments).envs(facts.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(limit, command.status()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(CommandError::Ended(status)),
        Ok(Err(error)) => Err(CommandError::NotRun(error)),
        Err(_) => Err(CommandError::TooLong(limit)),
    }
}
