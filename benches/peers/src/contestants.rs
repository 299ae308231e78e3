//! Who is compared: our models and their peers.

use std::cell::Cell;
use std::io;

use harness::child::Child;
use harness::data_file::DataFile;
use harness::measure::Entrant;
use harness::reader;
use harness::work::Work;
use iolab::Model;
use iolab::models::{AnyModel, Uring};

use crate::endpoint::Endpoint;
use crate::fio::{self, Engine};
use crate::ours;
use crate::servers::{self, Server};

/// One of them.
#[derive(Clone)]
pub enum Contestant {
    Ours(AnyModel),
    Server(&'static Server),
    Fio(&'static Engine),
}

/// All of them, ours first.
pub fn all() -> Vec<Contestant> {
    let ours = AnyModel::all().into_iter().map(Contestant::Ours);
    ours.chain(servers::SERVERS.iter().map(Contestant::Server)).chain(fio::ENGINES.iter().map(Contestant::Fio)).collect()
}

/// By its name.
pub fn by_name(name: &str) -> io::Result<Contestant> {
    all().into_iter().find(|contestant| contestant.name() == name).ok_or_else(|| {
        let names: Vec<&str> = all().iter().map(Contestant::name).collect();
        io::Error::new(io::ErrorKind::InvalidInput, format!("nobody is called {name:?}; there are {}", names.join(", ")))
    })
}

impl Contestant {
    pub fn name(&self) -> &'static str {
        match self {
            Contestant::Ours(model) => model.name(),
            Contestant::Server(server) => server.name,
            Contestant::Fio(engine) => engine.name,
        }
    }

    pub fn about(&self) -> &'static str {
        match self {
            Contestant::Ours(_) => "iolab's model of this name; a full HTTP server, or reader",
            Contestant::Server(server) => server.about,
            Contestant::Fio(engine) => engine.about,
        }
    }

    /// Whether work of this kind is its own at all.
    pub fn takes(&self, work: &Work) -> bool {
        match self {
            Contestant::Ours(_) => true,
            Contestant::Server(_) => matches!(work, Work::Steady(_)),
            Contestant::Fio(_) => matches!(work, Work::Read(_)),
        }
    }

    /// Why it has no part in a row of its kind, if it has none.
    pub fn leaves_out(&self, work: &Work) -> Option<&'static str> {
        match (self, work) {
            (Contestant::Server(server), Work::Steady(steadily)) => (server.leaves_out)(steadily),
            _ => None,
        }
    }

    /// Its part in a row. The first process is timed; the later ones, in which system calls are counted, have a meter on them.
    pub fn entrant<'a>(&'a self, data: &'a DataFile, work: &'a Work, counts_calls: bool) -> Entrant<'a> {
        let first = Cell::new(true);
        let start = move || self.start(data, work, counts_calls && !first.replace(false));
        Entrant { name: self.name(), start: Box::new(start) }
    }

    /// A process of its own: this program again.
    pub fn start(&self, data: &DataFile, work: &Work, count_calls: bool) -> io::Result<Child> {
        let role = if matches!(work, Work::Read(_)) { "--read" } else { "--serve" };
        let data = data.path();
        let mut arguments = vec![role, self.name(), "--data", &data];
        arguments.extend(count_calls.then_some("--count-calls"));
        Child::this_program(&arguments)
    }

    /// The role of the server.
    pub fn serve(self, count_calls: bool) -> io::Result<()> {
        match self {
            Contestant::Ours(model) => ours::serve::echo(model),
            Contestant::Server(server) => {
                if server.on_ring {
                    AnyModel::Uring(Uring::default()).available()?;
                }
                (server.serve)(Endpoint::bind(count_calls)?)
            }
            Contestant::Fio(engine) => Err(io::Error::other(format!("{} serves nobody", engine.name))),
        }
    }

    /// The role of the reader. What is timed looks at no octet, because fio does not; what is counted does.
    pub fn read(self, data: &std::path::Path, count_calls: bool) -> io::Result<()> {
        match self {
            Contestant::Ours(model) => {
                if !count_calls {
                    reader::look_at_nothing();
                }
                ours::read::obey(model, data)
            }
            Contestant::Fio(engine) => fio::obey(engine, data, count_calls),
            Contestant::Server(server) => Err(io::Error::other(format!("{} reads nothing", server.name))),
        }
    }
}
