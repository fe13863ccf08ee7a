//! How does a server end when we do?
//!
//! A test that panics, a demo that is interrupted, a run that is killed: none may leave a server behind, and ministack has
//! children of its own, the functions. So each server gets a process group with a shell as its leader, and the leader holds the
//! other end of a pipe. When the pipe closes, for whatever reason, the whole group is gone.

use std::{
    ffi::OsStr,
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

/// The shell reads its input until it ends, and then kills its own group, itself included. It does so too when the server ends
/// by itself, so that [`Tethered::has_ended`] tells.
const LEADER: &str = r#"{ "$0" "$@"; kill -KILL 0; } </dev/null & cat >/dev/null; kill -KILL 0"#;

/// A running server, which ends with this value, and with this program in any case.
#[derive(Debug)]
pub struct Tethered {
    leader: Child,
}

impl Tethered {
    /// A command for [`Tethered::spawn`]: add arguments, environment and output. It knows nothing of the caller's account, as
    /// [`without_account`].
    #[must_use]
    pub fn command(program: &OsStr) -> Command {
        let mut command = without_account(OsStr::new("sh"));
        command.args(["-c", LEADER]).arg(program);
        command
    }

    /// Starts the server.
    ///
    /// # Errors
    /// When there is no shell to start it with. A server that is not there ends at once instead.
    pub fn spawn(command: &mut Command) -> io::Result<Tethered> {
        let leader = command.process_group(0).stdin(Stdio::piped()).spawn()?;
        Ok(Tethered { leader })
    }

    /// Whether the server has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.leader.try_wait(), Ok(None))
    }
}

impl Drop for Tethered {
    fn drop(&mut self) {
        drop(self.leader.stdin.take());
        let _ = self.leader.wait();
    }
}

/// A command that knows nothing of the caller's account: no profile, no configuration file, no endpoint, no credentials but
/// the emulators' own.
#[must_use]
pub fn without_account(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", crate::deploy::REGION)
        .env("AWS_DEFAULT_REGION", crate::deploy::REGION)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// A loopback port that nobody listens on at this moment.
///
/// # Errors
/// When the operating system has none left.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

    use std::{
        io::{BufRead as _, BufReader},
        path::Path,
        thread::sleep,
        time::Duration,
    };

    use super::*;

    fn is_alive(id: &str) -> bool {
        // A zombie has no command line: it is dead, only its parent has not looked.
        std::fs::read(Path::new("/proc").join(id).join("cmdline")).is_ok_and(|line| !line.is_empty())
            || (!Path::new("/proc/self").exists()
                && Command::new("kill")
                    .args(["-0", id])
                    .stderr(Stdio::null())
                    .status()
                    .is_ok_and(|status| status.success()))
    }

    #[test]
    fn a_server_and_its_children_end_with_the_tether() {
        let mut command = Tethered::command(OsStr::new("sh"));
        command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped());
        let mut server = Tethered::spawn(&mut command).unwrap();
        let mut child = String::new();
        BufReader::new(server.leader.stdout.take().unwrap()).read_line(&mut child).unwrap();
        assert!(is_alive(child.trim()));
        assert!(!server.has_ended());
        drop(server);
        // Killed is killed, but the system may take a moment to clear up.
        for _ in 0..100 {
            if !is_alive(child.trim()) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("{child} outlived its server's tether");
    }

    #[test]
    fn a_server_that_is_not_there_ends_at_once() {
        let mut command = Tethered::command(OsStr::new("/nowhere/server"));
        command.stderr(Stdio::null());
        let mut server = Tethered::spawn(&mut command).unwrap();
        for _ in 0..500 {
            if server.has_ended() {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("a server that cannot start seems to run");
    }
}
