//! How many connections there may be: said when a server starts, and kept.

use crate::child::{Server, until};
use crate::client::{Client, GET};
use crate::figure;

pub fn stated_and_kept(model: &str) {
    const ROOM: usize = 10;
    let Some(server) = Server::start(model, &[]) else { return };
    let usual = if matches!(model, "blocking" | "pool") { 1024 } else { 16_384 };
    assert!(server.greeting.contains(&format!("at most {usual} connections at once")), "{}", server.greeting);
    server.stop();

    let Some(server) = Server::start(model, &["--max-connections", &ROOM.to_string()]) else { return };
    assert!(server.greeting.contains(&format!("at most {ROOM} connections at once")), "{}", server.greeting);
    let mut peers: Vec<Client> = (0..2 * ROOM).map(|_| Client::connect(server.address)).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        let answer = peer.ask(GET).unwrap_or_else(|error| panic!("{model}: number {number}: {error}"));
        assert_eq!(answer.status, if number < ROOM { 200 } else { 503 }, "{model}: number {number}");
        if number >= ROOM {
            peer.hear_end().unwrap();
        }
    }
    drop(peers);
    until("there is room again", || Client::connect(server.address).ask(GET).unwrap().status == 200);
    figure(
        model,
        format_args!("{usual} connections at once unless told otherwise; of {} for {ROOM} places {ROOM} got 503", 2 * ROOM),
    );
    server.stop();
}
