"""What does SetInstanceHealth do to a member that is dying?"""

from __future__ import annotations

from ..aws import code
from ..clock import Late
from ..fleet import at
from ..live import Live

NAME = "nudge"
ASKS = "whether SetInstanceHealth on a member that is shutting down is taken, and has it replaced at once"
MINUTES = 8


def run(live: Live) -> None:
    """Kills a server and says so to Auto Scaling, as elastic-ip-failover does, which sleeps meanwhile."""
    fleet = live.fleet
    victim = live.plays(fleet.spare(), "old")
    with fleet.without_reflex():
        fleet.kill(victim)
        killed = live.now()
        live.clock.until("EC2's shutting-down", 60, lambda: fleet.state(victim) in ("shutting-down", "terminated"), every=0.5)
        try:
            fleet.scaling.set_instance_health(InstanceId=victim, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
        except fleet.scaling.exceptions.ClientError as error:
            live.note(f"SetInstanceHealth on a member that is shutting down: {code(error)}")
        else:
            live.note("SetInstanceHealth on a member that is shutting down is taken")
        nudged = live.now()

        def begins() -> float | None:
            fleet.release(victim)
            found = fleet.activities(victim, killed)
            return at(found[0]["StartTime"]) if found else None

        try:
            begun = live.clock.until("the activity that replaces it", 300, begins, every=1)
        except Late as late:
            live.note(f"it changed nothing: {late}")
        else:
            # An activity's time has whole seconds.
            live.measure(begun - nudged, 1.5, "reaction")
            live.note(f"Auto Scaling began to replace it {begun - nudged:.0f} s after SetInstanceHealth, {begun - killed:.0f} s after the kill")
        live.clock.until("its end in the group", 600, lambda: fleet.release(victim) or victim not in fleet.members(), every=2)
    fleet.wait_until_whole()
