#!/bin/bash
# BeforeInstall: brings nginx. Others install packages at boot too, and the package database has one writer, so it is tried again.
set -u
pause=${INSTALL_PAUSE:-5}
for attempt in 1 2 3 4 5 6; do
  if rpm -q nginx >/dev/null 2>&1 || timeout 120 dnf install -y nginx </dev/null; then exit 0; fi
  echo "attempt $attempt of 6 failed"
  sleep "$((attempt * pause))"
done
echo "nginx could not be installed" >&2
exit 1
