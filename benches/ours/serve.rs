//! The role of the server: one model serves one application, until standard input ends.

use std::io;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use harness::child::{Said, say};
use harness::serving::{LISTEN, on_end_of_input, raise_descriptor_limit};
use iolab::http1::{Handler, HttpLimits, HttpService, TimeLimits};
use iolab::models::AnyModel;
use iolab::patterns::Echo;
use iolab::{Model, Service, Shutdown, listen};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long connections may go on once the server is to end: the load has closed them all by then.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves the library's echo, and says what it took.
pub fn echo(model: AnyModel) -> io::Result<()> {
    serve(model, 1, Echo::default)
}

/// Serves whatever these handlers answer, with so many loops, and says what it took.
pub fn serve<H: Handler + 'static>(
    model: AnyModel,
    loops: usize,
    handler: impl Fn() -> H + Send + Sync + 'static,
) -> io::Result<()> {
    serve_service(model, loops, &HttpService::new(HttpLimits::default(), time_limits(), handler))
}

/// Idle connections are to stay for as long as a row takes.
pub fn time_limits() -> TimeLimits {
    TimeLimits { idle: Duration::from_secs(600), ..TimeLimits::default() }
}

/// Serves any service.
pub fn serve_service<S: Service>(mut model: AnyModel, loops: usize, service: &S) -> io::Result<()> {
    raise_descriptor_limit()?;
    model.limits_mut().drain = DRAIN;
    model.available()?;
    let shutdown = Arc::new(Shutdown::new()?);
    let listeners = listen(LISTEN, loops)?;
    end_with_input(&shutdown)?;
    end_on_signal(&shutdown)?;
    say(&Said::Listening(listeners[0].local_addr()?))?;
    say(&Said::Ended(super::spent(model.serve_all(listeners, service, &shutdown)?)))
}

fn end_with_input(shutdown: &Arc<Shutdown>) -> io::Result<()> {
    let shutdown = Arc::clone(shutdown);
    on_end_of_input(move || {
        shutdown.begin();
        thread::sleep(DRAIN * 5);
        eprintln!("the server did not end: leaving it");
        process::exit(1);
    })
}

fn end_on_signal(shutdown: &Arc<Shutdown>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let shutdown = Arc::clone(shutdown);
    let wait = move || signals.forever().for_each(|_| shutdown.begin());
    thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}
