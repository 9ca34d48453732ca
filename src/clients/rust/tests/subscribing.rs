//! Subscriptions, credit, resume, gaps, queries and requests, with a daemon that a test plays.

mod daemons;

use daemons::*;
use nexusd_client::{
    Client, ConnectionState, ErrorKind, Message, Overflow, PublishRequest, Strategy, SubscribeOptions, Subscription,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn opened(daemon: &FakeDaemon, client: &Client) -> (Connection, Subscription, u32) {
    let stream = client.subscribe(&["a/#"]).await.unwrap();
    let mut connection = daemon.welcome().await;
    let subscribe = connection.take_subscription().await;
    soon(stream.ready()).await.unwrap();
    (connection, stream, subscribe.id)
}

async fn next(stream: &mut Subscription) -> Message {
    soon(stream.next()).await.expect("The stream goes on.")
}

#[tokio::test]
async fn mistakes_are_told_where_they_are_made() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let too_many = vec!["a"; 1025];
    let cases: [(&[&str], SubscribeOptions); 6] = [
        (&[], SubscribeOptions::new()),
        (&["a#"], SubscribeOptions::new()),
        (&["a", ""], SubscribeOptions::new()),
        (&["$share/g/a", "b"], SubscribeOptions::new()),
        (&["a"], SubscribeOptions::new().group("a/b+")),
        (&too_many, SubscribeOptions::new()),
    ];
    for (filters, options) in cases {
        let error = client.subscribe_with(filters, options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Subscribe, "{error}");
    }
    let small = SubscribeOptions::new().receive_buffer_bytes(1000);
    assert_eq!(client.subscribe_with(&["a"], small).await.unwrap_err().kind(), ErrorKind::Argument);
}

#[tokio::test]
async fn asks_for_what_the_options_say() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let options = SubscribeOptions::new()
        .receive_retained(false)
        .group("g")
        .strategy(Strategy::RoundRobin)
        .overflow(Overflow::Block)
        .block_timeout(Duration::from_millis(1500))
        .queue_events(10)
        .queue_bytes(20)
        .receive_buffer_bytes(70_000);
    let _stream = client.subscribe_with(&["a/+", "b".to_string().as_str()], options).await.unwrap();
    let bytes = daemon.welcome().await.until(SUBSCRIBE).await;
    let asked = Subscribe::read(&bytes);
    assert_eq!(asked.filters, ["$share/g/a/+", "$share/g/b"]);
    assert_eq!((asked.flags, asked.credit, asked.resume), (1, 70_000, None));
    assert_eq!((u32_at(&bytes, 16), u32_at(&bytes, 20)), (10, 20));
    let list = &bytes[24..24 + usize::from(u16_at(&bytes, 6))];
    assert_eq!(find_property(list, 0x40).unwrap(), [2]);
    assert_eq!(find_property(list, 0x41).unwrap(), 1500_u32.to_le_bytes());
    assert_eq!(find_property(list, 0x42).unwrap(), [1]);
}

#[tokio::test]
async fn a_refusal_of_the_daemon_ends_the_stream() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let mut stream = client.subscribe(&["a"]).await.unwrap();
    let mut connection = daemon.welcome().await;
    let id = Subscribe::read(&connection.until(SUBSCRIBE).await).id;
    connection.subscribed(15, id, "not yours").await;
    let error = soon(stream.ready()).await.unwrap_err();
    assert_eq!((error.kind(), error.code().unwrap().0), (ErrorKind::Subscribe, 15));
    assert!(error.to_string().contains("not yours"));
    assert!(soon(stream.next()).await.is_none());
    assert_eq!(stream.error().unwrap().code().unwrap().0, 15);
}

