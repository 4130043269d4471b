"""The tables. A change here needs a migration beside it; a test compares the two."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

from storage.columns import UtcDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

#: SQLite makes only an INTEGER primary key the table's own order, which pages then read without an index.
_KEY = BigInteger().with_variant(Integer(), "sqlite")

recognitions = Table(
    "recognitions",
    metadata,
    # The first 63 bits of the id that tell ids apart: the order of the history (see ``rows.sort_key``).
    Column("key", _KEY, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("user", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", Text),
    Column("created_at", UtcDateTime, nullable=False),
    # When this attempt began: the sign of life of an owner that was never heard of.
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("source", String(16), nullable=False),
    Column("filename", Text, nullable=False),
    # The first of the rows that are versions of one another; NULL for that one.
    Column("version_of", String(36)),
    # Its number among them, for good; and the newest number that any of them was given, which each remembers.
    Column("version", Integer, nullable=False, server_default="1"),
    Column("versions_given", Integer, nullable=False, server_default="1"),
    Column("audio_key", Text),
    # What the recording is called in the cache; NULL while nobody has looked into it.
    Column("audio_id", Text),
    # Why the recording is kept past its time, who said so, and when.
    Column("hold", JSON(none_as_null=True)),
    Column("audio", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("use_cache", Boolean, nullable=False),
    Column("cache", String(16)),
    Column("cached_at", UtcDateTime),
    Column("node", Text),
    Column("model", Text),
    Column("fingerprint", Text),
    Column("elapsed_ms", BigInteger),
    Column("node_ms", BigInteger),
    Column("error", JSON(none_as_null=True)),
    Column("language", Text, nullable=False),
    Column("warnings", JSON, nullable=False),
    # What people call those who speak.
    Column("labels", JSON, nullable=False, server_default="{}"),
    # What people wrote over segments, oldest first.
    Column("corrections", JSON, nullable=False, server_default="[]"),
    # The large ones stand last: SQLite then reads the others without them.
    Column("segments", JSON, nullable=False),
    Column("progress", JSON(none_as_null=True)),
    Column("search_text", Text, nullable=False),
    # Word times, one list per segment; ten times the size of the text, and no list of rows needs them.
    Column("words", JSON(none_as_null=True)),
)
Index("ix_recognitions_user", recognitions.c.user, recognitions.c.key, recognitions.c.created_at)
Index("ix_recognitions_status", recognitions.c.status, recognitions.c.key)
Index("ix_recognitions_created_at", recognitions.c.created_at)
Index("ix_recognitions_audio_key", recognitions.c.audio_key)
# Of those few rows that have such a value. A number is given once, and who lists what is held reads nothing else.
for _known, _columns, _unique in (
    (recognitions.c.version_of, (recognitions.c.version_of, recognitions.c.version), True),
    (recognitions.c.audio_id, (recognitions.c.audio_id,), False),
    (recognitions.c.hold, (recognitions.c.key,), False),
):
    _where = _known.is_not(None)
    Index(f"ix_recognitions_{_known.name}", *_columns, unique=_unique, sqlite_where=_where, postgresql_where=_where)

#: Processes that run recognitions, and when each was last heard of.
owners = Table(
    "owners",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

#: The one fingerprint that nodes of a model must have.
models = Table(
    "models",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("expected_since", UtcDateTime, nullable=False),
)

#: What administrators said of nodes; NULL: nothing, it is as the settings or the node itself say.
nodes = Table(
    "nodes",
    metadata,
    Column("url", String(500), primary_key=True),
    Column("membership", String(16), nullable=False),
    Column("name", Text),
    Column("weight", Float),
    Column("slots", Integer),
    Column("backup", Boolean),
    Column("drain", Boolean, nullable=False),
    # The node's own secret, where it is not the cluster's.
    Column("token", Text, nullable=False),
)

#: Who did what to which node.
node_events = Table(
    "node_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("user", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("node", Text, nullable=False),
    Column("details", JSON, nullable=False),
)
