//! `/healthz` and `/metrics`, for monitors on this machine.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{DeskHealth, Health, metrics};

/// Answers until dropped.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(listen: SocketAddr, health: Health) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let router = Router::new().route("/healthz", get(healthz)).route("/metrics", get(all_metrics)).with_state(health);
    axum::serve(listener, router).await
}

/// 200 if every desk is well, 503 if one is not.
async fn healthz(State(health): State<Health>) -> Response {
    let Ok(desks) = health.look().await else { return no_store() };
    let well = desks.iter().all(|desk| desk.trouble.is_none());
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "healthy": well, "desks": desks.iter().map(object).collect::<Vec<Value>>() });
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

async fn all_metrics(State(health): State<Health>) -> Response {
    let Ok(desks) = health.look().await else { return no_store() };
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::text(&desks)).into_response()
}

fn no_store() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be asked\n").into_response()
}

fn object(desk: &DeskHealth) -> Value {
    json!({
        "desk": desk.desk,
        "healthy": desk.trouble.is_none(),
        "trouble": desk.trouble.map(|trouble| trouble.as_str()),
        "since": desk.trouble.and_then(|trouble| trouble.since()).map(|at| at.to_string()),
    })
}
