"""`make test-live`: the command line, and the question before any money is spent."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
from account import session

from . import costs, guard, names, state
from .aws import ERRORS, Aws, said
from .deployment import ROOT, Wishes
from .names import Names
from .run import FAILED, Run, again
from .scenarios import ALL
from .signals import Signals

USAGE = 2
FOLDER = ROOT / "target/live"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog='make test-live ARGS="…"', description="Asks a real account what only a real account can confirm. docs/LIVE.md")
    found.add_argument("--yes", action="store_true", help="do not ask before anything is made")
    found.add_argument("--clean", metavar="NAME", help="take an earlier run away, and do nothing else")
    found.add_argument("--region", help="the region; otherwise the one of make deploy")
    found.add_argument("--profile", help="the profile; otherwise the one of make deploy")
    found.add_argument("--only", metavar="NAMES", help="some scenarios, by name, separated by commas")
    found.add_argument("--list", action="store_true", help="the scenarios and what they ask; asks nothing of AWS")
    found.add_argument("--connection", metavar="ARN", help="a confirmed connection to GitHub, for the scenario of the pipeline")
    found.add_argument("--repository", metavar="OWNER/NAME", help="what that connection reads: a repository with fleet/sample-app in it")
    found.add_argument("--architecture", choices=["arm64", "x86_64"], default="arm64", help="of the functions (%(default)s)")
    return found


def chosen(only: str | None) -> list[object]:
    """The scenarios that are played."""
    if not only:
        return list(ALL)
    wanted = [name.strip() for name in only.split(",")]
    unknown = [name for name in wanted if name not in {scenario.NAME for scenario in ALL}]
    if unknown:
        raise SystemExit(f"There is no scenario {', '.join(unknown)}. There are: {', '.join(scenario.NAME for scenario in ALL)}.")
    found = [scenario for scenario in ALL if scenario.NAME in wanted]
    # Most scenarios want a site that answers.
    if wanted != ["unrevised"] and "deployment" not in wanted:
        found = [scenario for scenario in ALL if scenario in found or scenario.NAME == "deployment"]
    return found


def announce(aws: Aws, run: Names, scenarios: list[object], connection: bool) -> str:
    """What will be done, where, for how long and for how much."""
    minutes = 25 + sum(scenario.MINUTES for scenario in scenarios)
    profile = f", profile {aws.session.profile_name}" if aws.session.profile_name != "default" else ""
    lines = [
        f"In the account {run.account}, region {run.region}{profile}:",
        f"  a bucket, the stack {run.stack} (template.yaml with a fleet of two servers), a queue and five event rules, an Elastic IP more for a while;",
        f"  everything carries the tag {names.TAG}={run.run}, and all of it is taken away at the end, also after a failure or Ctrl-C.",
        f"It takes about {minutes} minutes and costs about {costs.CENTS} US cents ({costs.HOURS} hours; docs/LIVE.md has the sum).",
        "Servers are launched and killed. The site is open to the internet meanwhile; it says on which server it stands, and nothing else.",
        "Asked is:",
        *(f"  {scenario.NAME:11} {scenario.ASKS}" for scenario in scenarios),
    ]
    if not connection:
        lines.append("Not asked without --connection: what needs a pipeline.")
    return "\n".join(lines)


def open_session(region: str | None, profile: str | None) -> tuple[boto3.Session, str | None]:
    """What was asked for, or else what `make deploy` uses; and the profile, if it is one by name. sam must be told the same."""
    saved = session()
    if profile is None and saved.profile_name in saved.available_profiles and saved.profile_name != "default":
        profile = saved.profile_name
    return boto3.Session(region_name=region or saved.region_name, profile_name=profile), profile


def main(arguments: list[str], ask: Callable[[], str] = input, folder: Path = FOLDER, play: Callable[[Run], int] = lambda run: run()) -> int:
    """Everything, from the words of a person to the exit code."""
    asked = parser().parse_args(arguments)
    if asked.clean is not None and not names.is_ours(asked.clean):
        print(f"{asked.clean!r} is no run's name: panda-live- and eight hexadecimal digits. Nothing else is ever cleaned up.", file=sys.stderr)
        return USAGE
    scenarios = chosen(asked.only)
    if asked.list:
        for scenario in scenarios:
            print(f"{scenario.NAME:11} {scenario.MINUTES:3} min  {scenario.ASKS}")
        return 0
    if bool(asked.connection) != bool(asked.repository):
        print("--connection and --repository belong together.", file=sys.stderr)
        return USAGE
    if asked.repository and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", asked.repository):
        print("--repository is OWNER/NAME.", file=sys.stderr)
        return USAGE
    notes = state.read(folder, asked.clean) if asked.clean else None
    region = asked.region or (notes.region if notes else None)
    opened, profile = open_session(region, asked.profile or (notes.profile if notes else None))
    aws = Aws(opened)
    if not aws.region_name:
        print("Which region? --region says it.", file=sys.stderr)
        return USAGE
    run = Names(asked.clean or names.invent(), aws.account(), aws.region_name)
    if notes and notes.account != run.account:
        print(f"{run.run} was made in the account {notes.account}, and this is {run.account}.", file=sys.stderr)
        return USAGE
    wishes = Wishes(profile, asked.repository, asked.connection, asked.architecture)
    with Signals() as signals:
        todo = Run(aws, run, wishes, scenarios, signals, folder=folder)
        if asked.clean:
            signals.cleaning = True
            if notes:
                todo.state = notes
            return todo.take_away()
        for earlier in state.unclean(folder):
            there = Names(earlier.run, earlier.account, earlier.region)
            print(f"An earlier run was not taken away: {again(there, earlier.profile)}", file=sys.stderr)
        if obstacles := guard.obstacles(aws):
            print("A run cannot begin here. In another region (--region) it may:", file=sys.stderr)
            print("\n".join(f"  {obstacle}" for obstacle in obstacles), file=sys.stderr)
            return FAILED
        print(announce(aws, run, scenarios, bool(asked.connection)), flush=True)
        if not asked.yes:
            print("Write yes to begin: ", end="", flush=True)
            try:
                answer = ask()
            except EOFError:
                answer = ""
            if answer.strip() != "yes":
                print("Nothing was made.")
                return FAILED
        return play(todo)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ERRORS as error:
        sys.exit(f"AWS could not be asked: {said(error)}")
