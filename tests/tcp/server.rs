//! A server in threads of its own, of any service and model.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use iolab::limits::ServeLimits;
use iolab::models::AnyModel;
use iolab::models::uring::Technique;
use iolab::{Cost, Model, Service, Shutdown, Unavailable, listen};

use super::PATIENCE;
use crate::skip;

/// A model by its name, with these limits, if this machine has what it needs.
pub fn model(name: &str, limits: ServeLimits) -> Option<AnyModel> {
    ready(name.parse().unwrap(), limits)
}

/// The model with these limits, unless the machine lacks what it needs: then that is said. io_uring goes without what `IOLAB_DENY`
/// names.
pub fn ready(mut model: AnyModel, limits: ServeLimits) -> Option<AnyModel> {
    *model.limits_mut() = limits;
    if let AnyModel::Uring(uring) = &mut model {
        for name in std::env::var("IOLAB_DENY").iter().flat_map(|names| names.split(',')) {
            let technique: Technique = name.parse().unwrap_or_else(|error| panic!("IOLAB_DENY={name}: {error}"));
            uring.techniques = uring.techniques.without(technique);
        }
    }
    match model.available() {
        Ok(()) => Some(model),
        Err(error) if Unavailable::within(&error).is_some() => {
            skip::skipped(format_args!("{} by {model}: {error}", env!("CARGO_CRATE_NAME")));
            None
        }
        Err(error) => panic!("{model} does not work here, and does not know why: {error}"),
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub shutdown: Arc<Shutdown>,
    report: Receiver<Result<Cost, String>>,
    outcome: OnceCell<Result<Cost, String>>,
}

impl Server {
    pub fn start(model: AnyModel, loops: usize, service: Arc<impl Service + 'static>) -> Server {
        let listeners = listen("127.0.0.1:0".parse().unwrap(), loops).expect("a free port");
        let address = listeners[0].local_addr().unwrap();
        let shutdown = Arc::new(Shutdown::new().unwrap());
        let (reporter, report) = channel();
        let its = Arc::clone(&shutdown);
        thread::spawn(move || {
            let served = model.serve_all(listeners, &*service, &its);
            let _ = reporter.send(served.map_err(|error| format!("the server failed: {error}")));
        });
        Server { address, shutdown, report, outcome: OnceCell::new() }
    }

    pub fn stop(&self) -> Result<Cost, String> {
        self.shutdown.begin();
        self.await_end()
    }

    pub fn await_end(&self) -> Result<Cost, String> {
        let wait = || match self.report.recv_timeout(PATIENCE) {
            Ok(outcome) => outcome,
            Err(error) => Err(format!("the server does not stop: {error}")),
        };
        self.outcome.get_or_init(wait).clone()
    }
}

/// An address where nobody answers: the queue of a listener that accepts nobody is full, and further SYNs are dropped
/// (listen(2)). It is so while this lives.
pub struct Silence {
    pub address: SocketAddr,
    _listener: socket2::Socket,
    _queued: Vec<std::net::TcpStream>,
}

impl Silence {
    pub fn new() -> Silence {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let enters = || std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(300)).ok();
        let queued = std::iter::from_fn(enters).collect();
        Silence { address, _listener: listener, _queued: queued }
    }
}
