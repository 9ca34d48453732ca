//! Runs, numbers, acknowledgements, replay and the publish buffer, with a daemon that a test plays.

mod daemons;

use daemons::*;
use nexusd_client::{Client, ErrorKind, Priority, PublishRequest, PublishResult};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

fn publish_with(client: &Client, request: PublishRequest) -> JoinHandle<Result<PublishResult, nexusd_client::Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.publish_with(request).await })
}

fn flush(client: &Client) -> JoinHandle<Result<(), nexusd_client::Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.flush().await })
}

#[tokio::test]
async fn mistakes_are_told_where_they_are_made() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    for topic in ["", "a/*", "$nexusd/x", "$reply", "a\0b", &"x".repeat(1025), &"/".repeat(64)] {
        assert_eq!(client.publish(topic, "x").await.unwrap_err().kind(), ErrorKind::Publish, "{topic}");
        assert_eq!(client.try_publish(topic, "x").unwrap_err().code().unwrap().0, 6);
        assert_eq!(client.publish_many(topic, &["x"]).await.unwrap_err().kind(), ErrorKind::Publish);
        let request = PublishRequest::new(topic, "x");
        assert_eq!(client.publish_with(request).await.unwrap_err().kind(), ErrorKind::Publish);
    }
    let large = vec![0; 4_194_305];
    assert_eq!(client.publish("a", &large).await.unwrap_err().code().unwrap().0, 4);
    assert_eq!(client.publish_many("a", &[vec![], large]).await.unwrap_err().taken(), 0);
    assert_eq!(client.statistics().published, 0);
}

#[tokio::test]
async fn consecutive_events_of_a_topic_become_one_run() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    for payload in ["1", "2", "3"] {
        client.publish("a", payload).await.unwrap();
    }
    client.publish("b", "4").await.unwrap();
    client.try_publish("a", "5").unwrap();
    let high = || PublishRequest::new("a", "6").priority(Priority::High).retain(true);
    client.enqueue(high()).await.unwrap();
    client.enqueue(high()).await.unwrap();
    client.enqueue(PublishRequest::new("$reply/1/2", "7")).await.unwrap();
    let mut connection = daemon.welcome().await;
    let mut aliases = Vec::new();
    let mut runs = Vec::new();
    while runs.len() < 5 {
        let frame = connection.frame().await;
        match frame[4] {
            TOPIC => aliases.push((u32_at(&frame, 8), String::from_utf8(frame[12..].to_vec()).unwrap())),
            _ => runs.push(Publish::read(&frame)),
        }
    }
    aliases.dedup();
    assert!(aliases.contains(&(1, "a".into())) && aliases.contains(&(2, "b".into())) && aliases.len() <= 4);
    let shown: Vec<_> = runs.iter().map(|run| (run.alias, run.flags, run.payloads.len())).collect();
    assert_eq!(shown, [(1, 0, 3), (2, 0, 1), (1, 0, 1), (1, 1, 2), (0, 0, 1)]);
    assert_eq!(runs[4].topic.as_deref(), Some("$reply/1/2"));
}

#[tokio::test]
async fn runs_are_not_longer_than_allowed() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish_many("a", &vec![[b'x'; 1000]; 100]).await.unwrap();
    client.publish("a", vec![b'y'; 100_000]).await.unwrap();
    let mut connection = daemon.welcome().await;
    let mut events = 0;
    while events < 101 {
        let frame = connection.until(PUBLISH).await;
        let run = Publish::read(&frame);
        assert!(frame.len() <= 32_768 || run.payloads.len() == 1);
        events += run.payloads.len();
    }
}

