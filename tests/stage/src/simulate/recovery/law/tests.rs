//! Does the judge see a broken law? Records written by hand: one of a cure as it should be, and what may go wrong with it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use panda_world::{DeploymentStatus, ExecutionStatus};

use super::judge;
use crate::simulate::{
    lambda::DeadLetter,
    recovery::record::{About, Aim, Answer, By, Job, Record, Run, Sent, Standing, Terms, Try, Verdict, Why, Word},
};

const POLLS: &str = r#"{"schema":1,"action":"restarted","polls":true}"#;
const WELL: Standing = Standing { runs: true, gone: false, polls: true, curable: true, reachable: true, tagged: true };
const SILENT: Standing = Standing { polls: false, ..WELL };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_778_148_000 + second).unwrap()
}

fn job(created: i64, completed: i64, status: DeploymentStatus, failed: Option<Why>) -> Job {
    let code = (status == DeploymentStatus::Failed).then(|| "HEALTH_CONSTRAINTS".to_owned());
    Job {
        application: "web".to_owned(),
        group: "web".to_owned(),
        creator: "user",
        of: Some("e-1".to_owned()),
        created: at(created),
        completed: Some(at(completed)),
        status,
        code,
        targets: BTreeMap::from([("i-1".to_owned(), Aim { failed, events: Vec::new() })]),
    }
}

fn attempt(began: i64, by: By, ended: i64, well: bool, job: &str) -> Try {
    Try { began: at(began), by, ended: Some(at(ended)), well, job: Some(job.to_owned()) }
}

fn word(second: i64, about: About, recovered: bool) -> Word {
    let subject = if recovered { "web recovered after 1 retry" } else { "web failed: agent-silent on 1 instance" };
    let (caller, text) = ("deployment-recovery/1".to_owned(), "no such table: users".to_owned());
    Word { at: at(second), caller, about, recovered, subject: subject.to_owned(), text }
}

fn sent(second: i64, ended: i64, output: &str) -> Sent {
    let answer = Answer { ended: Some(at(ended)), output: output.to_owned() };
    Sent {
        at: at(second),
        seen: at(second - 2),
        document: "RecoveryRestartAgentDocument".to_owned(),
        to: BTreeMap::from([("i-1".to_owned(), answer)]),
    }
}

/// An agent is silent, is restarted, the stage is tried again and goes through; people hear of it.
fn cured() -> Record {
    Record {
        terms: Terms {
            mode: "On".to_owned(),
            most_retries: 1,
            replaces: true,
            patience: SignedDuration::from_mins(60),
            rough: false,
            lag: SignedDuration::ZERO,
        },
        jobs: BTreeMap::from([
            ("d-1".to_owned(), job(100, 400, DeploymentStatus::Failed, Some(Why::Silent))),
            ("d-2".to_owned(), job(460, 500, DeploymentStatus::Succeeded, None)),
        ]),
        runs: vec![Run {
            id: "e-1".to_owned(),
            status: ExecutionStatus::Succeeded,
            updated: at(505),
            entered: Some(at(100)),
            current: true,
            tries: vec![
                attempt(100, By::Push, 405, false, "d-1"),
                attempt(460, By::Function(at(458)), 505, true, "d-2"),
            ],
        }],
        restarts: vec![sent(420, 445, POLLS)],
        verdicts: Vec::new(),
        words: vec![word(510, About::Execution("e-1".to_owned()), true)],
        chats: Vec::new(),
        agents: BTreeMap::from([("i-1".to_owned(), vec![(at(0), SILENT), (at(423), WELL)])]),
        serving: BTreeMap::from([(
            "web".to_owned(),
            vec![(at(0), BTreeSet::from(["i-1".to_owned(), "i-2".to_owned()]))],
        )]),
        mishaps: Vec::new(),
        unread: Vec::new(),
        heard: BTreeSet::from(["d-1".to_owned()]),
        calm: at(600),
        ended: at(5_000),
        unfinished: None,
        answers: Vec::new(),
        failures: Vec::new(),
        letters: Vec::new(),
        secrets: vec!["hunter2".to_owned()],
        refused: Vec::new(),
        calls: BTreeMap::new(),
    }
}

