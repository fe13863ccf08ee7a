//! Two pushes: one that a server misses, because the panda stopped its agent, and one that cannot work.

use std::time::Duration;

use panda_domain::chaos::{Fault, tags};
use panda_world::{Act, CodeDeployAgent, CommitSpec, ExecutionStatus, World, lock};
use tokio::time::{Instant, sleep};

use super::{LOOK, Performance, held, hunt::Watching};
use crate::demo::{
    DemoError,
    fleets::{DOCUMENTS, WEB},
    record::{By, Deliveries, Letter, Push, Step},
    recovery::{self, Pushed, RECOVERY},
    terminal::{Line, Tone},
};

/// Of [`DOCUMENTS`].
const STOP: usize = 0;
const RESTART: usize = 1;

/// How long a step of the tale may take. The longest is deployment-recovery's: it looks every twenty seconds, and the restart document
/// watches the agent for twenty.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long nothing may happen once people were told: more than all copies of an event take to arrive.
const QUIET: Duration = Duration::from_secs(5);

/// The panda writes before its strike and after it.
const LETTERS_OF_TWO_EXPERIMENTS: usize = 4;

impl Performance {
    /// A server forgets its updates, misses a push and is cured; another push is beyond cure.
    pub(super) async fn deliver(&self) -> Result<(), DemoError> {
        let (victim, watching) = self.stop_an_agent().await?;
        self.push_past_a_dead_agent(&victim).await?;
        self.push_what_cannot_work(&victim).await?;
        let experiment = self.verdict(watching, LETTERS_OF_TWO_EXPERIMENTS).await?;
        let closed = experiment.outcome.as_ref().map(|outcome| outcome.closed);
        let mut chronicle = held(&self.chronicle);
        let at = closed.map_or(0.0, |closed| chronicle.seconds(closed));
        let deliveries = &mut chronicle.record.deliveries;
        let what = "The panda saw the fleet whole all the time: survived.".to_owned();
        deliveries.steps.push(Step { at, by: By::Panda, what });
        deliveries.experiment = Some(experiment);
        Ok(())
    }

    async fn stop_an_agent(&self) -> Result<(String, Watching), DemoError> {
        // CodeDeploy turns to the servers in this order, and forgives the last one: a deployment fails for sure only if the first one fails.
        let group = lock(&self.world).group(WEB.name).map(|group| group.members.keys().min().cloned());
        let victim = group.flatten().ok_or(DemoError::NoSite)?;
        self.enact("let it hit any server", &|_| Act::TagGroup {
            group: WEB.name.to_owned(),
            key: tags::VICTIM.to_owned(),
            value: None,
        })?;
        let began = self.seconds();
        self.keep(|deliveries| {
            deliveries.began = Some(began);
            deliveries.victim.clone_from(&victim);
        });
        self.tell(By::People, format!("The panda is told to stop the agent of `{victim}` (stop-agent)."));
        let stopped = |world: &World| {
            let stopped = recovery::commands(world, STOP, &victim).any(|one| recovery::printed(one, &victim).is_some());
            let agent = world.instance(&victim).map(|instance| instance.code_deploy_agent);
            (stopped && agent == Some(CodeDeployAgent::Stopped)).then_some(())
        };
        let ((), watching) = self.order(Fault::StopAgent, Some(&victim), stopped).await?;
        let struck = self.seconds();
        self.keep(|deliveries| deliveries.struck = Some(struck));
        let what = format!(
            "The CodeDeploy agent of `{victim}` is stopped, by {}. It serves on, and forgets its updates.",
            name_of(STOP)
        );
        self.tell(By::Panda, what);
        Ok((victim, watching))
    }

