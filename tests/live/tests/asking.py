"""Does the command line ask before it spends, refuse what it must not touch, and end what it has begun?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from live import __main__ as command
from live import names
from live.deployment import Wishes
from live.names import Names
from live.run import FAILED, FINE, Run

from .failures import Played
from .stage import MOTO, WORLD, Stage

# As sam it waits for CloudFormation, with a child of its own that does not hear Ctrl-C.
MAKE = """#!/bin/sh
printf '%s\\n' "$@" >"{folder}/words"
sleep 600 &
echo $! >"{folder}/child.new"
mv "{folder}/child.new" "{folder}/child"
wait
"""

PROGRAM = """
import pathlib, sys
from live.__main__ import main
sys.exit(main(["--yes", "--region", "us-east-1"], folder=pathlib.Path(sys.argv[1])))
"""


class Asking(unittest.TestCase):
    """The command line, with the real program around the run."""

    def setUp(self) -> None:
        # Not in the region of the other tests.
        services = {"EC2": WORLD, "AUTO_SCALING": WORLD}
        self.environment = {"AWS_ENDPOINT_URL": MOTO, **{f"AWS_ENDPOINT_URL_{name}": url for name, url in services.items()}}
        os.environ.update(self.environment)
        self.addCleanup(lambda: [os.environ.pop(name) for name in self.environment])
        self.folder = Path(tempfile.mkdtemp())

    def ask(self, *arguments: str, answer: str = "") -> tuple[int, bool]:
        played: list[Run] = []

        def play(run: Run) -> int:
            played.append(run)
            return FINE

        status = command.main([*arguments, "--region", "us-east-1"], ask=lambda: answer, folder=self.folder, play=play)
        return status, bool(played)

    def test_nothing_begins_without_a_yes(self) -> None:
        self.assertEqual(self.ask(answer="no"), (FAILED, False))
        self.assertEqual(self.ask(answer="y"), (FAILED, False))
        self.assertEqual(self.ask(answer="yes"), (FINE, True))
        self.assertEqual(self.ask("--yes"), (FINE, True))

    def test_nothing_begins_where_somebodys_fleet_is(self) -> None:
        stage = Stage()
        run = Names(names.invent(), "123456789012", "us-east-1")
        stage.names = run
        stage.deploy(run, Wishes())
        self.assertEqual(self.ask("--yes"), (FAILED, False))
        self.assertEqual(Played(stage, run=run, clean=True).status, FINE)
        self.assertEqual(self.ask("--yes"), (FINE, True))

    def test_only_runs_are_cleaned_up_and_only_where_they_were_made(self) -> None:
        for name in ("lethargic-panda", "panda-live-", "panda-live-0123456789", "../panda-live-01234567"):
            self.assertEqual(self.ask("--clean", name)[0], 2, name)
        notes = {"run": "panda-live-01234567", "account": "999999999999", "region": "us-east-1", "profile": None, "began": ""}
        (self.folder / "panda-live-01234567.json").write_text(json.dumps(notes), encoding="utf-8")
        self.assertEqual(self.ask("--clean", "panda-live-01234567")[0], 2)

    def test_ctrl_c_while_sam_deploys_ends_sam_and_leaves_nothing(self) -> None:
        tools = self.folder / "tools"
        tools.mkdir()
        make = tools / "make"
        make.write_text(MAKE.format(folder=self.folder), encoding="utf-8")
        make.chmod(0o755)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            (self.folder / "child").unlink(missing_ok=True)
            command_line = [sys.executable, "-c", PROGRAM, str(self.folder)]
            piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            with subprocess.Popen(command_line, env=environment, start_new_session=True, **piped) as program:
                while not (self.folder / "child").exists():
                    self.assertIsNone(program.poll(), program.stdout.read() if program.poll() is not None else "")
                    time.sleep(0.05)
                program.send_signal(number)
                said, _ = program.communicate()
            self.assertEqual(program.returncode, FAILED, said)
            self.assertIn(f"interrupted by {signal.Signals(number).name}", said)
            self.assertIn("Nothing is left of", said)
            child = int((self.folder / "child").read_text(encoding="utf-8"))
            # Whoever is dead and not yet buried has no command line.
            there = Path(f"/proc/{child}/cmdline")
            self.assertEqual(there.read_bytes() if there.exists() else b"", b"", "sam's child is still there")
        words = (self.folder / "words").read_text(encoding="utf-8")
        self.assertIn("deploy\nSTACK=panda-live-", words)
        self.assertIn("--parameter-overrides", words)
        self.assertEqual(Stage().everything(), [])


if __name__ == "__main__":
    unittest.main()
