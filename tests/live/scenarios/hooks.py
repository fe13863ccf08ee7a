"""In which order, and how late, do the events of hooks and of EC2's states come?"""

from __future__ import annotations

from ..fleet import at
from ..live import Live, Times

NAME = "hooks"
ASKS = "order and delay of hook and state events, from a launch to its end"
MINUTES = 12

STATES = "EC2 Instance State-change Notification"
EVERY = 0.5
BLUR = 1.5  # a look and its calls


def run(live: Live) -> None:
    """Launches a server, watches it come, and takes it away again."""
    fleet = live.fleet
    before = set(fleet.members())
    with fleet.hooked("launch", "LAUNCHING", 1800) as hook:
        begun = live.now()
        fleet.resize(len(before) + 1)
        new = live.clock.until("a third member", 300, lambda: next(iter(set(fleet.members()) - before), None), every=EVERY)
        live.plays(new, "new")
        comes(live, new, hook, begun)
    with fleet.hooked("hold", "TERMINATING", 300) as hook:
        goes(live, new, hook)
    fleet.wait_until_whole()
    delays(live)


def comes(live: Live, new: str, hook: str, begun: float) -> None:
    """From `pending` to `InService`."""
    fleet, times = live.fleet, Times()
    # EC2 may know of it later than Auto Scaling does.
    launched = at(live.clock.until("the new server in EC2", 60, lambda: fleet.listed(new), every=EVERY)["LaunchTime"])
    systems = live.aws.client("ssm")

    def look(now: float) -> bool:
        state, member = fleet.state(new), fleet.members().get(new, {})
        times.see("running", state == "running", now)
        times.see("Pending:Wait", member.get("LifecycleState") == "Pending:Wait", now)
        if times.have("running"):
            known = systems.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [new]}])["InstanceInformationList"]
            times.see("managed", any(each["PingStatus"] == "Online" for each in known), now)
            statuses = live.fleet.ec2.describe_instance_status(InstanceIds=[new])["InstanceStatuses"]
            times.see("checked", any(each["InstanceStatus"]["Status"] == "ok" for each in statuses), now)
        return times.have("running", "Pending:Wait", "managed", "checked")

    live.watch(540, EVERY, look)
    first = times.first
    if "running" in first:
        live.measure(first["running"] - launched, BLUR, "pending")
    if "Pending:Wait" in first:
        live.measure(first["Pending:Wait"] - launched, BLUR, "launch_hook")
    for name, constant in (("managed", "ssm_agent"), ("checked", "checks_initializing")):
        if (seconds := times.between("running", name)) is not None:
            live.measure(seconds, BLUR, constant)
    running = live.hears(STATES, new, "running", begun)
    waits = live.hears("EC2 Instance-launch Lifecycle Action", new, "", begun)
    if running and waits:
        order = "before" if waits.happened < running.happened else "after or with"
        live.note(f"the launch hook's event says that it happened {order} EC2's running ({waits.happened - running.happened:+.0f} s)")
        live.note(f"and arrived {waits.arrived - running.arrived:+.1f} s from it")
    else:
        live.note(f"of a launch's two events came: running {bool(running)}, hook {bool(waits)}")

    # CodeDeploy's hook has had its time by now; ours is the last one, unless a deployment is still at work.
    done = live.clock.until("the launch's deployment", 900, lambda: [each for each in fleet.launched(begun) if "completeTime" in each])
    info = done[0]
    live.note(f"the launch's deployment took {at(info['completeTime']) - at(info['createTime']):.0f} s and ended as {info['status']}")
    live.clock.sleep(10)  # for CodeDeploy's answer to its own hook
    answered = live.now()
    fleet.complete(new, hook)
    live.clock.until("the new member in service", 600, lambda: new in fleet.in_service(), every=EVERY)
    live.measure(live.now() - answered, BLUR, "proceed")


def goes(live: Live, new: str, hook: str) -> None:
    """From `Terminating` to gone."""
    fleet, times, begun = live.fleet, Times(), live.now()
    fleet.scaling.terminate_instance_in_auto_scaling_group(InstanceId=new, ShouldDecrementDesiredCapacity=True)
    times.see("Terminating", True, live.now())

    def waits(now: float) -> bool:
        times.see("wait", fleet.members().get(new, {}).get("LifecycleState") == "Terminating:Wait", now)
        return times.have("wait")

    live.watch(120, EVERY, waits)
    if (seconds := times.between("Terminating", "wait")) is not None:
        live.measure(seconds, BLUR, "terminate_hook")
    # The function answers the fleet's own hook meanwhile, so that ours is the last one.
    live.clock.sleep(30)
    live.note(f"while its hook waits, EC2 says that the server is {fleet.state(new)}")
    fleet.release(new)
    answered = live.now()

    def ends(now: float) -> bool:
        state = fleet.state(new)
        times.see("shutting-down", state in ("shutting-down", "terminated"), now)
        times.see("terminated", state == "terminated", now)
        times.see("gone", new not in fleet.members(), now)
        return times.have("shutting-down", "terminated", "gone")

    live.watch(600, EVERY, ends)
    if "shutting-down" in times.first:
        live.measure(times.first["shutting-down"] - answered, BLUR, "proceed")
    for one, other, constant in (("shutting-down", "terminated", "shutting_down"), ("terminated", "gone", "terminate_success")):
        if (seconds := times.between(one, other)) is not None:
            live.measure(seconds, BLUR, constant)
    told = live.hears("EC2 Instance Terminate Successful", new, "", begun, seconds=120)
    live.note("Auto Scaling told of the end" if told else "Auto Scaling has not told of the end within two minutes")
    of_the_end = [heard for heard in live.recorder.heard if heard.instance == new and heard.happened >= begun - 1]
    order = [heard.state or heard.kind for heard in sorted(of_the_end, key=lambda heard: heard.arrived)]
    live.note(f"the events of the end arrived in this order: {', '.join(order)}")


def delays(live: Live) -> None:
    """From the fact to the queue. An event's time has whole seconds, so each delay is up to one second too long."""
    for heard in live.recorder.heard:
        live.measure(heard.arrived - heard.happened, 1.5, "event_delivery")
