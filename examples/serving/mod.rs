//! What every example server has in common: its flags, its signals, and the cost it prints when it ends.

mod cost;
mod signals;
mod trace;

use std::fmt;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use iolab::models::AnyModel;
use iolab::models::uring::Technique;
use iolab::trace::Traced;
use iolab::{Cost, Model, Service, Shutdown, Unavailable, listen};

use signals::begin_on_signal;
use trace::TraceOption;

/// The flags of a server.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Options {
    /// How to wait: blocking (a thread per connection, every call waits), epoll (one thread asks who is ready), uring (one thread
    /// is told what is done), pool (one thread decides, others wait)
    #[arg(long)]
    pub model: AnyModel,
    /// uring: techniques to go without, by the ways older kernels leave open, like multishot_recv,ext_arg (doctor lists them)
    #[arg(long, value_delimiter = ',')]
    pub deny: Vec<Technique>,
    /// Where to listen; port 0 lets the kernel choose one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// How many threads listen, each with a loop of its own (SO_REUSEPORT).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: u16,
    /// How long a client may be behind with reading its answers, before its connection is cut.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub send_grace: Duration,
    /// How many octets a client must read in a second, on average, not to fall behind.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..))]
    pub send_rate: u64,
    /// How long busy connections may go on after SIGTERM or SIGINT.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub drain_timeout: Duration,
    /// The most connections at one time; a further one is turned away (by HTTP servers with 503). With several --threads each takes an equal share, rounded
    /// down but at least 1; as the kernel spreads connections by chance, a thread may be full before the others are. [default:
    /// for each thread, 16384 for epoll and uring, 1024 for blocking and pool, which spend a thread on each connection]
    #[arg(long)]
    pub max_connections: Option<usize>,
    #[command(flatten)]
    trace: TraceOption,
}

impl Options {
    /// Serves until a signal comes, and then prints what it cost, for each `unit` (a request, say) and altogether. `hint` is a
    /// command to try, with `{}` where the address goes.
    pub fn run<S: Service>(&self, name: &str, hint: &str, service: &S, unit: &str, count: impl Fn() -> u64) -> ExitCode {
        match self.serve(name, hint, service) {
            Ok(cost) => {
                // A reader that has left wants no figures.
                let _ = cost::print(&mut io::stdout().lock(), &cost, unit, count());
                ExitCode::SUCCESS
            }
            Err(error) => {
                let _ = writeln!(io::stderr(), "{name}: {error}");
                ExitCode::from(if Unavailable::within(&error).is_some() { 3 } else { 1 })
            }
        }
    }

    fn serve<S: Service>(&self, name: &str, hint: &str, service: &S) -> io::Result<Cost> {
        let trace = self.trace.start(&format!("iolab {name}, {}", self.model))?;
        let served = self.serve_until_told(name, hint, &Traced::new(service));
        trace::finish(trace, self.model.name(), served)
    }

    fn serve_until_told<S: Service>(&self, name: &str, hint: &str, service: &S) -> io::Result<Cost> {
        let shutdown = Arc::new(Shutdown::new()?);
        begin_on_signal(&shutdown)?;
        let mut model = self.model;
        deny(&self.deny, &mut model)?;
        let limits = model.limits_mut();
        if let Some(total) = self.max_connections {
            limits.connections = (total / usize::from(self.threads)).max(1);
        }
        (limits.drain, limits.send_grace, limits.send_rate) = (self.drain_timeout, self.send_grace, self.send_rate);
        let most = limits.connections * usize::from(self.threads);
        model.available()?;
        let listeners = self.bind()?;
        let address = listeners[0].local_addr()?;
        // Whoever reads this may be gone (`| head -1` is); serving goes on.
        let hint = hint.replace("{}", &address.to_string());
        let _ = writeln!(io::stdout(), "{name} on {address} by {model}, at most {most} connections at once; try: {hint}");
        model.serve_all(listeners, service, &shutdown)
    }

    fn bind(&self) -> io::Result<Vec<TcpListener>> {
        let address = self.listen;
        listen(address, self.threads.into()).map_err(|error| {
            let cure = match error.kind() {
                io::ErrorKind::AddrInUse => ": another server has it; choose another port with --listen, or port 0",
                io::ErrorKind::PermissionDenied => ": ports below 1024 need the capability CAP_NET_BIND_SERVICE",
                io::ErrorKind::AddrNotAvailable => ": this machine does not have that address",
                _ => "",
            };
            io::Error::new(error.kind(), format!("cannot listen on {address} ({error}){cure}"))
        })
    }
}

/// Other models have nothing of the kind; whoever names it there is in error about something.
fn deny(denied: &[Technique], model: &mut AnyModel) -> io::Result<()> {
    match model {
        AnyModel::Uring(uring) => {
            uring.techniques = denied.iter().fold(uring.techniques, |left, &technique| left.without(technique));
            Ok(())
        }
        _ if denied.is_empty() => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("--deny is about techniques of io_uring, and the model is {model}: leave it out, or take --model uring"),
        )),
    }
}

/// Reads `500ms`, `60s`, `5m`, or a plain number of seconds.
pub fn duration(text: &str) -> Result<Duration, BadDuration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| BadDuration)?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" | "" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(BadDuration),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| BadDuration)
}

/// What was given is none.
#[derive(Debug)]
pub struct BadDuration;

impl fmt::Display for BadDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration is a number and a unit (ms, s, m or h), like 500ms or 60s")
    }
}

impl std::error::Error for BadDuration {}