/// The same agent, and nobody does anything but tell.
fn failed() -> Record {
    let mut record = cured();
    record.jobs.remove("d-2");
    record.runs[0].tries.truncate(1);
    record.runs[0].status = ExecutionStatus::Failed;
    record.restarts.clear();
    record.words = vec![word(510, About::Execution("e-1".to_owned()), false)];
    record.agents.insert("i-1".to_owned(), vec![(at(0), Standing { curable: false, ..SILENT })]);
    record
}

fn laws(record: &Record) -> BTreeSet<&'static str> {
    judge(record).into_iter().map(|violation| violation.law).collect()
}

/// What a change of the cure is accused of, and nothing else.
fn accused(change: impl FnOnce(&mut Record)) -> Vec<&'static str> {
    let mut record = cured();
    change(&mut record);
    laws(&record).into_iter().collect()
}

/// The same of a failure that is told.
fn accused_of_failure(change: impl FnOnce(&mut Record)) -> Vec<&'static str> {
    let mut record = failed();
    change(&mut record);
    laws(&record).into_iter().collect()
}

#[test]
fn a_cure_as_it_should_be_and_a_failure_that_is_told_break_no_law() {
    assert_eq!(judge(&cured()), []);
    assert_eq!(judge(&failed()), []);
}

#[test]
fn a_retry_of_what_people_must_mend_or_have_stopped_is_accused() {
    let script = Some(Why::Other("ScriptFailed".to_owned()));
    let of_script =
        accused(|record| record.jobs.get_mut("d-1").unwrap().targets.get_mut("i-1").unwrap().failed = script);
    assert_eq!(of_script, ["only what a restart can cure is restarted", "what people must mend is never retried"]);
    let stopped = accused(|record| record.jobs.get_mut("d-1").unwrap().status = DeploymentStatus::Stopped);
    assert_eq!(stopped, ["only what a restart can cure is restarted", "what somebody stopped is left alone"]);
    let alarm = accused(|record| record.jobs.get_mut("d-1").unwrap().code = Some("ALARM_ACTIVE".to_owned()));
    assert!(alarm.contains(&"what people must mend is never retried"), "{alarm:?}");
}

#[test]
fn a_retry_too_many_or_after_a_newer_execution_or_before_the_agent_polls_is_accused() {
    assert_eq!(accused(|record| record.terms.most_retries = 0), ["no more retries of one execution than allowed"]);
    let newer = |entered| {
        accused(|record| {
            let second =
                Run { id: "e-2".to_owned(), entered: Some(at(entered)), tries: Vec::new(), ..record.runs[0].clone() };
            record.runs.push(second);
        })
    };
    assert_eq!(newer(450), ["no retry once a newer execution is at the stage"]);
    assert_eq!(newer(459), Vec::<&str>::new(), "nobody could have seen it");
    let silent = accused(|record| {
        record.agents.insert("i-1".to_owned(), vec![(at(0), SILENT)]);
    });
    assert_eq!(silent, ["no retry before every agent polls again"]);
}

#[test]
fn a_step_while_the_group_is_deploying_is_accused_as_soon_as_that_could_be_seen() {
    let beside = |created, completed| {
        accused(|record| {
            let mut other = job(created, completed, DeploymentStatus::Succeeded, None);
            (other.creator, other.of) = ("codeDeployRollback", None);
            other.targets.clear();
            record.jobs.insert("d-3".to_owned(), other);
        })
    };
    assert_eq!(beside(405, 440), ["nothing is restarted while the group is deploying"]);
    assert_eq!(beside(430, 470), ["nothing is retried while the group is deploying"]);
    assert_eq!(beside(419, 440), Vec::<&str>::new(), "nobody could have seen it");
}

#[test]
fn a_restart_amid_a_lifecycle_event_is_accused() {
    let law = accused(|record| {
        let mut other = job(300, 440, DeploymentStatus::Succeeded, None);
        (other.group, other.of) = ("other".to_owned(), None);
        other.targets.get_mut("i-1").unwrap().events.push((at(410), Some(at(425))));
        record.jobs.insert("d-3".to_owned(), other);
    });
    assert_eq!(law, ["no restart amid a lifecycle event"]);
}

