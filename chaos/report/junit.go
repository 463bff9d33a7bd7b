package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"fracture/chaos/meter"
)

// The shape that Jenkins and those who read its files expect.
type (
	junitSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Time     string     `xml:"time,attr"`
		Suite    junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Hostname   string          `xml:"hostname,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
		Error   *junitFailure `xml:"error"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes junit.xml: a case for each row and budget, those of the whole run, and the verdict. A broken budget is a
// failure; what could not be judged is an error, since a run that proves nothing is not to look green. A row's time is parted
// among its cases.
func (r *Run) WriteJUnit(w io.Writer) error {
	checks, err := r.Checks()
	if err != nil {
		return err
	}
	took, cases := map[string]float64{}, map[string]int{}
	for _, t := range r.Trials {
		took[rowName(t.Component, t.Fault)] += t.Took / 1e3
	}
	for _, c := range checks {
		cases[c.Row]++
	}
	suite := junitSuite{Name: text(r.Title), Time: seconds(r.Took), Hostname: text(r.Host), Properties: []junitProperty{
		{"command", text(r.shell())}, {"seed", fmt.Sprint(r.Seed)}, {"strategy", text(r.Strategy)}, {"load", text(r.Load)}, {"nodes", fmt.Sprint(r.Nodes)},
		{"machine", text(r.Versions.Machine)}, {"version", text(r.Versions.Fracture)},
	}}
	if at := r.started(); !at.IsZero() {
		suite.Timestamp = at.UTC().Format("2006-01-02T15:04:05")
	}
	for _, c := range checks {
		suite.add(junitCase{Class: class(c.Row), Name: c.Budget.String(), Time: seconds(took[c.Row] / float64(cases[c.Row]))}, c.Verdict, c.Why)
	}
	suite.add(junitCase{Class: class(meter.WholeRun), Name: "verdict", Time: seconds(0)}, r.Verdict, strings.Join(r.Why, "\n"))
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encode := xml.NewEncoder(w)
	encode.Indent("", "  ")
	if err := encode.Encode(junitSuites{Name: "fracture", Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Time: suite.Time, Suite: suite}); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}

// add counts a case and says what it came to.
func (s *junitSuite) add(c junitCase, v meter.Verdict, why string) {
	first, _, _ := strings.Cut(why, "\n")
	reason := &junitFailure{Message: text(first), Type: text(string(v)), Text: text(why)}
	s.Tests++
	switch v {
	case meter.Held:
	case meter.Broken:
		c.Failure = reason
		s.Failures++
	case meter.Thin, meter.Interrupted:
		c.Error = reason
		s.Errors++
	}
	c.Name, c.Class = text(c.Name), text(c.Class)
	s.Cases = append(s.Cases, c)
}

// class is a row as the dotted name that such readers fold by.
func class(row string) string { return "fracture." + strings.ReplaceAll(row, " ", ".") }

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// text leaves out what XML has no place for.
func text(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xfffe || c == 0xffff {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}
