//! The keys of `[[desk]]` that say whose findings about a sender are believed.

use super::check;
use super::reader::Table;
use crate::triage::context::{AuthProfile, Border};

const PROFILES: [(&str, AuthProfile); 3] =
    [("standard", AuthProfile::Standard), ("m365", AuthProfile::Microsoft365), ("google", AuthProfile::Google)];

/// `needed`: without any name that is believed, nobody would ever be proved.
pub fn read(table: &Table<'_>, needed: bool) -> Border {
    let profile = table.get("authentication_profile").map(|value| value.choice(&PROFILES));
    let (authserv, received_by) = match profile {
        None | Some(Some(AuthProfile::Standard)) => standard(table, needed),
        Some(Some(AuthProfile::Microsoft365 | AuthProfile::Google)) => provider(table),
        // The profile is what is wrong, not what is missing beside it.
        Some(None) => standard(table, false),
    };
    let profile = profile.flatten().unwrap_or_default();
    let arc_sealers = table.list("trusted_arc_sealers").into_iter().filter_map(check::domain);
    Border { profile, authserv, received_by, arc_sealers: arc_sealers.map(|domain| domain.value).collect() }
}

fn standard(table: &Table<'_>, needed: bool) -> (Option<String>, Option<String>) {
    let key = "trusted_authserv";
    let authserv = if needed { table.string(key) } else { table.optional_string(key) };
    let received_by = table.get("border_received_by").and_then(check::host);
    (authserv.map(|name| name.value), received_by.map(|host| host.value))
}

/// A provider's border is known: a name beside it would be believed by nobody.
fn provider(table: &Table<'_>) -> (Option<String>, Option<String>) {
    for key in ["trusted_authserv", "border_received_by"] {
        if let Some(value) = table.get(key) {
            let message = format!("`{key}` goes with authentication_profile = \"standard\" only");
            value.error_with(message, "the profiles `m365` and `google` know the provider's own servers");
        }
    }
    (None, None)
}
