//! The machine-readable form of a decision: one JSON object a line (docs/explain-json.md, version 1).
//!
//! Additions are free, changes are breaking.

use serde::Serialize;
use serde_json::{Value, json};

use crate::triage::decision::Decision;
use crate::triage::inquiry::Inquiry;

/// Version of this contract.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Section<'a> {
    kind: crate::triage::inquiry::SectionKind,
    text: &'a str,
}

/// The object for one mail.
pub fn object(file: &str, inquiry: &Inquiry, decision: &Decision) -> Value {
    let from = inquiry.from.first().cloned().unwrap_or_default();
    let attachments: Vec<&str> = inquiry.attachments.iter().map(|a| a.name.as_str()).collect();
    let sections: Vec<Section> =
        inquiry.sections.iter().map(|s| Section { kind: s.kind, text: inquiry.section_text(s) }).collect();
    let rules: Vec<&str> = decision.gate.hits.iter().map(|hit| hit.rule.as_str()).collect();
    let reasons: Vec<&str> = decision.reasons.iter().map(|reason| reason.code.as_str()).collect();
    json!({
        "version": VERSION,
        "file": file,
        "pack": decision.made_with.pack,
        "message_id": inquiry.message_id,
        "subject": inquiry.subject,
        "from": { "name": from.name, "address": from.address },
        "attachments": attachments,
        "sections": sections,
        "charset": inquiry.charset,
        "oddities": inquiry.oddities,
        "gate": { "verdict": decision.gate.verdict, "rules": rules },
        "disposition": decision.disposition,
        "reasons": reasons,
        "route": decision.route,
        "scopes": decision.scopes,
        "conduct": decision.conduct,
        "parts": decision.parts,
        "evidence": decision.evidence,
        "confidence": decision.confidence,
        "runner_up": decision.runner_up,
        "actions": decision.actions.iter().map(action).collect::<Vec<_>>(),
        "case": decision.case,
        "facts": decision.facts,
        "made_with": decision.made_with,
    })
}

/// An action with the keys every action has: `kind`, `template`, `to`, `at`, `labels`.
fn action(action: &crate::triage::decision::Action) -> Value {
    let mut object = serde_json::to_value(action).unwrap_or_default();
    if let Some(fields) = object.as_object_mut() {
        if let Some(to) = fields.get("to").and_then(|to| to.get("address")).cloned() {
            fields.insert("to".into(), to);
        }
        for key in ["template", "to", "at"] {
            fields.entry(key).or_insert(Value::Null);
        }
        fields.entry("labels").or_insert_with(|| json!([]));
    }
    object
}

/// The object for a file that could not be read.
pub fn error(file: &str, error: &str) -> Value {
    json!({ "version": VERSION, "file": file, "error": error })
}
