//! may_minihttp: an HTTP server of a few hundred lines on may's coroutines, made for benchmarks.
//!
//! Settings: one worker, not pinned (it would go to the load's core). It says `200 Ok` and `Server: M`, so its answers are 11
//! octets longer; neither can be changed. It does not set TCP_NODELAY, which does not matter for answers of one write.

use std::io::{self, Read};
use std::thread;

use harness::work::Steadily;
use may_minihttp::{HttpServer, HttpService, Request, Response};

use crate::endpoint::Endpoint;

pub fn serve(endpoint: Endpoint) -> io::Result<()> {
    may::config().set_workers(1).set_worker_pin(false);
    // It insists on binding itself.
    let address = endpoint.give_up()?;
    let _server = HttpServer(Echo).start(address)?;
    Endpoint::announce(address)?;
    loop {
        thread::park();
    }
}

/// It writes what the socket takes and the rest when something else happens: an answer that does not fit may wait forever.
pub fn leaves_out(steadily: &Steadily) -> Option<&'static str> {
    (steadily.body > Some(16 << 10)).then_some("waits for the next request before it writes the rest of a long answer")
}

#[derive(Clone)]
struct Echo;

impl HttpService for Echo {
    fn call(&mut self, request: Request, response: &mut Response) -> io::Result<()> {
        let mut body = Vec::new();
        request.body().read_to_end(&mut body)?;
        if !body.is_empty() {
            response.body_vec(body);
        }
        Ok(())
    }
}
