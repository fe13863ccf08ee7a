//! The panda's part: it is asked what it would do, told to hit each fleet, and asked what it remembers.

use std::time::Duration;

use panda_domain::{
    chaos::{Experiment, Fault, Verdict},
    ids::InstanceId,
};
use panda_world::{InstanceState, Kind, World, lock};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{LOOK, Performance, held};
use crate::{
    demo::{
        DemoError,
        fleets::{CAST, WEB},
        panda::{Answer, GroupTold, Order, PANDA},
        record::Hunt,
        terminal::{Line, Tone},
    },
    serve::delivery::CallError,
};

/// Why the panda is told to kill, in its journal and its messages.
const REASON: &str = "make demo";

/// A cold start, a dozen reads and a record, on a busy machine.
const BEFORE_THE_STRIKE: Duration = Duration::from_secs(30);

/// How long the demo listens for an answer before it looks again whether anybody was hit. Between the panda's record and its
/// blow lies one message to people.
const GLANCE: Duration = Duration::from_millis(10);

/// The panda looks every five seconds, and asks each service at a pause when one is slow.
const AFTER_THE_HEALING: Duration = Duration::from_mins(1);

/// A message is delivered within a second.
const POST: Duration = Duration::from_secs(5);

/// The panda at work: its answer comes when the fleet has healed. Ends with the value, as far as the demo listens.
pub(super) struct Watching(JoinSet<Result<Answer, CallError>>);

impl Watching {
    async fn answer(&mut self) -> Result<Answer, DemoError> {
        let answer = match self.0.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => Err(CallError { operation: "Invoke", reason: error.to_string() }),
            None => Err(CallError { operation: "Invoke", reason: "nobody is asked".to_owned() }),
        };
        answer.map_err(|source| DemoError::Panda { command: "kill", source })
    }
}

impl Performance {
    /// Asks what a tick would do to each fleet.
    pub(super) async fn preview(&self) -> Result<(), DemoError> {
        self.say(Tone::Act, "the panda is asked what a tick would do to each fleet (preview)");
        let answer = self.panda.preview().await.map_err(|source| DemoError::Panda { command: "preview", source })?;
        self.mind(&answer);
        for cast in CAST {
            let told = told_of(&answer, cast.name);
            let odds = told.day_odds.map(|odds| format!(" (odds of a work day: {:.0} %)", odds * 100.0));
            let codes = told.codes().join(", ");
            self.say(Tone::Panda, format!("  {:<7} {codes}{}", cast.name, odds.unwrap_or_default()));
            self.note(|hunt| hunt.preview.push(told));
        }
        Ok(())
    }

    /// Tells it to hit the fleets that it must spare.
    pub(super) async fn ask_for_what_is_spared(&self) -> Result<(), DemoError> {
        for cast in CAST {
            let Some(code) = cast.spared_by else { continue };
            self.say(Tone::Act, format!("the panda is told to hit {} ({})", cast.name, cast.likeness));
            let order = Order { fleet: cast.name, reason: REASON, fault: None, victim: None };
            let answer = self.panda.kill(&order).await;
            let answer = answer.map_err(|source| DemoError::Panda { command: "kill", source })?;
            self.mind(&answer);
            let told = told_of(&answer, cast.name);
            let spared = answer.experiments.is_empty() && told.is_spared_by(code);
            let said = told.in_words();
            self.say(Tone::Panda, format!("  {:<7} spared: {said}", cast.name));
            self.note(|hunt| hunt.spared.push(told));
            if !spared {
                return Err(DemoError::NotSpared { fleet: cast.name, code, said: answer.summary });
            }
        }
        Ok(())
    }

    /// Tells it to hit the fleet that it may hit. Returns when it has struck, with the time of the strike; it goes on watching.
    pub(super) async fn unleash(&self, holder: &str) -> Result<(f64, Watching), DemoError> {
        self.say(Tone::Act, format!("the panda is told to hit {} ({})", WEB.name, WEB.likeness));
        let ordered = self.seconds();
        self.note(|hunt| hunt.ordered = Some(ordered));
        let ((victim, at), watching) = self.order(Fault::Terminate, None, struck).await?;
        if victim != holder {
            return Err(DemoError::NotTheHolder { holder: holder.to_owned(), victim });
        }
        // The blow may have fallen since the last look into the journal; it must not have fallen before the record.
        self.look_into_the_journal().await?;
        let intended = |intention: &Experiment| intention.hits(&InstanceId::from(victim.as_str()));
        let mut chronicle = held(&self.chronicle);
        let struck = chronicle.seconds(at);
        chronicle.record.hunt.struck = Some(struck);
        if !chronicle.record.hunt.intention.as_ref().is_some_and(intended) {
            return Err(DemoError::NotWrittenDown { victim });
        }
        drop(chronicle);
        Ok((struck, watching))
    }