#[tokio::test]
async fn gives_events_one_by_one_and_in_batches() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let (mut connection, mut stream, id) = opened(&daemon, &client).await;
    connection.send(&frame(TOPIC, 0, 0, b"\x07\0\0\0a/seven")).await;
    let mut by_alias = deliver(id, "x", 50, 0x04, &[b"r"]);
    by_alias.splice(40..44, []);
    by_alias[0] -= 4;
    by_alias[6] = 0;
    by_alias[12] = 7;
    connection.send(&by_alias).await;
    let run = deliver(id, "a/b", 10, 0x08, &[b"1", b"", b"333"]);
    // Byte by byte: the stream may be split anywhere.
    for byte in &run {
        connection.send(&[*byte]).await;
    }
    connection.send(&deliver(id + 5, "a/b", 1, 0, &[b"of another"])).await;
    connection.send(&deliver(id, "a/c", 20, 0, &[b"4", b"5"])).await;
    let retained = next(&mut stream).await;
    assert_eq!((&*retained.topic, &retained.payload[..]), ("a/seven", &b"r"[..]));
    assert!(retained.is_retained() && !retained.is_replayed());
    let first = next(&mut stream).await;
    assert_eq!((first.publisher(), first.number(), first.timestamp()), (9, 10, 10 << 16));
    assert!(first.is_replayed() && first.payload == "1");
    let mut rest = Vec::new();
    while rest.len() < 4 {
        let batch = soon(stream.next_batch()).await.unwrap();
        assert_eq!(batch.iter().count(), batch.len());
        rest.extend(batch.iter().map(|event| (event.topic().to_owned(), event.number(), event.payload().to_vec())));
    }
    let expected = [("a/b", 11, &b""[..]), ("a/b", 12, b"333"), ("a/c", 20, b"4"), ("a/c", 21, b"5")];
    let expected: Vec<_> = expected.iter().map(|(topic, at, data)| (topic.to_string(), *at, data.to_vec())).collect();
    assert_eq!(rest, expected);
    assert_eq!(client.statistics().received, 6);
}

#[tokio::test]
async fn a_subscription_is_a_stream() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let (mut connection, mut stream, id) = opened(&daemon, &client).await;
    connection.send(&deliver(id, "a", 1, 0, &[b"1"])).await;
    let polled = NextOf(&mut stream);
    assert_eq!(soon(polled).await.unwrap().payload, "1");
}

#[tokio::test]
async fn credit_follows_what_the_application_takes() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let options = SubscribeOptions::new().receive_buffer_bytes(80_000);
    let mut stream = client.subscribe_with(&["a"], options).await.unwrap();
    let mut connection = daemon.welcome().await;
    let subscribe = connection.take_subscription().await;
    assert_eq!(subscribe.credit, 80_000);
    let one = deliver(subscribe.id, "a", 1, 0, &[&[b'x'; 1000]]);
    let mut sent = 0;
    while sent < 80_000 {
        connection.send(&one).await;
        sent += one.len();
    }
    // Nothing is given back before something is taken: the answer to a ping comes first.
    connection.send(&frame(PING, 0, 0, b"12345678")).await;
    assert_eq!(connection.frame().await[4], PONG);
    let mut taken = 0;
    while taken + one.len() < 80_000 / 8 {
        next(&mut stream).await;
        taken += one.len();
    }
    next(&mut stream).await;
    let credit = connection.frame().await;
    assert_eq!((credit[4], u32_at(&credit, 8)), (CREDIT, subscribe.id));
    let granted = u32_at(&credit, 12) as usize;
    assert!((80_000 / 8 - one.len()..=80_000 / 8 + one.len()).contains(&granted), "{granted}");
    // A reader that is slow holds up nobody else.
    let mut other = client.subscribe(&["b"]).await.unwrap();
    let id = connection.take_subscription().await.id;
    connection.send(&deliver(id, "b", 1, 0, &[b"quick"])).await;
    assert_eq!(next(&mut other).await.payload, "quick");
    // A new connection starts with what fits beside what still waits.
    drop(connection);
    let mut connection = daemon.welcome().await;
    let credits = [connection.take_subscription().await, connection.take_subscription().await];
    let again = credits.iter().find(|one| one.id == subscribe.id).unwrap().credit as usize;
    assert!(again < granted + 2 * one.len() && again >= 1, "{again}");
}

#[tokio::test]
async fn resumes_where_it_was() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let (mut connection, mut stream, id) = opened(&daemon, &client).await;
    connection.send(&deliver(id, "a", 10, 0, &[b"1", b"2"])).await;
    connection.send(&deliver(id, "a", 90, 0x04, &[b"retained"])).await;
    next(&mut stream).await;
    next(&mut stream).await;
    next(&mut stream).await;
    let _without = client.subscribe_with(&["b"], SubscribeOptions::new().resume(false)).await.unwrap();
    connection.take_subscription().await;
    connection.send(&frame(PING, 0, 0, b"12345678")).await;
    connection.until(PONG).await;
    drop(connection);
    let mut connection = daemon.welcome().await;
    let mut asked = [connection.take_subscription().await, connection.take_subscription().await];
    asked.sort_by_key(|one| one.id);
    let resume = asked[0].resume.as_ref().unwrap();
    assert_eq!(resume.len(), 8 + 25);
    assert_eq!((u64_at(resume, 8), u64_at(resume, 16), u64_at(resume, 24), resume[32]), (9, 11, 10 << 16, 0));
    assert_eq!(asked[1].resume, None);
    connection.send(&deliver(id, "a", 12, 0x08, &[b"missed"])).await;
    let replayed = next(&mut stream).await;
    assert!(replayed.is_replayed() && replayed.number() == 12);
}

