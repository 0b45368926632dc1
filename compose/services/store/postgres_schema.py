"""Tables in PostgreSQL, with pgvector.

Words are in `rag_postings`, and BM25 is summed in SQL: the database's own ranking knows nothing of
how rare a word is. The vectors of each index are in a table of its own: to make its graph, or to
drop it, keeps nobody from the others, whose writers may be at work for minutes.
"""

from __future__ import annotations

LEAST_PGVECTOR = (0, 8)
"""halfvec since 0.7; a filtered search that goes on until it has enough since 0.8."""

LOCK = 7_285_001
"""Of pg_advisory_xact_lock: two processes don't make the tables at once."""
LAST = "rag_postings_of_passage"
"""What is made last. Where it is there nothing is made: that would wait for all who write."""

MOST_IN_GRAPH = 4000
"""Dimensions of a halfvec that pgvector's graphs take; longer vectors are compared one by one."""

TABLES = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS rag_indexes (
    id serial PRIMARY KEY,
    name text NOT NULL UNIQUE,
    model text NOT NULL,
    dimension int NOT NULL,
    query_prefix text NOT NULL,
    passage_prefix text NOT NULL,
    passages bigint NOT NULL DEFAULT 0,
    words bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS rag_documents (
    id bigserial PRIMARY KEY,
    index_id int NOT NULL REFERENCES rag_indexes ON DELETE CASCADE,
    name text NOT NULL,
    digest text NOT NULL,
    kind text NOT NULL,
    size bigint NOT NULL,
    metadata jsonb NOT NULL,
    passages int NOT NULL,
    added text NOT NULL,
    UNIQUE (index_id, name)
);
CREATE TABLE IF NOT EXISTS rag_passages (
    id bigserial PRIMARY KEY,
    index_id int NOT NULL REFERENCES rag_indexes ON DELETE CASCADE,
    document_id bigint NOT NULL REFERENCES rag_documents ON DELETE CASCADE,
    position int NOT NULL,
    key text NOT NULL,
    header text NOT NULL,
    text text NOT NULL,
    metadata jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS rag_passages_of_document ON rag_passages (document_id);
CREATE INDEX IF NOT EXISTS rag_passages_by_key ON rag_passages (index_id, key);
CREATE TABLE IF NOT EXISTS rag_postings (
    index_id int NOT NULL,
    term text NOT NULL,
    passage_id bigint NOT NULL REFERENCES rag_passages ON DELETE CASCADE,
    count int NOT NULL,
    length int NOT NULL,
    PRIMARY KEY (index_id, term, passage_id)
);
CREATE INDEX IF NOT EXISTS rag_postings_of_passage ON rag_postings (passage_id);
"""


def vectors(number: int) -> str:
    """The table of an index's vectors."""
    return f"rag_vectors_{number}"


def make_vectors(number: int, dimension: int) -> str:
    """Rows go with their document, by hand: a reference would lock the passages of all indexes."""
    table = vectors(number)
    graph = f"CREATE INDEX ON {table} USING hnsw (vector halfvec_cosine_ops);"
    return f"""
CREATE TABLE {table} (
    passage_id bigint PRIMARY KEY,
    document_id bigint NOT NULL,
    vector halfvec({dimension}) NOT NULL
);
CREATE INDEX ON {table} (document_id);
{graph if dimension <= MOST_IN_GRAPH else ""}
"""


INDEX = """
INSERT INTO rag_indexes (name, model, dimension, query_prefix, passage_prefix)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name
RETURNING id, xmax = 0 AS made, model, dimension, query_prefix, passage_prefix
"""
"""An index and whether it was made now; locked until the transaction ends, in either case."""

ADD_PASSAGES = """
WITH new AS (
    SELECT * FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS new (position, key, header, text, metadata, vector)
), stored AS (
    INSERT INTO rag_passages (index_id, document_id, position, key, header, text, metadata)
    SELECT $1, $2, position, key, header, text, metadata::jsonb FROM new
    RETURNING id, position
)
INSERT INTO {vectors} (passage_id, document_id, vector)
SELECT stored.id, $2, new.vector::halfvec FROM stored JOIN new USING (position)
"""

BM25 = """
WITH asked AS (
    SELECT unnest(tsvector_to_array(to_tsvector('english', $2))) AS term
), found AS (
    SELECT p.term, p.passage_id, p.count, p.length, count(*) OVER (PARTITION BY p.term) AS spread
    FROM rag_postings p JOIN asked USING (term)
    WHERE p.index_id = $1
)
SELECT passage_id AS id, sum(
    ln(1 + (i.passages - spread + 0.5) / (spread + 0.5))
    * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length * i.passages / greatest(i.words, 1)))
)::float8 AS score
FROM found, rag_indexes i
WHERE i.id = $1 {narrowed}
GROUP BY passage_id ORDER BY score DESC, passage_id LIMIT $3
"""
"""With k1 = 1.2 and b = 0.75, as FTS5 has them."""

ADD_WORDS = """
WITH words AS (
    SELECT p.id, u.lexeme, cardinality(u.positions) AS count
    FROM rag_passages p, unnest(to_tsvector('english', p.header || E'\\n' || p.text)) u
    WHERE p.document_id = $2
)
INSERT INTO rag_postings (index_id, term, passage_id, count, length)
SELECT $1, lexeme, id, count, sum(count) OVER (PARTITION BY id) FROM words
"""

RECOUNT = """
UPDATE rag_indexes SET
    passages = passages + $2 * (SELECT count(*) FROM rag_passages WHERE document_id = $3),
    words = words + $2 * (
        SELECT coalesce(sum(w.count), 0)
        FROM rag_postings w JOIN rag_passages p ON p.id = w.passage_id
        WHERE p.document_id = $3
    )
WHERE id = $1
"""
