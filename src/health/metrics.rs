//! The text format of Prometheus (version 0.0.4).

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{DeskHealth, Stage};

/// Name, what it says, and its value for a desk; desks without one are left out.
type Gauge = (&'static str, &'static str, fn(&DeskHealth) -> Option<f64>);

const GAUGES: [Gauge; 8] = [
    ("madoguchi_desk_healthy", "1: the desk gets on with its work.", |desk| {
        Some(if desk.trouble.is_none() { 1.0 } else { 0.0 })
    }),
    ("madoguchi_desk_undecided_mails", "Mails journalled and not decided.", |desk| Some(desk.backlog.undecided.into())),
    ("madoguchi_desk_oldest_undecided_timestamp_seconds", "When the oldest of them was journalled.", |desk| {
        desk.backlog.oldest_undecided.map(seconds)
    }),
    ("madoguchi_desk_unsent_answers", "Answers and forwards that are due and did not go out.", |desk| {
        Some(desk.backlog.unsent.into())
    }),
    ("madoguchi_desk_oldest_unsent_timestamp_seconds", "When the oldest of them was due.", |desk| {
        desk.backlog.oldest_unsent.map(seconds)
    }),
    ("madoguchi_desk_waiting_mails", "Mails that wait for the opening.", |desk| Some(desk.backlog.waiting.into())),
    ("madoguchi_desk_token_expires_timestamp_seconds", "When the first of the desk's OAuth tokens ends.", |desk| {
        desk.token_expires.map(seconds)
    }),
    ("madoguchi_desk_failures_total", "Failed rounds since the start; each was or is tried again.", |desk| {
        Some(desk.failures as f64)
    }),
];

pub(super) fn text(desks: &[DeskHealth]) -> String {
    let mut text = String::new();
    for (name, help, value) in GAUGES {
        head(&mut text, name, help);
        for desk in desks {
            if let Some(value) = value(desk) {
                _ = writeln!(text, "{name}{{desk=\"{}\"}} {value}", desk.desk);
            }
        }
    }
    let name = "madoguchi_desk_last_success_timestamp_seconds";
    head(&mut text, name, "When the desk last got through this stage.");
    for desk in desks {
        for (stage, at) in Stage::ALL.iter().filter_map(|stage| Some((stage, desk.last.get(stage)?))) {
            let value = seconds(*at);
            _ = writeln!(text, "{name}{{desk=\"{}\",stage=\"{}\"}} {value}", desk.desk, stage.as_str());
        }
    }
    text
}

/// Ids of desks are letters, digits, `-`, `_` and `.`: nothing to be escaped.
fn head(text: &mut String, name: &str, help: &str) {
    let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
    _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
