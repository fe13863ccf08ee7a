"""Who answers at an address? The site that a run deploys says on which server it stands."""

from __future__ import annotations

import http.client

PAGE = "/who.txt"
PATIENCE = 0.5  # seconds until nobody answers; a lost first packet would be sent again after a second


def ask(address: str) -> str | None:
    """The instance that answers, over a connection of its own; none if nobody does."""
    connection = http.client.HTTPConnection(address, 80, timeout=PATIENCE)
    try:
        connection.request("GET", PAGE)
        reply = connection.getresponse()
        said = reply.read(64).decode("ascii", "replace").strip()
        return said if reply.status == 200 and said.startswith("i-") else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
