//! A command of the program, run to its end.

use std::process::Command;

use serde_json::Value;

use crate::site::Site;

#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Each line of the output as JSON.
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }
}

/// `words` with the site's configuration behind them.
pub fn tool(site: &Site, words: &[&str]) -> Said {
    tool_in("C.UTF-8", site, words)
}

pub fn tool_in(locale: &str, site: &Site, words: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
    command.args(words).arg("-c").arg(site.path("madoguchi.toml")).env("LC_ALL", locale);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
