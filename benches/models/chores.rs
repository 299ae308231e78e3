//! A server with chores: it answers pings at once, and has other requests that hold it up.
//!
//! - `GET /ping`: nothing to do.
//! - `GET /disk`: [`DISK_READS`] reads of [`DISK_BLOCK`] octets from the start of the data file, through the page cache.
//! - `GET /burn`: [`BURN_STEPS`] steps of arithmetic, each of which needs the one before.

use std::convert::Infallible;
use std::sync::Arc;

use iolab::http1::{Exchange, Handler, Head, NoUpgrade, Trailers};
use iolab::{Event, FileDone, FileTicket, ReadFile};

use harness::data_file::is_right;
use harness::load::Question;
use harness::statistics::Dice;

/// Reads asked for at once by `GET /disk`.
pub const DISK_READS: usize = 4;

/// Octets of each.
pub const DISK_BLOCK: u64 = 1 << 20;

/// Octets read for one `GET /disk`.
pub const DISK_OCTETS: u64 = DISK_READS as u64 * DISK_BLOCK;

/// About 100 us on a core of 2026.
pub const BURN_STEPS: u32 = 20_000;

const PONG: &[u8] = b"pong\n";

/// One connection's handler.
pub struct Chores {
    file: Arc<ReadFile>,
    /// The reads of a `GET /disk` that are not done.
    awaited: Vec<(FileTicket, u64)>,
    failure: Option<String>,
}

impl Chores {
    pub fn new(file: Arc<ReadFile>) -> Chores {
        Chores { file, awaited: Vec::new(), failure: None }
    }

    pub fn ping() -> Question {
        Question::get("/ping", PONG.to_vec())
    }

    pub fn disk() -> Question {
        Question::get("/disk", disk_answer().into_bytes())
    }

    pub fn burn() -> Question {
        Question::get("/burn", burn_answer().into_bytes())
    }

    fn read_disk(&mut self, exchange: &mut Exchange<'_, '_>) {
        for number in 0..DISK_READS as u64 {
            let offset = number * DISK_BLOCK;
            let ticket = exchange.read_file(Arc::clone(&self.file), offset..offset + DISK_BLOCK);
            self.awaited.push((ticket, offset));
        }
    }
}

impl Handler for Chores {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    // ANCHOR: chores
    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        match head.target() {
            b"/ping" => exchange.answer_whole(200, &[], PONG),
            b"/disk" => self.read_disk(exchange),
            b"/burn" => exchange.answer_whole(200, &[], burn_answer().as_bytes()),
            _ => exchange.answer_whole(404, &[], b"/ping, /disk or /burn\n"),
        }
    }
    // ANCHOR_END: chores

    fn complete(&mut self, _trailers: Trailers<'_>, _exchange: &mut Exchange<'_, '_>) {}

    fn event(&mut self, event: Event, exchange: &mut Exchange<'_, '_>) {
        let Event::File(ticket, result) = event else { return };
        let Some(place) = self.awaited.iter().position(|&(awaited, _)| awaited == ticket) else { return };
        let (_, offset) = self.awaited.swap_remove(place);
        match result {
            Ok(FileDone::Read(octets)) if octets.len() as u64 == DISK_BLOCK && is_right(&octets, offset, false) => {}
            Ok(_) => self.failure = Some(format!("the octets at {offset} are not those of the file\n")),
            Err(error) => self.failure = Some(format!("{error}\n")),
        }
        if self.awaited.is_empty() {
            match self.failure.take() {
                None => exchange.answer_whole(200, &[], disk_answer().as_bytes()),
                Some(failure) => exchange.answer_whole(500, &[], failure.as_bytes()),
            }
        }
    }
}

fn disk_answer() -> String {
    format!("{DISK_OCTETS} octets read\n")
}

fn burn_answer() -> String {
    let mut dice = Dice(0);
    let mut burnt = 0;
    for _ in 0..BURN_STEPS {
        burnt = dice.throw();
        dice = Dice(std::hint::black_box(burnt));
    }
    format!("{burnt:016x}\n")
}