#[test]
fn a_restart_of_an_agent_that_polls_or_was_answered_or_is_of_no_fleet_is_accused() {
    let polls = accused(|record| {
        record.agents.insert("i-1".to_owned(), vec![(at(0), WELL)]);
    });
    assert_eq!(polls, ["an agent that polls is left alone"]);
    assert_eq!(accused(|record| record.restarts.push(sent(450, 455, POLLS))), ["one answer of a restart is enough"]);
    let busy = r#"{"schema":1,"action":"refused-busy"}"#;
    assert_eq!(accused(|record| record.restarts.insert(0, sent(410, 414, busy))), Vec::<&str>::new());
    let stranger = accused(|record| {
        record.agents.insert("i-1".to_owned(), vec![(at(0), Standing { tagged: false, ..SILENT }), (at(423), WELL)]);
    });
    assert_eq!(stranger, ["nothing outside the fleet's servers is touched"]);
    let document = accused(|record| record.restarts[0].document = "AWS-RunShellScript".to_owned());
    assert_eq!(document, ["only the restart document is ever sent"]);
}

#[test]
fn whoever_may_only_explain_touches_nothing() {
    let law = accused(|record| record.terms.mode = "ExplainOnly".to_owned());
    assert_eq!(law, ["where only explaining is allowed nothing is touched"]);
}

#[test]
fn a_silence_or_a_second_message_or_one_about_health_is_accused() {
    assert_eq!(accused(|record| record.words.clear()), ["a recovery is told"]);
    let twice = |record: &mut Record| {
        let again = Word { at: at(900), ..record.words[0].clone() };
        record.words.push(again);
    };
    assert_eq!(accused(twice), ["people hear of a recovery once"]);
    let excused = accused(|record| {
        twice(record);
        record.mishaps.push((at(511), "deployment-recovery/1".to_owned()));
    });
    assert_eq!(excused, Vec::<&str>::new(), "a death after the first explains the second");
    let elsewhere = accused(|record| {
        twice(record);
        record.mishaps.push((at(511), "deployment-recovery/2".to_owned()));
    });
    assert_eq!(elsewhere, ["people hear of a recovery once"]);
    assert_eq!(accused_of_failure(|record| record.words.clear()), ["every execution that failed ends with a message"]);
    assert_eq!(accused_of_failure(twice), ["people hear of a failure once"]);
    assert_eq!(accused_of_failure(|record| record.words[0].recovered = true).len(), 2);
    let healthy = accused(|record| {
        let second = Run { id: "e-2".to_owned(), entered: None, tries: Vec::new(), ..record.runs[0].clone() };
        record.runs.push(second);
        record.words.push(word(700, About::Execution("e-2".to_owned()), false));
    });
    assert_eq!(healthy, ["nobody hears of an execution that did not fail"]);
    let nothing = accused(|record| record.words.push(word(700, About::Nothing, false)));
    assert_eq!(nothing, ["a message says what it is about"]);
}

#[test]
fn a_deployment_of_a_launch_is_told_once_and_one_of_a_pipeline_by_its_execution_alone() {
    let twice = accused_of_failure(|record| record.words.push(word(700, About::Deployment("d-1".to_owned()), false)));
    assert_eq!(twice, ["nobody hears of a deployment that is told of elsewhere, or is well"]);
    let died = accused_of_failure(|record| {
        record.terms.rough = true;
        record.failures.push((at(650), "CodePipeline: Died".to_owned()));
        record.words.push(word(700, About::Deployment("d-1".to_owned()), false));
    });
    assert_eq!(died, Vec::<&str>::new(), "nobody could know any more");
    let unread = |caller: &str| {
        accused_of_failure(|record| {
            record.unread.push((at(650), caller.to_owned()));
            record.words.push(word(700, About::Deployment("d-1".to_owned()), false));
        })
    };
    assert_eq!(unread("deployment-recovery/1"), Vec::<&str>::new(), "the book did not answer");
    assert_eq!(unread("deployment-recovery/2").len(), 1, "it did not answer somebody else");
    let launch = |heard: bool, told: bool| {
        accused_of_failure(|record| {
            let mut launched = job(600, 900, DeploymentStatus::Failed, Some(Why::Silent));
            (launched.creator, launched.of) = ("autoscaling", None);
            record.jobs.insert("d-9".to_owned(), launched);
            if heard {
                record.heard.insert("d-9".to_owned());
            }
            if told {
                record.words.push(word(950, About::Deployment("d-9".to_owned()), false));
            }
        })
    };
    assert_eq!(
        launch(true, false),
        ["every deployment of a launch, a person or a rollback that failed ends with a message"]
    );
    assert_eq!(launch(true, true), Vec::<&str>::new());
    assert_eq!(launch(false, false), Vec::<&str>::new(), "no event arrived");
}

