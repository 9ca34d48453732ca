//! Against a real daemon: NEXUSD_BIN_DIR names the folder with `nexusd`. Without it these tests do nothing, loudly.

#![cfg(unix)]

mod daemons;

use daemons::{soon, until, until_state};
use nexusd_client::{Client, ConnectionState, ErrorKind, Message, PublishRequest, SubscribeOptions, Subscription};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

fn program() -> Option<PathBuf> {
    let found = std::env::var_os("NEXUSD_BIN_DIR").map(|folder| Path::new(&folder).join("nexusd"));
    let found = found.filter(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: NEXUSD_BIN_DIR names no folder with nexusd");
    }
    found
}

/// A daemon of its own, with a folder of its own.
struct Daemon {
    program: PathBuf,
    folder: PathBuf,
    process: Child,
    flags: Vec<String>,
    tcp: String,
}

impl Daemon {
    fn start(flags: &[&str]) -> Option<Daemon> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let program = program()?;
        let name = format!("nexusd-rust-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut all = vec![
            "--app-port=0".to_owned(),
            format!("--app-socket={}", folder.join("s").display()),
            "--discovery=static".to_owned(),
            "--mesh-port=0".to_owned(),
            "--health-port=0".to_owned(),
            format!("--cluster={name}"),
        ];
        all.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let (process, tcp) = spawn(&program, &all);
        Some(Daemon { program, folder, process, flags: all, tcp })
    }

    fn address(&self) -> String {
        format!("unix:{}", self.folder.join("s").display())
    }

    /// As `kill -9` does.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn restart(&mut self) {
        let (process, tcp) = spawn(&self.program, &self.flags);
        self.process = process;
        self.tcp = tcp;
    }

    async fn client(&self) -> Client {
        let builder = Client::builder().address(self.address());
        builder.reconnect(Duration::from_millis(10), Duration::from_millis(50)).connect().await.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts the daemon and waits for its ready line; gives its TCP address.
fn spawn(program: &Path, flags: &[String]) -> (Child, String) {
    let mut command = Command::new(program);
    let mut process = command.args(flags).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("nexusd ready"), "{line}");
    let tcp = line.split(' ').filter_map(|word| word.strip_prefix("app=tcp:")).next().unwrap().to_owned();
    (process, tcp)
}

async fn ready(client: &Client, filters: &[&str]) -> Subscription {
    let stream = client.subscribe(filters).await.unwrap();
    soon(stream.ready()).await.unwrap();
    stream
}

async fn next(stream: &mut Subscription) -> Message {
    soon(stream.next()).await.expect("The stream goes on.")
}

