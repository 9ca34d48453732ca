//! Greetings, refusals, other programs, reconnects, keep-alive and closing, with a daemon that a test plays.

mod daemons;

use daemons::*;
use nexusd_client::{Client, ConnectionState, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn making_a_client_does_nothing() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    assert_eq!(client.state(), ConnectionState::Idle);
    client.close().await;
    assert_eq!(client.state(), ConnectionState::Closed);
}

#[tokio::test]
async fn refuses_addresses_that_are_none() {
    for address in ["http://localhost:5672", "", "localhost:99999"] {
        assert_eq!(Client::connect(address).await.unwrap_err().kind(), ErrorKind::Argument, "{address}");
    }
}

#[tokio::test]
async fn refuses_settings_out_of_range() {
    let daemon = FakeDaemon::listen().await;
    for builder in [
        daemon.builder().publish_buffer_bytes(1000),
        daemon.builder().keep_alive(Duration::ZERO),
        daemon.builder().reconnect(Duration::from_secs(2), Duration::from_secs(1)),
        daemon.builder().token(vec![0; 1025]),
    ] {
        assert_eq!(builder.connect().await.unwrap_err().kind(), ErrorKind::Argument);
    }
}

#[tokio::test]
async fn tells_why_nothing_is_reached_and_goes_on_trying() {
    let daemon = FakeDaemon::listen().await;
    let address = daemon.address.clone();
    drop(daemon);
    let client = Client::connect(&address).await.unwrap();
    let error = client.wait_ready(Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.to_string().contains("Nothing listens") && !error.is_permanent(), "{error}");
    assert_eq!(client.state(), ConnectionState::Reconnecting);
    let missing = Client::connect("unix:/nonexistent/nexusd.sock").await.unwrap();
    let error = missing.wait_ready(Duration::from_millis(300)).await.unwrap_err();
    assert!(error.to_string().contains("no socket"), "{error}");
}

#[tokio::test]
async fn names_the_other_program_at_the_port() {
    for (answer, name) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP"),
        (b"AMQP\0\0\x09\x01", "AMQP"),
        (b"-ERR unknown command\r\n", "Redis"),
        (b"\x15\x03\x01\0\x02\x02\x46", "TLS"),
        (b"hello there", "another program"),
    ] {
        let daemon = FakeDaemon::listen().await;
        let client = daemon.client().await;
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.wait_ready(LONG).await }
        });
        let mut stream = daemon.accept_raw().await;
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert!(error.is_permanent() && error.kind() == ErrorKind::Connection);
        assert!(error.to_string().contains(name), "{error}");
        // It goes on trying by itself.
        let mut connection = loop {
            let mut stream = daemon.accept_raw().await;
            let mut greeting = [0; 8];
            if stream.read_exact(&mut greeting).await.is_ok() {
                break Connection { stream, hello: Vec::new() };
            }
        };
        connection.hello = connection.frame().await;
        connection.welcome(&Welcome::default()).await;
        until_state(&client, ConnectionState::Connected).await;
    }
}

#[tokio::test]
async fn tells_refusals_of_the_daemon() {
    let refusals: [(&[u8], u16, bool, &str); 3] = [
        (b"NXD1\0\0\0\0", 8, true, "no common version"),
        (b"NXD1\x01\0\0\0", 14, true, "who are you"),
        (b"NXD1\x01\0\0\0", 13, false, "too many"),
    ];
    for (greeting, code, is_permanent, text) in refusals {
        let daemon = FakeDaemon::listen().await;
        let client = daemon.client().await;
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.wait_ready(Duration::from_millis(if is_permanent { 20_000 } else { 300 })).await }
        });
        let mut connection = daemon.accept().await;
        connection.send(greeting).await;
        let refusal = frame(0x47, 1, code, &[&[0; 8], text.as_bytes()].concat());
        connection.send(&refusal).await;
        drop(connection);
        drop(daemon);
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert_eq!(error.is_permanent(), is_permanent, "{error}");
        if is_permanent {
            assert!(error.to_string().contains(text), "{error}");
            assert_eq!(error.code().unwrap().0, code);
        }
    }
}

#[tokio::test]
async fn one_attempt_has_an_end() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.builder().connect_timeout(Duration::from_millis(50)).connect().await.unwrap();
    client.publish("a", "x").await.unwrap();
    let silent = daemon.accept_raw().await;
    let mut connection = daemon.welcome().await;
    drop(silent);
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads, [b"x"]);
}

