"""What do deployments say of themselves, those that go well and those that do not?"""

from __future__ import annotations

from typing import Any

from ..fleet import at
from ..live import Live
from ..revision import bundle

NAME = "deployment"
ASKS = "what BatchGetDeploymentTargets and CodeDeploy's events look like, and how long lifecycle events take"
MINUTES = 12


def run(live: Live) -> None:
    """Deploys the sample site, and then a revision that is meant to fail."""
    fleet = live.fleet
    good = fleet.deploy("live/good.zip", bundle(works=True))
    info = fleet.wait_for(good)
    targets = fleet.targets(good)
    live.reply("codedeploy-batch-get-deployment-targets-succeeded", targets)
    if info["status"] != "Succeeded":
        raise RuntimeError(f"the sample site was not deployed: {info['status']} {info.get('errorInformation', {})}")
    for target in targets["deploymentTargets"]:
        times(live, info, target["instanceTarget"]["lifecycleEvents"])

    fleet.wait_until_whole()
    bad = fleet.deploy("live/broken.zip", bundle(works=False))
    info = fleet.wait_for(bad)
    live.reply("codedeploy-get-deployment-failed", {"deploymentInfo": info})
    live.reply("codedeploy-batch-get-deployment-targets-failed", fleet.targets(bad))
    live.note(f"a script that fails ends the deployment as {info['status']} {info.get('errorInformation', {}).get('code', 'without a code')}")

    def rolled_back() -> str | None:
        rollback = fleet.deployment(bad).get("rollbackInfo", {})
        return rollback.get("rollbackDeploymentId") or rollback.get("rollbackMessage")

    rollback = live.clock.until("the rollback", 300, rolled_back, every=2)
    if rollback.startswith("d-"):
        live.note(f"the rollback is a deployment of its own, and ends as {fleet.wait_for(rollback)['status']}")
    else:
        live.note(f"instead of a rollback: {rollback}")
    fleet.wait_until_whole()


def times(live: Live, info: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """Measures the steps of one server's deployment."""
    ran = [event for event in events if event.get("startTime") and event.get("endTime")]
    if not ran:
        return
    live.measure(at(ran[0]["startTime"]) - at(info["createTime"]), 0.1, "deployment_begins", "agent_poll")
    for event in ran:
        live.measure(at(event["endTime"]) - at(event["startTime"]), 0.1, "lifecycle_event")
    for one, other in zip(ran, ran[1:]):
        live.measure(at(other["startTime"]) - at(one["endTime"]), 0.1, "agent_poll")
