//! One process of a function's release binary, as Lambda would start it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::process::{Child, Command};

use super::{
    BenchError,
    runtime_api::{Answer, RuntimeApi},
};

/// How long a start may take: a binary under valgrind needs seconds.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// How long a process may take to end when it is told to, and to write down what it did.
const END_PATIENCE: Duration = Duration::from_secs(30);

/// A built function, and what the template gives it.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name: its package's, and its binary's.
    pub name: &'static str,
    /// The release binary.
    pub binary: PathBuf,
    /// The variables of the template.
    pub environment: BTreeMap<String, String>,
    /// What Lambda gives an invocation of it.
    pub time: Duration,
}

/// Where a process finds AWS.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The endpoint of every service.
    pub endpoint: String,
    /// The file with the roots that TLS goes by.
    pub roots: PathBuf,
}

/// A running process with its Runtime API. It ends with this value.
#[derive(Debug)]
pub struct Running {
    api: RuntimeApi,
    child: Child,
    started: Instant,
    time: Duration,
}

impl Function {
    /// Starts it, under `valgrind` if that is given with its arguments.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(&self, aws: &Aws, valgrind: &[String]) -> Result<Running, BenchError> {
        let api = RuntimeApi::start(self.name).await?;
        let program = self.binary.as_os_str();
        let mut command = match valgrind.split_first() {
            None => Command::new(program),
            Some((tool, arguments)) => {
                let mut command = Command::new(tool);
                command.args(arguments).arg(program);
                command
            }
        };
        // Nothing of the caller's: the same figures for everybody, and no way into an account.
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(lambda_environment(self.name, &api.authority())).envs(&self.environment);
        command.env("AWS_ENDPOINT_URL", &aws.endpoint).env("SSL_CERT_FILE", &aws.roots);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().map_err(|source| BenchError::Start { path: self.binary.clone(), source })?;
        Ok(Running { api, child, started, time: self.time })
    }
}

/// The variables that Lambda sets.
fn lambda_environment(function: &str, runtime_api: &str) -> [(&'static str, String); 17] {
    let owned = str::to_owned;
    [
        ("AWS_LAMBDA_RUNTIME_API", owned(runtime_api)),
        ("AWS_LAMBDA_FUNCTION_NAME", owned(function)),
        ("AWS_LAMBDA_FUNCTION_VERSION", owned("$LATEST")),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", owned("128")),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", owned("on-demand")),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{function}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", owned("2026/01/01/[$LATEST]bench")),
        ("AWS_LAMBDA_LOG_FORMAT", owned("JSON")),
        ("AWS_LAMBDA_LOG_LEVEL", owned("INFO")),
        ("_HANDLER", owned("bootstrap")),
        ("AWS_REGION", owned(panda_world::REGION)),
        ("AWS_DEFAULT_REGION", owned(panda_world::REGION)),
        ("AWS_ACCESS_KEY_ID", owned("ASIABENCHBENCHBENCH1")),
        ("AWS_SECRET_ACCESS_KEY", owned("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")),
        // As long as Lambda's are: it is signed, and sent with each request.
        ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE".repeat(40)),
        ("LANG", owned("en_US.UTF-8")),
        ("TZ", owned(":UTC")),
    ]
}

impl Running {
    /// Waits until it asks for its first invocation, or the next one; gives the time since its start.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ready(&mut self) -> Result<Duration, BenchError> {
        Ok(self.api.ready(START_PATIENCE).await?.duration_since(self.started))
    }

    /// Invokes it, and waits until it is ready again.
    ///
    /// # Errors
    /// When it does not answer, or answers with an error.
    pub async fn invoke(&mut self, payload: &Value) -> Result<Answer, BenchError> {
        let answer = self.api.invoke(payload, self.time).await?;
        self.ready().await?;
        Ok(answer)
    }

    /// The most memory that it ever had, in KiB: `VmHWM`, which counts the pages of its libraries too.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn peak_rss_kib(&self) -> Result<u64, BenchError> {
        let path = Path::new("/proc").join(self.child.id().unwrap_or_default().to_string()).join("status");
        let status = fs::read_to_string(&path).map_err(|source| BenchError::File { path: path.clone(), source })?;
        high_water_mark(&status).ok_or_else(|| BenchError::Unreadable { what: "VmHWM", path })
    }

    /// Tells it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn end(mut self) -> Result<(), BenchError> {
        let Some(id) = self.child.id() else { return Ok(()) };
        // The standard library only knows the signal that leaves no time to write anything down.
        let told = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
        told.map_err(|source| BenchError::Start { path: PathBuf::from("kill"), source })?;
        match tokio::time::timeout(END_PATIENCE, self.child.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => Err(BenchError::Start { path: PathBuf::from("wait"), source }),
            Err(_) => Err(BenchError::DoesNotEnd),
        }
    }
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_from_what_the_kernel_says() {
        assert_eq!(high_water_mark("VmPeak:\t  9000 kB\nVmHWM:\t    6812 kB\nVmRSS:\t 5000 kB\n"), Some(6812));
        assert_eq!(high_water_mark("VmPeak:\t  9000 kB\n"), None);
    }
}
