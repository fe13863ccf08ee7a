//! The world and moto, side by side, each behind a client of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use jiff::{Timestamp, ToSpan as _};
use panda_scenarios::emulator::{HttpWorld, Moto, tool};
use panda_stage::tether::without_account;
use panda_world::{Span, Timing, World, lock};
use serde_json::{Value, json};

use super::{
    call::{Call, Reply},
    compare::{Difference, compare},
    names::{MOTO, Names, WORLD},
};

/// A process with AWS's client in it. It ends when its input does.
struct Client {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn of(endpoint: &str) -> Client {
        let mut process = without_account(tool("python").as_os_str())
            .args(["-c", include_str!("client.py")])
            .env("AWS_ENDPOINT_URL", endpoint)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let (input, output) = (process.stdin.take(), process.stdout.take().expect("a pipe"));
        Client { process, input, output: BufReader::new(output) }
    }

    fn send(&mut self, line: &Value) {
        writeln!(self.input.as_mut().expect("a pipe"), "{line}").expect("the client listens");
    }

    fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the client answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the client answered no JSON ({error}): {line}"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

/// Both, and what they call the same things.
pub(crate) struct Pair {
    world: HttpWorld,
    clients: [Client; 2],
    pub(crate) names: Names,
    _moto: Moto,
}

impl Pair {
    pub(crate) fn start() -> Pair {
        let (moto, world) = (Moto::start(), HttpWorld::serve(fresh(0)));
        let clients = [Client::of(&world.endpoint()), Client::of(&moto.endpoint())];
        Pair { world, clients, names: Names::default(), _moto: moto }
    }

    /// Two new accounts, with a launch template and a network each.
    pub(crate) fn anew(&mut self, seed: u64) {
        *lock(&self.world.world) = fresh(seed);
        self.names = Names::default();
        self.clients[MOTO].send(&json!({"anew": seed}));
        self.clients[MOTO].receive();
        // The world knows a template as soon as a group names it.
        self.tell_moto("ec2", "CreateLaunchTemplate", &json!({
            "LaunchTemplateName": "web", "LaunchTemplateData": {"ImageId": "ami-12c6146b", "InstanceType": "t4g.micro"}
        }));
        self.ask(&Call::read("ec2", "DescribeSubnets", "at the beginning", json!({})));
    }

    /// A call of the test's own to moto, which must succeed.
    pub(crate) fn tell_moto(&mut self, service: &'static str, operation: &'static str, input: &Value) -> Value {
        let call = Call::read(service, operation, "", self.names.ids_for(MOTO, input));
        self.clients[MOTO].send(&call.to_line(&call.input));
        match Reply::of(&self.clients[MOTO].receive()) {
            Reply::Ok(tree) => tree,
            Reply::Refused(code, message) => panic!("moto refused {operation}: {code} {message}"),
        }
    }

    /// Asks both, lets the world come to rest after a change, and compares.
    pub(crate) fn ask(&mut self, call: &Call) -> Answer {
        for side in [WORLD, MOTO] {
            let input = self.names.ids_for(side, &call.input);
            self.clients[side].send(&call.to_line(&input));
        }
        let replies = [WORLD, MOTO].map(|side| Reply::of(&self.clients[side].receive()));
        if call.writes {
            self.settle();
        }
        let [world, moto] = replies;
        let mut differences = Vec::new();
        if world.outcome() != moto.outcome() {
            let (world, moto) = (world.outcome().to_owned(), moto.outcome().to_owned());
            differences.push(Difference { path: "outcome".to_owned(), world, moto });
        }
        let trees = (world.tree().map(|tree| settled(call, tree)), moto.tree().map(|tree| settled(call, tree)));
        if let (Some(ours), Some(theirs)) = &trees {
            differences.extend(compare(&mut self.names, ours, theirs));
        }
        let seen = trees.0.map(|tree| self.names.rename(WORLD, &tree)).unwrap_or_default();
        Answer { world, moto, seen, differences }
    }

    /// moto has no time: what it does is done. So the world is given two hours, in which everything that is under way ends: its health
    /// checks and launches take minutes, a lifecycle hook by default an hour.
    fn settle(&self) {
        let mut world = lock(&self.world.world);
        let rest = world.now() + 2.hours();
        world.advance_to(rest);
        world.take_journal();
        world.take_events();
    }
}

/// What both said to a call.
pub(crate) struct Answer {
    pub(crate) world: Reply,
    pub(crate) moto: Reply,
    /// The world's reply, by names.
    pub(crate) seen: Value,
    pub(crate) differences: Vec<Difference>,
}

impl Answer {
    /// Whether both did it, or both refused with the same code.
    pub(crate) fn same_outcome(&self) -> bool {
        self.world.outcome() == self.moto.outcome()
    }
}

/// An empty account. Terminated instances stay listed, with their tags: moto forgets nothing.
fn fresh(seed: u64) -> World {
    const LONG: u64 = 10 * 365 * 86_400;
    let timing = Timing { listed: Span::secs(LONG, LONG), tags_kept: Span::secs(LONG, LONG), ..Timing::default() };
    World::new(seed, Timestamp::from_second(1_778_160_000).expect("a time"), timing)
}

/// A reply without what is AWS's choice: how instances are grouped into reservations, and what a token looks like.
fn settled(call: &Call, tree: &Value) -> Value {
    let mut tree = tree.clone();
    if call.operation == "DescribeInstances"
        && let Some(reservations) = tree.get_mut("Reservations").map(Value::take)
    {
        let instances = reservations.as_array().into_iter().flatten().filter_map(|each| each["Instances"].as_array());
        tree = json!({"Instances": instances.flatten().collect::<Vec<_>>(), "NextToken": tree.get("NextToken")});
    }
    if let Some(members) = tree.as_object_mut() {
        for token in ["NextToken", "nextToken"] {
            // An empty token is none.
            match members.get_mut(token) {
                Some(Value::String(text)) if !text.is_empty() => "(token)".clone_into(text),
                _ => drop(members.remove(token)),
            }
        }
    }
    tree
}
