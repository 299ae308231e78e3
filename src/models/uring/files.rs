//! The files of one connection: each step of an operation is in flight like a receive or a send.

use std::io;
use std::os::fd::AsFd;

use crate::directory::Directory;
use crate::file_op::{FileDone, FileRequest, FileTicket};
use crate::models::file_work::{FileWork, Next, OpenFiles, Step, Took};
use crate::sys::ledger::{Operation, Payload};
use crate::sys::ring::{Completion, Read, Ring, Target};
use crate::sys::techniques::Technique;

/// What a connection has open, and what it does with it.
#[derive(Default)]
pub(super) struct Files {
    open: OpenFiles,
    in_flight: Vec<InFlight>,
}

struct InFlight {
    operation: Operation,
    ticket: FileTicket,
    /// Keeps open what the kernel works on.
    work: FileWork,
    awaited: Awaited,
}

/// What came of an operation, and to whom it is told.
pub(super) type Answer = (FileTicket, io::Result<FileDone>);

/// How the step in flight is answered.
#[derive(Clone, Copy)]
enum Awaited {
    Opened,
    Read,
    Wrote,
    Done,
}

impl Files {
    pub(super) fn are_at_rest(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether this operation is one of its own.
    pub(super) fn have(&self, operation: Operation) -> bool {
        self.in_flight.iter().any(|file| file.operation == operation)
    }

    /// Begins an operation. An answer comes at once where there is nothing to ask the kernel.
    pub(super) fn begin(
        &mut self,
        ring: &mut Ring,
        token: u64,
        request: FileRequest,
        directory: Option<&Directory>,
    ) -> io::Result<Option<Answer>> {
        let work = self.open.begin(request.op, directory);
        self.go_on(ring, token, request.ticket, work)
    }

    /// A step is done; the next may follow.
    pub(super) fn completed(&mut self, ring: &mut Ring, token: u64, completion: Completion) -> io::Result<Option<Answer>> {
        let place = self.in_flight.iter().position(|file| file.operation == completion.operation);
        let Some(place) = place else { return Ok(None) };
        let InFlight { ticket, mut work, awaited, .. } = self.in_flight.swap_remove(place);
        let result = completion.result();
        work.took(match (awaited, completion.payload) {
            (Awaited::Opened, Payload::Opened(descriptor)) => Took::Opened(Ok(descriptor.into())),
            (Awaited::Opened, _) => Took::Opened(Err(result.err().unwrap_or_else(|| io::ErrorKind::Other.into()))),
            (Awaited::Read, Payload::Block(block)) => Took::Read(block, result),
            (Awaited::Wrote, _) => Took::Wrote(result),
            (Awaited::Read | Awaited::Done, _) => Took::Done(result.map(drop)),
        });
        self.go_on(ring, token, ticket, work)
    }

    /// Hands the next step to the kernel, or says what came of them all. What cannot wait is done here, and what
    /// the kernel has no operation for.
    fn go_on(&mut self, ring: &mut Ring, token: u64, ticket: FileTicket, mut work: FileWork) -> io::Result<Option<Answer>> {
        let names = ring.has(Technique::RenameUnlink);
        let (operation, awaited) = loop {
            let step = match work.next() {
                Next::Call(step) => step,
                Next::Done(result) => return Ok(Some((ticket, self.open.end(result)))),
            };
            break match step {
                Step::Open { beneath, path, flags } => {
                    (ring.open_beneath(beneath.as_fd(), path, flags, token)?, Awaited::Opened)
                }
                Step::Read { file, block, rest } => {
                    let file = Target::Descriptor(file.as_fd());
                    let read = Read { file, offset: rest.offset, at: rest.at, len: rest.len, registered: None };
                    (ring.read(read, block, token)?, Awaited::Read)
                }
                Step::Write { file, octets, offset } => (ring.write(&*file, octets, offset, token)?, Awaited::Wrote),
                Step::SyncData { file } => (ring.sync(&*file, true, token)?, Awaited::Done),
                Step::Sync { file } => (ring.sync(&*file, false, token)?, Awaited::Done),
                Step::Rename { from, to } if names => {
                    let (from, to) = ((from.0.as_fd(), from.1), (to.0.as_fd(), to.1));
                    (ring.rename(from, to, token)?, Awaited::Done)
                }
                Step::Unlink { directory, name } if names => (ring.unlink(directory.as_fd(), name, token)?, Awaited::Done),
                step @ (Step::Check { .. } | Step::Close { .. } | Step::Rename { .. } | Step::Unlink { .. }) => {
                    work.took(step.make());
                    continue;
                }
            };
        };
        self.in_flight.push(InFlight { operation, ticket, work, awaited });
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::file_op::FileOp;
    use crate::sys::calls::{Call, Meter};
    use crate::sys::ring_setup::RingOptions;
    use crate::sys::techniques::Techniques;
    use crate::unavailable::Unavailable;

    /// Renames and then unlinks; answers how often the thread itself made such a call.
    fn calls_made(techniques: Techniques) -> Option<[u64; 2]> {
        let mut ring = match Ring::new(&RingOptions { techniques, ..RingOptions::default() }) {
            Ok(ring) => ring,
            Err(error) => {
                eprintln!("skipped: {}", Unavailable::within(&error).expect("a ring fails for a known reason"));
                return None;
            }
        };
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("old"), b"").unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let (meter, mut files, mut completions) = (Meter::start("test"), Files::default(), Vec::new());
        for op in [FileOp::Rename { from: "old".into(), to: "new".into() }, FileOp::Unlink { path: "new".into() }] {
            let request = FileRequest { ticket: FileTicket(0), op };
            let mut answer = files.begin(&mut ring, 0, request, Some(&directory)).unwrap();
            while answer.is_none() {
                ring.submit_and_wait(1, None).unwrap();
                ring.reap(&mut completions);
                for completion in completions.drain(..) {
                    answer = files.completed(&mut ring, 0, completion).unwrap();
                }
            }
            answer.unwrap().1.unwrap();
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        Some([Call::Renameat, Call::Unlinkat].map(|call| meter.so_far().of(call)))
    }

    #[test]
    fn names_are_changed_by_the_ring_and_without_that_by_the_thread() {
        assert!(calls_made(Techniques::ALL).is_none_or(|calls| calls == [0, 0]));
        assert!(calls_made(Techniques::NONE).is_none_or(|calls| calls == [1, 1]));
    }
}
