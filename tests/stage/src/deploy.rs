//! How does the template come to life on this machine?
//!
//! [`deploy_local`] starts ministack on a free loopback port and runs `sam deploy` against it with `template.yaml` as it is,
//! except for the one replacement that `sam build` makes too, each `CodeUri` names the folder with the built `bootstrap`, and
//! for what ministack refuses ([`LEFT_OUT`]). The binaries are those of this very cargo build, so nothing is compiled a second
//! time for another profile or target.
//!
//! Functions run as child processes of ministack and inherit its environment: a variable for each service of [`OF_THE_WORLD`]
//! leads them to the world, `AWS_ENDPOINT_URL` leads every other call back to ministack. Nothing here can reach an account:
//! credentials, profiles and endpoints of the caller are withheld from all children.
//!
//! The nested template of the fleet lies beside the built one, and nobody looks into it: `CreateFleet` is false here, because ministack
//! knows neither Elastic IPs nor `CodeDeploy`.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use panda_world::World;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    simulate::{Deployment, TemplateError},
    tether::{Tethered, free_port, without_account},
};

/// The stack's name in the local deployment; `samconfig.toml` gives the same to the real one.
pub const STACK: &str = "lethargic-panda";

/// The region of the local deployment, and so of the world's events.
pub const REGION: &str = "us-east-1";

/// Resources of the template that ministack does not know: it would refuse the whole template for one of them. They are left
/// out of the local deployment only, and whoever refers to one finds its logical id as its name.
pub const LEFT_OUT: &[&str] = &["PandaStopAgentDocument", "RecoveryRestartAgentDocument"];

/// The services that the functions find in the world, as the SDK spells them in `AWS_ENDPOINT_URL_…`. All others are ministack's.
pub const OF_THE_WORLD: &[&str] =
    &["EC2", "AUTO_SCALING", "SSM", "CODEDEPLOY", "CODEPIPELINE", "CODECONNECTIONS", "CLOUDWATCH"];

/// ministack answers within a second on an idle machine; a busy one may need many.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// Where the pieces of a local deployment lie.
#[derive(Debug, Clone)]
pub struct Site {
    /// The repository: `template.yaml` and what its `CodeUri`s name.
    pub root: PathBuf,
    /// The Python tools, as `make tools` installs them.
    pub venv: PathBuf,
    /// The built functions, each under its package's name.
    pub binaries: PathBuf,
}

impl Site {
    /// The repository that this crate was compiled in, its `.venv`, and the binaries beside the running one.
    ///
    /// # Errors
    /// When the operating system does not say where the running binary lies.
    pub fn of_this_build() -> io::Result<Site> {
        let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).components().collect();
        let root = root.ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default();
        let executable = std::env::current_exe()?;
        let folder = executable.parent().unwrap_or(Path::new("."));
        // Test binaries lie one folder deeper than the binaries of the workspace.
        let binaries = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        Ok(Site { venv: root.join(".venv"), binaries: binaries.to_path_buf(), root })
    }

    /// A tool of the venv.
    ///
    /// # Errors
    /// [`DeployError::ToolMissing`]: `make tools` installs it.
    pub fn tool(&self, name: &'static str) -> Result<PathBuf, DeployError> {
        let path = self.venv.join("bin").join(name);
        // The shebang of a venv's script holds the venv's absolute path, and children run in another folder.
        let path = std::path::absolute(&path).unwrap_or(path);
        if path.is_file() { Ok(path) } else { Err(DeployError::ToolMissing { name, path }) }
    }

    /// Writes what `sam build` would write: the template with each `CodeUri: functions/NAME/` naming a folder `NAME` beside
    /// it, which holds the built binary as `bootstrap`. Returns the built template's path. What is [`LEFT_OUT`] is not in it;
    /// no other line is touched.
    ///
    /// # Errors
    /// When a binary is missing, or a file cannot be read or written.
    pub fn built_template(&self, into: &Path) -> Result<PathBuf, DeployError> {
        let template = self.root.join("template.yaml");
        let source = fs::read_to_string(&template).map_err(|source| DeployError::File { path: template, source })?;
        let source = LEFT_OUT.iter().fold(source, |source, resource| without(&source, resource));
        let mut built = String::with_capacity(source.len());
        for line in source.split_inclusive('\n') {
            if let Some(nested) = line.trim_start().strip_prefix("TemplateURL: ") {
                self.lay_out_nested(nested.trim_end(), into)?;
            }
            let code = line.trim_start().strip_prefix("CodeUri: functions/");
            let Some(name) = code.map(|rest| rest.trim_end().trim_end_matches('/')) else {
                built.push_str(line);
                continue;
            };
            self.lay_out_artifact(name, into)?;
            built.push_str(&line.replace(&format!("functions/{name}/"), name));
        }
        let path = into.join("template.yaml");
        fs::write(&path, built).map_err(|source| DeployError::File { path: path.clone(), source })?;
        Ok(path)
    }

    /// `sam` packs a nested template from where the main one says it is.
    fn lay_out_nested(&self, nested: &str, into: &Path) -> Result<(), DeployError> {
        let path = into.join(nested);
        let lay_out = || {
            fs::create_dir_all(path.parent().unwrap_or(into))?;
            fs::copy(self.root.join(nested), &path)
        };
        lay_out().map(drop).map_err(|source| DeployError::File { path: path.clone(), source })
    }

    /// Holds the functions to their roles: what the template does not allow them, the world refuses. They are known by the name that the
    /// template has them put into each call (`AWS_SDK_UA_APP_ID`).
    ///
    /// # Errors
    /// The template cannot be read, or has a role that is none.
    pub fn hold_to_roles(&self, world: &mut World) -> Result<(), TemplateError> {
        let template = self.root.join("template.yaml");
        for function in Deployment::functions(&template)? {
            world.assume(&function, Deployment::of(&template, &function)?.role);
        }
        Ok(())
    }

    fn lay_out_artifact(&self, name: &str, into: &Path) -> Result<(), DeployError> {
        let binary = self.binaries.join(name);
        if !binary.is_file() {
            return Err(DeployError::BinaryMissing { path: binary });
        }
        let bootstrap = into.join(name).join("bootstrap");
        let lay_out = || {
            fs::create_dir_all(into.join(name))?;
            fs::copy(&binary, &bootstrap)?;
            fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755))
        };
        lay_out().map_err(|source| DeployError::File { path: bootstrap.clone(), source })?;
        // Debug symbols are most of a dev binary, and `sam` packs and uploads all of it. Without `strip` it only takes longer.
        let _ = Command::new("strip").arg("--strip-debug").arg(&bootstrap).stderr(Stdio::null()).status();
        Ok(())
    }
}

