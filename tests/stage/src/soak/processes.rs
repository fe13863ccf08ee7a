//! Which processes are the deployed functions', how much memory have they, and how do they die? Linux tells in `/proc`.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
};

/// A process of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: u32,
    /// The function's name, as it is deployed.
    pub(super) function: String,
    pub(super) kilobytes: u64,
}

/// The functions that run from below this folder.
pub(super) fn functions(folder: &Path) -> Vec<Process> {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let function = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let program = fs::read_link(entry.path().join("exe")).ok()?;
        if !program.starts_with(&folder) || program.file_name()? != "bootstrap" {
            return None;
        }
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let function = environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(b"AWS_LAMBDA_FUNCTION_NAME="))?;
        let function = String::from_utf8_lossy(function).into_owned();
        Some(Process { id, function, kilobytes: resident(&entry.path())? })
    };
    processes.filter_map(function).collect()
}

/// The resident memory of this process.
pub(super) fn own_kilobytes() -> Option<u64> {
    resident(Path::new("/proc/self"))
}

fn resident(process: &Path) -> Option<u64> {
    kilobytes(&fs::read_to_string(process.join("status")).ok()?)
}

fn kilobytes(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// Ends a process without a word. It may have ended by itself meanwhile.
///
/// # Errors
/// There is no `kill`.
pub(super) fn kill(id: u32) -> io::Result<bool> {
    let killed =
        Command::new("kill").args(["-9", &id.to_string()]).stdin(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(killed.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_a_processs_status() {
        assert_eq!(kilobytes("Name:\tbootstrap\nVmPeak:\t  9000 kB\nVmRSS:\t    8212 kB\nThreads:\t1\n"), Some(8_212));
        assert_eq!(kilobytes("Name:\tzombie\n"), None);
    }
}
