"""Many clients ask a service that is killed meanwhile: is any recipe given twice, any answer lost?

python -m tests.optimizer.service.crowd [clients] [asks of each] [seconds between kills] [seed]
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from optimizer.client import Client
from tests.optimizer.client.conftest import TEXT, Server, serving
from tests.optimizer.service.under_fire import PATIENT, Acknowledged, Killer, asked, check_store

CAMPAIGNS = 8  # that the clients are spread over: in one, whose observations are read again at each ask, 4,000 asks take half an hour


def ask_and_tell(url: str, key: str, campaign: str, who: int, asks: int, seen: Acknowledged) -> None:
    """Ask for one recipe after the other, and tell each result."""
    with Client(url, key, retry=PATIENT) as client:
        for i in range(asks):
            name = f"{who}.{i}"
            trial = asked(client, campaign, "press", name, seen)
            cell = {"recipe": trial["recipe"], "outcomes": {"discharge_capacity": 190.0}, "name": name}
            told = client.tell(campaign, cell, trial=trial["number"], attempt=trial["attempt"], key=f"tell-{name}")  # type: ignore[arg-type]
            seen.given.append((trial["number"], trial["attempt"]))
            seen.told[name] = told["number"]


def crowd(server: Server, clients: int, asks: int, between_s: float, seed: int) -> None:
    """Let so many clients, each with a key of its own, ask so often; kill the server and its worker in turn; print what was found."""
    every = {f"campaign-{i}": Acknowledged() for i in range(CAMPAIGNS)}
    names, errors = list(every), list[BaseException]()
    with Client(server.url, server.key, retry=PATIENT) as client:
        for name in names:
            client.create_campaign(toml=TEXT, name=name)
        keys = [str(client.make_key(f"client-{who}", ["read", "propose", "write"], key=f"key-{who}")["key"]) for who in range(clients)]

    def work(who: int) -> None:
        try:
            name = names[who % CAMPAIGNS]
            ask_and_tell(server.url, keys[who], name, who, asks, every[name])
        except BaseException as error:  # of whatever kind: a client that gives up is what the proof is about
            errors.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(clients)]
    killer, begun = Killer(server, random.Random(seed)), time.monotonic()
    for thread in threads:
        thread.start()

    def told() -> int:
        return sum(len(seen.told) for seen in every.values())

    def ended() -> bool:
        return not any(thread.is_alive() for thread in threads)

    while not ended():
        time.sleep(between_s)
        if not ended():
            killer.strike(told, ended)
            print(f"{told()} of {clients * asks} after {time.monotonic() - begun:.0f} s, kills: {killer.kills}", flush=True)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    assert told() == clients * asks
    for name, seen in every.items():
        check_store(server.folder / "lab.db", name, seen)
    killer.check()
    failed = sum(seen.failed_jobs for seen in every.values())
    print(
        f"{clients} clients, {asks} asks of each, {sum(killer.kills.values())} kills, {time.monotonic() - begun:.0f} s: 0 lost, 0 doubled, "
        f"no recipe given twice, integrity ok; {failed} failed jobs asked again; {killer.start}"
    )


def main(clients: int, asks: int, between_s: float, seed: int) -> None:
    """Run it on a store of its own."""
    limits = {"GLITTERCAKE_WARM": "false", "GLITTERCAKE_REQUESTS_A_MINUTE": "100000"}
    with tempfile.TemporaryDirectory(dir=".") as folder, serving(Path(folder), "never_twice", **limits) as server:
        crowd(server, clients, asks, between_s, seed)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        int(given[0]) if given else 200,
        int(given[1]) if given[1:] else 20,
        float(given[2]) if given[2:] else 10.0,
        int(given[3]) if given[3:] else 0,
    )
