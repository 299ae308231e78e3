//! Who takes part: the models and those without a contract; and how each is started.

use std::io;
use std::path::Path;

use clap::ValueEnum;
use harness::child::Child;
use iolab::Model;
use iolab::models::{AnyModel, Uring};

use crate::epoll::{Best, Sizes};
use crate::files::{self, Way};
use crate::pool::Form;
use crate::script::Script;
use crate::{epoll, pool, role, threads, uring};

/// Somebody under measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contestant {
    Model(AnyModel),
    Serving(Loop),
    Reading(Way),
}

/// A bare loop that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Loop {
    /// A thread for each connection.
    Threads,
    /// Readiness.
    Epoll,
    /// Completions.
    Uring,
    /// A pool whose job is to receive and to answer.
    Pool,
    /// A pool of which each call is a job.
    PoolOfCalls,
}

impl Contestant {
    /// For the table.
    pub fn name(self) -> String {
        match self {
            Contestant::Model(model) => model.name().to_owned(),
            Contestant::Serving(bare) => format!("bare {}", name_of(bare).replace('-', " ")),
            Contestant::Reading(bare) => format!("bare {}", name_of(bare)),
        }
    }

    /// Starts a server that answers as `script` says.
    pub fn start_serving(self, script: &Script) -> io::Result<Child> {
        match self {
            Contestant::Model(model) => Child::this_program(&["--serve", model.name()]),
            Contestant::Serving(bare) => {
                let mut child = Child::this_program(&["--serve-bare", &name_of(bare)])?;
                child.tell(script)?;
                Ok(child)
            }
            Contestant::Reading(_) => Err(io::Error::other("a reader serves nobody")),
        }
    }

    /// Starts a reader of this file.
    pub fn start_reading(self, data: &str) -> io::Result<Child> {
        match self {
            Contestant::Model(model) => Child::this_program(&["--read", model.name(), "--data", data]),
            Contestant::Reading(bare) => Child::this_program(&["--read-bare", &name_of(bare), "--data", data]),
            Contestant::Serving(_) => Err(io::Error::other("a server reads no files")),
        }
    }
}

fn name_of(bare: impl ValueEnum) -> String {
    bare.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// The role of a bare server.
pub fn serve(bare: Loop) -> io::Result<()> {
    let script = role::hear()?;
    if bare == Loop::Uring {
        Uring::default().available()?;
    }
    role::serve(&script, move |listener, play, calls| match bare {
        Loop::Threads => threads::serve(listener, play, calls),
        Loop::Epoll => epoll::serve::<Best>(listener, Sizes::BEST, play, calls),
        Loop::Uring => uring::serve(listener, play, calls),
        Loop::Pool => pool::serve(listener, Form::RecvAndSend, play, calls),
        Loop::PoolOfCalls => pool::serve(listener, Form::EachCall, play, calls),
    })
}

/// The role of a bare reader.
pub fn read(bare: Way, data: &Path) -> io::Result<()> {
    if bare == Way::Ring {
        Uring::default().available()?;
    }
    files::obey(bare, data)
}