/// A template without one resource: its lines, from the one with its name to the next that is indented as little, and the name
/// itself in place of every `!Ref` and `${…}` to it.
fn without(template: &str, resource: &str) -> String {
    let head = format!("  {resource}:");
    let mut kept = String::with_capacity(template.len());
    let mut inside = false;
    for line in template.split_inclusive('\n') {
        if line.trim_end() == head {
            inside = true;
        } else if inside && !line.trim().is_empty() && !line.starts_with("   ") {
            inside = false;
        }
        if !inside {
            kept.push_str(line);
        }
    }
    kept.replace(&format!("${{{resource}}}"), resource).replace(&format!("!Ref {resource}\n"), &format!("{resource}\n"))
}

/// Why a local deployment did not come about. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A Python tool is not installed.
    #[error("`{name}` is not at {path}: run `make tools`", path = path.display())]
    ToolMissing {
        /// The tool.
        name: &'static str,
        /// Where it should be.
        path: PathBuf,
    },
    /// A function is not built.
    #[error("{path} is not built: run `cargo build --workspace`", path = path.display())]
    BinaryMissing {
        /// Where the binary should be.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot use {path}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A child process could not be started.
    #[error("cannot start `{name}`")]
    Start {
        /// The tool.
        name: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// ministack did not come up. Its last words are in the message.
    #[error("ministack did not answer on port {port}; the end of its log:\n{log}")]
    NoAnswer {
        /// The port that it was given.
        port: u16,
        /// The end of its log.
        log: String,
    },
    /// `sam deploy` failed. Its last words are in the message.
    #[error("`sam deploy` failed ({status}); the end of its output:\n{output}")]
    Refused {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of its output.
        output: String,
    },
}

/// A deployed stack in a running ministack. Both end with this value.
#[derive(Debug)]
pub struct LocalDeployment {
    // Declared before the folder, so that the server is gone before its files are.
    server: Server,
    folder: TempDir,
}

impl LocalDeployment {
    /// Where ministack answers for CloudFormation, EventBridge, Lambda, SQS and the rest.
    #[must_use]
    pub fn endpoint(&self) -> String {
        endpoint_at(self.server.port)
    }

    /// What ministack has written so far, the functions' lines of asynchronous invocations included.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> io::Result<String> {
        fs::read_to_string(self.server.log())
    }

    /// The folder of the built template and ministack's files. It goes with this value.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Starts ministack, deploys the template with this build's binaries, and waits until the stack is complete.
///
/// `world` is the endpoint that the functions find as EC2, Auto Scaling and the others of [`OF_THE_WORLD`]. `parameters`
/// override the template's, as in `[("SettleSeconds", "1")]`; `Architecture` is this machine's. What is [`LEFT_OUT`] is said on
/// standard error.
///
/// # Errors
/// [`DeployError`] says what is missing or what the tool said. Nothing stays running then.
pub async fn deploy_local(
    site: &Site,
    world: &str,
    parameters: &[(&str, &str)],
) -> Result<LocalDeployment, DeployError> {
    let folder = tempfile::Builder::new()
        .prefix("panda-stage-")
        .tempdir()
        .map_err(|source| DeployError::File { path: std::env::temp_dir(), source })?;
    let sam = site.tool("sam")?;
    let template = site.built_template(folder.path())?;
    // Nobody reads standard error: the deployment is the same.
    let _ = writeln!(io::stderr(), "deploying without what ministack does not know: {}", LEFT_OUT.join(", "));
    let server = Server::start(site, folder.path(), world).await?;

    // `sam` would look for a newer version of itself, and ask about telemetry, on its first run in a new home.
    let sam_home = folder.path().join("sam");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let settings = format!(r#"{{"telemetryEnabled": false, "lastVersionCheck": {now}}}"#);
    fs::create_dir_all(&sam_home)
        .and_then(|()| fs::write(sam_home.join("metadata.json"), settings))
        .map_err(|source| DeployError::File { path: sam_home.clone(), source })?;

    let mut command = without_account(sam.as_os_str());
    command
        .current_dir(folder.path())
        .env("__SAM_CLI_APP_DIR", &sam_home)
        .env("SAM_CLI_TELEMETRY", "0")
        .env("SAM_CLI_POLL_DELAY", "0.2") // 5 s between two looks at the stack otherwise
        .env("AWS_ENDPOINT_URL", endpoint_at(server.port))
        .arg("deploy")
        .arg("--template-file")
        .arg(&template)
        .args(["--stack-name", STACK, "--region", REGION, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
        .args(["--resolve-s3", "--no-confirm-changeset", "--no-progressbar", "--parameter-overrides"])
        .arg(format!("Architecture={}", if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }))
        .args(parameters.iter().map(|(name, value)| format!("{name}={}", quoted(value))))
        .stdin(Stdio::null());
    let deployed = tokio::process::Command::from(command).kill_on_drop(true).output().await;
    let deployed = deployed.map_err(|source| DeployError::Start { name: "sam", source })?;
    if deployed.status.success() {
        return Ok(LocalDeployment { server, folder });
    }
    let output = format!("{}{}", String::from_utf8_lossy(&deployed.stdout), String::from_utf8_lossy(&deployed.stderr));
    Err(DeployError::Refused { status: deployed.status, output: last_lines(&output, 30) })
}

/// ministack and the functions that it runs.
#[derive(Debug)]
struct Server {
    port: u16,
    files: PathBuf,
    tethered: Tethered,
}

impl Server {
    async fn start(site: &Site, folder: &Path, world: &str) -> Result<Server, DeployError> {
        let ministack = site.tool("ministack")?;
        let files = folder.join("ministack");
        let open_log = || {
            fs::create_dir_all(&files)?;
            let log = File::create(files.join("log"))?;
            Ok((log.try_clone()?, log))
        };
        let (stdout, stderr) = open_log().map_err(|source| DeployError::File { path: files.clone(), source })?;
        let port = free_port().map_err(|source| DeployError::Start { name: "ministack", source })?;
        let mut command = Tethered::command(ministack.as_os_str());
        command
            .current_dir(&files)
            .env("TMPDIR", &files)
            .env("BIND_HOST", Ipv4Addr::LOCALHOST.to_string()) // every interface otherwise
            .env("GATEWAY_PORT", port.to_string())
            .env("IOT_MTLS_ENABLED", "0") // fixed ports otherwise, and the same for SFTP
            .env("SFTP_ENABLED", "0")
            .env("AWS_ENDPOINT_URL", endpoint_at(port))
            .envs(OF_THE_WORLD.iter().map(|service| (format!("AWS_ENDPOINT_URL_{service}"), world)))
            .stdout(stdout)
            .stderr(stderr);
        let tethered =
            Tethered::spawn(&mut command).map_err(|source| DeployError::Start { name: "ministack", source })?;
        let mut server = Server { port, files, tethered };
        let patience = Instant::now() + START_PATIENCE;
        while !server.answers().await {
            if server.tethered.has_ended() || Instant::now() > patience {
                let log = fs::read_to_string(server.log()).unwrap_or_default();
                return Err(DeployError::NoAnswer { port, log: last_lines(&log, 30) });
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(server)
    }

    fn log(&self) -> PathBuf {
        self.files.join("log")
    }

    /// One bare HTTP request: a client would be one more dependency for one more line.
    async fn answers(&self) -> bool {
        let ask = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            stream.write_all(b"GET /_ministack/health HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
            let mut status = [0; 12];
            stream.read_exact(&mut status).await?;
            io::Result::Ok(status.ends_with(b" 200"))
        };
        matches!(timeout(Duration::from_secs(2), ask).await, Ok(Ok(true)))
    }
}

/// A parameter's value as `sam` reads it: in double quotes, so that it may hold spaces.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn endpoint_at(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}
