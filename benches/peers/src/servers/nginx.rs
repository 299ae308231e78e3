//! nginx, where it is installed: one process, no master, answering `return 200`.
//!
//! Settings: no log, connections kept alive for any number of requests. Its fields `Server` and `Connection: keep-alive` cannot be
//! switched off, so its answers are longer. It has no echo: rows of POST are left out.
//!
//! This process becomes nginx, so that its CPU clock is nginx's. What nginx cannot say to the benchmark is said by a process beside
//! it, which [`keep`]s it. (It could be handed an open socket in the variable `NGINX`, but 1.22 crashes on that without a master.)

use std::env;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::Duration;

use harness::work::Steadily;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};

use crate::endpoint::Endpoint;

/// It tells nobody when it listens; so often it is tried.
const POLL: Duration = Duration::from_millis(5);

/// Serves: does not return if it can.
pub fn serve(endpoint: Endpoint) -> io::Result<()> {
    let program = find()?;
    let directory = tempfile::Builder::new().prefix("iolab-peers-nginx-").tempdir()?;
    let configuration = directory.path().join("nginx.conf");
    fs::write(&configuration, configure(endpoint.address()?, directory.path()))?;
    let count_calls = endpoint.counts_calls();
    // It insists on binding itself.
    let address = endpoint.give_up()?;

    let mut keeper = Command::new(env::current_exe()?);
    keeper.arg("--keep").arg(process::id().to_string()).arg("--address").arg(address.to_string());
    keeper.arg("--data").arg(directory.path()).args(count_calls.then_some("--count-calls")).spawn()?;
    // The keeper clears the directory away.
    let _ = directory.keep();
    let mut nginx = Command::new(program);
    nginx.arg("-c").arg(&configuration);
    Err(nginx.stdin(Stdio::null()).stdout(Stdio::null()).exec())
}

/// Speaks for the nginx that the parent process has become, and ends it when the input ends.
pub fn keep(nginx: u32, address: SocketAddr, count_calls: bool, directory: &Path) -> io::Result<()> {
    let said = wait_until_it_listens(nginx, address).and_then(|()| Endpoint::speak_for(nginx, address, count_calls));
    // One that has ended already cannot be killed, which is as well.
    let _ = kill(Pid::from_raw(nginx as i32), Signal::SIGKILL);
    fs::remove_dir_all(directory)?;
    said
}

fn wait_until_it_listens(nginx: u32, address: SocketAddr) -> io::Result<()> {
    while TcpStream::connect(address).is_err() {
        if getppid().as_raw() as u32 != nginx {
            return Err(io::Error::other("nginx did not start; standard error says why"));
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// It has no module that answers a body with itself.
pub fn leaves_out(steadily: &Steadily) -> Option<&'static str> {
    steadily.body.map(|_| "has nothing that echoes a body")
}

fn find() -> io::Result<std::path::PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Where distributions put it, which is not on everybody's path.
    let places = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut programs = places.map(|place| place.join("nginx"));
    programs.find(|program| program.is_file()).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "nginx is not installed (Debian: apt install nginx-light; or put it on the PATH)",
        )
    })
}

fn configure(address: SocketAddr, directory: &Path) -> String {
    let directory = directory.display();
    format!(
        "daemon off;
master_process off;
pid {directory}/pid;
error_log stderr crit;
worker_rlimit_nofile 65536;
events {{
    use epoll;
    worker_connections 32768;
    multi_accept on;
}}
http {{
    access_log off;
    server_tokens off;
    types {{}}
    default_type '';
    tcp_nodelay on;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {address};
        location / {{ return 200; }}
    }}
}}
"
    )
}