    async fn push_past_a_dead_agent(&self, victim: &str) -> Result<(), DemoError> {
        let commit = self.push(&recovery::sound())?;
        let (deployment, failed) =
            self.until("the failure of the first push", &commit, |world| Pushed::of(world, &commit).failure()).await?;
        let failed_at = self.seconds();
        let unheard = self.unheard.as_secs();
        let what = format!(
            "Deployment `{deployment}` failed: for {unheard} s `{}` did not fetch its part.",
            failed.join("`, `")
        );
        self.tell(By::Fleet, what);
        if failed != [victim] {
            let what = format!("a failure on {victim} alone");
            return Err(DemoError::Unkept { what, seconds: 0, found: format!("it failed on {}", failed.join(", ")) });
        }

        self.until("the restart of the agent", &commit, |world| {
            recovery::commands(world, RESTART, victim).next().map(drop)
        })
        .await?;
        self.tell(
            By::Recovery,
            format!("deployment-recovery has the agent of `{victim}` restarted, by {}.", name_of(RESTART)),
        );
        let answered = self.until("the agent's first poll", &commit, |world| {
            let answers = recovery::commands(world, RESTART, victim).find_map(|one| recovery::printed(one, victim));
            answers.map(str::to_owned)
        });
        let polls = serde_json::from_str::<serde_json::Value>(&answered.await?).unwrap_or_default();
        let watched = polls.get("held_seconds").and_then(serde_json::Value::as_u64).unwrap_or_default();
        self.tell(
            By::Fleet,
            format!("The agent of `{victim}` has been watched for {watched} s, and asks for work again."),
        );
        self.keep(|deliveries| {
            if let Some(push) = deliveries.pushes.last_mut() {
                push.restarted.push(victim.to_owned());
            }
        });
        if polls.get("polls") != Some(&serde_json::Value::Bool(true)) {
            let what = format!("a restart after which the agent of {victim} polls");
            return Err(DemoError::Unkept { what, seconds: 0, found: polls.to_string() });
        }

        let retried = |world: &World| Pushed::of(world, &commit).execution().filter(|one| one.attempt == 2).map(drop);
        self.until("the retry of the stage", &commit, retried).await?;
        self.tell(By::Recovery, "deployment-recovery has the stage Deploy tried again.");
        let through = |world: &World| {
            let done = Pushed::of(world, &commit).execution()?.status == ExecutionStatus::Succeeded;
            done.then(|| Pushed::of(world, &commit).deployments().last().map(|one| one.id.clone()))?
        };
        let deployment = self.until("the success of the retry", &commit, through).await?;
        self.tell(By::Fleet, format!("Deployment `{deployment}` succeeded on both servers."));
        let page = recovery::sound().page;
        self.until("the new page on the site", &commit, |_| {
            (held(&self.chronicle).page() == Some(&page)).then_some(())
        })
        .await?;
        let letter = self.letter(1, &commit).await?;
        self.settle(&commit, letter.at - failed_at);
        check(letter, |letter| recovery::wrong_with_recovery(letter, victim))
    }

    async fn push_what_cannot_work(&self, victim: &str) -> Result<(), DemoError> {
        let commit = self.push(&recovery::broken())?;
        let failure = |world: &World| Pushed::of(world, &commit).failure();
        let (deployment, failed) = self.until("the failure of the second push", &commit, failure).await?;
        let failed_at = self.seconds();
        let what = format!(
            "Deployment `{deployment}` failed: the script of {} ended badly on `{}`.",
            recovery::FAILING,
            failed.join("`, `")
        );
        self.tell(By::Fleet, what);
        let letter = self.letter(2, &commit).await?;
        check(letter.clone(), recovery::wrong_with_explanation)?;
        sleep(QUIET).await;
        self.settle(&commit, letter.at - failed_at);
        let world = lock(&self.world);
        let pushed = Pushed::of(&world, &commit);
        let left_alone =
            pushed.execution().is_some_and(|one| one.status == ExecutionStatus::Failed && one.attempt == 1)
                && pushed.deployments().count() == 1
                && recovery::commands(&world, RESTART, victim).count() == 1;
        let found = pushed.found();
        drop(world);
        if !left_alone {
            let what = "no restart and no retry of the second push".to_owned();
            return Err(DemoError::Unkept { what, seconds: QUIET.as_secs(), found });
        }
        self.tell(
            By::Recovery,
            "deployment-recovery restarts nothing and tries nothing again: what is broken is the script.",
        );
        Ok(())
    }

