//! Packs named on the command line, and the desk that decides by one: it knows its pack and nobody else.

use std::path::Path;

use crate::config::{self, Claims, Loaded, Problems};
use crate::triage::context::{DeskProfile, RequiredAuth};
use crate::triage::pack::Pack;

/// A pack of the binary by its id, or the folder `…/rules/<id>` beside `…/templates/<id>`; with what it claims.
pub fn pack(name: &str) -> Result<(Pack, Claims), Problems> {
    located(name, config::pack_with_claims)
}

/// [`pack`], with all its warnings.
pub fn check(name: &str) -> Result<Loaded, Problems> {
    located(name, config::check_pack)
}

fn located<T>(name: &str, load: impl Fn(Option<(&Path, &Path)>, &str) -> T) -> T {
    let path = Path::new(name);
    let named = path.file_name().and_then(|id| id.to_str()).filter(|_| path.is_dir());
    let Some(id) = named else { return load(None, name) };
    let rules = path.parent().unwrap_or(Path::new(""));
    let templates = match rules.parent() {
        Some(above) => above.join("templates"),
        None => Path::new("..").join("templates"),
    };
    load(Some((rules, &templates)), id)
}

/// A desk of this pack that asks for no proof of the sender.
pub fn profile(pack: &Pack) -> DeskProfile {
    DeskProfile {
        id: pack.id.clone(),
        name: pack.name.clone(),
        authentication: RequiredAuth::Off,
        label_prefix: "mado-".into(),
        ..DeskProfile::default()
    }
}
