#!/bin/bash
# ApplicationStart: serves the site, now and after every boot.
set -eu
nginx -t
systemctl enable nginx
systemctl reload-or-restart nginx # a server that serves already goes on serving
