"""How long is the site away when its server is killed?"""

from __future__ import annotations

from ..live import Live, Times

NAME = "failover"
ASKS = "how long the site does not answer from here when the server that holds the address is killed"
MINUTES = 8

EVERY = 0.2
STEADY = 25


def run(live: Live) -> None:
    """Kills the holder. This time the function is awake."""
    fleet, times = live.fleet, Times()
    old, spare = fleet.holder() or "", fleet.spare()
    live.plays(old, "old")
    live.plays(spare, "spare")
    live.clock.until("the holder's answer", 60, lambda: live.ask(fleet.address) == old, every=EVERY)
    fleet.kill(old)
    killed = live.now()
    last_old, first_new, steady = killed, 0.0, 0

    def look(now: float) -> bool:
        nonlocal last_old, first_new, steady
        who = live.ask(fleet.address)
        if who and who != old:
            first_new, steady = first_new or live.now(), steady + 1
        else:
            steady = 0
            last_old = live.now() if who == old else last_old
        if not times.have("moved"):
            times.see("moved", fleet.holder() not in (None, old), now)
        return steady >= STEADY

    live.watch(600, EVERY, look)
    if not first_new:
        live.note("ten minutes after the kill nobody answers at the address")
        raise RuntimeError("the address did not come back")
    moved = f"{times.first['moved'] - killed:.1f} s" if times.have("moved") else "unseen"
    live.note(f"the holder was killed: address moved after {moved}, site silent for {first_new - last_old:.1f} s as seen from here")
    fleet.wait_until_whole()
