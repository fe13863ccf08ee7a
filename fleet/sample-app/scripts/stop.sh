#!/bin/bash
# ApplicationStop: takes the site off. On a server without one there is nothing to do, and a failure here would fail every later deployment,
# because this script is run from the last revision that succeeded.
if systemctl cat nginx >/dev/null 2>&1; then
  systemctl stop nginx || echo "nginx did not stop"
fi
exit 0
