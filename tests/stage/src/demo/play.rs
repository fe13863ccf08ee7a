//! Sets the stage and plays the acts on it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use panda_domain::chaos::tags;
use panda_world::{Act, SharedWorld, Timing, World, http::LiveClock, lock};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    DemoError, FUNCTION,
    acts::{self, SCENES, Scene},
    chronicle::Chronicle,
    fleets::{CAST, DOCUMENTS, SIZE, WEB},
    forwarder::Forwarder,
    letters::Mailbox,
    logs,
    panda::{PANDA, Panda},
    prober::Prober,
    record::{ActRecord, Phase, Record},
    recovery::RECOVERY,
    site::{Page, Servers},
    terminal::{Line, Terminal, Tone},
    words,
};
use crate::{
    deploy::{self, LocalDeployment},
    serve::{
        self, clock,
        delivery::{Courier, Notice},
        endpoint::{self, Deployed},
    },
};

mod deliver;
mod hunt;

/// How long the demo waits for the address to move, and then for the fleet to be whole. Both take seconds; the sweep
/// repairs after a minute what an event did not.
const PATIENCE: Duration = Duration::from_secs(75);

/// Between two acts: a reader can tell them apart, and the last events of the act before have arrived.
const PAUSE: Duration = Duration::from_millis(2_500);

/// How often the demo looks whether it may go on.
const LOOK: Duration = Duration::from_millis(50);

/// The simulated AWS with its fleets, served on a loopback port.
pub(super) struct Stage {
    /// Where EC2 and Auto Scaling answer.
    pub(super) endpoint: String,
    world: SharedWorld,
    clock: LiveClock,
    unheard: Duration,
    seed: u64,
    tasks: JoinSet<()>,
}

/// What happens while the acts are played.
struct Performance {
    world: SharedWorld,
    clock: LiveClock,
    panda: Panda,
    chronicle: Arc<Mutex<Chronicle>>,
    terminal: Terminal,
    /// How long CodeDeploy waits here for an agent to fetch its part.
    unheard: Duration,
}

impl Stage {
    /// Founds the fleets and serves the world. Its clock is the wall's, as the functions' is, and nothing happens before the play.
    pub(super) async fn set(site: &deploy::Site, seed: u64) -> Result<Self, DemoError> {
        // What the functions are measured by keeps AWS's pace; boots, health checks and the five minutes that CodeDeploy waits for a
        // silent agent would fill an hour.
        let aws = Timing::default();
        let timing = Timing { event_delivery: aws.event_delivery, settle: aws.settle, ..Timing::brisk() };
        let unheard = timing.event_unheard;
        let mut world = World::new(seed, Timestamp::now(), timing);
        for cast in CAST {
            world.found_fleet(&cast.spec(&site.root)?);
        }
        site.hold_to_roles(&mut world)?;
        // To found took a moment, and what the functions write down must not seem to come after what they did.
        world.advance_to(Timestamp::now());
        let mut tasks = JoinSet::new();
        let (endpoint, world, clock) = serve::on_loopback(world, &mut tasks).await?;
        Ok(Self { endpoint, world, clock, unheard, seed, tasks })
    }

