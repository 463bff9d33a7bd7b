package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"time"

	"fracture/chaos/scenario"
)

// Bounds of an activity.
const (
	maxSaidBytes = 1 << 20         // of its answer
	actGrace     = 2 * time.Second // from SIGTERM to SIGKILL of a process that takes too long
)

// actor carries out what a scenario does and asks outside of this process, and what it says to fracture itself.
type actor struct {
	program string // this one, for activities of the path "fracture"
	env     []string
	heal    func(ctx context.Context) (string, error) // what `fracture heal` does here
	guard   func(ctx context.Context, g scenario.Guard) (string, error)
	at      func(do func() error) error // does something in the network of who asks; nil: it is ours
}

// there does something in the network of who asks.
func (a *actor) there(do func() error) error {
	if a.at == nil {
		return do()
	}
	return a.at(do)
}

// dial connects from there; of a name it takes the addresses in turn.
func (a *actor) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	serial := net.Dialer{FallbackDelay: -1} // on this goroutine, whose thread is there
	err = a.there(func() (err error) { conn, err = serial.DialContext(ctx, network, address); return err })
	return conn, err
}

// carryOut runs a process, or makes a request, and answers with what came of it.
func (a *actor) carryOut(ctx context.Context, p scenario.Provider) (scenario.Answer, error) {
	if p.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.Timeout, fmt.Errorf("it took longer than %v", p.Timeout))
		defer cancel()
	}
	if p.Type == scenario.HTTP {
		return a.request(ctx, p)
	}
	if path.Base(p.Path) == "fracture" {
		if len(p.Arguments) == 1 && p.Arguments[0] == "heal" {
			said, err := a.heal(ctx)
			return scenario.Answer{Good: err == nil, Said: said}, err
		}
		if g, ok := p.Guard(); ok {
			said, err := a.guard(ctx, g)
			return scenario.Answer{Good: err == nil, Said: said}, err
		}
		p.Path = a.program
	}
	return a.process(ctx, p)
}

// process runs one to its end, in a group of its own, which ends with it.
func (a *actor) process(ctx context.Context, p scenario.Provider) (scenario.Answer, error) {
	cmd := exec.CommandContext(ctx, p.Path, p.Arguments...)
	if p.Line != "" {
		cmd = exec.CommandContext(ctx, "/bin/sh", "-c", p.Path+" "+p.Line)
	}
	out, errs := &capped{left: maxSaidBytes}, &capped{left: maxSaidBytes}
	cmd.Env, cmd.Stdout, cmd.Stderr = a.env, out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = actGrace
	err := a.there(cmd.Run)
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind; there may be nothing
	}
	answer := scenario.Answer{Said: out.String(), Errors: errs.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return answer, fmt.Errorf("%s: %w", p.Path, context.Cause(ctx))
	case err == nil, errors.As(err, &exit), errors.Is(err, exec.ErrWaitDelay):
		answer.Status = cmd.ProcessState.ExitCode()
		answer.Good = answer.Status == 0
		return answer, nil
	}
	return answer, fmt.Errorf("running %s: %w", p.Path, err)
}

// capped keeps the beginning of what is written to it.
type capped struct {
	bytes.Buffer
	left int
}

// Write implements io.Writer. What is beyond the bound is dropped.
func (c *capped) Write(b []byte) (int, error) {
	kept := min(len(b), c.left)
	c.left -= kept
	_, _ = c.Buffer.Write(b[:kept]) // a buffer takes all
	return len(b), nil
}

// request makes an HTTP request.
func (a *actor) request(ctx context.Context, p scenario.Provider) (answer scenario.Answer, err error) {
	method, target, body, kind := p.Method, p.URL, io.Reader(nil), ""
	if method == "" {
		method = http.MethodGet
	}
	header := http.Header{}
	for _, h := range p.Headers {
		header.Add(h.Name, h.Value)
	}
	if p.Body != nil {
		switch {
		case method == http.MethodGet:
			if target, err = withQuery(target, p.Body); err != nil {
				return answer, err
			}
		case strings.Contains(header.Get("Content-Type"), "json"):
			body = bytes.NewReader(p.Body)
		default:
			values, err := valuesIn(p.Body)
			if err != nil {
				return answer, err
			}
			body, kind = strings.NewReader(values.Encode()), "application/x-www-form-urlencoded"
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return answer, err
	}
	r.Header = header
	if kind != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", kind)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	if a.at != nil {
		transport.DialContext = a.dial
	}
	if p.UnsafeTLS {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the scenario says so
	}
	reply, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return answer, err
	}
	defer func() { _ = reply.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(reply.Body, maxSaidBytes))
	if err != nil {
		return answer, fmt.Errorf("%s %s: reading the reply: %w", method, p.URL, err)
	}
	var head strings.Builder
	_ = reply.Header.Write(&head) // a builder takes all
	answer = scenario.Answer{Status: reply.StatusCode, Good: reply.StatusCode/100 == 2, Said: string(said), Parts: head.String()}
	if p.Expected != 0 && p.Expected != reply.StatusCode {
		return answer, fmt.Errorf("%s %s: status %d, want %d", method, p.URL, reply.StatusCode, p.Expected)
	}
	return answer, nil
}

// withQuery appends the members of an object to a URL's query.
func withQuery(target string, object []byte) (string, error) {
	values, err := valuesIn(object)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", err
	}
	query := u.Query()
	for name, list := range values {
		query[name] = append(query[name], list...)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// valuesIn are the members of an object as a form has them.
func valuesIn(object []byte) (url.Values, error) {
	var members map[string]any
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, fmt.Errorf("arguments: want an object: %w", err)
	}
	values := url.Values{}
	for name, member := range members {
		list, many := member.([]any)
		if !many {
			list = []any{member}
		}
		for _, v := range list {
			values.Add(name, fmt.Sprint(v))
		}
	}
	return values, nil
}
