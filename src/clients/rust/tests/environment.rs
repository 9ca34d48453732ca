//! The address from the environment: a program of its own, since all tests of one share that.

mod daemons;

use daemons::{FakeDaemon, PUBLISH};
use nexusd_client::{Client, ErrorKind};

#[tokio::test]
async fn the_variable_counts_where_no_address_is_given() {
    let daemon = FakeDaemon::listen().await;
    std::env::set_var("NEXUSD_ADDR", "http://nonsense");
    let error = Client::connect_default().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.to_string().contains("NEXUSD_ADDR"), "{error}");
    std::env::set_var("NEXUSD_ADDR", &daemon.address);
    let client = Client::connect_default().await.unwrap();
    client.publish("a", "x").await.unwrap();
    daemon.welcome().await.until(PUBLISH).await;
}
