//! File operations of a server, beside epoll: readiness has nothing to say about them.
//!
//! What the page cache has is read at once. Everything else holds up the loop, and everyone in it, and is counted as a stall: a
//! read that must wait for the disk, one that goes around the cache (whose wait `RWF_NOWAIT` does not refuse), and every call that
//! may (an open looks names up, a sync is nothing but a wait).

use std::io;
use std::time::Instant;

use super::read::read_or_stall;
use crate::cost::Cost;
use crate::models::file_work::{FileWork, Next, Outcome, Step, Took};

/// Does the whole operation, here and now.
pub(super) fn run_or_stall(mut work: FileWork, cost: &mut Cost) -> io::Result<Outcome> {
    let mut can_tell = !work.reads_directly();
    loop {
        let step = match work.next() {
            Next::Call(step) => step,
            Next::Done(result) => return result,
        };
        work.took(match step {
            Step::Read { file, mut block, rest } => {
                let room = &mut block[rest.at..rest.at + rest.len];
                let result = read_or_stall(&file, room, rest.offset, &mut can_tell, cost);
                Took::Read(block, result)
            }
            step @ (Step::Check { .. } | Step::Close { .. }) => step.make(),
            step => {
                let begun = Instant::now();
                let took = step.make();
                cost.stalls += 1;
                cost.stalled += begun.elapsed();
                took
            }
        });
    }
}
