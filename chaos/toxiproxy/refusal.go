package toxiproxy

import (
	"errors"
	"fmt"
	"net/http"
)

// refusal is the answer no, in Toxiproxy's words where it has any.
type refusal struct {
	Text   string `json:"error"`
	Status int    `json:"status"`
}

func (r *refusal) Error() string { return r.Text }

// with says what it is about.
func (r *refusal) with(format string, args ...any) *refusal {
	return &refusal{r.Text + ": " + fmt.Sprintf(format, args...), r.Status}
}

var (
	errBadBody     = &refusal{"bad request body", http.StatusBadRequest}
	errMissing     = &refusal{"missing required field", http.StatusBadRequest}
	errStream      = &refusal{"stream was invalid, can be either upstream or downstream", http.StatusBadRequest}
	errType        = &refusal{"invalid toxic type", http.StatusBadRequest}
	errNoProxy     = &refusal{"proxy not found", http.StatusNotFound}
	errNoToxic     = &refusal{"toxic not found", http.StatusNotFound}
	errProxyExists = &refusal{"proxy already exists", http.StatusConflict}
	errToxicExists = &refusal{"toxic already exists", http.StatusConflict}
	errAttribute   = &refusal{"invalid attributes", http.StatusBadRequest}
	errManyProxies = &refusal{"too many proxies, delete one", http.StatusConflict}
	errManyToxics  = &refusal{"too many toxics at this proxy, delete one", http.StatusConflict}
	errCannot      = &refusal{"the link cannot have this", http.StatusBadRequest}
	errTooMuch     = &refusal{"the cluster is to be spared this", http.StatusConflict}
	errLinkIsGiven = &refusal{"the proxy is a link of the cluster: it cannot be created, moved or deleted, only its toxics and enabled can change", http.StatusConflict}
	errForeign     = &refusal{"requests from pages of other sites, and to other names than this host's, are refused", http.StatusForbidden}
	errEnding      = &refusal{"the server is ending", http.StatusServiceUnavailable}
	errExposed     = &refusal{"listening there would open the proxy to other hosts, which this server was not told to allow; choose a loopback address", http.StatusBadRequest}
)

// ErrUnable: the links cannot suffer such a toxic, or not with these attributes. Wrap it with why; who asked is told.
var ErrUnable = errors.New("a link cannot suffer this")

// ErrTooMuch: more of the cluster would be broken than may be. Wrap it with why; who asked is told.
var ErrTooMuch = errors.New("too much would be broken")

// refused is the refusal that an error is; what has no words of its own is a 500, as in Toxiproxy.
func refused(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return &refusal{err.Error(), r.Status}
	}
	if errors.Is(err, ErrUnable) {
		return errCannot.with("%v", err)
	}
	if errors.Is(err, ErrTooMuch) {
		return errTooMuch.with("%v", err)
	}
	return &refusal{err.Error(), http.StatusInternalServerError}
}