    /// Plays every act. What was seen comes back even when an act failed.
    pub(super) async fn play(
        mut self,
        deployment: &LocalDeployment,
        terminal: Terminal,
    ) -> Result<(Record, Result<(), DemoError>), DemoError> {
        let sdk = endpoint::sdk_config(&deployment.endpoint(), deploy::REGION).await;
        let deployed = Deployed::new(&sdk);
        let (notices, heard) = mpsc::unbounded_channel();
        let courier = Arc::new(Courier::new(Arc::new(deployed.clone()), notices));
        if courier.refresh().await.map_err(DemoError::Rules)?.is_empty() {
            return Err(DemoError::NoRules);
        }
        let ours = |name: &String| words::function_name(deploy::STACK, name) == FUNCTION;
        let function = courier.functions().into_iter().find(ours).ok_or(DemoError::NoFunction)?;

        let (chaos, topic) = find(&deployed, PANDA).await?;
        let panda = Panda::new(deployed.clone(), &sdk, &chaos).ok_or(DemoError::Incomplete { name: PANDA })?;
        let (recovery, recovery_topic) = find(&deployed, RECOVERY).await?;
        let known = [(PANDA, &chaos, "STOP_AGENT_DOCUMENT"), (RECOVERY, &recovery, "RESTART_DOCUMENT")];
        for ((name, function, variable), (document, _)) in known.into_iter().zip(DOCUMENTS) {
            if function.environment.get(variable).is_none_or(|named| named != document) {
                return Err(DemoError::Document { name, document });
            }
        }

        let clock = self.clock;
        let zero = (Instant::now(), clock.now());
        let chronicle = Arc::new(Mutex::new(self.begin(zero.1)));
        let servers = Arc::new(Mutex::new(Servers::default()));
        self.tasks.spawn(listen(heard, Arc::clone(&chronicle), zero.0, terminal));
        self.raise_curtain(clock, courier, &chronicle, &servers, terminal);

        let forwarder = {
            let (world, servers) = (Arc::clone(&self.world), servers);
            Forwarder::start(move || {
                let serving = lock(&world).serving_at(WEB.public_ip).map(str::to_owned)?;
                held(&servers).address_of(&serving)
            })
            .await?
        };
        let site = format!("http://{}/", forwarder.address);
        terminal.print(&Line::aside("three fleets let the panda in:"));
        for cast in CAST {
            terminal.print(&Line::aside(format!("  {:<7} {}, behind {}", cast.name, cast.likeness, cast.public_ip)));
        }
        terminal.print(&Line::aside(format!(
            "the site of {} is at {site}; a visitor asks it ten times a second",
            WEB.name
        )));
        let url = Act::TagGroup { group: WEB.name.to_owned(), key: tags::URL.to_owned(), value: Some(site) };
        lock(&self.world).act(&url).map_err(|source| DemoError::Act { act: "tag the site", source })?;
        let (told, answers) = mpsc::unbounded_channel();
        let visitor = Prober::start(forwarder.address, zero.0, told);
        self.tasks.spawn(follow(answers, Arc::clone(&chronicle), terminal));

        let address = address_of(&deployment.endpoint()).ok_or(DemoError::NoFunction)?;
        for (topic, from) in [(topic, PANDA), (recovery_topic, RECOVERY)] {
            let mailbox = Mailbox::subscribe(address, deploy::REGION, &topic, from, zero.0);
            let mailbox = mailbox.await.map_err(|source| DemoError::NoTopic { from, source })?;
            self.tasks.spawn(read(mailbox, Arc::clone(&chronicle), terminal));
        }

        let performance =
            Performance { world: Arc::clone(&self.world), clock, panda, chronicle, terminal, unheard: self.unheard };
        let played = performance.perform(&deployed, &function).await;
        let probes = visitor.stop().await;
        let end = zero.0.elapsed().as_secs_f64();
        let mut record = held(&performance.chronicle).close(end, probes);
        // As the template names it.
        let group = format!("/aws/lambda/{}-{FUNCTION}", deploy::STACK);
        record.said = logs::read(address, deploy::REGION, &group, zero.1.as_millisecond()).await;
        Ok((record, played))
    }

    fn begin(&self, zero: Timestamp) -> Chronicle {
        let record = Record {
            seed: self.seed,
            fleet: WEB.name.to_owned(),
            public_ip: WEB.public_ip.to_owned(),
            ..Record::default()
        };
        let mut chronicle = Chronicle::new(zero, record);
        let world = lock(&self.world);
        // The holder first: the report's rows are in the order in which they are met. Nobody visits the other fleets.
        let members = world.group(WEB.name).into_iter().flat_map(|group| group.members.keys());
        let mut instances: Vec<_> = members.filter_map(|member| world.instance(member)).collect();
        instances.sort_by_key(|instance| world.holder_of(WEB.public_ip) != Some(instance.id.as_str()));
        for instance in instances {
            chronicle.meet(&instance.id, &instance.zone, Phase::Serving);
        }
        drop(world);
        chronicle
    }

