//! What the library's model can be told.

use std::io;

use iolab::models::Uring;
use iolab::models::uring::{ReadOptions, ReceiveOptions, Technique};
use serde::{Deserialize, Serialize};

use crate::ring::Registered;

/// How the library's model is told to go; nothing is its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub denied: Vec<String>,
    /// How many small buffers to receive into, and how large each is.
    pub small: Option<(u16, u32)>,
    /// How many large ones.
    pub large: Option<(u16, u32)>,
    pub registered: Option<Registered>,
    /// Reads handed over at once.
    pub batch: Option<usize>,
}

impl Told {
    pub fn model(&self) -> io::Result<Uring> {
        let mut model = Uring::default();
        for name in &self.denied {
            let technique: Technique = name.parse().map_err(|error| io::Error::other(format!("{name}: {error}")))?;
            model.techniques = model.techniques.without(technique);
        }
        let ReceiveOptions { small_buffers, small_octets, large_buffers, large_octets } = &mut model.receives;
        (*small_buffers, *small_octets) = self.small.unwrap_or((*small_buffers, *small_octets));
        (*large_buffers, *large_octets) = self.large.unwrap_or((*large_buffers, *large_octets));
        let ReadOptions { registered_file, batch } = &mut model.reads;
        if let Some(registered) = self.registered {
            *registered_file = registered.file;
            if !registered.blocks {
                model.techniques = model.techniques.without(Technique::RegisteredBuffers);
            }
        }
        *batch = self.batch.unwrap_or(*batch);
        Ok(model)
    }
}
