"""What is deployed? The sample site, with a page more that says on which server it stands."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[2] / "fleet/sample-app"

# The metadata service knows the instance's id; version 2 wants a token.
WHO = """#!/bin/bash
# AfterInstall: a page that says which server this is.
set -eu
imds=http://169.254.169.254/latest
token=$(curl -sSf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token")
curl -sSf -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/instance-id" >/usr/share/nginx/html/who.txt
"""

BROKEN = """#!/bin/bash
# AfterInstall: fails, so that people see what a failed deployment looks like.
echo "this revision is meant to fail" >&2
exit 7
"""

BEFORE = "  ApplicationStart:\n"
AFTER_INSTALL = "  AfterInstall:\n    - { location: scripts/after-install.sh, timeout: 60, runas: root }\n"


def bundle(works: bool) -> bytes:
    """A zip with appspec.yml at its root, as CodeDeploy wants it."""
    appspec = (SAMPLE / "appspec.yml").read_text(encoding="utf-8")
    if appspec.count(BEFORE) != 1 or "AfterInstall" in appspec:
        raise RuntimeError("fleet/sample-app/appspec.yml has another form than the one that this adds a script to")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("appspec.yml", appspec.replace(BEFORE, AFTER_INSTALL + BEFORE))
        archive.writestr("scripts/after-install.sh", WHO if works else BROKEN)
        for path in sorted(SAMPLE.rglob("*")):
            name = path.relative_to(SAMPLE).as_posix()
            if path.is_file() and name != "appspec.yml":
                archive.write(path, name)
    return packed.getvalue()
