//! A handler that panics: that is a bug, and its connection's alone.

use std::convert::Infallible;
use std::io;

use iolab::http1::{Exchange, Handler, Head, NoUpgrade, Trailers};

use crate::client::{Client, GET};
use crate::figure;
use crate::inside::Inside;

/// Panics where its request asks for that: at its head, in its body, or once it is whole.
#[derive(Default)]
struct Fragile {
    panic_at: Option<&'static str>,
}

const MOMENTS: [&str; 3] = ["head", "body", "whole"];

impl Fragile {
    /// Like `panic!`, without a word on standard error.
    fn reach(&self, moment: &str) {
        if self.panic_at == Some(moment) {
            std::panic::resume_unwind(Box::new("as it was asked to"));
        }
    }
}

// ANCHOR: fragile
impl Handler for Fragile {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, head: &Head<'_>, _: &mut Exchange<'_, '_>) {
        self.panic_at = MOMENTS.into_iter().find(|moment| head.target().ends_with(moment.as_bytes()));
        self.reach("head");
    }

    fn body(&mut self, _: &[u8], _: &mut Exchange<'_, '_>) {
        self.reach("body");
    }

    fn complete(&mut self, _: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
        self.reach("whole");
        exchange.answer_whole(200, &[], b"");
    }
}
// ANCHOR_END: fragile

pub fn cost_their_connection_only(model: &str) {
    const EACH: usize = 20;
    let Some(server) = Inside::start(model, Fragile::default) else { return };
    let mut bystander = Client::connect(server.address);
    for _ in 0..EACH {
        for moment in MOMENTS {
            let mut victim = Client::connect(server.address);
            assert_eq!(victim.ask(GET).unwrap().status, 200);
            let asked = format!("POST /{moment} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
            victim.say(asked.as_bytes()).unwrap();
            match victim.fill() {
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                other => panic!("{model}: a panic at \"{moment}\" ended in {other:?} and not in a reset"),
            }
            let answer = bystander.ask(GET).unwrap_or_else(|error| panic!("{model}: after a panic at \"{moment}\": {error}"));
            assert_eq!(answer.status, 200);
        }
    }
    drop(bystander);
    let cost = server.stop();
    assert_eq!(cost.connections, (EACH * MOMENTS.len()) as u64 + 1);
    figure(
        model,
        format_args!("{} handlers panicked: {} resets, and nothing else", EACH * MOMENTS.len(), EACH * MOMENTS.len()),
    );
}
