//! What `panda_domain::recovery` writes to people: each sentence, where it belongs and where it does not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod recovery_failure;

use panda_domain::recovery::{
    Commit, ExecutionLook, Look, News, Restart, RestartState, Rules, RunStatus, Target, TargetStatus, message, plan,
};

use self::recovery_failure::{
    BUSY, CURED, DENIED, SILENT, deployment, failed, instance, launched, now, restarted, rules, stage, target,
};

const SCRIPT: &str = "Script at specified location: run as user root failed with exit code 1";

fn mail(look: &Look, news: News) -> (String, String) {
    let notice = message(look, &plan(look, &rules(), now()), news, "eu-central-1");
    (notice.mail.subject, notice.mail.text)
}

fn text(look: &Look) -> String {
    mail(look, News::Failed).1
}

fn silent(n: usize) -> Target {
    target(n, "ApplicationStop", "UnknownError", SILENT, "")
}

fn script(n: usize, event: &str) -> Target {
    target(n, event, "ScriptFailed", SCRIPT, "")
}

#[test]
fn a_subject_says_what_failed_and_on_how_many() {
    let subject = |look: &Look| mail(look, News::Failed).0;
    assert_eq!(subject(&failed(vec![script(0, "AfterInstall")])), "web failed: script-failed on 1 instance");
    let two = failed(vec![script(0, "AfterInstall"), script(1, "AfterInstall")]);
    assert_eq!(subject(&two), "web failed: script-failed on 2 instances");
    let mut none = failed(Vec::new());
    deployment(&mut none).error = None;
    assert_eq!(subject(&none), "web failed: no cause found");
    assert_eq!(subject(&launched(vec![script(0, "AfterInstall")])), "shop/fleet failed: script-failed on 1 instance");
    let mut unread = launched(Vec::new());
    unread.deployments.values_mut().for_each(|deployment| deployment.info = Err("throttled".to_owned()));
    assert!(subject(&unread).starts_with("d-1 failed: "), "{}", subject(&unread));
}

#[test]
fn who_is_gone_or_cured_is_left_and_who_is_not_is_for_people() {
    let mut look = failed(vec![silent(0), silent(1)]);
    look.instances.as_mut().unwrap().remove(&instance(0));
    let mixed = text(&look);
    assert!(mixed.contains("  To do: Nothing: the instance is gone."), "{mixed}");
    assert!(mixed.contains(&format!("  On: {}, gone meanwhile", instance(0))), "{mixed}");
    assert!(mixed.contains(&format!("  On: {}\n", instance(1))), "{mixed}");
    look.instances.as_mut().unwrap().remove(&instance(1));
    let both = text(&look);
    assert!(both.contains(&format!("  On: {}, {}, gone meanwhile", instance(0), instance(1))), "{both}");
    let mut look = failed(vec![silent(0), silent(1)]);
    look.restarts = Ok(vec![restarted(0, CURED), restarted(1, CURED)]);
    assert!(text(&look).contains("  To do: Nothing: a restart cured the agent."));
    look.restarts = Ok(vec![restarted(0, CURED)]);
    assert!(!text(&look).contains("  To do: Nothing: a restart cured the agent."), "one of two is not all");
}

#[test]
fn of_several_servers_with_one_trouble_all_must_be_gone_to_say_so() {
    for gone in [0, 1] {
        let mut look = failed(vec![script(0, "AfterInstall"), script(1, "AfterInstall")]);
        look.instances.as_mut().unwrap().remove(&instance(gone));
        let one = text(&look);
        assert!(!one.contains("gone meanwhile") && one.contains("session-manager"), "{one}");
        look.instances.as_mut().unwrap().clear();
        assert!(text(&look).contains("gone meanwhile"));
    }
}