    /// Pushes, and returns the commit.
    fn push(&self, spec: &CommitSpec) -> Result<String, DemoError> {
        self.enact("push", &|_| Act::Push { pipeline: WEB.name.to_owned(), commit: spec.clone() })?;
        let world = lock(&self.world);
        let head =
            world.pipelines().find(|pipeline| pipeline.name == WEB.name).and_then(|pipeline| pipeline.head.clone());
        drop(world);
        let commit = head.unwrap_or_default();
        let short: String = commit.chars().take(7).collect();
        self.tell(By::People, format!("{} pushes `{short}`: \"{}\".", spec.author, spec.message));
        let push = Push { at: self.seconds(), page: spec.page.clone(), commit: short, ..Push::default() };
        self.keep(|deliveries| deliveries.pushes.push(push));
        Ok(commit)
    }

    fn enact(&self, act: &'static str, done: &dyn Fn(&World) -> Act) -> Result<(), DemoError> {
        let mut world = lock(&self.world);
        world.advance_to(self.clock.now());
        let done = done(&world);
        world.act(&done).map_err(|source| DemoError::Act { act, source })
    }

    /// The mail that deployment-recovery writes as its `count`th.
    async fn letter(&self, count: usize, commit: &str) -> Result<Letter, DemoError> {
        let nth = |_: &World| held(&self.chronicle).record.letters_from(RECOVERY).nth(count - 1).cloned();
        self.until("a mail of deployment-recovery", commit, nth).await
    }

    /// Notes what became of the push.
    fn settle(&self, commit: &str, told_after: f64) {
        let world = lock(&self.world);
        let execution = Pushed::of(&world, commit).execution();
        let (status, attempts) = execution.map(|one| (format!("{:?}", one.status), one.attempt)).unwrap_or_default();
        drop(world);
        self.keep(|deliveries| {
            if let Some(push) = deliveries.pushes.last_mut() {
                (push.status, push.attempts, push.told_after) = (status, attempts, Some(told_after));
            }
        });
    }

    async fn until<T>(&self, what: &str, commit: &str, goal: impl Fn(&World) -> Option<T>) -> Result<T, DemoError> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(reached) = goal(&lock(&self.world)) {
                return Ok(reached);
            }
            if Instant::now() > end {
                let found = Pushed::of(&lock(&self.world), commit).found();
                return Err(DemoError::Unkept { what: what.to_owned(), seconds: PATIENCE.as_secs(), found });
            }
            sleep(LOOK).await;
        }
    }

    /// A step of the tale, for the timeline and the report.
    fn tell(&self, by: By, what: impl Into<String>) {
        let (at, what) = (self.seconds(), what.into());
        let tone = match by {
            By::People => Tone::Act,
            By::Panda => Tone::Panda,
            By::Recovery => Tone::Recovery,
            By::Fleet => Tone::Quiet,
            By::Visitor => Tone::Good,
        };
        let indent = if by == By::Recovery { "  " } else { "" };
        self.terminal.print(&Line::at(at, tone, format!("{indent}{}", what.replace('`', ""))));
        self.keep(|deliveries| deliveries.steps.push(Step { at, by, what }));
    }

    fn keep(&self, what: impl FnOnce(&mut Deliveries)) {
        what(&mut held(&self.chronicle).record.deliveries);
    }
}

fn name_of(document: usize) -> &'static str {
    DOCUMENTS.get(document).map_or("", |(name, _)| name)
}

/// Fails the demo over a letter that does not say what it must.
fn check(letter: Letter, wrong: impl Fn(&Letter) -> Option<String>) -> Result<(), DemoError> {
    match wrong(&letter) {
        Some(wrong) => Err(DemoError::Letter { subject: letter.subject, wrong, text: letter.text }),
        None => Ok(()),
    }
}
