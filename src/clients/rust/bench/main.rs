//! Measures how fast one client publishes and receives: see `--help`.

use nexusd_client::{Client, Error};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TOPIC: &str = "bench/events";
const PAYLOAD: usize = 100;
const BATCH: usize = 256;
const HELP: &str = "bench [--address ADDRESS] [--seconds N]
Publishes 100-byte events, first one call each, then in batches, then receives what a second process publishes.
The times end when the daemon has taken all, or when the events have come.";

struct Options {
    address: Option<String>,
    seconds: f64,
    only_publish: bool,
}

fn options() -> Options {
    let mut options = Options { address: None, seconds: 3.0, only_publish: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--address" => options.address = arguments.next(),
            "--seconds" => options.seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(3.0),
            "--only-publish" => options.only_publish = true,
            _ => {
                println!("{HELP}");
                std::process::exit(i32::from(argument != "--help"));
            }
        }
    }
    options
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let options = options();
    let time = Duration::from_secs_f64(options.seconds);
    if options.only_publish {
        let client = connect(&options).await?;
        let mut payloads = Vec::new();
        payloads.resize(BATCH, vec![b'x'; PAYLOAD]);
        let begun = Instant::now();
        while begun.elapsed() < time {
            client.publish_many(TOPIC, &payloads).await?;
        }
        client.close().await;
        return Ok(());
    }
    let single = publish_single(&options, time).await?;
    let sync = publish_sync(&options, time).await?;
    let many = publish_many(&options, time).await?;
    let batches = receive_batches(&options, time).await?;
    let messages = receive_messages(&options, time).await?;
    println!(
        "{{\"language\": \"rust\", \"publish_per_second\": {single:.0}, \"try_publish_per_second\": {sync:.0}, \
         \"publish_many_per_second\": {many:.0}, \"receive_per_second\": {batches:.0}, \
         \"receive_single_per_second\": {messages:.0}}}"
    );
    Ok(())
}

async fn connect(options: &Options) -> Result<Client, Error> {
    let builder = Client::builder();
    let client = match &options.address {
        Some(address) => builder.address(address).connect().await?,
        None => builder.connect().await?,
    };
    client.wait_ready(Duration::from_secs(10)).await?;
    Ok(client)
}

async fn publish_single(options: &Options, time: Duration) -> Result<f64, Error> {
    let client = connect(options).await?;
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < time {
        for _ in 0..1000 {
            client.publish(TOPIC, vec![b'x'; PAYLOAD]).await?;
        }
        count += 1000;
    }
    client.flush().await?;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    client.close().await;
    Ok(rate)
}

async fn publish_sync(options: &Options, time: Duration) -> Result<f64, Error> {
    let client = connect(options).await?;
    let payload = [b'x'; PAYLOAD];
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < time {
        for _ in 0..1000 {
            // A full buffer is waited for as an application would.
            while client.try_publish(TOPIC, payload).is_err() {
                client.flush().await?;
            }
        }
        count += 1000;
    }
    client.flush().await?;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    client.close().await;
    Ok(rate)
}

async fn publish_many(options: &Options, time: Duration) -> Result<f64, Error> {
    let client = connect(options).await?;
    let payloads = vec![[b'x'; PAYLOAD]; BATCH];
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < time {
        client.publish_many(TOPIC, &payloads).await?;
        count += BATCH as u64;
    }
    client.flush().await?;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    client.close().await;
    Ok(rate)
}

/// Another process that publishes, a little longer than is measured.
fn start_publisher(options: &Options) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("This program has a path."));
    command.arg("--only-publish").arg("--seconds").arg((options.seconds + 1.0).to_string());
    if let Some(address) = &options.address {
        command.arg("--address").arg(address);
    }
    command.stdout(Stdio::null()).spawn().expect("This program can be started again.")
}

async fn receive_batches(options: &Options, time: Duration) -> Result<f64, Error> {
    let client = connect(options).await?;
    let mut stream = client.subscribe(&[TOPIC]).await?;
    stream.ready().await?;
    let mut publisher = start_publisher(options);
    let mut bytes = 0;
    let mut count = 0_u64;
    stream.next_batch().await;
    let begun = Instant::now();
    while begun.elapsed() < time {
        if let Some(batch) = stream.next_batch().await {
            bytes += batch.iter().map(|message| message.payload().len()).sum::<usize>();
            count += batch.len() as u64;
        }
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    assert_eq!(bytes as u64, count * PAYLOAD as u64);
    client.close().await;
    publisher.wait().expect("It ends by itself.");
    Ok(rate)
}

async fn receive_messages(options: &Options, time: Duration) -> Result<f64, Error> {
    let client = connect(options).await?;
    let mut stream = client.subscribe(&[TOPIC]).await?;
    stream.ready().await?;
    let mut publisher = start_publisher(options);
    let mut count = 0_u64;
    stream.next().await;
    let begun = Instant::now();
    while begun.elapsed() < time {
        for _ in 0..100 {
            stream.next().await;
        }
        count += 100;
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    client.close().await;
    publisher.wait().expect("It ends by itself.");
    Ok(rate)
}
