"""Tables in PostgreSQL, with pgvector.

Words are in `rag_postings`, and BM25 is summed in SQL: the database's own ranking knows nothing of
how rare a word is. Vectors of all indexes share a table; each index has its own HNSW graph.
"""

from __future__ import annotations

VERSION = 1
LEAST_PGVECTOR = (0, 8)
"""halfvec since 0.7; a filtered search that goes on until it has enough since 0.8."""

LOCK = 7_285_001
"""Of pg_advisory_xact_lock: two processes don't make the tables, or two graphs, at once."""

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
    metadata jsonb NOT NULL,
    vector halfvec NOT NULL
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


def make_graph(number: int, dimension: int) -> str:
    """Of the passages of one index: its number and dimension stand in the statement, so that the
    planner can tell."""
    return (
        f"CREATE INDEX rag_vectors_{number} ON rag_passages USING hnsw"
        f" ((vector::halfvec({dimension})) halfvec_cosine_ops) WHERE index_id = {number}"
    )


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
