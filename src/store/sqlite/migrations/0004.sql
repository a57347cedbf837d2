-- Who may sign in at the console, and where they are signed in. `login` and `subject` are keyed hashes, `sealed` holds what names the user.
CREATE TABLE user (id BLOB PRIMARY KEY, login BLOB, subject BLOB, role TEXT NOT NULL, purposes TEXT NOT NULL, password TEXT, sealed BLOB,
    disabled INTEGER NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL) WITHOUT ROWID;
-- link: 1 for a one-time link by which a password is set, 0 for a session.
CREATE TABLE session (id BLOB PRIMARY KEY, user BLOB NOT NULL, link INTEGER NOT NULL, hash BLOB NOT NULL, created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
