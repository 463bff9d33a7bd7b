#!/usr/bin/env bash
# Records docs/picture/lab.svg: a lab in a terminal of 120×36 of its own, in which one node is killed.
#
#   make picture            (needs tmux; ends in about two minutes, on a machine that is not busy with other things)
#
# It waits for a calm minute, in which no node was taken for dead that was not, kills the node that runs the most tiles,
# and keeps what the screen shows a few seconds later. Where the machine disturbed that (somebody else was taken for
# dead, nobody had to take over because no task was under way, or nothing could be read), it begins again with another lab.
#
#   FRACTURE=bin/fracture   the program        OUT=docs/picture/lab.svg   where to write
#   LABFLAGS=               flags of the lab   TRIES=8                    how often to try
#   CALM=0                  needless takeovers a minute that still count as calm
set -euo pipefail
cd "$(dirname "$0")/../.."

fracture=${FRACTURE:-bin/fracture} out=${OUT:-docs/picture/lab.svg} tries=${TRIES:-8}
columns=120 rows=36 calm_s=90
scratch=$(mktemp -d)
lab=(tmux -L "fracture-picture-$$" -f "$scratch/tmux.conf")

cleanup() {
	"${lab[@]}" kill-server 2>/dev/null || true # the lab is told so (SIGHUP), and takes its nodes along
	rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
	echo "record.sh: $*" >&2
	"${lab[@]}" capture-pane -p 2>/dev/null >&2 || true
	exit 1
}

command -v tmux >/dev/null || fail "tmux was not found; install it (package tmux)"
[ -x "$fracture" ] || fail "$fracture was not found; run make build"

shown() { "${lab[@]}" capture-pane -p; }
press() { "${lab[@]}" send-keys "$1"; }

# await SECONDS PATTERN waits until the screen shows PATTERN.
await() {
	local end=$((SECONDS + $1))
	until shown | grep -qE "$2"; do
		((SECONDS < end)) || return 1
		sleep 0.2
	done
}

# The key of the node that runs the most tiles: its line reads "▸2 ● n2  alive  worker  4  6.1  31.7".
busiest() {
	shown | grep -oE '[1-9] ● n[0-9]+ +alive +[a-z]+ +[0-9]+' | awk '{ if ($NF > most) { most = $NF; key = $1 } } END { print key }'
}

# is_calm: no more needless takeovers a minute than CALM.
is_calm() {
	shown | awk -v most="${CALM:-0}" 'match($0, /needless (takeovers )?[0-9.]+/) {
		n = split(substr($0, RSTART, RLENGTH), word, " "); seen = 1; if (word[n] > most + 0) bad = 1
	} END { exit !seen || bad }'
}

await_calm() {
	local end=$((SECONDS + calm_s))
	until is_calm; do
		((SECONDS < end)) || return 1
		sleep 0.2
	done
}

# attempt starts a lab, breaks it, and draws it; it fails where the machine disturbed that.
attempt() {
	"${lab[@]}" kill-server 2>/dev/null && sleep 2
	"${lab[@]}" new-session -d -x $columns -y $rows "env TERM=xterm-256color COLORTERM=truecolor $fracture lab ${LABFLAGS:-}"
	await 20 '[1-9]+ alive' || return 1
	sleep 20 # the least that a downtime is measured against is calm too
	await_calm || return 1
	press "$(busiest)"
	sleep 0.5
	press x
	await 5 'takes .* over from n[0-9] \(reset\)' && await 5 'ms of downtime' && sleep 1 && is_calm || return 1
	shown | grep -q 'p50 0\.00' && return 1 # the calm before was so restless that it hides the downtime
	"${lab[@]}" capture-pane -epN >"$scratch/lab.ansi"
	shown | grep -A3 'failover ─' | cut -c66-
	go run -C tools ./picture -columns $columns -rows $rows -title "fracture lab" <"$scratch/lab.ansi" >"$scratch/lab.svg"
	mv "$scratch/lab.svg" "$out"
	press q
	sleep 2
}

printf '%s\n' 'set -g status off' 'set -g remain-on-exit on' 'set -g default-terminal tmux-256color' >"$scratch/tmux.conf"
for ((try = 1; try <= tries; try++)); do
	if attempt; then
		echo "wrote $out, $(wc -c <"$out") bytes, at try $try"
		exit 0
	fi
	echo "record.sh: try $try was disturbed: $(shown 2>/dev/null | grep -oE 'needless.*' || true)" >&2
done
fail "every try was disturbed: the machine is busy with other things"
