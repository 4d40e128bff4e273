"""The store of a lab: campaigns, trials under leases, and everything measured, on SQLite or PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from optimizer.database import connect, locate, open_engine, shown
from optimizer.store import snapshots
from optimizer.store.campaigns import Campaigns
from optimizer.store.errors import StoreError, unavailable
from optimizer.store.migrate import bring_up
from optimizer.store.observations import Observations
from optimizer.store.records import AuditEntry, utc
from optimizer.store.rows import campaigns as campaign_rows
from optimizer.store.snapshots import Snapshot
from optimizer.store.tables import audit, campaigns
from optimizer.store.transactions import PAGE, Clock, Transactions, system_clock
from optimizer.store.trials import Trials


class Store:
    """A store, for any number of threads and processes: ``campaigns``, ``trials``, ``observations``, and what follows from them.

    Every write is one transaction under the key of its `By`. It is on the disk when the method returns; sent again with the same key it has
    no second effect and gives the same answer.

    Beside what each method names, any may raise `UnavailableError` where the database is full, locked, read-only or gone, and `UnknownError`
    for a campaign that is not there; any write `KeyReusedError` for a key that has answered another request, and `RecordError` for a value
    that cannot be kept. All are `StoreError`, and nothing was written.
    """

    def __init__(self, where: Path | str, *, create: bool = False, connections: int = 8, clock: Clock = system_clock) -> None:
        """Open a store, and migrate one of an older version.

        Args:
            where: A file, or a URL as `optimizer.database.locate` takes it.
            create: Make it if there is none.
            connections: Kept open for threads, at least 2.
            clock: The time, with its zone. By it leases run out; nothing is ordered by it.

        Raises:
            StoreError: If there is no store, or one of a newer version, or something else.
            DatabaseError: If the address is none or the database does not answer.
        """
        url = locate(where)
        if url.drivername == "sqlite" and not create and not Path(str(url.database)).exists():
            raise StoreError(f"there is no store {shown(url)}; create it first, or name another")
        self.engine = open_engine(where, connections=max(connections, 2))
        self._transactions = Transactions(self.engine, clock)
        try:
            with connect(self.engine) as connection:
                bring_up(connection, create=create)
        except BaseException as error:
            self.close()
            if isinstance(error, DBAPIError):
                raise unavailable(self.engine, error) from error
            raise
        self._snapshots = snapshots.Snapshots()
        self.campaigns = Campaigns(self._transactions)
        self.trials = Trials(self._transactions, self.snapshot)
        self.observations = Observations(self._transactions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._transactions.close()

    def snapshot(self, name: str) -> Snapshot:
        """Return what a model and a strategy need of a campaign, as it is at one moment."""
        now = self._transactions.now()
        return self._transactions.read(lambda connection: self._snapshots.take(connection, campaign_rows.find(connection, name), now))

    def audit(self, name: str | None = None, after: int = 0, limit: int = PAGE) -> list[AuditEntry]:
        """Return who changed what, oldest first: of one campaign or of all, the entries behind a number."""

        def run(connection: Connection) -> list[AuditEntry]:
            query = select(audit, campaigns.c.name).outerjoin(campaigns, campaigns.c.id == audit.c.campaign_id).where(audit.c.seq > after)
            if name is not None:
                query = query.where(audit.c.campaign_id == campaign_rows.find(connection, name).id)
            found = connection.execute(query.order_by(audit.c.seq).limit(limit))
            return [AuditEntry(row.seq, utc(row.at), row.who, row.operation, row.name, row.thing, row.before, row.after) for row in found]

        return self._transactions.read(run)