    /// Tells it to strike the fleet that it may hit. Returns when the world shows that it has; the panda goes on watching.
    pub(super) async fn order<T>(
        &self,
        fault: Fault,
        victim: Option<&str>,
        struck: impl Fn(&World) -> Option<T>,
    ) -> Result<(T, Watching), DemoError> {
        let mut watching = Watching(JoinSet::new());
        let panda = self.panda.clone();
        let order = Order { fleet: WEB.name, reason: REASON, fault: Some(fault), victim: victim.map(str::to_owned) };
        watching.0.spawn(async move { panda.kill(&order).await });
        let until = Instant::now() + BEFORE_THE_STRIKE;
        loop {
            self.look_into_the_journal().await?;
            if let Some(struck) = struck(&lock(&self.world)) {
                return Ok((struck, watching));
            }
            // An answer before anybody was hit is a refusal.
            if let Ok(answer) = timeout(GLANCE, watching.answer()).await {
                return Err(DemoError::NotStruck { fleet: WEB.name, why: answer?.summary });
            }
            if Instant::now() > until {
                let why = format!("nothing happened in {} s", BEFORE_THE_STRIKE.as_secs());
                return Err(DemoError::NotStruck { fleet: WEB.name, why });
            }
        }
    }

    /// Notes the panda's intention, once its journal holds it.
    async fn look_into_the_journal(&self) -> Result<(), DemoError> {
        if held(&self.chronicle).record.hunt.intention.is_some() {
            return Ok(());
        }
        let Some(intention) = self.panda.open_experiment(WEB.name).await.map_err(DemoError::Journal)? else {
            return Ok(());
        };
        let victims: Vec<_> = intention.victims.iter().map(|victim| victim.instance.as_str()).collect();
        let by = intention.heal_by.strftime("%H:%M:%S UTC");
        let line = format!("  written down: {} of {}, to be whole by {by}", intention.fault, victims.join(", "));
        self.say(Tone::Panda, line);
        self.note(|hunt| hunt.intention = Some(intention));
        Ok(())
    }

    /// Waits for its report on the kill, and compares it with what is known here. The fleet was whole again at `healed`.
    pub(super) async fn hear_out(&self, watching: Watching, healed: f64) -> Result<(), DemoError> {
        self.note(|hunt| hunt.healed = Some(healed));
        let experiment = self.verdict(watching, 2).await?;
        self.note(|hunt| hunt.experiment = Some(experiment));
        Ok(())
    }

    /// Waits until it has seen the fleet survive, and until so many mails of it have come.
    pub(super) async fn verdict(&self, mut watching: Watching, letters: usize) -> Result<Experiment, DemoError> {
        let answer = timeout(AFTER_THE_HEALING, watching.answer()).await;
        let late = || DemoError::Misjudged { said: format!("nothing in {} s", AFTER_THE_HEALING.as_secs()) };
        let answer = answer.map_err(|_| late())??;
        self.mind(&answer);
        self.say(Tone::Panda, format!("  {}", answer.summary));
        let survived = |experiment: &Experiment| {
            experiment.outcome.as_ref().is_some_and(|outcome| outcome.verdict == Verdict::Survived)
        };
        let Some(experiment) = answer.experiments.into_iter().next().filter(survived) else {
            return Err(DemoError::Misjudged { said: answer.summary });
        };
        let until = Instant::now() + POST;
        loop {
            let heard = held(&self.chronicle).record.letters_from(PANDA).count();
            if heard >= letters {
                return Ok(experiment);
            }
            if Instant::now() > until {
                return Err(DemoError::Untold { heard });
            }
            sleep(LOOK).await;
        }
    }

    /// Asks what it remembers.
    pub(super) async fn recall(&self) -> Result<(), DemoError> {
        self.say(Tone::Act, "the panda is asked what it remembers (history)");
        let answer = self.panda.history().await.map_err(|source| DemoError::Panda { command: "history", source })?;
        self.mind(&answer);
        self.say(Tone::Panda, format!("  {}", answer.summary));
        let mut chronicle = held(&self.chronicle);
        let record = &mut chronicle.record;
        record.hunt.history.clone_from(&answer.summary);
        let made: Vec<_> = record.hunt.experiment.iter().chain(&record.deliveries.experiment).collect();
        if answer.experiments.len() == made.len() && made.iter().all(|one| answer.experiments.contains(one)) {
            Ok(())
        } else {
            Err(DemoError::Forgotten { said: answer.summary })
        }
    }

    /// Shows what the panda could not do beside its work.
    fn mind(&self, answer: &Answer) {
        for problem in &answer.problems {
            self.say(Tone::Bad, format!("the panda has a problem: {problem}"));
        }
    }

    pub(super) fn say(&self, tone: Tone, text: impl Into<String>) {
        self.terminal.print(&Line::at(self.seconds(), tone, text));
    }

    fn note(&self, what: impl FnOnce(&mut Hunt)) {
        what(&mut held(&self.chronicle).record.hunt);
    }
}

/// Who of the fleet was hit, and when.
fn struck(world: &World) -> Option<(String, jiff::Timestamp)> {
    let group = world.group(WEB.name)?;
    world.journal().iter().rev().find_map(|entry| match &entry.kind {
        Kind::Instance { instance, state: InstanceState::ShuttingDown } if group.members.contains_key(instance) => {
            Some((instance.clone(), entry.at))
        }
        _ => None,
    })
}

fn told_of(answer: &Answer, fleet: &str) -> GroupTold {
    let silence = || GroupTold {
        fleet: fleet.to_owned(),
        code: "unseen".to_owned(),
        sentence: format!("the panda says nothing of it: {}", answer.summary),
        ..GroupTold::default()
    };
    answer.groups.iter().find(|told| told.fleet == fleet).cloned().unwrap_or_else(silence)
}