#[tokio::test]
async fn an_acknowledgement_tells_where_the_event_went() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let first = publish_with(&client, PublishRequest::new("a", "1"));
    let mut connection = daemon.welcome().await;
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).flags, 2);
    connection.ack(0, 1, 1, 3).await;
    let result = soon(first).await.unwrap().unwrap();
    assert_eq!((result.local, result.peers, result.number), (3, 0, 1));
    for (code, text) in [(6, "topic"), (4, "large"), (15, "not let"), (19, "leaving"), (999, "error_999")] {
        let refused = publish_with(&client, PublishRequest::new("a", "2"));
        connection.until(PUBLISH).await;
        connection.ack(code, 2, 1, 0).await;
        let error = soon(refused).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.code().unwrap().0), (ErrorKind::Publish, code));
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn each_event_of_an_acknowledged_run_has_its_number() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let waiting: Vec<_> = (0..3).map(|_| publish_with(&client, PublishRequest::new("a", "x"))).collect();
    until(|| client.statistics().published == 3).await;
    let mut connection = daemon.welcome().await;
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads.len(), 3);
    connection.ack(0, 1, 3, 1).await;
    for (number, waiting) in (1..).zip(waiting) {
        assert_eq!(soon(waiting).await.unwrap().unwrap().number, number);
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_with_its_numbers() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish("a", "1").await.unwrap();
    let mut connection = daemon.welcome().await;
    connection.until(PUBLISH).await;
    let waiting = publish_with(&client, PublishRequest::new("b", "2"));
    connection.until(PUBLISH).await;
    client.publish("c", "3").await.unwrap();
    connection.until(PUBLISH).await;
    drop(connection);
    // The first is in doubt; from the oldest that waits on, all is sent again.
    let mut connection = daemon.accept().await;
    assert_eq!(hello_property(&connection.hello, 0x13).unwrap(), 2_u64.to_le_bytes());
    connection.welcome(&Welcome::default()).await;
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads, [b"2"]);
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads, [b"3"]);
    connection.ack(0, 2, 1, 1).await;
    assert_eq!(soon(waiting).await.unwrap().unwrap().number, 2);
    assert_eq!(client.statistics().in_doubt, 1);
    assert_eq!(client.statistics().published, 3);
}

#[tokio::test]
async fn what_a_pong_covered_is_not_in_doubt() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish("a", "1").await.unwrap();
    let flushed = flush(&client);
    let mut connection = daemon.welcome().await;
    let ping = connection.until(PING).await;
    connection.pong(&ping).await;
    soon(flushed).await.unwrap().unwrap();
    client.publish("a", "2").await.unwrap();
    connection.until(PUBLISH).await;
    drop(connection);
    daemon.welcome().await;
    until(|| client.statistics().connections == 2).await;
    assert_eq!(client.statistics().in_doubt, 1);
}

#[tokio::test]
async fn what_was_written_in_part_is_sent_again_whole() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.builder().publish_buffer_bytes(64 << 20).connect().await.unwrap();
    let large = vec![b'x'; 4_000_000];
    for _ in 0..8 {
        client.try_publish("a", &large).unwrap();
    }
    let mut connection = daemon.accept().await;
    connection.welcome(&Welcome::default()).await;
    connection.until(TOPIC).await;
    // One whole event is taken off the wire, and the sockets hold some more; the rest cannot have been written.
    connection.until(PUBLISH).await;
    drop(connection);
    let mut connection = daemon.accept().await;
    let next = hello_property(&connection.hello, 0x13).map_or(1, |value| u64_at(&value, 0));
    connection.welcome(&Welcome::default()).await;
    for _ in next..=8 {
        assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads, std::slice::from_ref(&large));
    }
    assert!(next > 1 && next <= 8, "{next}");
    assert_eq!(client.statistics().in_doubt, next - 1);
}

#[tokio::test]
async fn a_flush_waits_over_a_lost_connection() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish("a", "1").await.unwrap();
    let flushed = flush(&client);
    daemon.welcome().await.until(PING).await;
    let mut connection = daemon.welcome().await;
    let ping = connection.until(PING).await;
    assert!(!flushed.is_finished());
    connection.pong(&ping).await;
    soon(flushed).await.unwrap().unwrap();
}

