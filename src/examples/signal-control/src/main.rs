// Rust control service: the code of the smart-city use case. Only the address differs: NEXUSD_ADDR wins.
use nexusd_client::Client;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[allow(dead_code)]
struct CongestionAlert {
    sensor_id: String,
    zone: String,
    intersection: Option<String>,
    severity: String,
}

#[derive(Serialize)]
struct SignalCommand {
    signal_id: String,
    green_time: u32, // seconds
    reason: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("NEXUSD_ADDR").unwrap_or_else(|_| "localhost:5672".to_owned());
    let client = Client::connect(&address).await?;

    // Subscribe to congestion alerts
    let mut stream = client.subscribe(&["alerts/congestion/#"]).await?;

    println!("Traffic signal controller listening...");

    while let Some(msg) = stream.next().await {
        let alert: CongestionAlert = serde_json::from_slice(&msg.payload)?;

        // Adjust signal timing based on severity
        if let Some(intersection) = alert.intersection {
            let green_time = match alert.severity.as_str() {
                "high" => 90,   // 1.5 minutes green
                "medium" => 60, // 1 minute green
                _ => 45,        // Default 45 seconds
            };

            let command = SignalCommand {
                signal_id: intersection.clone(),
                green_time,
                reason: format!("Congestion detected: {}", alert.severity),
            };

            // Publish signal command
            client.publish(&format!("commands/signals/{}", intersection), serde_json::to_vec(&command)?).await?;

            println!("Adjusted signal {} to {}s green", intersection, green_time);
        }
    }

    Ok(())
}
