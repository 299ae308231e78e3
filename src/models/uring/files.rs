//! The files of one connection: reads that are in flight like any other operation.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::peer::Peer;
use crate::driver::slots::Key;
use crate::file_op::{FileDone, FileOp, FileRequest, FileTicket};
use crate::protocol::Protocol;
use crate::read_file::ReadFile;
use crate::reading::{Reading, block_for};
use crate::sys::block::Block;
use crate::sys::ledger::Operation;
use crate::sys::ring::{Read, Ring, Target};
use crate::time::Now;

/// A file read in flight.
pub(super) struct InFlight {
    pub(super) operation: Operation,
    pub(super) asked: Asked,
    pub(super) reading: Reading,
}

/// Which file, and to whom the octets go.
pub(super) struct Asked {
    ticket: FileTicket,
    file: Arc<ReadFile>,
}

impl<P: Protocol> Peer<P> {
    pub(super) fn read_file(&mut self, ring: &mut Ring, key: Key, request: FileRequest, now: Now) -> io::Result<()> {
        let FileRequest { ticket, op } = request;
        let FileOp::ReadShared { file, range } = op else {
            self.connection.file_done(ticket, Err(io::ErrorKind::Unsupported.into()), now);
            return Ok(());
        };
        let asked = Asked { ticket, file };
        match Reading::of(range, asked.file.alignment()) {
            Ok(reading) => {
                let block = block_for(reading.room(), asked.file.alignment());
                self.read_rest(ring, key, asked, reading, block, now)
            }
            Err(error) => {
                self.connection.file_done(asked.ticket, Err(error), now);
                Ok(())
            }
        }
    }

    /// A read may be short: it goes on until the range is full or the file ends.
    pub(super) fn read_rest(
        &mut self,
        ring: &mut Ring,
        key: Key,
        asked: Asked,
        reading: Reading,
        block: Block,
        now: Now,
    ) -> io::Result<()> {
        match reading.rest() {
            Some(rest) => {
                let file = Target::Descriptor(asked.file.as_fd());
                let read = Read { file, offset: rest.offset, at: rest.at, len: rest.len, registered: None };
                let operation = ring.read(read, block, key.to_bits())?;
                self.files.push(InFlight { operation, asked, reading });
            }
            None => self.connection.file_done(asked.ticket, Ok(FileDone::Read(reading.into_bytes(block))), now),
        }
        Ok(())
    }

    pub(super) fn file_read(
        &mut self,
        ring: &mut Ring,
        key: Key,
        operation: Operation,
        block: Block,
        result: io::Result<usize>,
        now: Now,
    ) {
        let Some(place) = self.files.iter().position(|file| file.operation == operation) else { return };
        let InFlight { asked, mut reading, .. } = self.files.swap_remove(place);
        let ticket = asked.ticket;
        let outcome = match result {
            Ok(count) => {
                reading.took(count);
                self.read_rest(ring, key, asked, reading, block, now)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.read_rest(ring, key, asked, reading, block, now),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            self.connection.file_done(ticket, Err(error), now);
        }
    }
}
