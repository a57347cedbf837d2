#!/usr/bin/env bash
# Makes secrets/ beside this file, once: passwords of the database's roles, what the nodes and PgBouncer read them from, and the master key. And .env beside
# compose.yaml: the user whose files they are, as whom the containers run. What is there is left as it is.
set -eu
cd "$(dirname "$0")"
umask 077
if [ -e secrets ]; then
  echo "secrets/ is there already; nothing was changed." >&2
  exit 1
fi
mkdir secrets.new
random() { od -An -vtx1 -N32 /dev/urandom | tr -d ' \n'; }
owner=$(random) node=$(random) vault=$(random)
random >secrets.new/master.key
printf '%s' "$owner" >secrets.new/owner_password
printf '%s' "$node" >secrets.new/node_password
printf '%s' "$vault" >secrets.new/vault_password
printf '%s\n' "postgres:5432:*:owner:$owner" "pgbouncer:6432:*:node:$node" "pgbouncer:6432:*:telos_vault:$vault" >secrets.new/pgpass
printf '%s\n' "\"node\" \"$node\"" "\"telos_vault\" \"$vault\"" >secrets.new/userlist.txt
chmod 644 secrets.new/*_password # PostgreSQL's image reads them as a user of its own; the folder keeps everybody else out
user=$(id -u)
if [ "$user" = 0 ]; then # nothing of it runs as root
  user=10480
  chown "$user" secrets.new/master.key secrets.new/pgpass secrets.new/userlist.txt
fi
printf 'TELOS_UID=%s\n' "$user" >../.env
mv secrets.new secrets
echo "secrets/ was made. Keep a copy of secrets/master.key, apart from the database's." >&2
