//! A server in a thread of the test, for a handler of the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use iolab::http1::{Handler, HttpLimits, HttpService, TimeLimits};
use iolab::models::AnyModel;
use iolab::{Cost, Model, Shutdown, Unavailable, listen};

use crate::{PATIENCE, skip};

pub struct Inside {
    pub address: SocketAddr,
    shutdown: Arc<Shutdown>,
    report: Receiver<Result<Cost, String>>,
}

impl Inside {
    /// `None`, said aloud, where the model cannot run.
    pub fn start<H: Handler>(model: &str, handler: impl Fn() -> H + Send + Sync + 'static) -> Option<Inside> {
        let model: AnyModel = model.parse().unwrap();
        if let Err(error) = model.available() {
            assert!(Unavailable::within(&error).is_some(), "{model} does not work here, and does not know why: {error}");
            skip::skipped(format_args!("survival, {model}: {error}"));
            return None;
        }
        let listeners = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let shutdown = Arc::new(Shutdown::new().unwrap());
        let (reporter, report) = channel();
        let its = Arc::clone(&shutdown);
        thread::spawn(move || {
            let service = HttpService::new(HttpLimits::default(), TimeLimits::default(), handler);
            let _ = reporter.send(model.serve_all(listeners, &service, &its).map_err(|error| error.to_string()));
        });
        Some(Inside { address, shutdown, report })
    }

    /// Ends it in good order.
    pub fn stop(self) -> Cost {
        self.shutdown.begin();
        let outcome = self.report.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("the server does not end: {error}"));
        outcome.unwrap_or_else(|error| panic!("the server failed: {error}"))
    }
}
