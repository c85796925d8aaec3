#![allow(dead_code, reason = "nothing serves connections yet")]
mod redis;

use std::sync::Arc;
use std::time::Duration;

// usage: quorate DIR PORT PEERPORT
#[tokio::main]
async fn main() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let args: Vec<String> = std::env::args().collect();
    let peer = format!("http://127.0.0.1:{}", args[3]);
    let config = quorate_core::node::NodeConfig {
        name: "a".into(),
        data_dir: args[1].clone().into(),
        listen_peer_urls: vec![peer.clone()],
        advertise_peer_urls: vec![peer.clone()],
        advertise_client_urls: vec![],
        initial_cluster: vec![("a".into(), vec![peer])],
        cluster_token: "t".into(),
        heartbeat: Duration::from_millis(100),
        election_min: Duration::from_millis(300),
        election_max: Duration::from_millis(600),
    };
    let node = quorate_core::node::Node::start(config)
        .await
        .expect("start");
    let context = Arc::new(redis::Context::new(node, redis::Options::default()));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", args[2].parse().expect("port")))
        .await
        .expect("bind");
    loop {
        let (stream, peer) = listener.accept().await.expect("accept");
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().ok();
        tokio::spawn(redis::serve_connection_of(
            stream,
            context.clone(),
            Some(peer),
            local,
        ));
    }
}
