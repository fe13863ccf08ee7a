"""Does a refresh that terminates first launch while the old server still waits in its hook?"""

from __future__ import annotations

from ..live import Live, Times

NAME = "refresh"
ASKS = "whether an instance refresh launches while the old server waits in its terminate hook"
MINUTES = 10

EVERY = 0.5
HELD = 90  # seconds in the hook


def run(live: Live) -> None:
    """Begins a refresh, holds the first server in a hook, looks for a newcomer, and cancels the rest."""
    fleet, times = live.fleet, Times()
    before = set(fleet.members())
    with fleet.without_reflex(), fleet.hooked("hold", "TERMINATING", 300):
        fleet.scaling.start_instance_refresh(
            AutoScalingGroupName=fleet.group,
            # The group's own policy launches first; these numbers terminate first, one server at a time.
            Preferences={"MinHealthyPercentage": 50, "MaxHealthyPercentage": 100, "InstanceWarmup": 0},
        )
        state = "Terminating:Wait"
        waiting = lambda: next((id for id, each in fleet.members().items() if each["LifecycleState"] == state), None)  # noqa: E731
        old = live.plays(live.clock.until("a member in its terminate hook", 300, waiting, every=EVERY), "old")
        begun = live.now()

        def look(now: float) -> bool:
            newcomers = set(fleet.members()) - before
            times.see("newcomer", newcomers, now)
            for newcomer in newcomers:
                live.plays(newcomer, "new")
            return times.have("newcomer")

        live.watch(HELD, EVERY, look)
        launched = times.have("newcomer")
        after = f"{times.first['newcomer'] - begun:.0f} s after it began to wait" if launched else f"not within {HELD} s"
        live.note(f"a refresh that terminates first launches while the old server waits in its hook: {after}")
        live.measure(0.0 if launched else 100.0, 0.0, "refresh_waits_percent")
        fleet.scaling.cancel_instance_refresh(AutoScalingGroupName=fleet.group)

        def over() -> bool:
            fleet.release(old)
            refreshes = fleet.scaling.describe_instance_refreshes(AutoScalingGroupName=fleet.group, MaxRecords=1)["InstanceRefreshes"]
            return bool(refreshes) and refreshes[0]["Status"] in ("Cancelled", "Successful", "Failed", "RollbackSuccessful")

        live.clock.until("the refresh's end", 900, over, every=2)
    fleet.wait_until_whole()
