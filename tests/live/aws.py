"""How is the account spoken to?"""

from __future__ import annotations

from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

# A run is worth waiting for: throttling and a network that is away for seconds end nothing.
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=10, read_timeout=60)

ERRORS = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)


class Aws:
    """A session's clients, each made once. It stands where bin/kept.py expects a session."""

    def __init__(self, session: boto3.Session, config: Config = PATIENT) -> None:
        self.session = session
        self.config = config
        self._clients: dict[str, Any] = {}
        self._resources: dict[str, Any] = {}

    @property
    def region_name(self) -> str:
        """The region."""
        return self.session.region_name

    def client(self, service: str) -> Any:
        """The client of a service."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, config=self.config)
        return self._clients[service]

    def resource(self, service: str) -> Any:
        """The resource of a service."""
        if service not in self._resources:
            self._resources[service] = self.session.resource(service, config=self.config)
        return self._resources[service]

    def account(self) -> str:
        """The account's number."""
        return self.client("sts").get_caller_identity()["Account"]


def code(error: Exception) -> str:
    """AWS's code of an error; its class where it has none."""
    response = getattr(error, "response", {})
    return response.get("Error", {}).get("Code") or type(error).__name__


def said(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())
