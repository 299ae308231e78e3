//! Descriptors, places and buffers are used again at once, often while what was meant for their last owner is still on its way.

use std::thread;
use std::time::Instant;

use crate::child::Server;
use crate::client::{Client, post};
use crate::figure;

const CONNECTIONS: usize = 20_000;
const VOICES: usize = 8;

/// Requests on each connection, all before the first answer is read.
const REQUESTS: usize = 3;

pub fn nobody_hears_what_was_for_another(model: &str) {
    let Some(server) = Server::start(model, &[]) else { return };
    let start = Instant::now();
    let answers: usize = thread::scope(|scope| {
        let voices: Vec<_> = (0..VOICES)
            .map(|voice| {
                let address = server.address;
                scope.spawn(move || {
                    (voice..CONNECTIONS).step_by(VOICES).map(|number| come_and_go(address, number)).sum::<usize>()
                })
            })
            .collect();
        voices.into_iter().map(|voice| voice.join().unwrap()).sum()
    });
    figure(
        model,
        format_args!(
            "{CONNECTIONS} connections, half of them closed with answers pending, in {:.1} s: {answers} answers, 0 wrong",
            start.elapsed().as_secs_f64()
        ),
    );
    assert_eq!(answers, CONNECTIONS / 2 * REQUESTS);
    server.stop();
}

/// Says something that nobody else says. Says how many answers came; a wrong one is the end of the test.
fn come_and_go(address: std::net::SocketAddr, number: usize) -> usize {
    // ANCHOR: come-and-go
    let bodies: Vec<String> = (0..REQUESTS).map(|request| format!("{number}.{request} ").repeat(1 + number % 50)).collect();
    let mut peer = Client::connect(address);
    let said = peer.say(&bodies.iter().flat_map(|body| post(body)).collect::<Vec<u8>>());
    match number % 4 {
        // Closed: before the answers, or with them unread, which makes it a reset.
        0 => drop(peer),
        1 => peer.reset(),
        _ => {
            said.unwrap();
            for body in &bodies {
                let answer = peer.hear().unwrap_or_else(|error| panic!("connection {number}: {error}"));
                assert_eq!((answer.status, answer.body), (200, body.clone().into_bytes()), "connection {number}");
            }
            // ANCHOR_END: come-and-go
            if number % 4 == 2 {
                // The client's port is free again at once, too.
                peer.reset();
            }
            return REQUESTS;
        }
    }
    0
}
