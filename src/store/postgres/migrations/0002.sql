-- Who may sign in at the console, and where they are signed in. `login` and `subject` are keyed hashes, `sealed` holds what names the user.
CREATE TABLE console_user (id uuid PRIMARY KEY, login bytea, subject bytea, role text NOT NULL, purposes text NOT NULL, password text NOT NULL,
    sealed bytea, disabled bigint NOT NULL, created_ms bigint NOT NULL, changed_ms bigint NOT NULL);
-- link: 1 for a one-time link by which a password is set, 0 for a session.
CREATE TABLE console_session (id uuid PRIMARY KEY, user_id uuid NOT NULL, link bigint NOT NULL, hash bytea NOT NULL, created_ms bigint NOT NULL,
    seen_ms bigint NOT NULL, expires_ms bigint NOT NULL);