#[tokio::test]
async fn survives_a_cut_at_every_byte_of_the_greeting() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish("a", "x").await.unwrap();
    let mut answer = b"NXD1\x01\0\0\0".to_vec();
    let mut body = Vec::new();
    property(&mut body, 0x12, &5_u64.to_le_bytes());
    property(&mut body, 0x13, &1_u64.to_le_bytes());
    property(&mut body, 0x20, &[7; 16]);
    answer.extend(frame(0x41, 0, 0, &body));
    for end in 0..answer.len() {
        let mut connection = daemon.accept().await;
        connection.send(&answer[..end]).await;
    }
    let mut connection = daemon.accept().await;
    for byte in &answer {
        connection.send(&[*byte]).await;
    }
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads, [b"x"]);
    assert_eq!((client.statistics().connections, client.statistics().in_doubt), (1, 0));
}

#[tokio::test]
async fn says_who_it_is_and_keeps_its_id_and_numbers() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.builder().name("tester").token(vec![1, 2]).connect().await.unwrap();
    client.publish_many("a", &["1", "2", "3"]).await.unwrap();
    let mut connection = daemon.accept().await;
    assert_eq!(hello_property(&connection.hello, 0x10).unwrap(), b"tester");
    assert!(hello_property(&connection.hello, 0x11).unwrap().starts_with(b"rust/"));
    assert_eq!(hello_property(&connection.hello, 0x12), None);
    assert_eq!(hello_property(&connection.hello, 0x16).unwrap(), [1, 2]);
    connection.welcome(&Welcome { publisher: 4711, ..Welcome::default() }).await;
    connection.until(PUBLISH).await;
    drop(connection);
    let connection = daemon.accept().await;
    assert_eq!(hello_property(&connection.hello, 0x12).unwrap(), 4711_u64.to_le_bytes());
    assert_eq!(hello_property(&connection.hello, 0x13).unwrap(), 4_u64.to_le_bytes());
    assert_eq!(client.daemon().unwrap().node_name, "fake");
}

#[tokio::test]
async fn uses_the_first_of_several_addresses_that_answers() {
    let (dead, alive) = (FakeDaemon::listen().await, FakeDaemon::listen().await);
    let list = format!("{},unix:/nonexistent/s,{}", dead.address, alive.address);
    drop(dead);
    let client = Client::connect(&list).await.unwrap();
    client.publish("a", "x").await.unwrap();
    alive.welcome().await.until(PUBLISH).await;
}

#[tokio::test]
async fn tells_its_states_in_order_and_survives_a_panic_in_a_callback() {
    let daemon = FakeDaemon::listen().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let states = Arc::clone(&told);
    let callback = move |change: nexusd_client::StateChange| {
        states.lock().unwrap().push(change.state.to_string());
        assert_ne!(change.state, ConnectionState::Connected, "a panic on purpose");
    };
    let client = daemon.builder().on_state_change(callback).connect().await.unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.wait_ready(LONG).await }
    });
    let first = daemon.welcome().await;
    soon(waiting).await.unwrap().unwrap();
    drop(first);
    let connection = daemon.welcome().await;
    until(|| client.statistics().connections == 2).await;
    let (_, others) = tokio::join!(client.close(), connection.until_closed());
    assert!(others.is_empty());
    let expected = ["connecting", "connected", "reconnecting", "connected", "closed"];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn asks_for_a_sign_of_life_and_leaves_a_silent_daemon() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.builder().keep_alive(Duration::from_millis(60)).connect().await.unwrap();
    client.publish("a", "x").await.unwrap();
    let mut silent = daemon.welcome().await;
    silent.until(PING).await;
    let _next = daemon.welcome().await;
    until(|| client.statistics().connections == 2).await;
    assert_eq!(client.statistics().in_doubt, 1);
}

#[tokio::test]
async fn a_shorter_idle_time_out_of_the_daemon_counts() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish("a", "x").await.unwrap();
    let mut connection = daemon.accept().await;
    connection.welcome(&Welcome { idle_timeout_ms: 400, ..Welcome::default() }).await;
    for _ in 0..3 {
        let ping = connection.until(PING).await;
        connection.pong(&ping).await;
    }
    assert_eq!(client.statistics().connections, 1);
}

#[tokio::test]
async fn answers_pings_and_skips_what_it_does_not_know() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish("a", "x").await.unwrap();
    let mut connection = daemon.welcome().await;
    connection.send(&frame(0xEF, 1, 2, b"of a later version")).await;
    connection.send(&frame(PING, 0, 0, b"12345678")).await;
    assert_eq!(connection.until(PONG).await[8..], *b"12345678");
}

