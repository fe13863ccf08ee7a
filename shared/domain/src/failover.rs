//! Which instance should hold which Elastic IP, and what is owed to the lifecycle hooks?
//!
//! [`plan()`] answers for one fleet, from a [`FleetSnapshot`] (what reads show) and the [`Evidence`] of the event that woke us (what reads may
//! not show yet). It obeys these laws, each a property test of the same name in `tests/failover_laws.rs`:
//!
//! 1. `never_two_addresses_on_one_instance_never_a_foreign_address_a_non_member_or_a_dead_target`
//! 2. `an_address_moves_only_to_a_strictly_better_tier_and_a_newcomer_never_displaces_an_equal`
//! 3. `planning_again_after_applying_the_plan_gives_the_empty_plan`, and duplicates and reordering of events change nothing
//! 4. `a_death_in_an_event_outweighs_a_running_that_a_read_still_shows`
//! 5. `a_living_holders_address_is_moved_with_one_call_and_never_released_in_between`: a plan has no word for releasing an address
//! 6. `every_lifecycle_action_is_answered_and_no_terminate_hook_is_released_while_the_only_server_waits_for_its_successor`
//! 7. `one_look_with_fresh_reads_reaches_the_goal_from_any_state`
//! 8. `a_fleet_that_needs_nothing_costs_no_writes`

mod evidence;
mod hooks;
mod mark;
mod plan;
mod problem;
mod snapshot;
mod tier;

pub use self::{
    evidence::{Evidence, FRESH, WaitingHook},
    hooks::{Answer, AnswerReason, HookAnswer, LOOK_EVERY},
    mark::{Leaving, LeavingReason, MARK_TAG, UnreadableMark},
    plan::{FleetPlan, Mark, Move, MoveReason, Nudge, Rules, Scope, Standing, Verdict, plan},
    problem::Problem,
    snapshot::{
        Address, Association, FleetSnapshot, Group, Hook, Instance, Interface, Lifecycle, Member, PublicAddress, Step,
        Template,
    },
    tier::{Ineligible, Tier, tier_of},
};
