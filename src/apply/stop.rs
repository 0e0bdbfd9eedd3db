//! The wish to stop, against servers that do not answer.

use std::time::Duration;

use tokio::sync::watch;

/// Returns when the end is asked for.
pub async fn stopped(stop: &watch::Receiver<bool>) {
    // An Err means that nobody is left who could ask.
    if stop.clone().wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// The outcome of `work`; none, and `work` is dropped, if it is not there `grace` after the end was asked for.
pub async fn unless_stopped<T>(
    stop: &watch::Receiver<bool>,
    grace: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let over = async {
        stopped(stop).await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = over => None,
    }
}