#[tokio::test]
async fn a_subscription_that_was_not_confirmed_does_not_resume() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let stream = client.subscribe(&["a"]).await.unwrap();
    daemon.welcome().await.until(SUBSCRIBE).await;
    let mut connection = daemon.welcome().await;
    assert_eq!(connection.take_subscription().await.resume, None);
    soon(stream.ready()).await.unwrap();
}

#[tokio::test]
async fn restores_before_anything_else_is_sent() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let (connection, _stream, _) = opened(&daemon, &client).await;
    drop(connection);
    until_state(&client, ConnectionState::Reconnecting).await;
    client.publish("x", "1").await.unwrap();
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.query("status").await }
    });
    let mut connection = daemon.accept().await;
    tokio::task::yield_now().await;
    connection.welcome(&Welcome::default()).await;
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let frame = connection.frame().await;
        if frame[4] == QUERY {
            let answer = [&frame[8..12], br#"{"ok":1}"#].concat();
            connection.send(&daemons::frame(0x46, 0, 0, &answer)).await;
        }
        if frame[4] != TOPIC {
            kinds.push(frame[4]);
        }
    }
    let place = |kind: u8| kinds.iter().position(|one| *one == kind).unwrap();
    assert!(place(SUBSCRIBE) < place(PUBLISH), "{kinds:?}");
    assert_eq!(soon(asking).await.unwrap().unwrap(), r#"{"ok":1}"#);
}

#[tokio::test]
async fn queries_are_asked_again_and_may_be_refused() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    assert_eq!(client.query("").await.unwrap_err().kind(), ErrorKind::Query);
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.query("nonsense").await }
    });
    daemon.welcome().await.until(QUERY).await;
    let mut connection = daemon.welcome().await;
    let query = connection.until(QUERY).await;
    assert_eq!(&query[12..], b"nonsense");
    connection.send(&frame(0x46, 0, 21, &[&query[8..12], b"try status"].concat())).await;
    let error = soon(asking).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Query, "try status".to_owned()));
}

#[tokio::test]
async fn gaps_are_told_by_a_callback() {
    let daemon = FakeDaemon::listen().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let gaps = Arc::clone(&told);
    let callback = move |gap: nexusd_client::Gap| {
        gaps.lock().unwrap().push(format!(
            "{:?} {} {}-{} {} {} {}",
            gap.filters, gap.publisher, gap.from, gap.to, gap.count, gap.reason, gap.node
        ));
    };
    let client = daemon.builder().on_gap(callback).connect().await.unwrap();
    let (mut connection, mut stream, id) = opened(&daemon, &client).await;
    connection.send(&gap(0x45, id, 1, 3, 9, 5)).await;
    connection.send(&gap(0x45, id, 77, 10, 10, 1)).await;
    connection.send(&gap(0x45, id + 9, 1, 3, 9, 5)).await;
    connection.send(&deliver(id, "a", 11, 0, &[b"x"])).await;
    next(&mut stream).await;
    let expected = [r#"["a/#"] 9 3-9 5 queue_full node-1"#, r#"["a/#"] 9 10-10 1 reason_77 node-1"#];
    assert_eq!(*told.lock().unwrap(), expected);
    assert_eq!(client.statistics().lost, 11);
}

#[tokio::test]
async fn leaving_unsubscribes_and_late_events_are_ignored() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let (mut connection, stream, id) = opened(&daemon, &client).await;
    stream.unsubscribe();
    assert_eq!(u32_at(&connection.until(UNSUBSCRIBE).await, 8), id);
    connection.send(&deliver(id, "a", 1, 0, &[b"late"])).await;
    connection.send(&frame(PING, 0, 0, b"12345678")).await;
    connection.until(PONG).await;
    drop(connection);
    // It is not opened again.
    until_state(&client, ConnectionState::Reconnecting).await;
    client.publish("x", "1").await.unwrap();
    let mut connection = daemon.welcome().await;
    loop {
        let frame = connection.frame().await;
        assert_ne!(frame[4], SUBSCRIBE);
        if frame[4] == PUBLISH {
            break;
        }
    }
}