#[tokio::test]
async fn publishes_and_subscribes_over_both_kinds_of_sockets() {
    let daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    let publisher = Client::connect(&daemon.tcp).await.unwrap();
    let subscriber = daemon.client().await;
    let mut stream = ready(&subscriber, &["orders/*", "x/#"]).await;
    let request = PublishRequest::new("orders/created", "{}")
        .content_type("application/json")
        .correlation_id("7")
        .header("tenant", "blue")
        .time_to_live(Duration::from_secs(60));
    let result = soon(publisher.publish_with(request)).await.unwrap();
    assert_eq!((result.local, result.peers, result.number), (1, 0, 1));
    let message = next(&mut stream).await;
    assert_eq!((&*message.topic, &message.payload[..]), ("orders/created", &b"{}"[..]));
    assert_eq!(message.content_type(), Some("application/json"));
    assert_eq!(message.correlation_id(), Some(&b"7"[..]));
    assert_eq!(message.header("tenant"), Some(&b"blue"[..]));
    assert_eq!(message.time_to_live(), Some(Duration::from_secs(60)));
    assert!(!message.is_retained() && message.reply_topic().is_none());
    assert_eq!(message.publisher(), publisher.daemon().unwrap().publisher);
    let status = soon(publisher.query("status")).await.unwrap();
    assert!(status.contains("\"ready\":true"), "{status}");
    assert_eq!(soon(publisher.query("nonsense")).await.unwrap_err().kind(), ErrorKind::Query);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_events_come_in_order_each_once() {
    let daemon = match Daemon::start(&["--overflow=block", "--block-timeout=60s"]) {
        Some(daemon) => daemon,
        None => return,
    };
    let (publisher, subscriber) = (daemon.client().await, daemon.client().await);
    let mut stream = ready(&subscriber, &["n"]).await;
    let publishing = tokio::spawn(async move {
        for number in 0..100_000_u32 {
            publisher.publish("n", number.to_le_bytes()).await.unwrap();
        }
        let payloads: Vec<_> = (100_000..200_000_u32).map(u32::to_le_bytes).collect();
        publisher.publish_many("n", &payloads).await.unwrap();
        publisher.flush().await.unwrap();
        publisher
    });
    for number in 0..200_000_u32 {
        assert_eq!(next(&mut stream).await.payload, number.to_le_bytes()[..]);
    }
    let publisher = soon(publishing).await.unwrap();
    assert_eq!(publisher.statistics().buffered_bytes, 0);
}

#[tokio::test]
async fn a_killed_daemon_is_bridged() {
    let mut daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    let (publisher, subscriber) = (daemon.client().await, daemon.client().await);
    let mut stream = ready(&subscriber, &["a"]).await;
    soon(publisher.publish_with(PublishRequest::new("a", "before"))).await.unwrap();
    assert_eq!(next(&mut stream).await.payload, "before");
    for round in 0..3 {
        daemon.kill();
        until_state(&publisher, ConnectionState::Reconnecting).await;
        until_state(&subscriber, ConnectionState::Reconnecting).await;
        let waiting = tokio::spawn({
            let publisher = publisher.clone();
            async move { publisher.publish_with(PublishRequest::new("b", "waits")).await }
        });
        daemon.restart();
        soon(waiting).await.unwrap().unwrap();
        until_state(&subscriber, ConnectionState::Connected).await;
        soon(stream.ready()).await.unwrap();
        // The subscription was asked for before this query, so it is open when that is answered.
        soon(subscriber.query("status")).await.unwrap();
        publisher.publish("a", format!("after {round}")).await.unwrap();
        assert_eq!(next(&mut stream).await.payload, format!("after {round}"));
        soon(publisher.flush()).await.unwrap();
    }
    assert_eq!(publisher.statistics().in_doubt, 0);
    assert_eq!(publisher.statistics().connections, 4);
}

#[tokio::test]
async fn a_slow_reader_holds_up_nobody() {
    let daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    let (publisher, subscriber) = (daemon.client().await, daemon.client().await);
    let options = SubscribeOptions::new().receive_buffer_bytes(64 * 1024).queue_events(100);
    let mut slow = subscriber.subscribe_with(&["load"], options).await.unwrap();
    soon(slow.ready()).await.unwrap();
    let mut quick = ready(&subscriber, &["load"]).await;
    for number in 0..500_u64 {
        let mut payload = vec![0; 4096];
        payload[..8].copy_from_slice(&number.to_le_bytes());
        soon(publisher.publish_with(PublishRequest::new("load", payload))).await.unwrap();
        assert_eq!(next(&mut quick).await.payload[..8], number.to_le_bytes());
    }
    let mut last = 0;
    let mut count = 0;
    while last < 499 {
        let message = next(&mut slow).await;
        last = u64::from_le_bytes(message.payload[..8].try_into().unwrap());
        count += 1;
    }
    assert!(count < 500, "{count}");
    until(|| subscriber.statistics().lost == 500 - count).await;
}

#[tokio::test]
async fn a_group_of_two_shares_events() {
    let daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    let client = daemon.client().await;
    let group = || SubscribeOptions::new().group("g").strategy(nexusd_client::Strategy::RoundRobin);
    let mut one = client.subscribe_with(&["jobs/#"], group()).await.unwrap();
    let mut two = client.subscribe_with(&["jobs/#"], group()).await.unwrap();
    soon(one.ready()).await.unwrap();
    soon(two.ready()).await.unwrap();
    for number in 0..100_u8 {
        let topic = format!("jobs/{number}");
        assert_eq!(soon(client.publish_with(PublishRequest::new(topic, vec![number]))).await.unwrap().local, 1);
    }
    let mut numbers = Vec::new();
    let mut shares = [0, 0];
    while numbers.len() < 100 {
        tokio::select! {
            message = one.next() => { shares[0] += 1; numbers.push(message.unwrap().payload[0]); }
            message = two.next() => { shares[1] += 1; numbers.push(message.unwrap().payload[0]); }
        }
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..100));
    assert!(shares[0] > 0 && shares[1] > 0, "{shares:?}");
}

#[tokio::test]
async fn retained_events_come_first() {
    let daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    let client = daemon.client().await;
    let retained = |payload: &'static str| PublishRequest::new("config/a", payload).retain(true);
    soon(client.publish_with(retained("1"))).await.unwrap();
    soon(client.publish_with(retained("2"))).await.unwrap();
    let mut stream = ready(&client, &["config/#"]).await;
    let message = next(&mut stream).await;
    assert!(message.is_retained() && message.payload == "2");
    let without = SubscribeOptions::new().receive_retained(false);
    let mut live = client.subscribe_with(&["config/#"], without).await.unwrap();
    soon(live.ready()).await.unwrap();
    soon(client.publish_with(retained(""))).await.unwrap();
    let message = next(&mut live).await;
    assert!(!message.is_retained() && message.payload.is_empty());
}

#[tokio::test]
async fn requests_are_answered() {
    let daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    let (asker, service) = (daemon.client().await, daemon.client().await);
    let error = soon(asker.request("double", "2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoResponder);
    let mut requests = ready(&service, &["double"]).await;
    let serving = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let number: u64 = std::str::from_utf8(&request.payload).unwrap().parse().unwrap();
            service.reply(&request, (2 * number).to_string()).await.unwrap();
        }
    });
    for number in 0..50_u64 {
        let reply = soon(asker.request("double", number.to_string())).await.unwrap();
        assert_eq!(reply.payload, (2 * number).to_string());
    }
    serving.abort();
}

