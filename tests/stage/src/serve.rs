//! `panda-stage serve`: the world on localhost, for built functions, `aws` and any other client.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::serve::ListenerExt as _;
use jiff::Timestamp;
use panda_world::{FleetSpec, SharedWorld, Timing, World, http::LiveClock, lock};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

pub mod clock;
pub mod delivery;
pub mod endpoint;

use delivery::{CallError, Courier, Notice};
use endpoint::Deployed;

use crate::{
    deploy::{self, DeployError, LocalDeployment},
    simulate::TemplateError,
};

/// A rule deployed while the world is being served takes effect within this time.
const RULES_REFRESH: Duration = Duration::from_secs(10);

/// What to serve.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4570)]
    port: u16,
    /// The fleet at the beginning, as JSON; without it, two web servers behind one address.
    #[arg(long)]
    fleet: Option<PathBuf>,
    /// How many times faster than the wall clock the world's runs.
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    speed: f64,
    /// Endpoint at which the functions and their rules are deployed, such as `http://127.0.0.1:4566`.
    #[arg(long, value_name = "ENDPOINT")]
    functions: Option<String>,
    /// Deploys the template to this machine first, with this build's functions, and delivers the events by its rules.
    #[arg(long, conflicts_with = "functions")]
    deploy: bool,
    /// The Python tools that deploy, as `make tools` installs them.
    #[arg(long, default_value = ".venv")]
    venv: PathBuf,
    /// Region of that deployment.
    #[arg(long, default_value = panda_world::REGION)]
    region: String,
    /// Boots and health checks in seconds instead of minutes.
    #[arg(long)]
    brisk: bool,
    /// Where all chance comes from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Why the world could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The fleet file cannot be read.
    #[error("cannot read the fleet file {path}")]
    FleetFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The fleet file does not describe a fleet.
    #[error("{path} does not describe a fleet")]
    FleetSpec {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The port cannot be listened on.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Port {
        /// Which.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The functions' endpoint does not tell its rules.
    #[error("cannot read the rules at {endpoint}; is it running, and are the functions deployed there?")]
    Functions {
        /// Which.
        endpoint: String,
        /// Why.
        source: CallError,
    },
    /// The template could not be deployed.
    #[error("the template could not be deployed")]
    Deploy(#[from] DeployError),
    /// The roles of the functions cannot be read.
    #[error("the roles of the functions cannot be read")]
    Roles(#[from] TemplateError),
    /// Nothing can be printed.
    #[error("cannot write to the terminal")]
    Output(#[from] io::Error),
}

/// Serves until Ctrl-C.
///
/// # Errors
///
/// The command line asks for what is not there: the error says which file, port or endpoint.
pub async fn run(args: ServeArgs) -> Result<(), ServeError> {
    let fleet = read_fleet(args.fleet.as_ref())?;
    let timing = if args.brisk { Timing::brisk() } else { Timing::default() };
    let mut world = World::new(args.seed, Timestamp::now(), timing);
    world.found_fleet(&fleet);
    let site = deploy::Site { venv: args.venv.clone(), ..deploy::Site::of_this_build()? };
    if args.deploy {
        site.hold_to_roles(&mut world)?;
    }
    let world = SharedWorld::new(world.into());

    let port = args.port;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| ServeError::Port { port, source })?;
    let address = listener.local_addr()?;
    let (notices, mut heard) = mpsc::unbounded_channel();
    let deployment =
        if args.deploy { Some(deploy::deploy_local(&site, &format!("http://{address}"), &[]).await?) } else { None };
    let functions = deployment.as_ref().map(LocalDeployment::endpoint).or_else(|| args.functions.clone());
    let courier = match &functions {
        None => None,
        Some(endpoint) => {
            let deployed = Deployed::new(&endpoint::sdk_config(endpoint, &args.region).await);
            let courier = Arc::new(Courier::new(Arc::new(deployed), notices));
            let rules = courier
                .refresh()
                .await
                .map_err(|source| ServeError::Functions { endpoint: endpoint.clone(), source })?;
            Some((courier, rules))
        }
    };

    let mut out = io::stdout();
    introduce(&mut out, &fleet, &lock(&world), address, &args)?;
    if let Some((_, rules)) = &courier {
        let at = functions.as_deref().unwrap_or("");
        writeln!(out, "Delivering events by the {} rules of {at}.", rules.len())?;
        if deployment.is_some() {
            writeln!(out, "Speak to the deployed panda with\n  AWS_ENDPOINT_URL={at} make preview")?;
        }
    }

    let mut tasks = JoinSet::new();
    let clock = LiveClock::start(&lock(&world), args.speed);
    let app = panda_world::http::router_with_clock(Arc::clone(&world), clock);
    tasks.spawn(async move {
        // Ends only with the task: accept errors are the listener's own to retry.
        let _ = axum::serve(listener, app).await;
    });
    let courier = courier.map(|(courier, _)| courier);
    let to_deliver = courier.clone();
    tasks.spawn(clock::drive(world, clock, move |_, events| {
        for event in events {
            if let Some(courier) = to_deliver.clone() {
                tokio::spawn(async move { courier.deliver(event).await });
            }
        }
    }));
    if let Some(courier) = courier {
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(RULES_REFRESH).await;
                // An endpoint that is away for a moment keeps its rules as they were.
                let _ = courier.refresh().await;
            }
        });
    }

    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(writeln!(out, "\nThe world ends.")?),
            Some(notice) = heard.recv() => tell(&mut out, &notice)?,
        }
    }
}

