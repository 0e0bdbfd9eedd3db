//! What templates may meet (see `triage::reply`): all there is to say, all but one thing, and only what is always there.

use serde_json::{Value, json};

use super::templates::FLOW_MAILS;
use crate::triage::pack::Clause;

/// What mails may lack, and the mails that never lack it.
const MAIL_LACKS: [(&str, &[&str]); 13] = [
    ("/subject", &[]),
    ("/parts", &["answer"]),
    ("/opening", &[]),
    ("/partner/hours", &[]),
    ("/partner", &["forward", "redirect"]),
    ("/reference", &[]),
    ("/notices", &["notice"]),
    ("/guide", &[]),
    ("/flow/end", &["flow-end"]),
    ("/flow/first", &[]),
    ("/flow/deadline", &[]),
    ("/flow", &FLOW_MAILS),
    ("/urgent", &["alert"]),
];

pub fn of_mail(mail: &str) -> Vec<Value> {
    let part = json!({"clause": "x", "title": "x", "kind": "in-scope", "text": "x", "needs": ["x"],
        "links": [{"title": "x", "url": "x"}], "department": {"name": "x", "contact": "x"}});
    let outside = json!({"clause": "x", "title": "x", "kind": "out-of-scope", "text": "x", "needs": [], "links": [],
        "department": null});
    let full = json!({"desk_name": "x", "signature": "x", "pack_name": "x", "subject": "x", "parts": [part, outside],
        "opening": "x", "partner": {"name": "x", "contact": "x", "hours": "x", "phone_support": true}, "reference": "x",
        "notices": ["x"], "guide": "x", "today": "2026-11-20", "flow": flow(), "memo": ["x"],
        "urgent": {"title": "x", "article": "x"}});
    let lacks = MAIL_LACKS.iter().filter(|(_, never)| !never.contains(&mail));
    lacking(&full, &lacks.map(|(path, _)| *path).collect::<Vec<_>>())
}

pub fn of_part(clause: &Clause) -> Vec<Value> {
    let links: Vec<Value> = clause.links.iter().map(|link| json!({"title": link.title, "url": link.url})).collect();
    let department = clause.department.as_ref().map(|_| json!({"name": "x", "contact": "x"}));
    let full = json!({"title": clause.title, "links": links, "department": department, "today": "2026-11-20",
        "flow": flow()});
    lacking(&full, &["/flow/steps", "/flow/end", "/flow"])
}

pub fn of_notice() -> Vec<Value> {
    let full = json!({"desk_name": "x", "text": "x", "text_english": "x", "from": "x", "until": "x", "date": "x",
        "over": true, "matters": ["x"]});
    lacking(&full, &["/text_english", "/until", "/date", "/over", "/matters"])
}

fn flow() -> Value {
    let step = json!({"id": "x", "text": "x", "how": ["x"], "again": true});
    json!({"title": "x", "steps": [step], "end": "x", "first": true, "deadline": "x"})
}

/// In both languages.
fn lacking(full: &Value, lacks: &[&str]) -> Vec<Value> {
    let bare = lacks.iter().fold(full.clone(), |context, path| without(context, path));
    let all = lacks.iter().map(|path| without(full.clone(), path)).chain([full.clone(), bare]);
    let said = |mut context: Value, english: bool| {
        context["english"] = english.into();
        context
    };
    all.flat_map(|context| [said(context.clone(), false), said(context, true)]).collect()
}

fn without(mut context: Value, path: &str) -> Value {
    if let Some(value) = context.pointer_mut(path) {
        *value = match value {
            Value::Array(_) => json!([]),
            Value::Bool(_) => json!(false),
            // The one text that is empty where there is none.
            _ if path == "/subject" => json!(""),
            _ => Value::Null,
        };
    }
    context
}
