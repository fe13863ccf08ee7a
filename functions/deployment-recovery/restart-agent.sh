#!/bin/bash
# Restarts the CodeDeploy agent of this server, and says in one line of JSON what it found and what became of it.
#
# The SSM document of template.yaml carries this file word for word. Nothing here may look like an SSM parameter (two braces in a row), and
# nothing may be needed that a plain Amazon Linux 2023 lacks: bash, coreutils, grep, sed, awk, systemd. It takes four minutes at most, so
# the document should give it five.
#
# Exit codes: 0 the agent is alive and stayed so, or it is at work and was left alone (refused-busy); 1 it is not alive, or was left as
# it is because a restart would have ended it for good; 2 there is none; 3 it could not be stopped or started within its time.
#
# What it relies on, of both generations of the agent, from their sources:
# - 1.x (Ruby) is a process that calls itself `codedeploy-agent: master PID`; 2.x (Rust) is the binary below /opt.
# - Both write a file for each lifecycle event that is under way, and refuse to be stopped meanwhile; systemd does not know that and kills
#   them after their refusal. So the question comes before `systemctl stop`, not from it.
# - Both wait up to 7200 seconds for their work when they stop, and an idle 1.x for the end of its long poll of 60 seconds.
# - With an empty pid file, which a full disk leaves behind, neither starts, and the unit of 1.x says "active (exited)" all the same.
# - Neither unit sets KillMode, so that systemd ends with the agent whatever its hooks have started and left in its control group, such
#   as the application (issue 169 of aws-codedeploy-agent).
set -u
export LC_ALL=C # a log may hold any bytes

root=${RESTART_AGENT_ROOT-}                     # where / is
hold_seconds=${RESTART_AGENT_HOLD_SECONDS-20}   # an agent that cannot live dies within a few seconds, and is not respawned before 10
stop_seconds=${RESTART_AGENT_STOP_SECONDS-90}   # a long poll, and 80 seconds have been seen
term_seconds=${RESTART_AGENT_TERM_SECONDS-15}   # for one that systemd could not stop
kill_seconds=${RESTART_AGENT_KILL_SECONDS-5}    # until the kernel has taken it away
start_seconds=${RESTART_AGENT_START_SECONDS-30} # Ruby on a small burstable server
poll_seconds=${RESTART_AGENT_POLL_SECONDS-80}   # 1.x logs a poll when it has ended: a long poll after the start
pause=${RESTART_AGENT_PAUSE-1}
# A lifecycle event lasts an hour at most by CodeDeploy's limits; the agents themselves believe in such a file for 24 hours, which would
# keep a hung one hung for a day.
busy_seconds=${RESTART_AGENT_BUSY_SECONDS-7200}

unit=codedeploy-agent
home=$root/opt/codedeploy-agent
proc=$root/proc
config=$root/etc/codedeploy-agent/conf/codedeployagent.yml
drop_in=$root/run/systemd/system/$unit.service.d/lethargic-panda.conf # gone with the next boot

say() { printf 'restart-agent: %s\n' "$*" >&2; }

# A value of the agent's configuration. Its keys may be Ruby symbols: `:root_dir: '/opt/x'`.
setting() {
  [ -r "$config" ] || return 0
  sed -n "s/^[[:space:]]*:\{0,1\}$1:[[:space:]]*//p" "$config" | tail -n 1 |
    sed -e 's/[[:space:]]\{1,\}#.*$//' -e 's/[[:space:]]*$//' -e "s/^[\"']//" -e "s/[\"']\$//" -e 's:\(.\)/*$:\1:'
}

# The unit's state in the words of the report. Starting and stopping are neither.
active() {
  local state
  state=$(timeout 10 systemctl is-active "$unit" 2>/dev/null </dev/null)
  case $state in
    active | inactive | failed) echo "$state" ;;
    *) echo unknown ;;
  esac
}

has_unit() { timeout 10 systemctl cat "$unit" >/dev/null 2>&1 </dev/null; }

# Asks systemd for something, for so many seconds. What it says is kept for the report.
systemd() {
  local seconds=$1 said code
  shift
  said=$(timeout --kill-after=5 "$seconds" systemctl --no-ask-password "$@" 2>&1 </dev/null 9>&-)
  code=$?
  if [ -n "$said" ]; then
    say "systemctl $*: $said"
    if [ "$code" -ne 0 ]; then remarks+=("systemctl $1: ${said%%$'\n'*}"); fi
  fi
  return "$code"
}

