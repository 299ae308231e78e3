//! A handler that panics: that is a bug, and its connection's alone.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use iolab::http1::{Exchange, Handler, Head, HttpLimits, HttpService, TimeLimits, Trailers};
use iolab::models::AnyModel;
use iolab::{Model, Shutdown, Unavailable, listen};

use crate::client::{Client, GET};
use crate::{PATIENCE, figure, skip};

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

impl Handler for Fragile {
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

pub fn cost_their_connection_only(model: &str) {
    const EACH: usize = 20;
    let name = model;
    let model: AnyModel = name.parse().unwrap();
    if let Err(error) = model.available() {
        assert!(Unavailable::within(&error).is_some(), "{error}");
        return skip::skipped(format_args!("survival, {name}: {error}"));
    }
    let listeners = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let shutdown = Arc::new(Shutdown::new().unwrap());
    let (reporter, report) = channel();
    let its = Arc::clone(&shutdown);
    thread::spawn(move || {
        let service = HttpService::new(HttpLimits::default(), TimeLimits::default(), Fragile::default);
        let _ = reporter.send(model.serve_all(listeners, &service, &its).map_err(|error| error.to_string()));
    });
    let mut bystander = Client::connect(address);
    for _ in 0..EACH {
        for moment in MOMENTS {
            let mut victim = Client::connect(address);
            assert_eq!(victim.ask(GET).unwrap().status, 200);
            let asked = format!("POST /{moment} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
            victim.say(asked.as_bytes()).unwrap();
            match victim.stream.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                other => panic!("{name}: a panic at \"{moment}\" ended in {other:?} and not in a reset"),
            }
            let answer = bystander.ask(GET).unwrap_or_else(|error| panic!("{name}: after a panic at \"{moment}\": {error}"));
            assert_eq!(answer.status, 200);
        }
    }
    drop(bystander);
    shutdown.begin();
    let outcome = report.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{name} does not end: {error}"));
    let cost = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(cost.connections, (EACH * MOMENTS.len()) as u64 + 1);
    figure(name, format_args!("{} handlers panicked: {} resets, and nothing else", EACH * MOMENTS.len(), EACH * MOMENTS.len()));
}
