//! Pings tell a stream without news from a client that is gone.

use super::*;

impl Client {
    /// The opaque data of the server's next ping (RFC 9113, section 6.7).
    async fn ping(&mut self) -> [u8; 8] {
        let reading = async {
            loop {
                let mut head = [0; 9];
                self.0.read_exact(&mut head).await.expect("a frame");
                let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
                self.0.read_exact(&mut payload).await.expect("its payload");
                if head[3] == 6 && head[4] & 1 == 0 {
                    return payload.try_into().expect("eight bytes");
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("a ping in time")
    }
}

#[tokio::test]
async fn who_answers_pings_keeps_a_stream_without_news() {
    let server = serve(Limits { ping: SHORT, ..patient() }, None, &[]).await;
    let mut client = server.connect().await;
    client.begin().await;
    client.wait(&server).await;
    // Each ping comes after the answer to the last one.
    for _ in 0..3 {
        let ping = client.ping().await;
        client.frame(6, 1, 0, &ping).await;
    }
    server.may_answer.notify_one();
    assert_eq!(client.answer(1).await, "waited");
    assert_eq!(server.counts.timed_out(Stage::Silent), 0);
}

#[tokio::test]
async fn a_client_that_is_gone_behind_a_proxy_that_stays_is_found_out() {
    let server = serve(Limits { ping: SHORT, pong: SHORT, ..patient() }, None, &[]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (is_gone, may_end) = (Arc::<Notify>::default(), Arc::<Notify>::default());
    let (gone, end, target) = (is_gone.clone(), may_end.clone(), server.address);
    let proxy = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.expect("a client");
        let mut far = TcpStream::connect(target).await.expect("it accepts");
        tokio::select! {
            biased;
            () = gone.notified() => {}
            copied = tokio::io::copy_bidirectional(&mut near, &mut far) => drop(copied),
        }
        // It forwards nothing any more, not even the client's end, and keeps the connection to the server open.
        end.notified().await;
    });
    let mut client = Client(TcpStream::connect(address).await.expect("it accepts"));
    client.begin().await;
    client.wait(&server).await;
    is_gone.notify_one();
    drop(client);
    server.counted("silent", |counts| counts.timed_out(Stage::Silent), 1).await;
    server.counted("open", Connections::open, 0).await;
    may_end.notify_one();
    proxy.await.expect("no panic");
}