#[test]
fn a_cure_that_is_left_undone_is_accused() {
    let law = |standing: Standing| {
        accused_of_failure(|record| {
            record.agents.insert("i-1".to_owned(), vec![(at(0), standing)]);
        })
    };
    assert_eq!(law(SILENT), ["what a restart cures is cured, and the stage tried again"]);
    assert_eq!(law(Standing { reachable: false, ..SILENT }), Vec::<&str>::new());
    assert_eq!(law(Standing { gone: true, runs: false, ..SILENT }).len(), 1, "a retry leaves it out");
}

#[test]
fn a_verdict_on_the_last_server_or_on_one_that_nobody_tried_to_cure_is_accused() {
    let verdict = |serving: &[&str], tried: bool| {
        let serving: BTreeSet<String> = serving.iter().map(|&id| id.to_owned()).collect();
        accused_of_failure(|record| {
            let mut launched = job(600, 900, DeploymentStatus::Failed, Some(Why::Silent));
            (launched.creator, launched.of) = ("autoscaling", None);
            record.jobs.insert("d-9".to_owned(), launched);
            record.words.push(word(1_100, About::Deployment("d-9".to_owned()), false));
            record.serving.insert("web".to_owned(), vec![(at(0), serving)]);
            if tried {
                record.restarts.push(sent(920, 960, "{\"action\":\"failed\",\"polls\":false}"));
            }
            record.verdicts.push(Verdict { at: at(1_000), seen: at(998), instance: "i-1".to_owned() });
        })
    };
    assert_eq!(verdict(&["i-1", "i-2"], true), Vec::<&str>::new());
    assert_eq!(verdict(&["i-1"], true), ["the last server is never replaced"]);
    assert_eq!(verdict(&["i-1", "i-2"], false), ["only a server beyond cure is replaced"]);
    let unwanted = accused_of_failure(|record| {
        record.terms.replaces = false;
        record.verdicts.push(Verdict { at: at(1_000), seen: at(998), instance: "i-1".to_owned() });
    });
    assert!(unwanted.contains(&"no server is replaced where nobody wants that"), "{unwanted:?}");
}

#[test]
fn a_secret_in_a_message_a_chat_or_an_answer_is_accused() {
    let leaks: [fn(&mut Record); 3] = [
        |record| record.words[0].text = "DB_PASSWORD=hunter2".to_owned(),
        |record| record.chats.push("{\"x\":\"hunter2\"}".to_owned()),
        |record| record.answers.push("hunter2".to_owned()),
    ];
    for leak in leaks {
        assert_eq!(accused(leak), ["no secret leaves"]);
    }
}

#[test]
fn a_refusal_an_end_that_does_not_come_a_failure_and_a_dead_letter_are_accused() {
    assert_eq!(
        accused(|record| record.refused.push("asked for s3:GetObject".to_owned())),
        ["a role allows all that its function asks for"]
    );
    assert_eq!(accused(|record| record.unfinished = Some("an event".to_owned())), ["everything ends"]);
    let failure = (at(500), "Publish: no reply".to_owned());
    assert_eq!(accused(|record| record.failures.push(failure.clone())), ["no invocation fails without faults"]);
    let letter = DeadLetter { at: at(500), trigger: "an event".to_owned(), reason: "timed out".to_owned() };
    assert_eq!(accused(|record| record.letters.push(letter)), ["nothing is dead-lettered without faults"]);
    let rough = accused(|record| {
        record.terms.rough = true;
        record.failures.push(failure);
    });
    assert_eq!(rough, Vec::<&str>::new());
}
