//! Alerts by command: staff's own program is told of an urgent mail.

use std::time::Duration;

use tracing::{error, info, warn};

use super::{Hands, retry};
use crate::command::{self, CommandError};
use crate::store::{EffectRow, Outcome};
use crate::triage::decision::Alert;

/// The desk does nothing else meanwhile, and a stop waits as long.
const LIMIT: Duration = Duration::from_secs(10);

impl Hands<'_> {
    /// Runs the command of today's configuration: a wrong one can be mended while it is tried again.
    pub(super) async fn call(&self, row: &EffectRow, alert: &Alert) -> Outcome {
        let outcome = match self.run(row, alert).await {
            Ok(()) => Outcome::Done { note: Some("the command ended well".into()) },
            Err(error) => retry::call(row, error.to_string(), self.clock.now()),
        };
        let (mail, seq) = (row.mail_id, row.seq);
        match &outcome {
            Outcome::RetryAt { reason, .. } => {
                warn!(event = "alert-failed", %mail, seq, reason, "staff not alerted by command yet");
            }
            Outcome::GivenUp { reason } => {
                error!(event = "alert-failed", %mail, seq, reason, "staff not alerted by command: given up");
            }
            _ => info!(event = "alert", %mail, seq, "staff alerted by command"),
        }
        outcome
    }

    async fn run(&self, row: &EffectRow, alert: &Alert) -> Result<(), CommandError> {
        let number = row.mail_id.to_string();
        let facts = [
            ("MADOGUCHI_DESK", self.desk),
            ("MADOGUCHI_ALERT", &alert.title),
            ("MADOGUCHI_ARTICLE", &alert.article),
            ("MADOGUCHI_RECEIPT", &alert.receipt),
            ("MADOGUCHI_MAIL", &number),
        ];
        command::run(self.alert_command, &facts, LIMIT).await
    }
}
