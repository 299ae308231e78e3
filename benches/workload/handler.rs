//! The handler that does what was described: one piece of code, whichever model runs it.
//!
//! ```text
//! request, body    heard to its end
//!   read ... read  each where the dice say, its octets checked
//!   burn           so many steps, their result checked
//!   answer         the same octets each time, sent without a copy
//! ```
//!
//! What turns out wrong is answered 500, which the load takes for what it is: no figure.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use harness::data_file::is_right;
use harness::statistics::Dice;
use iolab::http1::{BodyLength, Exchange, Handler, Head, NoUpgrade, Trailers};
use iolab::{Event, FileDone, FileTicket, ReadFile};

use crate::burn::burn;
use crate::description::{Description, text};

/// What all connections of a server share.
pub struct Application {
    description: Description,
    /// Through the page cache, and around it: opened where it is needed.
    cached: Option<Arc<ReadFile>>,
    direct: Option<Arc<ReadFile>>,
    answer: Bytes,
    /// What burning comes to.
    burnt: u64,
    connections: AtomicU64,
}

impl Application {
    pub fn new(description: Description) -> io::Result<Application> {
        let open = |wanted: bool, open: fn(&Description) -> io::Result<ReadFile>| {
            (wanted && description.disk_reads > 0).then(|| open(&description).map(Arc::new)).transpose()
        };
        let cached = open(description.cache_hits > 0, |description| ReadFile::open_buffered(&description.data))?;
        let direct = open(description.cache_hits < 100, |description| ReadFile::open_direct(&description.data))?;
        let (answer, burnt) = (text(description.response).into(), burn(description.burn_steps));
        Ok(Application { description, cached, direct, answer, burnt, connections: AtomicU64::new(0) })
    }

    /// A handler for one connection, with dice of its own.
    pub fn handler(self: &Arc<Application>) -> Described {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        Described { application: Arc::clone(self), dice: Dice(number << 32), unasked: 0, awaited: Vec::new(), failure: None }
    }
}

/// One connection's.
pub struct Described {
    application: Arc<Application>,
    dice: Dice,
    /// Reads of this request that were not asked for yet.
    unasked: usize,
    /// Those that were, and where they begin.
    awaited: Vec<(FileTicket, u64)>,
    failure: Option<String>,
}

impl Handler for Described {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, _head: &Head<'_>, _exchange: &mut Exchange<'_, '_>) {
        self.unasked = self.application.description.disk_reads;
    }

    fn complete(&mut self, _trailers: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
        self.go_on(exchange);
    }

    fn event(&mut self, event: Event, exchange: &mut Exchange<'_, '_>) {
        let Event::File(ticket, result) = event else { return };
        let Some(place) = self.awaited.iter().position(|&(awaited, _)| awaited == ticket) else { return };
        let (_, offset) = self.awaited.swap_remove(place);
        match result {
            Ok(FileDone::Read(octets))
                if octets.len() == self.application.description.read_octets && is_right(&octets, offset, false) => {}
            Ok(_) => self.failure = Some(format!("the octets at {offset} are not those of the file\n")),
            Err(error) => self.failure = Some(format!("{error}\n")),
        }
        self.go_on(exchange);
    }
}

impl Described {
    // ANCHOR: go-on
    fn go_on(&mut self, exchange: &mut Exchange<'_, '_>) {
        let at_once = self.application.description.reads_at_once;
        while self.unasked > 0 && (at_once || self.awaited.is_empty()) {
            self.unasked -= 1;
            self.read(exchange);
        }
        if self.awaited.is_empty() {
            self.answer(exchange);
        }
    }
    // ANCHOR_END: go-on

    fn read(&mut self, exchange: &mut Exchange<'_, '_>) {
        let Description { read_octets, cache_hits, data_octets, .. } = self.application.description;
        let hits = self.dice.below(100) < cache_hits as usize;
        let file = if hits { &self.application.cached } else { &self.application.direct };
        let Some(file) = file else { return self.failure = Some("the data file is not open\n".to_owned()) };
        let blocks = data_octets as usize / read_octets;
        let offset = (self.dice.below(blocks) * read_octets) as u64;
        let ticket = exchange.read_file(Arc::clone(file), offset..offset + read_octets as u64);
        self.awaited.push((ticket, offset));
    }

    fn answer(&mut self, exchange: &mut Exchange<'_, '_>) {
        if burn(self.application.description.burn_steps) != self.application.burnt {
            self.failure = Some("the computation went wrong\n".to_owned());
        }
        if let Some(failure) = self.failure.take() {
            return exchange.answer_whole(500, &[("Content-Type", "text/plain")], failure.as_bytes());
        }
        exchange.answer(200, &[], BodyLength::Known(self.application.answer.len() as u64));
        exchange.send(self.application.answer.clone());
        exchange.end();
    }
}
