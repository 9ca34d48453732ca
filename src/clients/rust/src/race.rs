//! Waiting for several things at once, without macros.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Which of two came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Either {
    First,
    Second,
}

/// A future that asks a function.
pub(crate) struct PollFn<F> {
    ask: F,
}

impl<F> Unpin for PollFn<F> {}

pub(crate) fn poll_fn<T, F: FnMut(&mut Context<'_>) -> Poll<T>>(ask: F) -> PollFn<F> {
    PollFn { ask }
}

impl<T, F: FnMut(&mut Context<'_>) -> Poll<T>> Future for PollFn<F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        (self.ask)(cx)
    }
}

/// The value of a future, unless another one is done before.
pub(crate) async fn unless<T>(wanted: impl Future<Output = T>, ended: impl Future<Output = ()>) -> Option<T> {
    tokio::pin!(wanted);
    tokio::pin!(ended);
    poll_fn(|cx| {
        if let Poll::Ready(value) = wanted.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        ended.as_mut().poll(cx).map(|()| None)
    })
    .await
}
