//! Our part: a model of the library serves its echo, with all limits and timers as they are, or reads.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use harness::child::{Said, say};
use iolab::http1::{HttpLimits, HttpService, TimeLimits};
use iolab::models::AnyModel;
use iolab::patterns::Echo;
use iolab::{Model, Shutdown, listen};

use crate::endpoint::ANY;

/// The same reader as that of the benchmark of the models.
#[path = "../../models/read.rs"]
mod read;

/// How long connections may go on once the server is to end: the load has closed them all by then.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves until standard input ends, and says what it took; it counts its system calls itself.
pub fn serve(mut model: AnyModel) -> io::Result<()> {
    model.limits_mut().drain = DRAIN;
    model.available()?;
    let service = HttpService::new(HttpLimits::default(), TimeLimits::default(), Echo::default);
    let shutdown = Arc::new(Shutdown::new()?);
    let listeners = listen(ANY, 1)?;
    end_with_input(&shutdown)?;
    say(&Said::Listening(listeners[0].local_addr()?))?;
    let cost = model.serve_all(listeners, &service, &shutdown)?;
    say(&Said::Ended(crate::spent(cost)))
}

/// Reads what it is told to.
pub fn obey(model: AnyModel, data: &Path) -> io::Result<()> {
    read::obey(model, data)
}

fn end_with_input(shutdown: &Arc<Shutdown>) -> io::Result<()> {
    let shutdown = Arc::clone(shutdown);
    let wait = move || {
        // Whether it ends or fails, nobody is there any more.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        shutdown.begin();
    };
    thread::Builder::new().name("end of input".into()).spawn(wait).map(drop)
}
