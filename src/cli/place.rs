//! Which configuration and which of its desks a command is about.

use std::path::PathBuf;

use anyhow::bail;

use crate::config::{Config, Desk};

#[derive(Debug, clap::Args)]
pub struct Place {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    pub config: PathBuf,
    /// Only this desk; else all
    #[arg(long, value_name = "DESK")]
    pub desk: Option<String>,
}

impl Place {
    /// The desk that is named, or all.
    ///
    /// # Errors
    /// There is no such desk.
    pub fn desks<'a>(&self, config: &'a Config) -> anyhow::Result<Vec<&'a Desk>> {
        let named = |desk: &&Desk| self.desk.as_ref().is_none_or(|id| *id == desk.profile.id);
        let desks: Vec<&Desk> = config.desks.iter().filter(named).collect();
        if desks.is_empty() {
            let all: Vec<&Desk> = config.desks.iter().collect();
            bail!("{} has no such desk; it has: {}", self.config.display(), ids(&all).join(", "));
        }
        Ok(desks)
    }
}

/// Their names in the configuration.
pub fn ids<'a>(desks: &[&'a Desk]) -> Vec<&'a str> {
    desks.iter().map(|desk| desk.profile.id.as_str()).collect()
}
