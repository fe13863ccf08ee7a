#!/bin/bash
# ValidateService: the site answers, and with the pages of this revision. If it does not, CodeDeploy keeps the server out of the group.
set -u
site=${SITE_URL:-http://localhost}
bundle=$(cd "$(dirname "$0")/.." && pwd)
for _ in {1..30}; do
  if [ "$(curl -fsS -m 2 "$site/health.html")" = ok ] && curl -fsS -m 2 "$site/index.html" | cmp -s - "$bundle/index.html"; then
    echo "$site answers with this revision"
    exit 0
  fi
  sleep "${VALIDATE_PAUSE:-1}"
done
echo "$site does not answer with this revision" >&2
exit 1
