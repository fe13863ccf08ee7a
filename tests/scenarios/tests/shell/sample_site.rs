//! Does `fleet/sample-app` bring a site, deployed by its own `AppSpec` with a real nginx?

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use panda_scenarios::root;
use panda_stage::tether::free_port;
use serde_yaml_ng::Value;
use tempfile::TempDir;

/// A server below a folder, as the CodeDeploy agent sees it.
#[derive(Debug)]
struct Host {
    folder: TempDir,
    port: u16,
    nginx: PathBuf,
    /// The revision that was deployed last with success: its scripts stop the application.
    last: Option<PathBuf>,
}

impl Host {
    fn new() -> Host {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        fs::create_dir_all(folder.path().join("fake")).unwrap();
        // As root nginx's workers would become another user, who may not look into this folder.
        let user = if is_root() { "user root;" } else { "" };
        let at = folder.path().display();
        let configuration = format!(
            "{user} worker_processes 1; pid {at}/fake/nginx.pid; error_log {at}/fake/error.log;
            events {{ }}
            http {{
              access_log off; client_body_temp_path {at}/fake/t1; proxy_temp_path {at}/fake/t2; fastcgi_temp_path {at}/fake/t3;
              uwsgi_temp_path {at}/fake/t4; scgi_temp_path {at}/fake/t5;
              server {{ listen 127.0.0.1:{port}; root {at}/usr/share/nginx/html; }}
            }}"
        );
        fs::write(folder.path().join("fake/nginx.conf"), configuration).unwrap();
        Host { port, nginx: nginx(), last: None, folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn calls(&self, call: &str) -> usize {
        let calls = fs::read_to_string(self.path("fake/calls")).unwrap_or_default();
        calls.lines().filter(|known| *known == call).count()
    }

    /// What the site answers at a path.
    fn answer(&self, path: &str) -> Option<String> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let output = Command::new("curl").args(["-fsS", "-m", "5", "--noproxy", "*", &url]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// A copy of the application, with this in its page.
    fn revision(&self, name: &str) -> PathBuf {
        let bundle = self.path(name);
        let copied = Command::new("cp").arg("-r").arg(root().join("fleet/sample-app")).arg(&bundle).status().unwrap();
        assert!(copied.success());
        let page = fs::read_to_string(bundle.join("index.html")).unwrap().replace("</body>", &format!("{name}</body>"));
        fs::write(bundle.join("index.html"), page).unwrap();
        bundle
    }

    /// Deploys as CodeDeploy does: the old revision's stop, then the new one's hooks and files, in the order of the lifecycle.
    fn deploy(&mut self, bundle: &Path) -> Result<(), String> {
        if let Some(last) = &self.last {
            self.hooks(last, "ApplicationStop")?;
        }
        self.hooks(bundle, "BeforeInstall")?;
        let appspec = appspec(bundle);
        assert_eq!(appspec["file_exists_behavior"], "OVERWRITE");
        for file in appspec["files"].as_sequence().unwrap() {
            let source = file["source"].as_str().unwrap();
            let folder = self.path(file["destination"].as_str().unwrap().strip_prefix('/').unwrap());
            fs::create_dir_all(&folder).unwrap();
            fs::copy(bundle.join(source), folder.join(source)).unwrap();
        }
        self.hooks(bundle, "ApplicationStart")?;
        self.hooks(bundle, "ValidateService")?;
        self.last = Some(bundle.to_path_buf());
        Ok(())
    }

    fn hooks(&self, bundle: &Path, event: &str) -> Result<(), String> {
        for hook in appspec(bundle)["hooks"][event].as_sequence().unwrap() {
            let output = self.script(bundle, hook["location"].as_str().unwrap());
            if !output.status.success() {
                return Err(format!("{event}: {output:?}"));
            }
        }
        Ok(())
    }

    fn script(&self, bundle: &Path, script: &str) -> Output {
        Command::new(bundle.join(script))
            .env("PATH", format!("{}:{}", bin().display(), std::env::var("PATH").unwrap()))
            .env("FAKE_ROOT", self.folder.path())
            .env("REAL_NGINX", &self.nginx)
            .env("SITE_URL", format!("http://127.0.0.1:{}", self.port))
            .env("INSTALL_PAUSE", "0")
            .env("VALIDATE_PAUSE", "0.05")
            .env("no_proxy", "*")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Its master ends the workers, so it must not be killed.
        if let Ok(pid) = fs::read_to_string(self.path("fake/nginx.pid")) {
            let _ = Command::new("bash").args(["-c", "kill -TERM \"$0\"", pid.trim()]).status();
        }
    }
}

fn bin() -> PathBuf {
    root().join("tests/scenarios/tests/shell/site")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// The real nginx. Debian keeps it where only root looks.
fn nginx() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join("nginx"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("nginx is not on this machine: apt-get install nginx, or see make doctor"))
}

fn appspec(bundle: &Path) -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(bundle.join("appspec.yml")).unwrap()).unwrap()
}

#[test]
fn a_first_deployment_brings_the_site_and_overwrites_the_packages_page() {
    let mut host = Host::new();
    let bundle = host.revision("first");
    assert_eq!(host.answer("/"), None);
    host.deploy(&bundle).unwrap();
    assert!(
        host.answer("/").unwrap().contains("It is served") && host.answer("/index.html").unwrap().contains("first")
    );
    assert_eq!(host.answer("/health.html").as_deref(), Some("ok\n"));
    assert_eq!(host.calls("systemctl enable nginx"), 1, "it serves after the next boot too");
}

#[test]
fn the_next_deployment_replaces_it_and_a_third_of_the_same_changes_nothing() {
    let mut host = Host::new();
    for name in ["first", "second"] {
        let bundle = host.revision(name);
        host.deploy(&bundle).unwrap();
        assert!(host.answer("/").unwrap().contains(name));
    }
    let again = host.last.clone().unwrap();
    host.deploy(&again).unwrap();
    assert!(host.answer("/").unwrap().contains("second"));
    assert_eq!(host.calls("dnf install -y nginx"), 1);
}

#[test]
fn stopping_where_there_is_nothing_or_where_it_fails_fails_no_deployment() {
    let mut host = Host::new();
    let bundle = host.revision("first");
    host.hooks(&bundle, "ApplicationStop").unwrap();
    assert_eq!(host.calls("systemctl stop nginx"), 0);
    host.deploy(&bundle).unwrap();
    for _ in 0..2 {
        host.hooks(&bundle, "ApplicationStop").unwrap();
        assert_eq!(host.answer("/"), None);
    }
    fs::write(host.path("fake/stop-fails"), "").unwrap();
    host.hooks(&bundle, "ApplicationStop").unwrap();
}

#[test]
fn every_script_may_run_twice_while_the_site_serves() {
    let mut host = Host::new();
    let bundle = host.revision("first");
    host.deploy(&bundle).unwrap();
    for event in ["BeforeInstall", "ApplicationStart", "ApplicationStart", "ValidateService", "ValidateService"] {
        host.hooks(&bundle, event).unwrap();
        assert!(host.answer("/").unwrap().contains("first"));
    }
}

#[test]
fn a_site_that_does_not_answer_or_answers_with_another_revision_is_not_valid() {
    let mut host = Host::new();
    let first = host.revision("first");
    host.deploy(&first).unwrap();
    let second = host.revision("second");
    assert!(host.hooks(&second, "ValidateService").is_err(), "the first one is served");
    fs::remove_file(host.path("usr/share/nginx/html/health.html")).unwrap();
    assert!(host.hooks(&first, "ValidateService").is_err());
    host.hooks(&first, "ApplicationStop").unwrap();
    assert!(host.hooks(&first, "ValidateService").is_err());
}

#[test]
fn a_broken_configuration_is_noticed_before_it_takes_the_site_away() {
    let mut host = Host::new();
    let bundle = host.revision("first");
    host.deploy(&bundle).unwrap();
    let configuration = fs::read_to_string(host.path("fake/nginx.conf")).unwrap();
    fs::write(host.path("fake/nginx.conf"), configuration.replace("listen", "lisren")).unwrap();
    assert!(host.hooks(&bundle, "ApplicationStart").is_err());
    assert!(host.answer("/").unwrap().contains("first"));
}

#[test]
fn a_package_database_that_is_somebody_elses_is_waited_for_and_not_for_ever() {
    let mut host = Host::new();
    let bundle = host.revision("first");
    fs::write(host.path("fake/locked"), "5").unwrap();
    host.deploy(&bundle).unwrap();
    let host = Host::new();
    fs::write(host.path("fake/locked"), "1000").unwrap();
    assert!(host.hooks(&bundle, "BeforeInstall").is_err());
    assert_eq!(host.calls("dnf install -y nginx"), 6);
}

#[test]
fn the_appspec_names_files_and_scripts_that_are_there() {
    let bundle = root().join("fleet/sample-app");
    let appspec = appspec(&bundle);
    assert_eq!(appspec["os"], "linux");
    for file in appspec["files"].as_sequence().unwrap() {
        assert!(bundle.join(file["source"].as_str().unwrap()).is_file());
    }
    for (event, hooks) in appspec["hooks"].as_mapping().unwrap() {
        for hook in hooks.as_sequence().unwrap() {
            let script = bundle.join(hook["location"].as_str().unwrap());
            assert!(script.is_file(), "{event:?}");
            // CodeDeploy ends a lifecycle event after an hour, whatever is asked for.
            assert!(hook["timeout"].as_u64().unwrap() <= 3600);
        }
    }
}
