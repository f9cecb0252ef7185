#!/bin/sh
exec "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/postgres" -D /tmp/pg
