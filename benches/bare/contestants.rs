//! Who takes part: the models and those without a contract; and how each is started.

use std::io;
use std::path::Path;
use std::process;
use std::thread;

use clap::ValueEnum;
use harness::child::{Child, Said, say};
use harness::serving::{LISTEN, raise_descriptor_limit, wait_for_end_of_input};
use iolab::models::{AnyModel, Uring};
use iolab::{Model, listen};

use crate::calls::{self, Calls};
use crate::files::{self, Way};
use crate::pool::Form;
use crate::script::{Play, Script};
use crate::{epoll, pool, threads, uring};

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

/// The role of a bare server: hears its script, and serves until standard input ends. Nobody takes leave: with the process, all
/// of its connections end.
pub fn serve(bare: Loop) -> io::Result<()> {
    // First of all, so that even of one that cannot serve the benchmark gets rid of it.
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    if bare == Loop::Uring {
        Uring::default().available()?;
    }
    raise_descriptor_limit()?;
    let play: &'static Play = Box::leak(Box::new(Play::new(&serde_json::from_str::<Script>(&line)?)));
    let listener = listen(LISTEN, 1)?.remove(0);
    let address = listener.local_addr()?;
    let serve = move || {
        let calls = Calls::of_a_thread();
        let Err(error) = match bare {
            Loop::Threads => threads::serve(&listener, play, calls),
            Loop::Epoll => epoll::serve(&listener, play, calls),
            Loop::Uring => uring::serve(&listener, play, calls),
            Loop::Pool => pool::serve(&listener, Form::RecvAndSend, play, calls),
            Loop::PoolOfCalls => pool::serve(&listener, Form::EachCall, play, calls),
        };
        // If nobody hears it any more, the status says it.
        let _ = say(&Said::Failed(error.to_string()));
        process::exit(1);
    };
    thread::Builder::new().name("bare".into()).spawn(serve)?;
    say(&Said::Listening(address))?;
    wait_for_end_of_input();
    say(&Said::Ended(calls::take()))
}

/// The role of a bare reader.
pub fn read(bare: Way, data: &Path) -> io::Result<()> {
    if bare == Way::Ring {
        Uring::default().available()?;
    }
    files::obey(bare, data)
}
