//! The ways that are compared.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::epoll::{self, Best, Manner, Sizes};
use crate::script::Script;
use crate::{mio_loop, role, techniques};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Way {
    Raw(Switches),
    /// Behind mio, whose events are edges.
    Mio {
        drains: bool,
    },
}

/// How a bare loop uses its set and its reads. The default is what the bare loop of the other benchmark does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Switches {
    pub edges: bool,
    pub drains: bool,
    pub buffer: usize,
    pub events: usize,
}

impl Default for Switches {
    fn default() -> Self {
        let Sizes { buffer, events } = Sizes::BEST;
        Switches { edges: Best::EDGES, drains: Best::DRAINS, buffer, events }
    }
}

/// The switches that a loop is compiled for.
pub struct Switched<const EDGES: bool, const DRAINS: bool>;

impl<const EDGES: bool, const DRAINS: bool> Manner for Switched<EDGES, DRAINS> {
    const EDGES: bool = EDGES;
    const DRAINS: bool = DRAINS;
}

impl techniques::Way for Way {
    fn serve(self, script: Option<Script>) -> io::Result<()> {
        let script = script.ok_or_else(|| io::Error::other("a bare loop needs a script"))?;
        role::serve(&script, move |listener, play, calls| match self {
            Way::Raw(Switches { edges, drains, buffer, events }) => {
                let serve = match (edges, drains) {
                    (true, true) => epoll::serve::<Switched<true, true>>,
                    (true, false) => epoll::serve::<Switched<true, false>>,
                    (false, true) => epoll::serve::<Switched<false, true>>,
                    (false, false) => epoll::serve::<Switched<false, false>>,
                };
                serve(listener, Sizes { buffer, events }, play, calls)
            }
            Way::Mio { drains: true } => mio_loop::serve::<Switched<true, true>>(listener, play, calls),
            Way::Mio { drains: false } => mio_loop::serve::<Switched<true, false>>(listener, play, calls),
        })
    }

    fn read(self, _data: &Path) -> io::Result<()> {
        Err(io::Error::other("a server reads no files"))
    }
}
