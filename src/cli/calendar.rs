//! `madoguchi calendar`: closed days out of other programs' calendars.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;

use super::Exit;
use super::screen::Language;
use crate::config::ics;

/// Take closed days over from other calendars
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Turn the events of an iCalendar file (.ics) into a calendar file
    #[command(after_help = "\
All-day events close their days, events with times close those hours; an event that repeats every year closes every
year. Other repetitions are named and left out. The result goes to standard output, or into a file that a desk names:

  madoguchi calendar import company.ics -o calendars/company.toml
  calendars = [\"calendars/company.toml\"]     in [[desk]] of madoguchi.toml
  madoguchi hours -c madoguchi.toml          to see it")]
    Import {
        /// The iCalendar file
        #[arg(value_name = "FILE.ics")]
        file: PathBuf,
        /// Write the calendar here; an existing file is not overwritten
        #[arg(short, long, value_name = "FILE.toml")]
        output: Option<PathBuf>,
        /// Time zone of the desk, for events with times
        #[arg(long, value_name = "ZONE", default_value = "Asia/Tokyo")]
        zone: String,
    },
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Action::Import { file, output, zone } = args.action;
    let name = file.display();
    let zone = TimeZone::get(&zone).with_context(|| format!("there is no time zone `{zone}`"))?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {name}"))?;
    let Some(import) = ics::read(&text, &zone) else { bail!("{name} is no iCalendar file") };
    let say = |ja, en| Language::of_locale().say(ja, en);
    for (line, why) in &import.left_out {
        anstream::eprintln!("{}: {name}:{line}: {why}", say("取り込めない予定", "left out"));
    }
    let toml = format!("# {name}\n{}", ics::toml(&import));
    match output {
        None => anstream::print!("{toml}"),
        Some(path) => {
            use std::io::Write as _;
            let shown = path.display();
            let mut file = std::fs::File::create_new(&path).with_context(|| format!("cannot write {shown}"))?;
            file.write_all(toml.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
            anstream::eprintln!("{shown}: {} {}", import.events.len(), say("件を取り込みました", "events taken over"));
        }
    }
    Ok(if import.left_out.is_empty() { Exit::Ok } else { Exit::Failed })
}