# Has systemd end the agent alone, and not what its hooks have started. Where that cannot be said the agent is restarted all the same:
# without one the server gets no code any more.
end_only_the_agent() {
  local said
  case $(timeout 10 systemctl show --property=KillMode --value "$unit" 2>/dev/null </dev/null) in
    process | none) return 0 ;;
  esac
  if said=$( (mkdir -p "${drop_in%/*}" && printf '[Service]\nKillMode=process\n' >"$drop_in") 2>&1); then
    if systemd 10 daemon-reload; then return 0; fi
    said='systemd did not read it'
  fi
  remarks+=("what the hooks have started may end with the agent, for want of $drop_in: $said")
}

# Leaves the unit as its makers wrote it: a master that crashes must not leave a worker behind, beside which the next one polls.
forget_drop_in() {
  if [ -e "$drop_in" ]; then rm -f "$drop_in" && systemd 10 daemon-reload; fi
}

# Finds the agent's own processes by their names, and only those of root or of the user that it was configured to be: a name is anybody's
# to take. Hooks run below the agent, but under names of their own.
look() {
  local folder words kind
  masters=()
  workers=()
  for folder in "$proc"/[0-9]*; do
    words=()
    { mapfile -d '' -t words <"$folder/cmdline"; } 2>/dev/null || continue
    case ${words[0]-} in
      'codedeploy-agent: master '*) kind=master ;;
      'codedeploy-agent: '*) kind=worker ;;
      "$home/bin/codedeploy-agent")
        case ${words[1]-} in
          start | restart) kind=master ;;
          _worker | worker) kind=worker ;;
          *) continue ;; # a question or an order to the agent
        esac
        ;;
      *) continue ;;
    esac
    if ! [[ -O $folder ]]; then
      { [ -n "$user" ] && [ "$(stat -L -c %U "$folder" 2>/dev/null)" = "$user" ]; } || continue
    fi
    if [ "$kind" = master ]; then masters+=("${folder##*/}"); else workers+=("${folder##*/}"); fi
  done
}

none_left() {
  look
  [ "$((${#masters[@]} + ${#workers[@]}))" -eq 0 ]
}

