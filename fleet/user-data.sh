#!/bin/bash
# The first boot of a server of the fleet, on Amazon Linux 2023: everything else first, the CodeDeploy agent last.
#
# CodeDeploy deploys to a new server as soon as its agent polls, and the launch hook waits for that deployment: an agent that comes before the
# rest would deploy to a server that is half made. The Elastic IP is nobody's business here; elastic-ip-failover moves it, when the server is ready.
#
# A second run changes nothing that is there, and mends what is not. Only the lines between the two marks are for CloudFormation to fill in, and
# nothing else may hold a dollar sign and a brace, which Fn::Sub would replace.
# shellcheck disable=SC2016

# >>> settings
BOOT_LOG_GROUP='${UserDataLogGroup}'
AGENT_LOG_GROUP='${AgentLogGroup}'
SCRIPT_LOG_GROUP='${ScriptLogGroup}'
MODEL_FOLDER='${ModelFolder}'
MODEL_BUCKET='${ModelBucketName}'
MODEL_SYNC_MINUTES='${ModelSyncMinutes}'
# <<< settings

root=$USER_DATA_ROOT # where / is: empty but in tests
pause=$USER_DATA_PAUSE
set -u
[ -n "$pause" ] || pause=5

imds=http://169.254.169.254
cloudwatch=$root/opt/aws/amazon-cloudwatch-agent
agent=$root/opt/codedeploy-agent/bin/codedeploy-agent
units=$root/etc/systemd/system

# To whoever reads the console's log in EC2, and to cloud-init's own.
say() { printf 'user-data: %s\n' "$*" | tee -a "$root/dev/console" 2>/dev/null; }

fail() {
  say "FAILED: $*"
  exit 1
}

# Six times, each for so many seconds, with ever longer pauses. Systems Manager installs packages at boot too, and the package database has one
# writer: dnf waits for it, rpm gives up.
try() {
  local seconds=$1 attempt
  shift
  for attempt in 1 2 3 4 5 6; do
    if timeout "$seconds" "$@" </dev/null 9>&-; then return 0; fi
    say "attempt $attempt of 6 failed: $*"
    sleep $((attempt * pause))
  done
  return 1
}

packages() { rpm -q "$@" >/dev/null 2>&1 || try 180 dnf install -y "$@"; }

# Writes a file, unless it is so already, which is then the answer.
write() {
  local text
  text=$(cat)
  if [ -f "$1" ] && [ "$(cat "$1")" = "$text" ]; then return 1; fi
  mkdir -p "$(dirname "$1")" && printf '%s\n' "$text" >"$1" && say "wrote $1"
}

# Instance metadata, version 2 only.
metadata() {
  curl -sS -f -m 5 --retry 5 --retry-all-errors --retry-delay 1 --noproxy '*' -H "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/$1"
}

# ----- the logs --------------------------------------------------------------------------------------------------------------------------

ship_logs() {
  packages amazon-cloudwatch-agent || return 1
  if ! write "$cloudwatch/etc/fleet.json" <<JSON && systemctl is-active --quiet amazon-cloudwatch-agent; then return 0; fi
{
  "logs": {
    "logs_collected": {
      "files": {
        "collect_list": [
          {
            "file_path": "/var/log/cloud-init-output.log",
            "log_group_name": "$BOOT_LOG_GROUP",
            "log_stream_name": "{instance_id}"
          },
          {
            "file_path": "/var/log/aws/codedeploy-agent/codedeploy-agent.log",
            "log_group_name": "$AGENT_LOG_GROUP",
            "log_stream_name": "{instance_id}"
          },
          {
            "file_path": "/tmp/codedeploy-agent.update.log",
            "log_group_name": "$AGENT_LOG_GROUP",
            "log_stream_name": "{instance_id}-install"
          },
          {
            "file_path": "/opt/codedeploy-agent/deployment-root/deployment-logs/codedeploy-agent-deployments.log",
            "log_group_name": "$SCRIPT_LOG_GROUP",
            "log_stream_name": "{instance_id}"
          }
        ]
      }
    }
  }
}
JSON
  try 60 "$cloudwatch/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c "file:$cloudwatch/etc/fleet.json"
}

# ----- what the server makes -------------------------------------------------------------------------------------------------------------