#[tokio::test]
async fn a_frame_that_breaks_the_rules_ends_the_connection() {
    for bad in [
        frame(0x00, 0, 0, b""),
        frame(0xF0, 0, 0, b""),
        vec![3, 0, 0, 0, 0x43, 0, 0, 0],
        vec![0xFF; 8],
        frame(0x43, 0, 0, b"short"),
        frame(0x44, 0, 0, &[0; 20]),
        frame(TOPIC, 0, 0, b"\0\0\0\0a"),
        frame(TOPIC, 0, 0, b"\x01\0\0\0a*"),
        deliver(1, "a", 0, 0, &[b"x"]),
        gap(0x45, 1, 1, 5, 4, 1),
    ] {
        let daemon = FakeDaemon::listen().await;
        let client = daemon.client().await;
        client.publish("a", "x").await.unwrap();
        let mut connection = daemon.welcome().await;
        connection.send(&bad).await;
        let _next = daemon.welcome().await;
        until(|| client.statistics().connections == 2).await;
    }
}

#[tokio::test]
async fn says_goodbye_to_a_daemon_that_leaves_and_comes_back() {
    let daemon = FakeDaemon::listen().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let notices = Arc::clone(&told);
    let builder = daemon.builder().on_notice(move |notice| notices.lock().unwrap().push(notice));
    let client = builder.connect().await.unwrap();
    client.publish("a", "1").await.unwrap();
    let mut connection = daemon.welcome().await;
    connection.until(PUBLISH).await;
    connection.send(&frame(0x48, 0, 19, b"\0\0\0\0\0\0\0\0leaving")).await;
    connection.until(BYE).await;
    assert_eq!(told.lock().unwrap()[0].code.0, 19);
    assert_eq!(told.lock().unwrap()[0].text, "leaving");
    client.publish("a", "2").await.unwrap();
    drop(connection);
    let mut connection = daemon.welcome().await;
    assert_eq!(Publish::read(&connection.until(PUBLISH).await).payloads, [b"2"]);
    assert_eq!(client.statistics().in_doubt, 0);
}

#[tokio::test]
async fn closing_sends_what_is_buffered_then_says_goodbye() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    client.publish_many("a", &vec![[b'x'; 1000]; 3000]).await.unwrap();
    let mut stream = client.subscribe(&["b"]).await.unwrap();
    let served = tokio::spawn(async move { daemon.welcome().await.until_closed().await });
    soon(client.close()).await;
    let frames = soon(served).await.unwrap();
    let runs = frames.iter().filter(|frame| frame[4] == PUBLISH).map(|frame| Publish::read(frame));
    assert_eq!(runs.map(|run| run.payloads.len()).sum::<usize>(), 3000);
    assert!(soon(stream.next()).await.is_none());
    let errors = [
        client.publish("a", "x").await.unwrap_err(),
        client.try_publish("a", "x").unwrap_err(),
        client.publish_many("a", &["x"]).await.unwrap_err(),
        client.flush().await.unwrap_err(),
        client.query("status").await.unwrap_err(),
        client.subscribe(&["a"]).await.unwrap_err(),
        client.wait_ready(LONG).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Closed), "{errors:?}");
    soon(client.close()).await;
}

#[tokio::test]
async fn closing_has_an_end_when_the_daemon_is_deaf_or_away() {
    let daemon = FakeDaemon::listen().await;
    let builder = daemon.builder().close_timeout(Duration::from_millis(50));
    let client = builder.connect().await.unwrap();
    client.publish("a", "x").await.unwrap();
    let _deaf = daemon.welcome().await;
    until_state(&client, ConnectionState::Connected).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.publish_with(nexusd_client::PublishRequest::new("a", "x")).await }
    });
    tokio::task::yield_now().await;
    soon(client.close()).await;
    assert_eq!(soon(waiting).await.unwrap().unwrap_err().kind(), ErrorKind::Closed);

    let away = FakeDaemon::listen().await.builder().close_timeout(Duration::from_millis(50));
    let client = away.connect().await.unwrap();
    client.publish("a", "x").await.unwrap();
    soon(client.close()).await;
}

#[tokio::test]
async fn dropping_the_last_handle_closes_in_the_background() {
    let daemon = FakeDaemon::listen().await;
    let client = daemon.client().await;
    let stream = client.subscribe(&["a"]).await.unwrap();
    let mut connection = daemon.welcome().await;
    connection.take_subscription().await;
    drop(client);
    drop(stream);
    let frames = connection.until_closed().await;
    assert!(frames.iter().any(|frame| frame[4] == UNSUBSCRIBE));
}
