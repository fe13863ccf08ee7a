"""What does CodeDeploy's launch hook do on a group that nothing was deployed to yet?"""

from __future__ import annotations

from ..live import Live, Times

NAME = "unrevised"
ASKS = "what CodeDeploy's launch hook does before a first revision: continues, abandons, or waits for its hour"
MINUTES = 8


def run(live: Live) -> None:
    """Wants one server more, and watches what becomes of it."""
    fleet, times = live.fleet, Times()
    own = [hook["LifecycleHookName"] for hook in fleet.hooks() if hook["LifecycleHookName"].startswith("CodeDeploy-")]
    live.note(f"CodeDeploy has put {len(own)} launch hook on the group")
    before, begun = set(fleet.members()), live.now()
    fleet.resize(len(before) + 1)
    new = live.clock.until("a third member", 300, lambda: next(iter(set(fleet.members()) - before), None))
    live.plays(new, "new")

    def look(now: float) -> bool:
        member = fleet.members().get(new)
        state = member["LifecycleState"] if member else "gone"
        for name in ("Pending:Wait", "InService", "gone"):
            times.see(name, state == name, now)
        return times.have("InService") or times.have("gone")

    live.watch(900, 1, look)
    made = [f"{info['status']} {info.get('errorInformation', {}).get('code', '')}".strip() for info in fleet.launched(begun)]
    waited = times.between("Pending:Wait", "InService")
    if waited is not None:
        live.note(f"the launch hook continued {waited:.0f} s after Pending:Wait; deployments that it made: {made or 'none'}")
    elif times.have("InService"):
        live.note(f"the server was in service without having waited; deployments: {made or 'none'}")
    elif times.have("gone"):
        live.note(f"the launch was abandoned and the server replaced; deployments: {made or 'none'}")
    else:
        live.note(f"after 15 minutes the server still waits in the hook; deployments: {made or 'none'}")
    fleet.resize(len(before))
    fleet.wait_until_whole()
