package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pollEvery is how often somebody who waits for an answer looks whether he should go on.
const pollEvery = 100 * time.Millisecond

// agrees asks a person at the terminal, and reports whether the answer is yes. Where there is no terminal nobody is asked.
func agrees(ctx context.Context, question string) bool {
	if !isTerminal(os.Stdin) || !isTerminal(os.Stderr) {
		return false
	}
	_, _ = fmt.Fprintf(os.Stderr, "%s [y/N] ", question) // a terminal that takes nothing gives no answer either
	wait := []unix.PollFd{{Fd: int32(os.Stdin.Fd()), Events: unix.POLLIN}}
	for ctx.Err() == nil {
		if n, err := unix.Poll(wait, int(pollEvery.Milliseconds())); n == 0 || err == unix.EINTR {
			continue
		}
		answer, _ := bufio.NewReader(os.Stdin).ReadString('\n') // what has ended is no yes
		answer = strings.ToLower(strings.TrimSpace(answer))
		return answer == "y" || answer == "yes"
	}
	return false
}
