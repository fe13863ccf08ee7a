"""What does a pipeline tell, and how late does it see the end of its deployment?"""

from __future__ import annotations

from ..fleet import at
from ..live import Live, Skipped

NAME = "pipeline"
ASKS = "what CodePipeline's events look like, and how late a pipeline sees the end of its deployment"
MINUTES = 5

OVER = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


def run(live: Live) -> None:
    """Starts the fleet's pipeline, which reads the repository that the person has named."""
    fleet = live.fleet
    if not live.has_connection:
        raise Skipped(
            "a pipeline reads GitHub only through a connection that somebody has confirmed by a click:"
            " --connection ARN --repository OWNER/NAME, with fleet/sample-app in it, would play this too"
        )
    pipelines = live.aws.client("codepipeline")
    execution = pipelines.start_pipeline_execution(name=fleet.pipeline)["pipelineExecutionId"]
    live.recorder.ours.add(execution)

    def over() -> str | None:
        found = pipelines.get_pipeline_execution(pipelineName=fleet.pipeline, pipelineExecutionId=execution)["pipelineExecution"]
        return found["status"] if found["status"] in OVER else None

    status = live.clock.until("the pipeline's end", 1500, over, every=2)
    live.note(f"the pipeline ended as {status}")
    reply = pipelines.list_action_executions(pipelineName=fleet.pipeline, filter={"pipelineExecutionId": execution})
    live.reply("codepipeline-list-action-executions", {"actionExecutionDetails": reply["actionExecutionDetails"]})
    for action in reply["actionExecutionDetails"]:
        started, ended = at(action["startTime"]), at(action["lastUpdateTime"])
        deployment = action.get("output", {}).get("executionResult", {}).get("externalExecutionId", "")
        if deployment.startswith("d-"):
            live.measure(ended - at(fleet.deployment(deployment)["completeTime"]), 0.5, "pipeline_notice")
        else:
            live.measure(ended - started, 0.5, "source_action")
    fleet.wait_until_whole()
