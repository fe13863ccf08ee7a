"""The tests of the live test, without an account: tests/scenarios/tests/live.rs runs them."""
