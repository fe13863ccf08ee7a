"""How long after AssociateAddress do packets go to the new server?"""

from __future__ import annotations

from ..live import Live

NAME = "settle"
ASKS = "how long the network takes to follow an address that was moved between two living servers"
MINUTES = 4

ROUNDS = 5
EVERY = 0.1
STEADY = 20  # so many answers of the new server in a row, and it has settled


def run(live: Live) -> None:
    """Moves the address to the other server, again and again. Both are as good, so the function leaves it there."""
    fleet = live.fleet
    silences: list[float] = []
    for _ in range(ROUNDS):
        fleet.wait_until_whole()
        old, new = fleet.holder() or "", fleet.spare()
        live.clock.until("the old server's answer", 60, lambda: live.ask(fleet.address) == old, every=EVERY)
        live.plays(old, "old")
        live.plays(new, "spare")
        fleet.move(new)
        moved = live.now()
        last_old, first_new, steady = moved, 0.0, 0

        def look(_: float) -> bool:
            nonlocal last_old, first_new, steady
            who = live.ask(fleet.address)
            now = live.now()
            if who == new:
                first_new, steady = first_new or now, steady + 1
            else:
                steady = 0
                last_old = now if who == old else last_old
            return steady >= STEADY

        live.watch(120, EVERY, look)
        if not first_new:
            live.note("two minutes after a move the new server did not answer")
            continue
        live.measure(first_new - moved, EVERY + 0.6, "settle")
        silences.append(first_new - last_old)
    if silences:
        gap = f"{min(silences):.1f} to {max(silences):.1f} s"
        live.note(f"from the last answer of the old server to the first one of the new one: {gap} as seen from here")