    /// From now on the world moves, its instances' servers come and go, and its events are delivered.
    fn raise_curtain(
        &mut self,
        clock: LiveClock,
        courier: Arc<Courier<Deployed>>,
        chronicle: &Arc<Mutex<Chronicle>>,
        servers: &Arc<Mutex<Servers>>,
        terminal: Terminal,
    ) {
        let (chronicle, servers) = (Arc::clone(chronicle), Arc::clone(servers));
        let mut seen = lock(&self.world).journal().len();
        self.tasks.spawn(clock::drive(Arc::clone(&self.world), clock, move |world, events| {
            let zone_of = |id: &str| world.instance(id).map(|instance| instance.zone.clone());
            for entry in world.journal().get(seen..).unwrap_or_default() {
                if let Some(line) = held(&chronicle).see(entry, zone_of) {
                    terminal.print(&line);
                }
            }
            seen = world.journal().len();
            if let Err(error) = held(&servers).keep(&pages(world)) {
                terminal.print(&Line::aside(format!("an instance's web server could not be started: {error}")));
            }
            for event in events {
                let courier = Arc::clone(&courier);
                tokio::spawn(async move { courier.deliver(event).await });
            }
        }));
    }
}

/// The instances that answer, with what their pages show.
fn pages(world: &World) -> Vec<Page> {
    let answering = world.instances().filter(|instance| instance.answers());
    answering
        .map(|instance| Page {
            instance: instance.id.clone(),
            zone: instance.zone.clone(),
            version: world
                .groups()
                .find_map(|group| group.members.get(&instance.id))
                .map_or_else(|| "?".to_owned(), |member| member.version.to_string()),
            text: world.page_of(&instance.id).unwrap_or_default().trim().to_owned(),
        })
        .collect()
}

/// What the courier does, as lines.
async fn listen(
    mut heard: mpsc::UnboundedReceiver<Notice>,
    chronicle: Arc<Mutex<Chronicle>>,
    zero: Instant,
    terminal: Terminal,
) {
    while let Some(notice) = heard.recv().await {
        let now = zero.elapsed().as_secs_f64();
        let line = match notice {
            Notice::Wanted { event, function, since } => {
                let at = since.saturating_duration_since(zero).as_secs_f64();
                held(&chronicle).delivered(at, &event, &words::function_name(deploy::STACK, &function))
            }
            Notice::GivenUp { function, error, .. } => {
                Line::at(now, Tone::Bad, format!("an event did not reach {function}: {error}"))
            }
            Notice::Unreadable { error } => Line::at(now, Tone::Bad, format!("the endpoint does not answer: {error}")),
            Notice::Delivered { .. } | Notice::Unwanted { .. } => continue,
        };
        terminal.print(&line);
    }
}

/// A function as it is deployed, and the topic that it tells people by.
async fn find(deployed: &Deployed, name: &'static str) -> Result<(endpoint::Function, String), DemoError> {
    let functions = deployed.functions().await.map_err(DemoError::Functions)?;
    let ours = |function: &endpoint::Function| words::function_name(deploy::STACK, &function.name) == name;
    let function = functions.into_iter().find(ours).ok_or(DemoError::Incomplete { name })?;
    let topic = function.environment.get("TOPIC_ARN").cloned().ok_or(DemoError::Incomplete { name })?;
    Ok((function, topic))
}

/// What people are told, as lines.
async fn read(mut mailbox: Mailbox, chronicle: Arc<Mutex<Chronicle>>, terminal: Terminal) {
    while let Some(letter) = mailbox.letters.recv().await {
        let line = held(&chronicle).wrote(letter);
        terminal.print(&line);
    }
}

