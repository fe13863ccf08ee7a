"""What is asked, in the order in which it is asked. Each module has a NAME, what it ASKS, its MINUTES, and `run`."""

from __future__ import annotations

from types import ModuleType

from . import commands, death, deployment, failover, hooks, nudge, pipeline, refresh, settle, unrevised

# The first one wants a fleet that nothing was deployed to; all others want the site.
ALL: list[ModuleType] = [unrevised, deployment, hooks, commands, settle, death, nudge, refresh, failover, pipeline]