#[tokio::test]
async fn follows_the_number_that_the_daemon_names() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let waiting = publish_with(&client, PublishRequest::new("a", "x"));
    until(|| client.statistics().published == 1).await;
    let mut connection = daemon.accept().await;
    connection.welcome(&Welcome { next_number: 1000, ..Welcome::default() }).await;
    connection.until(PUBLISH).await;
    connection.ack(0, 1000, 1, 0).await;
    assert_eq!(soon(waiting).await.unwrap().unwrap().number, 1000);
    drop(connection);
    let mut connection = daemon.accept().await;
    assert_eq!(hello_property(&connection.hello, 0x13).unwrap(), 1001_u64.to_le_bytes());
    connection.welcome(&Welcome { publisher: 78, next_number: 1, ..Welcome::default() }).await;
    let waiting = publish_with(&client, PublishRequest::new("a", "y"));
    connection.until(PUBLISH).await;
    connection.ack(0, 1, 1, 0).await;
    assert_eq!(soon(waiting).await.unwrap().unwrap().number, 1);
    assert_eq!((client.statistics().published, client.statistics().in_doubt), (2, 0));
}

#[tokio::test]
async fn topics_beyond_the_aliases_go_as_text() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    for topic in ["a", "b", "c"] {
        client.publish(topic, topic).await.unwrap();
    }
    let acknowledged = publish_with(&client, PublishRequest::new("c", "4").content_type("t"));
    until(|| client.statistics().published == 4).await;
    let mut connection = daemon.accept().await;
    connection.welcome(&Welcome { max_aliases: 1, ..Welcome::default() }).await;
    let mut names = Vec::new();
    for _ in 0..4 {
        let run = Publish::read(&connection.until(PUBLISH).await);
        names.push((run.alias, run.topic));
    }
    assert_eq!(names, [(1, None), (0, Some("b".into())), (0, Some("c".into())), (0, Some("c".into()))]);
    connection.ack(0, 4, 1, 0).await;
    assert_eq!(soon(acknowledged).await.unwrap().unwrap().number, 4);
    client.publish("d", "5").await.unwrap();
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).topic.as_deref(), Some("d"));
}

#[tokio::test]
async fn what_another_daemon_finds_too_large_is_taken_out() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish("a", "1").await.unwrap();
    let large = publish_with(&client, PublishRequest::new("a", vec![0; 1000]));
    until(|| client.statistics().published == 2).await;
    client.publish("a", "3").await.unwrap();
    let limits = || Welcome { max_payload: 100, ..Welcome::default() };
    daemon.accept().await.welcome(&limits()).await;
    let error = soon(large).await.unwrap().unwrap_err();
    assert_eq!(error.code().unwrap().0, 4);
    // The numbers are others now, so it comes as another publisher.
    let mut connection = daemon.accept().await;
    assert_eq!(hello_property(&connection.hello, 0x12), None);
    connection.welcome(&limits()).await;
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads, [b"1"]);
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads, [b"3"]);
    assert_eq!(client.publish("a", [0; 101]).await.unwrap_err().code().unwrap().0, 4);
    assert_eq!(client.statistics().published, 2);
}

#[tokio::test]
async fn the_buffer_is_bounded_while_the_daemon_is_away() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.builder().publish_buffer_bytes(1 << 20).connect().await.unwrap();
    let payload = [b'x'; 10_000];
    let mut taken = 0;
    let error = loop {
        match client.publish("a", payload).await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::BufferFull);
    assert!((95..=105).contains(&taken), "{taken}");
    assert_eq!(client.try_publish("a", payload).unwrap_err().kind(), ErrorKind::BufferFull);
    let request = PublishRequest::new("b", payload.to_vec());
    assert_eq!(client.publish_with(request).await.unwrap_err().kind(), ErrorKind::BufferFull);
    let error = client.publish_many("b", &[payload, payload]).await.unwrap_err();
    assert_eq!((error.kind(), error.taken()), (ErrorKind::BufferFull, 0));
    let statistics = client.statistics();
    assert_eq!(statistics.published, taken);
    assert!(statistics.refused >= 4 && statistics.buffered_bytes <= 1 << 20);
    let mut connection = daemon.welcome().await;
    let mut events = 0;
    while events < taken {
        events += Publish::read(&connection.until(PUBLISH).await).payloads.len() as u64;
    }
}

