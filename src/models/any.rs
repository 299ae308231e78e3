//! The list of the models, for whoever chooses one by name.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::{Blocking, Epoll, Pool, Uring};
use crate::limits::ServeLimits;
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shard};

/// One of the models. It is chosen once and costs one `match` for a whole workload: inside, every call is as direct as if the model
/// had been named in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AnyModel {
    Blocking(Blocking),
    Epoll(Epoll),
    Uring(Uring),
    Pool(Pool),
}

/// Does the same with whichever model it is.
macro_rules! each {
    ($any:expr, $model:ident => $body:expr) => {
        match $any {
            AnyModel::Blocking($model) => $body,
            AnyModel::Epoll($model) => $body,
            AnyModel::Uring($model) => $body,
            AnyModel::Pool($model) => $body,
        }
    };
}

impl AnyModel {
    /// Each of them with its usual options, in the order in which tables show them.
    pub fn all() -> [AnyModel; 4] {
        [
            AnyModel::Blocking(Blocking::default()),
            AnyModel::Epoll(Epoll::default()),
            AnyModel::Uring(Uring::default()),
            AnyModel::Pool(Pool::default()),
        ]
    }

    /// The bounds of a server.
    pub fn limits_mut(&mut self) -> &mut ServeLimits {
        each!(self, model => &mut model.limits)
    }
}

impl Model for AnyModel {
    fn name(&self) -> &'static str {
        each!(self, model => model.name())
    }

    fn available(&self) -> io::Result<()> {
        each!(self, model => model.available())
    }

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        each!(self, model => model.read_ranges(file, in_flight, workload))
    }

    fn serve_shard<S: Service>(&self, shard: Shard<'_, S>) -> io::Result<Cost> {
        each!(self, model => model.serve_shard(shard))
    }
}

impl fmt::Display for AnyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for AnyModel {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<AnyModel, UnknownModel> {
        AnyModel::all().into_iter().find(|model| model.name() == name).ok_or(UnknownModel)
    }
}

/// No model is called that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownModel;

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first @ .., last] = AnyModel::all().map(|model| model.name());
        write!(f, "the models are {} and {last}", first.join(", "))
    }
}

impl std::error::Error for UnknownModel {}
