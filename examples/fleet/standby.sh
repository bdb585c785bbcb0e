#!/usr/bin/env bash
# Copies the primary, once, and then follows it under the name that the primary waits for.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  export PGPASSWORD=replicator
  until pg_basebackup --pgdata "$PGDATA" --write-recovery-conf \
    --dbname "host=${PRIMARY:-primary} port=${PRIMARY_PORT:-5432} user=replicator application_name=standby"; do
    rm -rf "${PGDATA:?}"/*
    sleep 1
  done
  chmod 0700 "$PGDATA"
fi
# Once it is promoted, no standby follows it.
exec postgres -D "$PGDATA" -c cluster_name=standby -c synchronous_standby_names= "$@"
