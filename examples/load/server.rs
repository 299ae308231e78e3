//! Who serves, if it is a process of this machine: how much CPU does it use?

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// The processes that have the listening socket open.
pub struct Server(Vec<Pid>);

impl Server {
    /// By the socket's inode in `/proc/net/tcp` (proc_net_tcp(5)), and the descriptors of all processes that may be seen.
    pub fn find(address: SocketAddr) -> Option<Server> {
        let inodes: HashSet<String> =
            ["/proc/net/tcp", "/proc/net/tcp6"].iter().flat_map(|table| listening(table, address)).collect();
        if inodes.is_empty() || !is_here(address.ip()) {
            return None;
        }
        let links: HashSet<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
        let has_open = |pid: i32| {
            fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|entries| {
                entries
                    .flatten()
                    .any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.to_str().is_some_and(|to| links.contains(to))))
            })
        };
        let pids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let pids: Vec<Pid> = pids.filter(|&pid| has_open(pid)).map(Pid::from_raw).collect();
        (!pids.is_empty()).then_some(Server(pids))
    }

    /// User and system time of all of them.
    pub fn cpu(&self) -> Option<Duration> {
        self.0.iter().map(|&pid| Some(Duration::from(clock_gettime(clock_getcpuclockid(pid).ok()?).ok()?))).sum()
    }
}

/// The state of a socket that listens.
const LISTEN: &str = "0A";

fn listening(table: &str, address: SocketAddr) -> Vec<String> {
    let port = format!("{:04X}", address.port());
    let lines = fs::read_to_string(table).unwrap_or_default();
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.rsplit(':').next()? == port && *fields.get(3)? == LISTEN;
        is_it.then(|| fields.get(9).map(|inode| (*inode).to_owned())).flatten()
    };
    lines.lines().skip(1).filter_map(inode).collect()
}

/// Whether an address is this machine's own: one can bind to it.
fn is_here(ip: IpAddr) -> bool {
    std::net::UdpSocket::bind((ip, 0)).is_ok()
}
