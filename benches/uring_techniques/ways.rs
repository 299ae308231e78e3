//! The ways that are compared: bare loops with their switches set, and the library's model told how to go.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Instant;

use harness::child::{ReadDone, ReadOrder};
use harness::reader::{self, Blocks};
use iolab::models::AnyModel;
use serde::{Deserialize, Serialize};

use crate::calls::{self, Calls};
use crate::ring_reads::RingReader;
use crate::script::Script;
use crate::switches::{Reading, Switches};
use crate::techniques::{self, not_here};
use crate::told::Told;
use crate::{ours, role, server, uring, verbs};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Way {
    /// The bare loop without any switches.
    Bare,
    Switched(Switches),
    Reader(Reading),
    Model(Told),
}

impl techniques::Way for Way {
    fn serve(self, script: Option<Script>) -> io::Result<()> {
        let script = || script.ok_or_else(|| io::Error::other("a bare loop needs a script"));
        match self {
            Way::Model(told) => ours::serve::echo(AnyModel::Uring(told.model()?)),
            Way::Bare => {
                server::try_here(&Switches::default())?;
                role::serve(&script()?, uring::serve)
            }
            Way::Switched(switches) => {
                server::try_here(&switches)?;
                role::serve(&script()?, move |listener, play, calls| server::serve(switches, listener, play, calls))
            }
            Way::Reader(_) => Err(io::Error::other("a reader serves nobody")),
        }
    }

    fn read(self, data: &Path) -> io::Result<()> {
        match self {
            Way::Model(told) => ours::read::obey(AnyModel::Uring(told.model()?), data),
            Way::Reader(reading) => read(reading, data),
            Way::Bare | Way::Switched(_) => Err(io::Error::other("a server reads no files")),
        }
    }
}

fn read(reading: Reading, data: &Path) -> io::Result<()> {
    let (mut made, calls) = (None, Calls::of_a_thread());
    reader::obey(|order| {
        let (reader, file) = match &mut made {
            Some(made) => made,
            none => none.insert(reader_for(reading, data, order, calls)?),
        };
        let mut blocks = Blocks::new(order, file.metadata()?.len());
        let began = Instant::now();
        reader.read(order, &mut blocks).map_err(|error| match error.raw_os_error() {
            Some(libc::EOPNOTSUPP) if reading.polled => {
                not_here("this disk cannot be polled (EOPNOTSUPP to IORING_SETUP_IOPOLL)")
            }
            _ => error,
        })?;
        let nanos = began.elapsed().as_nanos() as u64;
        Ok(ReadDone { reads: blocks.asked(), nanos, cpu_nanos: None, spent: calls::take() })
    })
}

fn reader_for(reading: Reading, data: &Path, order: &ReadOrder, calls: &'static Calls) -> io::Result<(RingReader, File)> {
    let flags = if order.direct { libc::O_DIRECT } else { 0 };
    let file = File::options().read(true).custom_flags(flags).open(data)?;
    let places = order.in_flight.next_power_of_two() as u32;
    let ring =
        if reading.polled { verbs::polled_ring(places, calls)? } else { verbs::ring(&Switches::default(), places, calls)? };
    let reader = RingReader::new(ring, &file, order.in_flight, order.block, reading.registered)?;
    Ok((reader, file))
}
