//! Strangers in any number, idle or with public calls in progress, keep nobody out.

use super::*;

impl Client {
    /// Connects by a proxy, as a client of this address in 192.0.2.0/24.
    async fn by_proxy(server: &Server, last: u8) -> Self {
        let mut client = server.connect().await;
        client.send(format!("PROXY TCP4 192.0.2.{last} 127.0.0.1 1 2\r\n").as_bytes()).await;
        client.begin().await;
        client
    }
}

#[tokio::test]
async fn idle_connections_in_any_number_keep_nobody_out() {
    let server = serve(Limits { connections_max: 32, ..patient() }, None, &[]).await;
    let mut working = server.connect().await;
    working.begin().await;
    let mut idle = Vec::new();
    for round in 0..10 {
        for _ in 0..10 {
            idle.push(server.connect().await);
        }
        let stream = 2 * round + 1;
        working.call(stream, "/t.T/Peer").await;
        working.answer(stream).await;
    }
    let mut newcomer = server.connect().await;
    newcomer.begin().await;
    newcomer.call(1, "/t.T/Peer").await;
    newcomer.answer(1).await;
    assert!(server.counts.open() <= 32);
    assert_eq!(server.counts.refused(Refusal::Total), 0);
    assert!(server.counts.refused(Refusal::Displaced) >= 70);
}

#[tokio::test]
async fn strangers_with_public_calls_on_every_seat_keep_nobody_out() {
    // Seven of eight seats are for gRPC.
    let server = serve(Limits { connections_max: 8, ..patient() }, None, &["127.0.0.1"]).await;
    let mut strangers = Vec::new();
    for last in [1, 1, 1, 1, 2, 2, 2] {
        let mut stranger = Client::by_proxy(&server, last).await;
        stranger.wait(&server).await;
        strangers.push(stranger);
    }
    assert_eq!(server.counts.open(), 7);
    let mut newcomer = Client::by_proxy(&server, 3).await;
    strangers.remove(0).ended().await;
    // Strangers who come before its first call take its seat as little as those who come later.
    for round in 0..3 {
        for last in [1, 2] {
            let mut stranger = Client::by_proxy(&server, last).await;
            stranger.wait(&server).await;
            strangers.push(stranger);
        }
        let stream = 2 * round + 1;
        newcomer.call(stream, "/t.T/Peer").await;
        assert!(newcomer.answer(stream).await.contains("192.0.2.3"));
    }
    assert_eq!(server.counts.refused(Refusal::Displaced), 7);
    assert_eq!(server.counts.refused(Refusal::Total), 0);
}
