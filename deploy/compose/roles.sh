#!/bin/sh
# The roles of nodes and vault, when the database is made: run by PostgreSQL's image as its owner. `telos migrate` then makes the tables, and says what
# telos_app may do.
set -eu
secrets=${SECRETS:-/run/secrets}
psql -X -v ON_ERROR_STOP=1 -v node="$(cat "$secrets/node_password")" -v vault="$(cat "$secrets/vault_password")" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE telos_app NOLOGIN;
CREATE ROLE node LOGIN PASSWORD :'node' IN ROLE telos_app;
CREATE ROLE telos_vault LOGIN PASSWORD :'vault';
CREATE DATABASE telos_vault OWNER telos_vault;
REVOKE CONNECT ON DATABASE telos_vault FROM PUBLIC;
SQL