#[test]
fn causes_and_names_beyond_the_first_are_counted() {
    // A group for each step of a script, since each is a thing of its own to understand.
    let steps = |count: usize| failed((0..count).map(|n| script(n, &format!("Step{n}"))).collect());
    let causes = |count: usize| text(&steps(count)).matches("  Step: ").count();
    let most = (1..20).find(|count| causes(*count) < *count).unwrap() - 1;
    assert!(!text(&steps(most)).contains("more causes"));
    assert!(text(&steps(most + 1)).contains("… and 1 more causes; the console shows them."));
    assert!(text(&steps(most + 3)).contains("… and 3 more causes; the console shows them."));
    let one = |count: usize| text(&failed((0..count).map(|n| script(n, "AfterInstall")).collect()));
    let named =
        |count: usize| one(count).lines().find(|line| line.starts_with("  On: ")).unwrap().matches("i-").count();
    let most = (1..40).find(|count| named(*count) < *count).unwrap() - 1;
    assert!(!one(most).contains(" more\n"));
    assert!(one(most + 1).contains(" and 1 more\n") && one(most + 4).contains(" and 4 more\n"));
}

#[test]
fn what_people_must_mend_comes_first_and_what_one_cause_hit_together() {
    let look =
        failed(vec![silent(0), script(1, "AfterInstall"), script(2, "BeforeInstall"), script(3, "AfterInstall")]);
    let text = text(&look);
    let steps: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  Step: ")).collect();
    assert_eq!(steps, ["AfterInstall", "BeforeInstall", "ApplicationStop"]);
    assert!(text.contains(&format!("  On: {}, {}\n", instance(1), instance(3))), "{text}");
}

#[test]
fn what_was_done_is_told_of_this_failure_only() {
    let mut look = failed(vec![script(0, "AfterInstall")]);
    let nothing = "  Nothing: there was nothing that a restart or a retry could cure.";
    assert!(text(&look).contains(nothing));
    look.restarts = Ok(vec![restarted(0, CURED)]);
    assert!(text(&look).contains(nothing), "a restart for another failure is none of this one's");
    stage(&mut look).retries = 1;
    let once = text(&look);
    assert!(
        once.contains("cured it: it asks for work again (agent 1.8.1)") && once.contains("The stage was retried once.")
    );
    assert!(!once.contains(nothing));
    stage(&mut look).retries = 2;
    assert!(text(&look).contains("The stage was retried 2 times."));
    let mut other = failed(vec![silent(0)]);
    other.restarts = Ok(vec![restarted(1, CURED)]);
    assert!(text(&other).contains(nothing), "nor is one of another instance");
    let mut many = failed(vec![silent(0)]);
    let answers = [restarted(0, BUSY), restarted(0, DENIED)];
    many.restarts = Ok(answers.iter().cycle().take(60).cloned().collect());
    let told = text(&many);
    let listed = told.matches("the restart of the agent of").count();
    assert!(listed < 60 && told.contains(&format!("  {} earlier restarts", 60 - listed)), "{told}");
    many.restarts = Ok(answers.iter().cycle().take(listed).cloned().collect());
    assert!(!text(&many).contains("earlier restarts"));
    assert!(told.contains("was refused: it is in the middle of a step."), "{told}");
    assert!(
        told.contains("did not cure it: agent-access-denied; its log: AccessDeniedException: not allowed."),
        "{told}"
    );
    let waiting = |state| {
        let mut look = failed(vec![silent(0)]);
        stage(&mut look).retries = 9;
        look.restarts = Ok(vec![Restart { state, ..restarted(0, CURED) }]);
        text(&look)
    };
    assert!(waiting(RestartState::Running).contains("has not ended."));
    let unanswered = RestartState::Unanswered { status: "Delivery Timed Out".to_owned() };
    assert!(waiting(unanswered).contains("was not answered (Delivery Timed Out)."));
}

