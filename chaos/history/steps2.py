"""Schema 2: what is counted by fault and by time is counted as it is written, and words are found by an index.

Words are trigrams in both: SQLite's FTS5 beside the table, kept by triggers; Postgres' pg_trgm where that may be had
(who owns the database may have it), and without it a search reads every run.
"""

_OF_RUN = "TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE ON UPDATE CASCADE"
_WORDS = "lower(experiment || char(10) || coalesce(run_id, '') || char(10) || coalesce(why, ''))"
_PG_WORDS = _WORDS.replace("char(10)", "chr(10)")
_KIND = "coalesce(r.outcome, ''), coalesce(r.verdict, '')"
STEP = (
    """CREATE TABLE fault_tallies (
        fault TEXT NOT NULL, repository TEXT NOT NULL, experiment TEXT NOT NULL, outcome TEXT NOT NULL,
        verdict TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (fault, repository, experiment, outcome, verdict))""",
    """CREATE TABLE hour_tallies (
        hour BIGINT NOT NULL, outcome TEXT NOT NULL, verdict TEXT NOT NULL, n BIGINT NOT NULL,
        PRIMARY KEY (hour, outcome, verdict))""",
    f"""INSERT INTO fault_tallies (fault, repository, experiment, outcome, verdict, n)
        SELECT s.fault, coalesce(r.repository, ''), r.experiment, {_KIND}, count(*)
        FROM runs r JOIN (SELECT DISTINCT run, fault FROM steps) s ON s.run = r.id
        WHERE r.state = 'ended' GROUP BY 1, 2, 3, 4, 5""",
    f"""INSERT INTO hour_tallies (hour, outcome, verdict, n)
        SELECT r.created_ms / 3600000, {_KIND}, count(*) FROM runs r WHERE r.state = 'ended' GROUP BY 1, 2, 3""",
    f"sqlite: CREATE TABLE run_words (n INTEGER PRIMARY KEY, run {_OF_RUN.replace('PRIMARY KEY', 'NOT NULL UNIQUE')},"
    " words TEXT NOT NULL)",
    f"postgresql: CREATE TABLE run_words (run {_OF_RUN}, words TEXT NOT NULL)",
    f"sqlite: INSERT INTO run_words (run, words) SELECT id, {_WORDS} FROM runs",
    f"postgresql: INSERT INTO run_words (run, words) SELECT id, {_PG_WORDS} FROM runs",
    "sqlite: CREATE VIRTUAL TABLE found_words USING fts5 (words, content = 'run_words', content_rowid = 'n',"
    " tokenize = 'trigram')",
    "sqlite: CREATE TRIGGER run_words_in AFTER INSERT ON run_words BEGIN"
    " INSERT INTO found_words (rowid, words) VALUES (new.n, new.words); END",
    "sqlite: CREATE TRIGGER run_words_out AFTER DELETE ON run_words BEGIN"
    " INSERT INTO found_words (found_words, rowid, words) VALUES ('delete', old.n, old.words); END",
    "sqlite: CREATE TRIGGER run_words_anew AFTER UPDATE OF words ON run_words BEGIN"
    " INSERT INTO found_words (found_words, rowid, words) VALUES ('delete', old.n, old.words);"
    " INSERT INTO found_words (rowid, words) VALUES (new.n, new.words); END",
    "sqlite: INSERT INTO found_words (found_words) VALUES ('rebuild')",
    """postgresql: DO $$ DECLARE home name; BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_trgm';
        EXECUTE format('CREATE INDEX run_words_found ON run_words USING gin (words %I.gin_trgm_ops)', home);
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN NULL; END $$""",
)
