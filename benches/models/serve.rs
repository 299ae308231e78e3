//! The role of the server: one model serves one application on one thread, until standard input ends.

use std::io;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use iolab::http1::{HttpLimits, HttpService, TimeLimits};
use iolab::models::AnyModel;
use iolab::patterns::Echo;
use iolab::{Model, ReadFile, Service, Shutdown, listen};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::arguments::{Application, LISTEN};
use crate::chores::Chores;
use harness::child::{Said, say};

/// How long connections may go on once the server is to end: the load has closed them all by then.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves, and says what it took.
pub fn serve(model: AnyModel, application: Application, data: &Path) -> io::Result<Said> {
    raise_descriptor_limit()?;
    let limits = HttpLimits::default();
    // Idle connections are to stay for as long as a row takes.
    let time_limits = TimeLimits { idle: Duration::from_secs(600), ..TimeLimits::default() };
    match application {
        Application::Echo => serve_by(model, &HttpService::new(limits, time_limits, Echo::default)),
        Application::Chores => {
            let file = Arc::new(ReadFile::open_buffered(data)?);
            serve_by(model, &HttpService::new(limits, time_limits, move || Chores::new(Arc::clone(&file))))
        }
    }
}

fn serve_by(mut model: AnyModel, service: &impl Service) -> io::Result<Said> {
    model.limits_mut().drain = DRAIN;
    model.available()?;
    let shutdown = Arc::new(Shutdown::new()?);
    let listeners = listen(LISTEN, 1)?;
    end_with_input(&shutdown)?;
    end_on_signal(&shutdown)?;
    say(&Said::Listening(listeners[0].local_addr()?))?;
    Ok(Said::Ended(crate::spent(model.serve_all(listeners, service, &shutdown)?)))
}

/// The input ends when the benchmark asks for it, and also when the benchmark dies.
fn end_with_input(shutdown: &Arc<Shutdown>) -> io::Result<()> {
    let shutdown = Arc::clone(shutdown);
    let wait = move || {
        // Whether it ends or fails, nobody is there any more.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        shutdown.begin();
        thread::sleep(DRAIN * 5);
        eprintln!("the server did not end: leaving it");
        process::exit(1);
    };
    thread::Builder::new().name("end of input".into()).spawn(wait).map(drop)
}

fn end_on_signal(shutdown: &Arc<Shutdown>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let shutdown = Arc::clone(shutdown);
    let wait = move || signals.forever().for_each(|_| shutdown.begin());
    thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}

/// Raises the soft limit to the hard one, which needs no privilege; returns it.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}