/// Deploys the template to this machine; its functions find the world at the address.
/// Serves a world at the wall's pace on a free loopback port, for as long as the tasks live, and says where.
///
/// # Errors
/// There is no port.
pub async fn on_loopback(world: World, tasks: &mut JoinSet<()>) -> io::Result<(String, SharedWorld, LiveClock)> {
    let clock = LiveClock::start(&world, 1.0);
    let world = SharedWorld::new(world.into());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let app = panda_world::http::router_with_clock(Arc::clone(&world), clock);
    tasks.spawn(async move {
        // Small replies at once: what waits for more to send would be counted as the function's.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        // Ends only with the task: accept errors are the listener's own to retry.
        let _ = axum::serve(listener, app).await;
    });
    Ok((endpoint, world, clock))
}

fn read_fleet(path: Option<&PathBuf>) -> Result<FleetSpec, ServeError> {
    let Some(path) = path else {
        return Ok(FleetSpec::default());
    };
    let text = std::fs::read_to_string(path).map_err(|source| ServeError::FleetFile { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| ServeError::FleetSpec { path: path.clone(), source })
}

fn introduce(
    out: &mut impl io::Write,
    fleet: &FleetSpec,
    world: &World,
    address: SocketAddr,
    args: &ServeArgs,
) -> io::Result<()> {
    let endpoint = format!("http://{address}");
    let holder = fleet.addresses.first().and_then(|address| world.holder_of(address));
    let instance = holder.or_else(|| world.instances().next().map(|instance| instance.id.as_str())).unwrap_or("i-…");
    let region = panda_world::REGION;
    let pace = if at_wall_pace(args.speed) {
        "the wall clock's pace".to_owned()
    } else {
        format!("{} times the wall clock's pace", args.speed)
    };
    writeln!(out, "A simulated AWS at {endpoint} (region {region}), at {pace}.")?;
    writeln!(out, "Fleet {:?} behind {}:", fleet.name, fleet.addresses.join(", "))?;
    for instance in world.instances() {
        writeln!(out, "  {}  {}  {}", instance.id, instance.zone, instance.state.as_str())?;
    }
    writeln!(
        out,
        "
Look at it and touch it (any credentials will do):
  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_REGION={region}
  aws --endpoint-url {endpoint} ec2 describe-addresses
  aws --endpoint-url {endpoint} autoscaling describe-auto-scaling-groups
  aws --endpoint-url {endpoint} ec2 terminate-instances --instance-ids {instance}
  curl {endpoint}/_world/state
  curl {endpoint}/_world/act -d '{{\"act\":\"spot_notice\",\"instance\":\"{instance}\",\"lead_seconds\":120}}'
A function elsewhere acts on it with
  AWS_ENDPOINT_URL_EC2={endpoint} AWS_ENDPOINT_URL_AUTO_SCALING={endpoint}
Ctrl-C ends it.",
    )?;
    if !at_wall_pace(args.speed) {
        writeln!(out, "Functions go by the wall clock: their waits are {} times as long for the world.", args.speed)?;
    }
    if args.functions.is_none() && !args.deploy {
        writeln!(out, "Nobody hears its events: --functions ENDPOINT would deliver them by the rules deployed there.")?;
    }
    Ok(())
}

fn at_wall_pace(speed: f64) -> bool {
    (speed - 1.0).abs() < f64::EPSILON
}

fn tell(out: &mut impl io::Write, notice: &Notice) -> io::Result<()> {
    match notice {
        Notice::Wanted { .. } => Ok(()),
        Notice::Delivered { event, function, .. } => writeln!(out, "{} → {function}", subject(event)),
        Notice::Unwanted { event } => writeln!(out, "{} → no rule wants it", subject(event)),
        Notice::GivenUp { event, function, dead_letter, error } => {
            let queue = dead_letter.as_deref().unwrap_or("no dead-letter queue");
            writeln!(out, "{} → {function} failed, given up ({queue}): {error}", subject(event))
        }
        Notice::Unreadable { error } => writeln!(out, "the functions' endpoint does not answer: {error}"),
    }
}

/// `EC2 Instance State-change Notification i-0… shutting-down`.
fn subject(event: &serde_json::Value) -> String {
    let word = |pointer| event.pointer(pointer).and_then(serde_json::Value::as_str);
    let words =
        [word("/detail-type"), word("/detail/instance-id"), word("/detail/EC2InstanceId"), word("/detail/state")];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 && speed.is_finite() => Ok(speed),
        _ => Err("a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_told_by_its_kind_its_instance_and_its_state() {
        let event = json!({"detail-type": "EC2 Instance State-change Notification", "detail": {"instance-id": "i-a", "state": "stopped"}});
        assert_eq!(subject(&event), "EC2 Instance State-change Notification i-a stopped");
    }

    #[test]
    fn only_a_positive_speed_is_a_speed() {
        assert_eq!(positive("60"), Ok(60.0));
        for wrong in ["0", "-1", "inf", "fast"] {
            assert!(positive(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fleet_file_that_is_missing_is_named() {
        let missing = PathBuf::from("/nowhere/fleet.json");
        let error = read_fleet(Some(&missing)).map_err(|error| error.to_string());
        assert_eq!(error, Err("cannot read the fleet file /nowhere/fleet.json".to_owned()));
    }
}
