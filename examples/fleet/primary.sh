#!/usr/bin/env bash
# Lets a standby follow the primary, and makes each commit wait for it. Runs once, when the primary is created.
set -euo pipefail

psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE replicator REPLICATION LOGIN PASSWORD 'replicator';
-- So that a fail-over and a restored backup are noticed by their identity, too.
GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC;
GRANT EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) TO PUBLIC;
SQL
echo "host replication replicator all scram-sha-256" >> "$PGDATA/pg_hba.conf"
# It counts from the next start on, which is the first one with other connections: until then no standby can confirm a commit.
echo "synchronous_standby_names = 'standby'" >> "$PGDATA/postgresql.conf"