#[tokio::test]
async fn a_read_that_is_cancelled_loses_nothing() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let (mut connection, mut stream, id) = opened(&daemon, &client).await;
    let cancelled = tokio::time::timeout(Duration::from_millis(1), stream.next()).await;
    assert!(cancelled.is_err());
    connection.send(&deliver(id, "a", 1, 0, &[b"1", b"2"])).await;
    assert_eq!(next(&mut stream).await.number(), 1);
    assert_eq!(next(&mut stream).await.number(), 2);
}

#[tokio::test]
async fn requests_share_one_subscription() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let ask = |payload: &'static str, timeout| {
        let client = client.clone();
        tokio::spawn(async move { client.request_within(PublishRequest::new("q", payload), timeout).await })
    };
    let first = ask("1", Duration::from_secs(20));
    let mut connection = daemon.welcome().await;
    let bytes = connection.until(SUBSCRIBE).await;
    let inbox = Subscribe::read(&bytes);
    assert_eq!((inbox.flags, inbox.credit), (1, 0));
    let prefix = inbox.filters[0].strip_suffix('*').unwrap().to_owned();
    assert_eq!(prefix.len(), "$reply/".len() + 16 + 1);
    connection.subscribed(0, inbox.id, "").await;
    let request = connection.until(PUBLISH).await;
    let list = &request[12..12 + usize::from(u16_at(&request, 6))];
    let reply_topic = String::from_utf8(find_property(list, 0x07).unwrap()).unwrap();
    assert!(reply_topic.starts_with(&prefix) && find_property(list, 0x03).is_some());
    // A reply may come before the acknowledgement.
    connection.send(&deliver(inbox.id, &reply_topic, 1, 0, &[b"answer"])).await;
    connection.ack(0, 1, 1, 1).await;
    assert_eq!(soon(first).await.unwrap().unwrap().payload, "answer");

    let nobody = ask("2", Duration::from_secs(20));
    connection.until(PUBLISH).await;
    connection.ack(0, 2, 1, 0).await;
    assert_eq!(soon(nobody).await.unwrap().unwrap_err().kind(), ErrorKind::NoResponder);

    let late = ask("3", Duration::from_millis(50));
    connection.until(PUBLISH).await;
    connection.ack(0, 3, 1, 1).await;
    assert_eq!(soon(late).await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    connection.send(&deliver(inbox.id, &format!("{prefix}3"), 2, 0, &[b"late"])).await;
    let bad = client.request("q/#", "x").await.unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::Publish);
}

#[tokio::test]
async fn a_reply_is_published_again_until_somebody_gets_it() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let (mut connection, mut stream, id) = opened(&daemon, &client).await;
    let mut asked = deliver(id, "a/q", 1, 0, &[b"?"]);
    let mut extra = Vec::new();
    property(&mut extra, 0x03, b"id-7");
    property(&mut extra, 0x07, b"$reply/0123456789abcdef/1");
    let at = 40 + usize::from(u16_at(&asked, 6));
    asked[0] += extra.len() as u8;
    asked[6] += extra.len() as u8;
    asked.splice(at..at, extra);
    connection.send(&asked).await;
    connection.send(&deliver(id, "a/q", 2, 0, &[b"no request"])).await;
    let request = next(&mut stream).await;
    let replying = tokio::spawn({
        let client = client.clone();
        async move { client.reply(&request, "!").await }
    });
    for (number, local) in [(1, 0), (2, 0), (3, 1)] {
        let bytes = connection.until(PUBLISH).await;
        let reply = Publish::read(&bytes);
        assert_eq!((reply.alias, reply.topic.as_deref()), (0, Some("$reply/0123456789abcdef/1")));
        assert_eq!(find_property(&bytes[12..12 + usize::from(u16_at(&bytes, 6))], 0x03).unwrap(), b"id-7");
        connection.ack(0, number, 1, local).await;
    }
    assert_eq!(soon(replying).await.unwrap().unwrap().local, 1);
    let other = next(&mut stream).await;
    assert_eq!(client.reply(&other, "x").await.unwrap_err().kind(), ErrorKind::Argument);
}

/// What the adapters of other crates do with a stream.
struct NextOf<'a>(&'a mut Subscription);

impl std::future::Future for NextOf<'_> {
    type Output = Option<Message>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        futures_core::Stream::poll_next(std::pin::Pin::new(&mut *self.0), cx)
    }
}
