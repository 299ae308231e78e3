//! A first protocol, in a world without sockets: it is told lines, and says how long each was.
//!
//! ```text
//! cargo run --example first_protocol                              # played by the simulator, with seed 1
//! cargo run --example first_protocol -- --careless --seeds 1000   # the same with a mistake in it, until a seed finds it
//! cargo run --example first_protocol -- --model epoll             # and on a socket: nc 127.0.0.1 8080
//! ```

#[path = "serving/signals.rs"]
mod signals;
#[path = "serving/trace.rs"]
mod trace;

use std::convert::Infallible;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use iolab::models::AnyModel;
use iolab::models::simulated::Conversation;
use iolab::trace::Traced;
use iolab::{Context, Event, Interest, Model as _, Now, Peer, Protocol, Service, Shutdown, Unavailable, listen};

use trace::{Trace, TraceOption};

// ANCHOR: state
/// Says of each line how many octets it has, and in the end how many lines there were.
pub struct LineLengths {
    lines: u32,
    is_over: bool,
    is_careless: bool,
}
// ANCHOR_END: state

// ANCHOR: protocol
impl Protocol for LineLengths {
    type Message = Infallible;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_>) -> usize {
        let Some(length) = self.length_of_line(input) else { return 0 };
        self.lines += 1;
        cx.write(format!("{length}\n").as_bytes());
        length + 1
    }

    fn event(&mut self, event: Event, cx: &mut Context<'_>) {
        if let Event::PeerFinished = event {
            cx.write(format!("{} lines\n", self.lines).as_bytes());
            self.is_over = true;
        }
    }

    fn interest(&self) -> Option<Interest> {
        (!self.is_over).then_some(Interest { peer: Peer::Bytes, ..Interest::default() })
    }
}
// ANCHOR_END: protocol

// ANCHOR: careless
impl LineLengths {
    /// `None` as long as there is no whole line.
    fn length_of_line(&self, input: &[u8]) -> Option<usize> {
        if self.is_careless {
            // "Each read brings one line."
            return Some(input.len() - 1);
        }
        input.iter().position(|octet| *octet == b'\n')
    }
}
// ANCHOR_END: careless

// ANCHOR: service
/// Meets everybody with one of these.
pub struct Lengths {
    /// Whether they are of the kind that makes a mistake.
    pub is_careless: bool,
}

impl Service for Lengths {
    type Protocol = LineLengths;

    fn accept(&self, _now: Now) -> Option<LineLengths> {
        Some(LineLengths { lines: 0, is_over: false, is_careless: self.is_careless })
    }
}
// ANCHOR_END: service

// ANCHOR: play
/// What a peer hears that says two lines, each when the one before was answered, and the story of how that came about.
pub fn play(service: &Lengths, seed: u64) -> (String, String) {
    let mut peer = BufReader::new(Conversation::seeded(service, seed).expect("nobody is turned away"));
    let mut heard = String::new();
    let result = ["one\n", "three\n"].into_iter().try_for_each(|line| {
        peer.get_mut().say(line.as_bytes());
        peer.read_line(&mut heard).map(drop)
    });
    peer.get_mut().finish();
    let result = result.and_then(|()| peer.read_to_string(&mut heard)).map_err(|error| error.to_string());
    if let Err(error) = result.and_then(|_| peer.get_mut().check()) {
        heard.push_str(&error);
    }
    (heard, peer.get_ref().story())
}
// ANCHOR_END: play

/// What a peer should hear to that.
pub const EXPECTED: &str = "3\n5\n2 lines\n";

/// A protocol without a socket, played by the simulator; or on a model.
#[derive(Parser)]
#[command(name = "first_protocol")]
struct Options {
    /// With which seed to play.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds to play, from 1 on, until what is heard is not what it should be.
    #[arg(long)]
    seeds: Option<u64>,
    /// Take it that each read brings one line.
    #[arg(long)]
    careless: bool,
    /// Serve instead, on this model: blocking, epoll, uring or pool
    #[arg(long)]
    model: Option<AnyModel>,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    trace: TraceOption,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let service = Lengths { is_careless: options.careless };
    if let Some(model) = options.model {
        return match recorded(model, &options, &service) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("first_protocol: {error}");
                ExitCode::from(if Unavailable::within(&error).is_some() { 3 } else { 1 })
            }
        };
    }
    let Some(seeds) = options.seeds else {
        let (heard, story) = play(&service, options.seed);
        print!("{story}\nheard:\n{heard}");
        return ExitCode::SUCCESS;
    };
    // ANCHOR: find
    for seed in 1..=seeds {
        let (heard, story) = play(&service, seed);
        if heard != EXPECTED {
            let again = if options.careless { "--careless " } else { "" };
            print!("seed {seed} heard {heard:?} instead of {EXPECTED:?}:\n{story}");
            println!("again: cargo run --example first_protocol -- {again}--seed {seed}");
            return ExitCode::FAILURE;
        }
    }
    // ANCHOR_END: find
    println!("{seeds} seeds, and all heard {EXPECTED:?}");
    ExitCode::SUCCESS
}

fn recorded(model: AnyModel, options: &Options, service: &Lengths) -> io::Result<()> {
    let trace: Option<Trace> = options.trace.start(&format!("iolab first_protocol, {model}"))?;
    let served = serve(model, options.listen, &Traced::new(service));
    trace::finish(trace, model.name(), served)
}

// ANCHOR: serve
fn serve(model: AnyModel, address: SocketAddr, service: &impl Service) -> io::Result<()> {
    model.available()?;
    let listener = listen(address, 1)?.remove(0);
    let address = listener.local_addr()?;
    // Ctrl-C is an orderly end.
    let shutdown = Arc::new(Shutdown::new()?);
    signals::begin_on_signal(&shutdown)?;
    let _ = writeln!(io::stdout(), "first_protocol on {address} by {model}; try: nc {} {}", address.ip(), address.port());
    model.serve(listener, service, &shutdown).map(drop)
}
// ANCHOR_END: serve