/// What the visitor sees, as lines.
async fn follow(
    mut answers: mpsc::UnboundedReceiver<super::record::Probe>,
    chronicle: Arc<Mutex<Chronicle>>,
    terminal: Terminal,
) {
    while let Some(probe) = answers.recv().await {
        let mut chronicle = held(&chronicle);
        let lines = [chronicle.asked(&probe), chronicle.read(&probe)];
        drop(chronicle);
        lines.iter().flatten().for_each(|line| terminal.print(line));
    }
}

impl Performance {
    async fn perform(&self, deployed: &Deployed, function: &str) -> Result<(), DemoError> {
        // The sweep's own event. It proves that the deployed function reaches the world before anything is broken.
        let sweep = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []});
        let outcome: Value = deployed.ask(function, &sweep).await.map_err(DemoError::Function)?;
        tracing::debug!(%outcome, "the function's first sweep");
        if !self.wait(Duration::from_secs(5), |_| held(&self.chronicle).site_answers()).await {
            return Err(DemoError::NoSite);
        }
        self.preview().await?;
        self.ask_for_what_is_spared().await?;
        for scene in SCENES {
            self.play(scene).await?;
            sleep(PAUSE).await;
        }
        self.deliver().await?;
        self.recall().await?;
        let refused = lock(&self.world).refused_by_roles().to_vec();
        if !refused.is_empty() {
            return Err(DemoError::Refused(refused));
        }
        if held(&self.chronicle).site_answers() { Ok(()) } else { Err(DemoError::SiteSilent) }
    }

    async fn play(&self, scene: Scene) -> Result<(), DemoError> {
        let act = scene.cause;
        let refused = |source| DemoError::Act { act, source };
        let victim = lock(&self.world).holder_of(WEB.public_ip).unwrap_or_default().to_owned();
        let (at, watching) = if let Some(done) = scene.act(&victim) {
            let mut world = lock(&self.world);
            world.advance_to(self.clock.now());
            world.act(&done).map_err(refused)?;
            (self.seconds(), None)
        } else {
            let (at, watching) = self.unleash(&victim).await?;
            (at, Some(watching))
        };
        let done = ActRecord {
            at,
            cause: act,
            sentence: scene.sentence(&victim),
            instance: victim.clone(),
            scenario: scene.scenario,
        };
        let line = held(&self.chronicle).act(done);
        self.terminal.print(&line);

        if !self.wait(PATIENCE, |world| acts::has_moved(world, WEB.public_ip, &victim)).await {
            let called = held(&self.chronicle).record.events.iter().any(|event| event.at >= at);
            let seconds = PATIENCE.as_secs();
            return Err(if called { DemoError::NeverMoved { act, seconds } } else { DemoError::NeverCalled { act } });
        }
        if let Some(afterwards) = scene.afterwards(WEB.name, SIZE) {
            lock(&self.world).act(&afterwards).map_err(refused)?;
            self.terminal.print(&Line::at(self.seconds(), Tone::Act, format!("scaled out to {SIZE} again")));
        }
        let healed = |world: &World| acts::has_healed(world, WEB.name, WEB.public_ip, SIZE, &victim);
        if !self.wait(PATIENCE, healed).await {
            return Err(DemoError::NotHealed { act, seconds: PATIENCE.as_secs() });
        }
        let whole = self.seconds();
        self.terminal.print(&Line::at(whole, Tone::Good, "the fleet is whole again"));
        match watching {
            Some(watching) => self.hear_out(watching, whole).await,
            None => Ok(()),
        }
    }

    async fn wait(&self, patience: Duration, goal: impl Fn(&World) -> bool) -> bool {
        let until = Instant::now() + patience;
        while !goal(&lock(&self.world)) {
            if Instant::now() > until {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }

    fn seconds(&self) -> f64 {
        held(&self.chronicle).seconds(self.clock.now())
    }
}

/// `http://127.0.0.1:4566` as an address.
fn address_of(endpoint: &str) -> Option<SocketAddr> {
    endpoint.strip_prefix("http://")?.parse().ok()
}

/// A panic elsewhere leaves whole values behind these locks: each is written in one go.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
