#!/bin/sh
# A database of this sandbox's own, in /tmp/pg.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
"$bin/initdb" -D /tmp/pg -U app --auth=trust -E UTF8 --no-sync >/dev/null
cat >>/tmp/pg/postgresql.conf <<C
unix_socket_directories='/tmp'
listen_addresses='127.0.0.1'
fsync=off
shared_buffers=16MB
max_connections=40
max_wal_size=64MB
min_wal_size=32MB
C