# The folder is copied to the bucket again and again, and once more when the server goes, because a server takes its disk with it. Nothing is ever
# deleted there: a server that starts with an empty folder would empty the bucket.
keep_models() {
  local changed=no sync="/usr/bin/aws s3 sync --only-show-errors $MODEL_FOLDER s3://$MODEL_BUCKET/"
  mkdir -p "$root$MODEL_FOLDER"
  # What earlier servers have made. A server without it is better than none.
  if [ -z "$(ls -A "$root$MODEL_FOLDER")" ]; then
    timeout 600 aws s3 sync --region "$region" --only-show-errors "s3://$MODEL_BUCKET/" "$root$MODEL_FOLDER" </dev/null 9>&- ||
      say "could not fetch everything from s3://$MODEL_BUCKET/"
  fi
  write "$units/model-sync.service" <<UNIT && changed=yes
[Unit]
Description=Copies $MODEL_FOLDER to S3
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
Environment=AWS_DEFAULT_REGION=$region
ExecStart=$sync
TimeoutStartSec=1h
Nice=10
IOSchedulingClass=idle
UNIT
  write "$units/model-sync.timer" <<UNIT && changed=yes
[Unit]
Description=Copies $MODEL_FOLDER to S3 every $MODEL_SYNC_MINUTES minutes

[Timer]
OnActiveSec=1min
OnUnitInactiveSec=$MODEL_SYNC_MINUTES min

[Install]
WantedBy=timers.target
UNIT
  write "$units/model-sync-at-shutdown.service" <<UNIT && changed=yes
[Unit]
Description=Copies $MODEL_FOLDER to S3 when the server goes
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=AWS_DEFAULT_REGION=$region
ExecStart=/usr/bin/true
ExecStop=$sync
TimeoutStopSec=90

[Install]
WantedBy=multi-user.target
UNIT
  if [ "$changed" = yes ]; then systemctl daemon-reload; fi
  systemctl enable --now model-sync.timer model-sync-at-shutdown.service
}

# ----- the CodeDeploy agent --------------------------------------------------------------------------------------------------------------

# Fetches an installer and prints the status code.
fetch() {
  curl -sS -m 60 --retry 5 --retry-connrefused -o "$work/install" -w '%{http_code}' \
    "https://aws-codedeploy-$region.s3.$region.$domain/$1/install"
}

# Agent 2 needs no Ruby, but not every region has it yet: S3 then says 403 or 404.
install_agent() {
  local code
  code=$(fetch latestv2)
  case $code in
    200) say 'installing CodeDeploy agent 2' ;;
    403 | 404)
      say "no CodeDeploy agent 2 in $region ($code): installing agent 1"
      packages ruby || return 1
      code=$(fetch latest)
      ;;
  esac
  if [ "$code" != 200 ] || [ "$(head -c 2 "$work/install")" != '#!' ]; then
    say "the installer could not be fetched: $code"
    return 1
  fi
  chmod 700 "$work/install"
  try 300 "$work/install" auto
}

# The service's word is no proof: agent 1 can be "active (exited)".
agent_runs() {
  local attempt
  for attempt in 1 2 3 4 5 6; do
    if systemctl is-active --quiet codedeploy-agent && timeout 30 "$agent" status >/dev/null 2>&1 </dev/null; then return 0; fi
    sleep $((attempt * pause))
  done
  return 1
}

# ----- one after the other ---------------------------------------------------------------------------------------------------------------

mkdir -p "$root/run"
exec 9>"$root/run/fleet-user-data.lock"
flock -w 1800 9 || fail 'another run does not end'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

token=$(curl -sS -f -m 5 --retry 5 --retry-all-errors --retry-delay 1 --noproxy '*' -X PUT \
  -H 'X-aws-ec2-metadata-token-ttl-seconds: 900' "$imds/latest/api/token") || fail 'no instance metadata'
region=$(metadata placement/region) || fail 'the instance metadata has no region'
domain=$(metadata services/domain) || fail 'the instance metadata has no domain' # amazonaws.com, or amazonaws.com.cn in China
say "begins in $region ($domain)"

ship_logs || say 'the logs stay on this server: there is no CloudWatch agent'

if [ -n "$MODEL_FOLDER" ] && [ -n "$MODEL_BUCKET" ]; then
  keep_models || say "$MODEL_FOLDER is not copied to s3://$MODEL_BUCKET/"
fi

if systemctl cat codedeploy-agent >/dev/null 2>&1; then
  say 'the CodeDeploy agent is installed already'
else
  install_agent || fail 'the CodeDeploy agent could not be installed: nothing can be deployed to this server'
fi
try 60 systemctl enable --now codedeploy-agent
agent_runs || fail 'the CodeDeploy agent does not run'
say 'done'
