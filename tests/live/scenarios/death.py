"""When does a dying server lose its address, and when does Auto Scaling notice by itself?"""

from __future__ import annotations

from ..live import Live, Times

NAME = "death"
ASKS = "when a dying server loses its address, how long it still answers, and when Auto Scaling notices by itself"
MINUTES = 10

EVERY = 1.0
BLUR = 2.5


def run(live: Live) -> None:
    """Kills a server that holds an address of the run's own, which nobody moves."""
    fleet, times = live.fleet, Times()
    victim = live.plays(fleet.spare(), "old")
    own = fleet.ec2.allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": [*live.names.tags, {"Key": "Name", "Value": live.names.run}]}]
    )
    address, allocation = own["PublicIp"], own["AllocationId"]
    live.scrubber.secrets[address] = "203.0.113.7"
    fleet.ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=fleet.interface(victim), AllowReassociation=False)
    live.clock.until("the victim's answer at its own address", 120, lambda: live.ask(address) == victim, every=0.5)
    with fleet.without_reflex():
        fleet.kill(victim)
        killed = live.now()
        last_answer = killed

        def look(now: float) -> bool:
            nonlocal last_answer
            if live.ask(address) == victim:
                last_answer = live.now()
            state = fleet.state(victim)
            times.see("shutting-down", state in ("shutting-down", "terminated"), now)
            times.see("terminated", state == "terminated", now)
            times.see("dropped", fleet.holder(allocation) != victim, now)
            if not times.have("noticed"):
                times.see("noticed", fleet.activities(victim, killed), now)
            # Its hook asks though it is dead, and nobody else answers now.
            fleet.release(victim)
            return times.have("terminated", "dropped", "noticed")

        live.watch(900, EVERY, look)
    report(live, times, killed, last_answer)
    fleet.ec2.release_address(AllocationId=allocation)
    fleet.wait_until_whole()


def report(live: Live, times: Times, killed: float, last_answer: float) -> None:
    """What that means."""
    live.measure(last_answer - killed, BLUR, "last_breath")
    dying = times.first.get("shutting-down", killed)
    if times.have("dropped"):
        live.measure(times.first["dropped"] - dying, BLUR, "association_kept")
        ended = times.between("terminated", "dropped")
        if ended is not None:
            live.note(f"DescribeAddresses showed the dead holder until {ended:+.0f} s from EC2's terminated")
    else:
        live.note("15 minutes after the kill DescribeAddresses still shows the dead holder")
    if times.have("terminated"):
        live.measure(times.first["terminated"] - dying, BLUR, "shutting_down")
    if times.have("noticed"):
        live.measure(times.first["noticed"] - dying, BLUR, "health_period", "health_notice", "reaction")
    else:
        live.note("15 minutes after the kill Auto Scaling has not noticed")