#[tokio::test]
async fn a_publisher_waits_for_a_slow_daemon() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let publisher = tokio::spawn({
        let client = client.clone();
        async move {
            client.wait_ready(Duration::from_secs(20)).await.unwrap();
            for _ in 0..40 {
                client.publish("a", vec![b'x'; 1_000_000]).await.unwrap();
            }
        }
    });
    let mut connection = daemon.welcome().await;
    let mut events = 0;
    while events < 40 {
        assert!(client.statistics().buffered_bytes <= 3 << 20);
        events += Publish::read(&connection.until(PUBLISH).await).payloads.len();
    }
    soon(publisher).await.unwrap();
}

#[tokio::test]
async fn a_publisher_waits_for_acknowledgements_that_fill_the_buffer() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let acknowledged: Vec<_> = (0..2)
        .map(|number| publish_with(&client, PublishRequest::new(format!("a/{number}"), vec![0; 900_000])))
        .collect();
    let mut connection = daemon.welcome().await;
    connection.until(PUBLISH).await;
    connection.until(PUBLISH).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.publish("b", vec![0; 200_000]).await }
    });
    // All is written, so only an acknowledgement makes room; the wait leaves the thread to others.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    connection.ack(0, 1, 1, 0).await;
    connection.ack(0, 2, 1, 0).await;
    connection.until(PUBLISH).await;
    soon(waiting).await.unwrap().unwrap();
    for one in acknowledged {
        soon(one).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_acknowledgement_that_does_not_come_is_a_timeout() {
    let daemon = FakeDaemon::listen().await;
    let builder = daemon.builder().acknowledge_timeout(Duration::from_millis(50));
    let client = builder.connect().await.unwrap();
    let waiting = publish_with(&client, PublishRequest::new("a", "x"));
    let mut connection = daemon.welcome().await;
    connection.until(PUBLISH).await;
    assert_eq!(soon(waiting).await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    // A late one harms nothing.
    connection.ack(0, 1, 1, 0).await;
    client.publish("a", "y").await.unwrap();
    connection.until(PUBLISH).await;
}

#[tokio::test]
async fn an_acknowledgement_that_nobody_asked_for_ends_the_connection() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish("a", "x").await.unwrap();
    let mut connection = daemon.welcome().await;
    connection.ack(0, 1, 1, 0).await;
    daemon.welcome().await;
}

#[tokio::test]
async fn refusals_and_losses_are_told_by_callbacks() {
    let daemon = FakeDaemon::listen().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let (notices, losses) = (Arc::clone(&told), Arc::clone(&told));
    let client = daemon
        .builder()
        .on_notice(move |notice| {
            notices.lock().unwrap().push(format!("{} {} {}", notice.code, notice.reference, notice.text));
        })
        .on_publish_loss(move |loss| {
            losses
                .lock()
                .unwrap()
                .push(format!("{} {}-{} {} {}", loss.reason, loss.from, loss.to, loss.count, loss.node));
        })
        .connect()
        .await
        .unwrap();
    client.publish("a", "x").await.unwrap();
    let mut connection = daemon.welcome().await;
    connection.send(&frame(0x47, 0, 15, b"\x01\0\0\0\0\0\0\0not yours")).await;
    connection.send(&gap(0x4A, 0, 1, 3, 9, 5)).await;
    connection.send(&gap(0x4A, 0, 77, 3, 9, 5)).await;
    until(|| told.lock().unwrap().len() == 3).await;
    let expected = ["forbidden 1 not yours", "queue_full 3-9 5 node-1", "reason_77 3-9 5 node-1"];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_cancelled_publish_harms_nothing() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let cancelled = publish_with(&client, PublishRequest::new("a", "1"));
    until(|| client.statistics().published == 1).await;
    cancelled.abort();
    let kept = publish_with(&client, PublishRequest::new("b", "2"));
    let mut connection = daemon.welcome().await;
    connection.until(PUBLISH).await;
    connection.until(PUBLISH).await;
    connection.ack(0, 1, 1, 0).await;
    connection.ack(0, 2, 1, 7).await;
    assert_eq!(soon(kept).await.unwrap().unwrap().local, 7);
}
