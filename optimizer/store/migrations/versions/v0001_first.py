"""The first tables: campaigns and their revisions, recipes to measurements, trials and leases, keys, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("lab_revisions", "lab_recipes", "lab_batches", "lab_cells", "lab_observations", "lab_measurements", "lab_keys", "lab_audit")


def upgrade() -> None:
    """Make the tables, and the triggers that keep records from being rewritten."""
    op.create_table(
        "lab_campaigns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("cloned_from", sa.String(length=200), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.CheckConstraint("kind in ('electrode', 'space')", name=op.f("ck_lab_campaigns_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_campaigns")),
        sa.UniqueConstraint("name", name=op.f("uq_lab_campaigns_name")),
    )
    op.create_table(
        "lab_keys",
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("operation", sa.String(length=32), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("response", sa.JSON(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("who", "key", name=op.f("pk_lab_keys")),
    )
    op.create_table(
        "lab_audit",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("operation", sa.String(length=32), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("thing", sa.String(length=64), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["lab_campaigns.id"], name=op.f("fk_lab_audit_campaign_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_lab_audit")),
    )
    op.create_index(op.f("ix_lab_audit_campaign_id_seq"), "lab_audit", ["campaign_id", "seq"], unique=False)
    op.create_table(
        "lab_recipes",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["lab_campaigns.id"], name=op.f("fk_lab_recipes_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_lab_recipes")),
        sa.UniqueConstraint("campaign_id", "digest", name=op.f("uq_lab_recipes_campaign_id_digest")),
    )
    op.create_table(
        "lab_revisions",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["lab_campaigns.id"], name=op.f("fk_lab_revisions_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_lab_revisions")),
    )
    op.create_table(
        "lab_batches",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipe", sa.Integer(), nullable=False),
        sa.Column("made", sa.JSON(), nullable=False),
        sa.Column("made_sd", sa.JSON(), nullable=False),
        sa.Column("planned", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("lots", sa.JSON(), nullable=False),
        sa.Column("masses_mg", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id", "recipe"], ["lab_recipes.campaign_id", "lab_recipes.number"], name=op.f("fk_lab_batches_campaign_id_recipe")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["lab_campaigns.id"], name=op.f("fk_lab_batches_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_lab_batches")),
        sa.UniqueConstraint("campaign_id", "digest", name=op.f("uq_lab_batches_campaign_id_digest")),
    )
    op.create_table(
        "lab_trials",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipe", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("replicate", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("note", sa.JSON(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.CheckConstraint("state in ('proposed', 'running', 'completed', 'failed', 'abandoned')", name=op.f("ck_lab_trials_state")),
        sa.ForeignKeyConstraint(
            ["campaign_id", "recipe"], ["lab_recipes.campaign_id", "lab_recipes.number"], name=op.f("fk_lab_trials_campaign_id_recipe")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["lab_campaigns.id"], name=op.f("fk_lab_trials_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_lab_trials")),
    )
    op.create_index(op.f("ix_lab_trials_campaign_id_state_number"), "lab_trials", ["campaign_id", "state", "number"], unique=False)
    op.create_index(
        "uq_lab_trials_given",
        "lab_trials",
        ["campaign_id", "recipe", "replicate"],
        unique=True,
        sqlite_where=sa.text("state <> 'abandoned'"),
        postgresql_where=sa.text("state <> 'abandoned'"),
    )
    op.create_table(
        "lab_cells",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("recipe", sa.Integer(), nullable=False),
        sa.Column("replicate", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("date", sa.String(length=10), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id", "batch"], ["lab_batches.campaign_id", "lab_batches.number"], name=op.f("fk_lab_cells_campaign_id_batch")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id", "recipe"], ["lab_recipes.campaign_id", "lab_recipes.number"], name=op.f("fk_lab_cells_campaign_id_recipe")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["lab_campaigns.id"], name=op.f("fk_lab_cells_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_lab_cells")),
        sa.UniqueConstraint("campaign_id", "digest", name=op.f("uq_lab_cells_campaign_id_digest")),
        sa.UniqueConstraint("campaign_id", "recipe", "replicate", name=op.f("uq_lab_cells_campaign_id_recipe_replicate")),
    )
    op.create_table(
        "lab_observations",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cell", sa.Integer(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("own", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("corrects", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.CheckConstraint("status in ('ok', 'failed_process', 'failed_cell', 'short', 'invalid')", name=op.f("ck_lab_observations_status")),
        sa.ForeignKeyConstraint(
            ["campaign_id", "cell"], ["lab_cells.campaign_id", "lab_cells.number"], name=op.f("fk_lab_observations_campaign_id_cell")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id", "corrects"],
            ["lab_observations.campaign_id", "lab_observations.number"],
            name=op.f("fk_lab_observations_campaign_id_corrects"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id", "trial"], ["lab_trials.campaign_id", "lab_trials.number"], name=op.f("fk_lab_observations_campaign_id_trial")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["lab_campaigns.id"], name=op.f("fk_lab_observations_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_lab_observations")),
        sa.UniqueConstraint("campaign_id", "corrects", name=op.f("uq_lab_observations_campaign_id_corrects")),
    )
    op.create_index(op.f("ix_lab_observations_campaign_id_digest"), "lab_observations", ["campaign_id", "digest"], unique=False)
    op.create_index(op.f("ix_lab_observations_campaign_id_trial"), "lab_observations", ["campaign_id", "trial"], unique=False)
    op.create_table(
        "lab_leases",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("granted_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("ended", sa.String(length=16), nullable=True),
        sa.Column("result", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id", "result"], ["lab_observations.campaign_id", "lab_observations.number"], name=op.f("fk_lab_leases_campaign_id_result")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id", "trial"], ["lab_trials.campaign_id", "lab_trials.number"], name=op.f("fk_lab_leases_campaign_id_trial")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "trial", "attempt", name=op.f("pk_lab_leases")),
    )
    op.create_index(op.f("ix_lab_leases_ended_campaign_id_expires_at"), "lab_leases", ["ended", "campaign_id", "expires_at"], unique=False)
    op.create_index(op.f("ix_lab_leases_ended_campaign_id_granted_at"), "lab_leases", ["ended", "campaign_id", "granted_at"], unique=False)
    op.create_index(op.f("ix_lab_leases_ended_campaign_id_holder"), "lab_leases", ["ended", "campaign_id", "holder"], unique=False)
    op.create_table(
        "lab_measurements",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("observation", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("sd", sa.Double(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id", "observation"],
            ["lab_observations.campaign_id", "lab_observations.number"],
            name=op.f("fk_lab_measurements_campaign_id_observation"),
        ),
        sa.PrimaryKeyConstraint("campaign_id", "observation", "outcome", name=op.f("pk_lab_measurements")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION lab_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION lab_append_only()"
        )
