//! How large is a function as Lambda stores and loads it?

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio};

use tokio::process::Command;

use super::BenchError;

/// Bytes of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The binary itself; the release profile has stripped it.
    pub bootstrap: u64,
    /// The zip with it as `bootstrap`, by the same library as `sam package`.
    pub zip: u64,
}

/// Measures a binary.
///
/// # Errors
/// When it is not there, or cannot be packed.
pub async fn measure(binary: &Path, folder: &Path) -> Result<Size, BenchError> {
    let file = |source| BenchError::File { path: binary.to_owned(), source };
    let bootstrap = folder.join("bootstrap");
    fs::copy(binary, &bootstrap).map_err(file)?;
    fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755)).map_err(file)?;
    let _ = fs::remove_file(folder.join("bootstrap.zip"));
    let mut python = Command::new("python3");
    python.args(["-m", "zipfile", "-c", "bootstrap.zip", "bootstrap"]).current_dir(folder).stdin(Stdio::null());
    let status = python.status().await.map_err(|source| BenchError::Start { path: "python3".into(), source })?;
    let zip = folder.join("bootstrap.zip");
    if !status.success() {
        return Err(BenchError::Unreadable { what: "zip", path: zip });
    }
    let bytes = |path: &Path| {
        let length = fs::metadata(path).map(|metadata| metadata.len());
        length.map_err(|source| BenchError::File { path: path.to_owned(), source })
    };
    Ok(Size { bootstrap: bytes(&bootstrap)?, zip: bytes(&zip)? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    #[tokio::test]
    async fn a_binary_is_packed_and_its_zip_is_smaller() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("function");
        fs::write(&binary, vec![7; 100_000]).unwrap();
        let size = measure(&binary, folder.path()).await.unwrap();
        assert_eq!(size.bootstrap, 100_000);
        assert!(size.zip > 100 && size.zip < 2_000, "{}", size.zip);
    }
}