#[test]
fn a_rollback_is_told_by_its_deployment_or_by_what_was_said_of_it() {
    let mut look = failed(vec![script(0, "AfterInstall")]);
    deployment(&mut look).rollback_message = Some("no earlier revision".to_owned());
    assert!(text(&look).contains("  CodeDeploy on the rollback: no earlier revision"));
    deployment(&mut look).rollback = Some("d-9".into());
    assert!(text(&look).contains("  CodeDeploy rolls back with d-9."));
    assert!(!text(&look).contains("on the rollback"));
}

#[test]
fn a_shell_is_offered_where_somebody_must_look_and_somebody_is_there() {
    let shell = |look: &Look| text(look).contains("session-manager");
    assert!(shell(&failed(vec![script(0, "AfterInstall")])));
    assert!(!shell(&failed(vec![silent(0)])), "an agent's silence is cured without a shell");
    let mut gone = failed(vec![script(0, "AfterInstall")]);
    gone.instances.as_mut().unwrap().clear();
    assert!(!shell(&gone));
    let elsewhere = |region: &str| {
        let look = failed(vec![script(0, "AfterInstall")]);
        message(&look, &plan(&look, &rules(), now()), News::Failed, region).mail.text
    };
    assert!(elsewhere("cn-north-1").contains("https://cn-north-1.console.amazonaws.cn/"));
    assert!(elsewhere("us-gov-west-1").contains("https://us-gov-west-1.console.amazonaws-us-gov.com/"));
    for hidden in ["us-iso-east-1", "eu-isoe-west-1", "eusc-de-east-1", "", "evil.com/x"] {
        assert!(!elsewhere(hidden).contains("console."), "{hidden}");
    }
}

#[test]
fn a_commit_is_described_by_its_hash_or_by_the_whole_of_what_is_none() {
    let described = |id: &str, rest: bool| {
        let more = |text: &str| rest.then(|| text.to_owned());
        let commit =
            Commit { id: id.to_owned(), message: more("Edit"), author: more("Ann"), url: None, branch: more("main") };
        let mut look = failed(vec![script(0, "AfterInstall")]);
        look.execution = Ok(Some(ExecutionLook { status: RunStatus::Failed, commit: Some(commit) }));
        text(&look).lines().find_map(|line| line.strip_prefix("Commit: ").map(str::to_owned)).unwrap()
    };
    assert_eq!(described("8e0c6fb80e09020556d271d4cf0bacdab3614fbd", true), "8e0c6fb80e Edit by Ann on main");
    assert_eq!(described("8e0c6fb80e09", false), "8e0c6fb80e09", "too short for a hash");
    let version = "zz0c-fb80e09-020556d-271d4cf-0bacdab-3614";
    assert_eq!(described(version, false), version);
    let forty = "g".repeat(40);
    assert_eq!(described(&forty, false), forty, "of forty characters, and not hexadecimal");
}

#[test]
fn a_recovery_says_after_how_many_retries() {
    let subject = |retries: u32| {
        let mut look = failed(Vec::new());
        stage(&mut look).retries = retries;
        look.hints.attempt = None;
        let recovered = mail(&look, News::Recovered);
        let says = recovered.0.strip_prefix("web recovered ").unwrap().to_owned();
        assert!(
            recovered
                .1
                .contains(&format!("The deployment of pipeline web went through {says}. Nothing is left to do."))
        );
        says
    };
    assert_eq!([subject(0), subject(1), subject(2)], ["at last", "after 1 retry", "after 2 retries"]);
}

#[test]
fn people_who_know_are_not_told_that_they_know() {
    let mut look = failed(vec![script(0, "AfterInstall")]);
    look.told.failed = true;
    let known = plan(&look, &Rules { max_retries: 0, ..rules() }, now());
    assert!(!message(&look, &known, News::Failed, "eu-central-1").mail.text.contains("people were told already"));
    let skipped = failed(vec![Target { status: TargetStatus::Skipped, events: Vec::new(), ..silent(0) }]);
    assert!(text(&skipped).contains("What was done") && text(&skipped).contains("Why it ends here"));
}
