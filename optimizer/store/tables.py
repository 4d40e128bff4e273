"""The tables of the store, the same on SQLite and PostgreSQL. Says what is kept; the migrations make it, and a test holds the two together.

Every number counts from 1 within its campaign and is given under the campaign's lock, so numbers order and clocks do not. Times are
seconds since 1970, UTC, for people and for leases.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

NAME = 200  # letters of a name; of a person, a campaign, a cell
SHA = 64
TRIAL_STATES = ("proposed", "running", "completed", "failed", "abandoned")
STATUSES = ("ok", "failed_process", "failed_cell", "short", "invalid")


def _one_of(column: str, values: tuple[str, ...], name: str) -> CheckConstraint:
    return CheckConstraint(f"{column} in ({', '.join(repr(value) for value in values)})", name=name)


def _within(table: str, column: str) -> ForeignKeyConstraint:
    """Return a reference to a numbered record of the same campaign."""
    return ForeignKeyConstraint(["campaign_id", column], [f"{table}.campaign_id", f"{table}.number"])


def _numbered(name: str, *rest: Column[object] | ForeignKeyConstraint | UniqueConstraint | CheckConstraint | Index) -> Table:
    campaign: Column[int] = Column("campaign_id", ForeignKey("lab_campaigns.id"), nullable=False)
    number: Column[int] = Column("number", Integer, nullable=False, autoincrement=False)
    return Table(name, metadata, campaign, number, *rest, PrimaryKeyConstraint("campaign_id", "number"))


campaigns = Table(
    "lab_campaigns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(NAME), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # electrode: with physics; space: without
    Column("revision", Integer, nullable=False),  # the current one
    Column("version", Integer, nullable=False),  # rises with every write to the campaign
    Column("archived", Boolean, nullable=False),
    Column("cloned_from", String(NAME)),
    Column("at", Double, nullable=False),
    Column("by", String(NAME), nullable=False),
    _one_of("kind", ("electrode", "space"), "kind"),
)

revisions = _numbered(
    "lab_revisions",
    Column("text", Text, nullable=False),  # the whole campaign file
    Column("changes", JSON, nullable=False),  # settings that differ from the revision before
    Column("reason", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("by", String(NAME), nullable=False),
)

recipes = _numbered(
    "lab_recipes",
    Column("digest", String(SHA), nullable=False),  # of the values to nine digits: what makes two recipes one
    Column("parameters", JSON, nullable=False),
    UniqueConstraint("campaign_id", "digest"),
)

batches = _numbered(  # one mix of a recipe
    "lab_batches",
    Column("recipe", Integer, nullable=False),  # as planned, or as made where nobody planned
    Column("made", JSON, nullable=False),  # what was really mixed
    Column("made_sd", JSON, nullable=False),  # standard errors of it, by parameter
    Column("planned", JSON(none_as_null=True)),
    Column("lots", JSON, nullable=False),
    Column("masses_mg", JSON, nullable=False),
    Column("digest", String(SHA)),  # of lots and masses, where they are known: cells that share them share the batch
    _within("lab_recipes", "recipe"),
    UniqueConstraint("campaign_id", "digest"),
)

cells = _numbered(
    "lab_cells",
    Column("batch", Integer, nullable=False),
    Column("recipe", Integer, nullable=False),
    Column("replicate", Integer, nullable=False),  # 1, 2, ... of its recipe
    Column("name", String(NAME), nullable=False),
    Column("date", String(10), nullable=False),
    Column("digest", String(SHA)),  # of batch, name and date, where there is a name: the same cell, tested again
    _within("lab_batches", "batch"),
    _within("lab_recipes", "recipe"),
    UniqueConstraint("campaign_id", "recipe", "replicate"),
    UniqueConstraint("campaign_id", "digest"),
)

observations = _numbered(  # one test of a cell, or one report of its failure
    "lab_observations",
    Column("cell", Integer, nullable=False),
    Column("conditions", JSON, nullable=False),  # c_rate, temperature_c, pressure_mpa, loading_mg_cm2: those that were stated
    Column("status", String(16), nullable=False),
    Column("cause", Text, nullable=False),
    Column("own", JSON, nullable=False),  # the lab's own columns, as written
    Column("source", String(NAME), nullable=False),
    Column("trial", Integer),
    Column("attempt", Integer),
    Column("late", Boolean, nullable=False),  # told after the lease of its attempt had ended
    Column("corrects", Integer),  # the observation that this one stands for; the latest of such a chain is the current one
    Column("digest", String(SHA), nullable=False),  # of everything above that a table says
    Column("revision", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("by", String(NAME), nullable=False),
    _within("lab_cells", "cell"),
    _within("lab_trials", "trial"),
    _within("lab_observations", "corrects"),
    UniqueConstraint("campaign_id", "corrects"),
    _one_of("status", STATUSES, "status"),
)
Index(None, observations.c.campaign_id, observations.c.digest)
Index(None, observations.c.campaign_id, observations.c.trial)

measurements = Table(
    "lab_measurements",
    metadata,
    Column("campaign_id", Integer, nullable=False),
    Column("observation", Integer, nullable=False),
    Column("outcome", String(NAME), nullable=False),
    Column("value", Double, nullable=False),
    Column("sd", Double),  # none was stated
    Column("place", Integer, nullable=False),  # in the order in which they were told
    _within("lab_observations", "observation"),
    PrimaryKeyConstraint("campaign_id", "observation", "outcome"),
)

trials = _numbered(
    "lab_trials",
    Column("recipe", Integer, nullable=False),
    Column("parameters", JSON, nullable=False),  # as proposed, to the last digit
    Column("replicate", Integer, nullable=False),  # 1 unless the recipe is asked for again on purpose
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),  # leases so far
    Column("revision", Integer, nullable=False),  # of the campaign that it was proposed from
    Column("note", JSON, nullable=False),  # what the strategy said: predictions, reason, seed
    Column("at", Double, nullable=False),
    Column("by", String(NAME), nullable=False),
    _within("lab_recipes", "recipe"),
    _one_of("state", TRIAL_STATES, "state"),
)
Index(None, trials.c.campaign_id, trials.c.state, trials.c.number)
_GIVEN = text("state <> 'abandoned'")
Index(  # a recipe is given once, whoever asks
    "uq_lab_trials_given", trials.c.campaign_id, trials.c.recipe, trials.c.replicate, unique=True, sqlite_where=_GIVEN, postgresql_where=_GIVEN
)

leases = Table(  # one for each attempt at a trial
    "lab_leases",
    metadata,
    Column("campaign_id", Integer, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("holder", String(NAME), nullable=False),
    Column("seconds", Double, nullable=False),
    Column("granted_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("ended", String(16)),  # told, expired, abandoned
    Column("result", Integer),  # the first observation told of this attempt: it is counted once
    _within("lab_trials", "trial"),
    _within("lab_observations", "result"),
    PrimaryKeyConstraint("campaign_id", "trial", "attempt"),
)
Index(None, leases.c.ended, leases.c.campaign_id, leases.c.expires_at)  # open ones, that have not ended, are found by time ...
Index(None, leases.c.ended, leases.c.campaign_id, leases.c.granted_at)
Index(None, leases.c.ended, leases.c.campaign_id, leases.c.holder)  # ... and by whose they are

keys = Table(
    "lab_keys",
    metadata,
    Column("who", String(NAME), nullable=False),
    Column("key", String(NAME), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("request", String(SHA), nullable=False),
    Column("response", JSON, nullable=False),
    Column("at", Double, nullable=False),
    PrimaryKeyConstraint("who", "key"),
)

audit = Table(
    "lab_audit",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("who", String(NAME), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("campaign_id", ForeignKey("lab_campaigns.id")),
    Column("thing", String(64), nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
)
Index(None, audit.c.campaign_id, audit.c.seq)

# A trigger refuses to change or delete rows of these, whoever tries.
APPEND_ONLY = tuple(table.name for table in (revisions, recipes, batches, cells, observations, measurements, keys, audit))
