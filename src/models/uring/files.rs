//! The files of one connection: each step of an operation is in flight like a receive or a send.

use std::io;
use std::os::fd::AsFd;

use crate::directory::Directory;
use crate::file_op::{FileDone, FileRequest, FileTicket};
use crate::models::file_work::{FileWork, Next, OpenFiles, Step, Took};
use crate::sys::ledger::{Operation, Payload};
use crate::sys::ring::{Completion, Read, Ring, Target};

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

    /// Hands the next step to the kernel, or says what came of them all. What cannot wait is done here.
    fn go_on(&mut self, ring: &mut Ring, token: u64, ticket: FileTicket, mut work: FileWork) -> io::Result<Option<Answer>> {
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
                Step::Rename { from, to } => {
                    let (from, to) = ((from.0.as_fd(), from.1), (to.0.as_fd(), to.1));
                    (ring.rename(from, to, token)?, Awaited::Done)
                }
                Step::Unlink { directory, name } => (ring.unlink(directory.as_fd(), name, token)?, Awaited::Done),
                step @ (Step::Check { .. } | Step::Close { .. }) => {
                    work.took(step.make());
                    continue;
                }
            };
        };
        self.in_flight.push(InFlight { operation, ticket, work, awaited });
        Ok(None)
    }
}