# Whether a lifecycle event is under way.
busy() {
  local file now
  now=$(date +%s)
  for file in "$tracking"/*; do
    [ -f "$file" ] || continue
    if [ "$((now - $(stat -c %Y "$file" 2>/dev/null || echo 0)))" -lt "$busy_seconds" ]; then return 0; fi
  done
  return 1
}

# Leaves an agent alone that has taken up work since we looked. It was told to stop, and will when the work is done: systemd starts it then.
spare() {
  systemd 10 start --no-block "$unit"
  remarks+=('a lifecycle event began just now: the agent ends after it, and systemd starts it again')
  finish refused-busy 0
}

# Waits until a command succeeds, for so many seconds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep "$pause"
  done
}

# Whether the agent could write its pid file. A restart where it cannot would turn a living agent into a dead one.
can_write() {
  local file=$pid_dir/.restart-agent.$$ said code
  [ -d "$pid_dir" ] || return 0
  said=$( (printf '%4096s' ' ' >"$file") 2>&1)
  code=$?
  rm -f "$file"
  if [ "$code" -ne 0 ]; then remarks+=("the agent cannot write into $pid_dir: $said"); fi
  return "$code"
}

place() { stat -c '%i %s' "$log" 2>/dev/null || echo '0 0'; }

# What the agent has logged since it was started, also when the log was rotated or emptied in between.
fresh() {
  local file inode size old_inode old_size
  read -r old_inode old_size <<<"$mark"
  read -r inode size <<<"$(place)"
  {
    if [ "$inode" != "$old_inode" ]; then
      for file in "$log_dir"/*; do
        if [ "$(stat -c %i "$file" 2>/dev/null)" = "$old_inode" ]; then tail -c "+$((old_size + 1))" "$file"; fi
      done
      old_size=0
    elif [ "$size" -lt "$old_size" ]; then
      old_size=0
    fi
    if [ -r "$log" ]; then tail -c "+$((old_size + 1))" "$log"; fi
  } 2>/dev/null | tail -c 262144
}

# Whether the agent reaches CodeDeploy, as far as its log tells. The last line that speaks of polling decides.
#
# 1.x logs every poll with its status code. 2.x logs that it begins to poll, and afterwards only what goes wrong; its wording is read from
# its source and has not been seen on a server, so any fresh activity without an error will do, if the agent itself says that it runs.
polls() {
  if [ "$generation" = v2 ]; then
    timeout 10 "$home/bin/codedeploy-agent" status >/dev/null 2>&1 </dev/null 9>&- || return 1
    fresh | awk '
      { seen = 1 }
      /ERROR|FATAL|panicked/ {
        if ($0 ~ /Command processing failed/) next
        wrong = 1
        reached = 0
        next
      }
      /[Pp]oll/ { reached = 1 }
      END { exit !(reached || (seen && !wrong)) }'
  else
    fresh | awk '
      /CodeDeployCommand::Client 200 .*poll_host_command/ { reached = 1 }
      /CodeDeployCommand::Client [345][0-9][0-9] .*poll_host_command/ { reached = 0 }
      /Cannot reach InstanceService|Missing credentials|booting child: error|aborting start/ { reached = 0 }
      /Error during perform: (Seahorse|Net::|SocketError|OpenSSL|Errno::E(CONN|HOST|NET|TIMED))/ { reached = 0 }
      END { exit !reached }'
  fi
}

# Lines of a log that tell of an error, as JSON strings: printable ASCII, at most 300 characters, without what looks like a credential.
json_strings() {
  tr '\t\r\000-\010\013\014\016-\037\177-\377' '  ?' |
    sed -E -e 's/(AKIA|ASIA)[A-Z0-9]{12,}/[redacted]/g' \
      -e 's/([A-Za-z0-9_-]*(passw|secret|token|access_key)[A-Za-z0-9_-]*=)[^[:space:],;]+/\1[redacted]/Ig' \
      -e 's/(^|[^A-Za-z])((password|secret|token)["'\'']?:[[:space:]]*)[^[:space:],;]+/\1\2[redacted]/Ig' |
    cut -c 1-300 | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/"/'
}

wrong_lines() { tr -d '\000' | grep -a -E '(^|[^[:alnum:]_])(ERROR|FATAL)([^[:alnum:]_]|$)|^E, |panicked at|aborting start'; }

# What is wrong still: of an agent that polls, the errors since it does; of another one, those since its start, or else the last it had before.
errors() {
  local lines=
  if [ "$reached" = true ]; then
    lines=$(fresh | awk '/[Pp]oll/ && !/ERROR|FATAL/ { kept = "" } { kept = kept $0 "\n" } END { printf "%s", kept }' | wrong_lines | tail -n 5)
  else
    if [ -n "$mark" ]; then lines=$(fresh | wrong_lines | tail -n 5); fi
    if [ -z "$lines" ] && [ -r "$log" ]; then lines=$(tail -c 262144 "$log" | wrong_lines | tail -n 5); fi
  fi
  {
    if [ -n "$lines" ]; then printf '%s\n' "$lines"; fi
    if [ "${#remarks[@]}" -gt 0 ]; then printf '%s\n' "${remarks[@]//$'\n'/ }"; fi
  } | tail -n 5 | json_strings | paste -s -d ,
}

number() { if [[ $1 =~ ^[0-9]+$ ]]; then echo "$((10#$1))"; else echo null; fi; }

text() { if [ -n "$1" ]; then printf '%s\n' "$1" | json_strings | head -n 1; else echo null; fi; }

disk_percent() { df -P "$disk" 2>/dev/null | awk 'NR == 2 { sub("%", "", $5); print $5 }'; }

memory_free_mb() { awk '$1 == "MemAvailable:" { print int($2 / 1024) }' "$proc/meminfo" 2>/dev/null; }

clock() {
  case $(timeout 10 timedatectl show --property=NTPSynchronized --value 2>/dev/null </dev/null) in
    yes) echo synchronised ;;
    no) echo 'not synchronised' ;;
  esac
}

# The one line on stdout, and the end.
finish() {
  local action=$1 code=$2
  trap '' TERM INT HUP
  look
  printf '{"schema":1,"agent":"%s","version":%s,' "$generation" "$(text "$version")"
  printf '"before":{"active":"%s","pid":%s},' "$before_active" "$(number "$before_pid")"
  printf '"after":{"active":"%s","pid":%s},' "$(active)" "$(number "${masters[0]-}")"
  printf '"action":"%s","polls":%s,"held_seconds":%s,"disk_percent":%s,"memory_free_mb":%s,"clock":%s,"errors":[%s]}\n' \
    "$action" "$reached" "$held" "$(number "$(disk_percent)")" "$(number "$(memory_free_mb)")" "$(text "$(clock)")" "$(errors)"
  exit "$code"
}

# Somebody ends this script. An agent that it has stopped must not stay so.
# shellcheck disable=SC2329 # the trap calls it
interrupted() {
  if [ "$stopped" = yes ]; then systemd 10 start --no-block "$unit"; fi
  remarks+=('restart-agent was ended from outside')
  finish timed-out 3
}

remarks=()
masters=()
workers=()
mark=
held=0
reached=false
stopped=no
before_active=unknown
before_pid=

user=$(setting user)
if [ -z "$user" ]; then user=$(timeout 10 systemctl show --property=User --value "$unit" 2>/dev/null </dev/null); fi
deployments=$(setting root_dir)
tracking=$(setting ongoing_deployment_tracking)
tracking=${deployments:-$home/deployment-root}/${tracking:-ongoing-deployment}
pid_dir=$(setting pid_dir)
pid_dir=${pid_dir:-$home/state/.pid}
log_dir=$(setting log_dir)
log_dir=${log_dir:-$root/var/log/aws/codedeploy-agent}
log=$log_dir/codedeploy-agent.log
disk=$home
if ! [ -d "$disk" ]; then disk=$root/; fi

# The file that the agent itself keeps, as in `agent_version: OFFICIAL_1.8.1-29_rpm`.
version=$(grep -a -o -E '[0-9]+\.[0-9]+(\.[0-9]+)?' "$home/.version" 2>/dev/null | head -n 1)
case $version in
  1.*) generation=v1 ;;
  [2-9].* | [1-9][0-9]*.*) generation=v2 ;;
  *)
    if [ -e "$root/etc/init.d/codedeploy-agent" ] || [ -e "$home/lib/codedeploy-agent.rb" ]; then
      generation=v1
    elif [ -e "$home/bin/codedeploy-agent" ]; then
      generation=v2
    else
      generation=absent
    fi
    ;;
esac

before_active=$(active)
look
before_pid=${masters[0]-}
if [ "$generation" = absent ] && [ -n "$before_pid" ]; then generation=v1; fi
trap interrupted TERM INT HUP

if [ "$generation" = absent ]; then
  say 'there is no CodeDeploy agent on this server, and none was installed'
  finish not-installed 2
fi
if ! has_unit; then
  remarks+=("there is an agent but no systemd unit $unit: install the agent again")
  finish failed 1
fi

# Two of us at once would end each other's agent. The lock goes with the process.
if command -v flock >/dev/null && { exec 9>"$root/run/restart-codedeploy-agent.lock"; } 2>/dev/null && ! flock -n 9; then
  remarks+=('another restart is under way')
  finish refused-busy 0
fi

if ! none_left; then
  if busy; then
    say 'a lifecycle event is in progress'
    finish refused-busy 0
  fi
  if ! can_write; then
    remarks+=('a restart would end the agent for good, so the living one was left as it is')
    finish failed 1
  fi
else
  can_write
fi

end_only_the_agent
stopped=yes
systemd "$stop_seconds" stop "$unit"
if ! none_left; then
  # What systemd did not stop is hung, or at work by now: the answer to its last poll was an order.
  if busy; then spare; fi
  say "still there, so terminated: ${masters[*]-} ${workers[*]-}"
  kill -TERM "${masters[@]}" "${workers[@]}" 2>/dev/null
  if ! within "$term_seconds" none_left; then
    if busy; then spare; fi
    say "still there, so killed: ${masters[*]-} ${workers[*]-}"
    kill -KILL "${masters[@]}" "${workers[@]}" 2>/dev/null
    if ! within "$kill_seconds" none_left; then
      systemd 10 start --no-block "$unit"
      remarks+=("not even SIGKILL ended the agent: ${masters[*]-} ${workers[*]-}")
      finish timed-out 3
    fi
  fi
fi

# Nobody runs, so whatever these files say is wrong.
rm -f "$pid_dir/codedeploy-agent.pid" "$pid_dir/codedeploy-agent.pid.lock" "$pid_dir/master.pid"

forget_drop_in
mark=$(place)
timeout 10 systemctl reset-failed "$unit" >/dev/null 2>&1 </dev/null 9>&- # its limit of starts counts the dead ones
systemd "$start_seconds" start "$unit"
code=$?
stopped=no

# Is it there, does it stay, does it poll?
action=restarted
if [ -z "$before_pid" ]; then action=started; fi
begun=$SECONDS
pid=
since=$SECONDS
while :; do
  look
  if [ "${masters[0]-}" != "$pid" ]; then
    pid=${masters[0]-}
    since=$SECONDS
  fi
  if [ -n "$pid" ]; then
    held=$((SECONDS > since ? SECONDS - since - 1 : 0)) # whole seconds: the first one may have been short
    if polls; then reached=true; else reached=false; fi
    if [ "$held" -ge "$hold_seconds" ] && [ "$reached" = true ]; then break; fi
  else
    held=0
    reached=false
    if [ "$((SECONDS - since))" -ge "$hold_seconds" ]; then break; fi
  fi
  if [ "$((SECONDS - begun))" -ge "$poll_seconds" ]; then break; fi
  sleep "$pause"
done

if [ -z "$pid" ]; then
  if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then finish timed-out 3; fi
  finish failed 1
fi
if [ "$held" -lt "$hold_seconds" ]; then
  remarks+=("the agent does not stay alive: its last life is $held seconds old")
  finish failed 1
fi
finish "$action" 0
