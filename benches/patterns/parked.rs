//! Listeners to whom nothing happens, what they cost meanwhile, and how long it takes until one event has reached all of them.

use std::fs;
use std::io;
use std::time::Duration;

use harness::child::Failure;
use harness::kernel_counts::Memory;
use harness::listeners::{Audience, FanOut};
use harness::progress::Progress;
use iolab::Model;
use iolab::models::AnyModel;

use crate::measure::{Contestant, Outcome, interrupted};
use crate::rows::Row;

/// One way on one model.
pub struct Parked {
    pub row: Row,
    pub model: &'static str,
    pub clients: usize,
    pub outcome: Outcome<Costs>,
}

/// What so many idle listeners cost.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Before anything has happened to them.
    pub idle: Holding,
    /// One event that reached all, with the median of the times to the last listener, and what is held after so many; where nobody
    /// looks at intervals.
    pub reached: Option<(FanOut, Holding)>,
}

/// What a server holds for its listeners.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    /// Octets of the server's process for each, and of the kernel for both ends of each, if it tells.
    pub process: Option<f64>,
    pub kernel: Option<f64>,
    /// Threads of the server.
    pub threads: usize,
}

/// What is set up for the first connections, like buffers that all of them share, is not the price of each.
const FIRST: usize = 10;

/// Events of which each is to reach all.
const EVENTS: usize = 5;

/// A server is quiet when it has done nothing for so long, and is not waited for longer than so often.
const QUIET: Duration = Duration::from_millis(20);
const LOOKS: usize = 25;

/// So much of that time it may use all the same.
const NOTHING: Duration = Duration::from_micros(200);

/// Counts so many listeners in each way on each model.
pub fn count(rows: &[Row], models: &[AnyModel], clients: usize, progress: &mut Progress) -> io::Result<Vec<Parked>> {
    let mut counted = Vec::new();
    for row in rows {
        for model in models {
            let clients = clients.min(room(*model));
            progress.show(&format!("{clients} idle listeners: {}, {}", row.name, model.name()));
            let costs = costs(row, *model, clients);
            interrupted(&costs)?;
            counted.push(Parked { row: *row, model: model.name(), clients, outcome: costs.into() });
        }
    }
    Ok(counted)
}

/// A model that spends a thread on each connection takes no more than so many beside the first ones and the publisher.
fn room(mut model: AnyModel) -> usize {
    model.limits_mut().connections - FIRST - 1
}

fn costs(row: &Row, model: AnyModel, clients: usize) -> Result<Costs, Failure> {
    let server = Contestant::start(row, model)?;
    // Who polls in short asks once here, and then has a connection that waits until it would ask again.
    let is_reached = row.interval().is_zero();
    let mut audience = Audience::gather(server.address, row.way, FIRST)?;
    if is_reached {
        audience.fan_out()?;
    }
    until_quiet(&server, &mut audience)?;
    let before = Memory::now(server.pid());
    let holding = || -> io::Result<Holding> {
        let memory = before.zip(Memory::now(server.pid()));
        let each = |of: fn(&Memory) -> u64| memory.map(|(before, now)| (of(&now) as f64 - of(&before) as f64) / clients as f64);
        let (process, kernel) = (each(|memory| memory.process), each(|memory| memory.kernel));
        Ok(Holding { process, kernel, threads: threads(server.pid())? })
    };
    audience.grow(clients)?;
    until_quiet(&server, &mut audience)?;
    let idle = holding()?;
    if !is_reached {
        return Ok(Costs { idle, reached: None });
    }
    let mut reached = Vec::with_capacity(EVENTS);
    for _ in 0..EVENTS {
        reached.push(audience.fan_out()?);
        until_quiet(&server, &mut audience)?;
    }
    reached.sort_by_key(|reached| reached.last);
    Ok(Costs { idle, reached: Some((reached[EVENTS / 2], holding()?)) })
}

/// Goes on listening until the server has nothing to do.
fn until_quiet(server: &Contestant, audience: &mut Audience) -> io::Result<()> {
    for _ in 0..LOOKS {
        let before = server.cpu()?;
        audience.listen(QUIET)?;
        if server.cpu()? - before < NOTHING {
            return Ok(());
        }
    }
    Ok(())
}

/// Threads of a process (`Threads` in `/proc/PID/status`, proc_pid_status(5)).
fn threads(pid: u32) -> io::Result<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok());
    threads.ok_or_else(|| io::Error::other("the kernel does not tell how many threads a process has"))
}
