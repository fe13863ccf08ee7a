"""How soon after SendCommand does Systems Manager know of the command?"""

from __future__ import annotations

from ..aws import code
from ..fleet import at
from ..live import Live
from ..recorder import seconds

NAME = "commands"
ASKS = "how long GetCommandInvocation says InvocationDoesNotExist after SendCommand, and how long a command takes"
MINUTES = 2

ROUNDS = 5
EVERY = 0.1


def run(live: Live) -> None:
    """Sends a command that does nothing, five times."""
    systems = live.aws.client("ssm")
    instance = live.plays(live.fleet.spare(), "spare")
    for _ in range(ROUNDS):
        command = systems.send_command(
            DocumentName="AWS-RunShellScript", InstanceIds=[instance], Parameters={"commands": ["true"]}, Comment=live.names.run
        )["Command"]
        sent = live.now()
        id = command["CommandId"]
        live.recorder.ours.add(id)

        def known() -> dict[str, object] | None:
            try:
                return systems.get_command_invocation(CommandId=id, InstanceId=instance)
            except systems.exceptions.ClientError as error:
                if code(error) == "InvocationDoesNotExist":
                    return None
                raise

        first = live.clock.until("the invocation", 60, known, every=EVERY)
        live.measure(live.now() - sent, EVERY + 0.4, "command_visible")
        live.reply("ssm-get-command-invocation-at-first", first)

        def over() -> dict[str, object] | None:
            found = known()
            return found if found and found["Status"] not in ("Pending", "InProgress", "Delayed") else None

        done = live.clock.until("the command's end", 120, over, every=EVERY)
        live.reply("ssm-get-command-invocation-over", done)
        started, ended = (str(done.get(name) or "") for name in ("ExecutionStartDateTime", "ExecutionEndDateTime"))
        if started and ended:
            live.measure(seconds(started) - at(command["RequestedDateTime"]), 0.5, "command_delivery")
            live.measure(seconds(ended) - seconds(started), 0.1, "command_run")
