//! Can a fleet be launched as it is asked for, and what keeps the reflexes from one that is there?
//!
//! [`plan()`] answers the first question from a [`Launch`] (what CloudFormation asks) and a [`LaunchSnapshot`] (what AWS offers), before
//! anything is launched; [`check()`] answers the second from a [`FleetSetup`]. Both say it in [`Finding`]s: how bad, what, and what mends it.
//! They obey these laws, each a property test of the same name in `tests/preflight_laws.rs`:
//!
//! 1. `an_accepted_subnet_was_asked_for_and_can_be_launched_into`
//! 2. `nothing_is_left_out_unless_that_was_allowed`, and then with a warning that says why
//! 3. `nothing_is_accepted_in_fewer_than_two_zones_or_outside_its_sizes`
//! 4. `what_was_accepted_is_accepted_again_without_a_word_about_its_subnets`
//! 5. `order_and_repetition_of_subnets_change_no_verdict`
//! 6. `a_connection_warns_and_refuses_nothing`
//! 7. `a_refusal_says_what_to_choose`
//! 8. `an_answer_fits_into_what_cloudformation_takes`, and says which subnets were accepted
//! 9. `whatever_comes_as_properties_is_read_or_named`
//! 10. `every_error_of_a_fleet_comes_with_what_mends_it`
//! 11. `what_could_not_be_seen_is_said_and_is_no_verdict`

mod answer;
mod check;
mod command;
mod finding;
mod launch;
mod network;
mod order;
mod plan;
mod setup;
mod siblings;

pub use self::{
    answer::{Answer, LONGEST_ANSWER},
    check::{Rules, check},
    command::{Command, CommandError},
    finding::{Finding, Severity, sum_up},
    launch::Launch,
    network::{Endpoint, Network, Route, RouteTable, SERVICES, Subnet, Target, WayOut},
    order::{Callback, Order, OrderError, ResponseUrl, Step},
    plan::{ConnectionLook, Decision, LaunchPlan, LaunchSnapshot, plan},
    setup::{
        AgentLook, DeploymentGroup, FleetSetup, GroupSetup, HookSetup, InstanceSetup, ManagedLook, MemberSetup, Tag,
        Template,
    },
    siblings::{pattern_of_siblings, same_processor},
};