#[tokio::test]
async fn missed_events_are_replayed() {
    let mut daemon = match Daemon::start(&["--recovery-events=100"]) {
        Some(daemon) => daemon,
        None => return,
    };
    let publisher = daemon.client().await;
    // This one comes back late, so that events are missed.
    let builder = Client::builder().address(daemon.address());
    let late = builder.reconnect(Duration::from_millis(3000), Duration::from_millis(3000)).connect().await.unwrap();
    let mut stream = ready(&late, &["a"]).await;
    daemon.kill();
    until_state(&late, ConnectionState::Reconnecting).await;
    daemon.restart();
    for number in 0..10 {
        soon(publisher.publish_with(PublishRequest::new("a", format!("{number}")))).await.unwrap();
    }
    let mut replayed = 0;
    for number in 0..10 {
        let message = next(&mut stream).await;
        assert_eq!(message.payload, format!("{number}"));
        replayed += u32::from(message.is_replayed());
    }
    // All of them, unless the random wait was a short one.
    assert!(replayed <= 10);
}

/// The use case's code, up to where it would wait for ever.
#[tokio::test]
async fn the_snippet_of_the_use_case_runs() {
    let daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    let sensor = daemon.client().await;
    let mut commands = ready(&sensor, &["commands/signals/*"]).await;
    let address = daemon.tcp.clone();
    let control = tokio::spawn(async move { signal_control(&address).await.map_err(|error| error.to_string()) });
    let alert = br#"{"sensor_id":"s1","zone":"downtown","intersection":"5th-main","severity":"high"}"#.to_vec();
    let topic = "alerts/congestion/downtown/s1";
    soon(async {
        // Nobody is there before the controller has subscribed.
        while sensor.publish_with(PublishRequest::new(topic, alert.clone())).await.unwrap().local == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let command = next(&mut commands).await;
    assert_eq!(&*command.topic, "commands/signals/5th-main");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&command.payload).unwrap()["green_time"], 90);
    control.abort();
}

async fn signal_control(address: &str) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(address).await?;

    // Subscribe to congestion alerts
    let mut stream = client.subscribe(&["alerts/congestion/#"]).await?;

    while let Some(msg) = stream.next().await {
        let alert: serde_json::Value = serde_json::from_slice(&msg.payload)?;
        if let Some(intersection) = alert["intersection"].as_str() {
            let command = serde_json::json!({"signal_id": intersection, "green_time": 90});
            client.publish(&format!("commands/signals/{}", intersection), serde_json::to_vec(&command)?).await?;
        }
    }

    Ok(())
}

#[tokio::test]
async fn a_client_waits_for_a_daemon_that_comes_later() {
    let mut daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    daemon.kill();
    let client = daemon.client().await;
    let mut stream = client.subscribe(&["a"]).await.unwrap();
    client.publish("a", "early").await.unwrap();
    until_state(&client, ConnectionState::Reconnecting).await;
    daemon.restart();
    soon(client.wait_ready(LONG)).await.unwrap();
    assert_eq!(next(&mut stream).await.payload, "early");
    soon(client.close()).await;
    assert!(soon(stream.next()).await.is_none());
}

#[tokio::test]
async fn large_events_come_where_the_daemon_takes_them() {
    let daemon = match Daemon::start(&["--max-payload=16MiB", "--subscriber-queue-bytes=64MiB"]) {
        Some(daemon) => daemon,
        None => return,
    };
    let client = daemon.client().await;
    let mut stream = ready(&client, &["large"]).await;
    for size in [5 << 20, 16 << 20, 10] {
        soon(client.publish_with(PublishRequest::new("large", vec![b'x'; size]))).await.unwrap();
        assert_eq!(next(&mut stream).await.payload.len(), size);
    }
}

#[tokio::test]
async fn a_request_keeps_the_correlation_id_that_it_was_given() {
    let daemon = match Daemon::start(&[]) {
        Some(daemon) => daemon,
        None => return,
    };
    let (client, service) = (daemon.client().await, daemon.client().await);
    let mut stream = ready(&service, &["ask"]).await;
    let asking = tokio::spawn(async move {
        let given = client.request_within(PublishRequest::new("ask", "1").correlation_id("mine"), LONG).await?;
        let made = client.request_within(PublishRequest::new("ask", "2"), LONG).await?;
        Ok::<_, nexusd_client::Error>((given, made))
    });
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = next(&mut stream).await;
        ids.push(request.correlation_id().unwrap().to_vec());
        soon(service.reply(&request, request.payload.clone())).await.unwrap();
    }
    let (given, made) = soon(asking).await.unwrap().unwrap();
    assert_eq!((&given.payload[..], given.correlation_id()), (&b"1"[..], Some(&b"mine"[..])));
    assert_eq!((&made.payload[..], made.correlation_id()), (&b"2"[..], Some(&ids[1][..])));
    assert_eq!(ids[0], b"mine");
    assert!(!ids[1].is_empty() && ids[1] != ids[0]);
}
