package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fracture/chaos"
)

// entry is a fault that a node can be ordered to suffer, as the verbs faults and inject know it.
type entry struct {
	kind    chaos.Kind
	where   []chaos.Site
	flags   []string // of inject; that it needs
	may     []string // and that it may have
	what    string
	example string
}

// catalogue lists the faults that `fracture inject` can order.
var catalogue = []entry{
	{chaos.Cut, []chaos.Site{chaos.Link, chaos.Beat}, nil, []string{"peer", "inward", "gossip", "store"},
		"nothing that it says comes through, or, --inward, that is said to it; links stay up", "inject cut --node n3 --for 5s"},
	{chaos.Loss, []chaos.Site{chaos.Link, chaos.Beat}, []string{"share"}, []string{"peer", "inward", "gossip", "store"},
		"a share of the messages and beats is lost", "inject loss --share 20% --node n3"},
	{chaos.Delay, []chaos.Site{chaos.Link, chaos.Beat}, []string{"share", "by"}, []string{"peer", "store"},
		"a share is late, and those behind it wait", "inject delay --share 100% --by 20ms --node n3 --peer n4"},
	{chaos.Reorder, []chaos.Site{chaos.Link, chaos.Beat}, []string{"share", "by"}, []string{"peer"},
		"a share is late, and those behind it pass", "inject reorder --share 10% --by 5ms --node n3"},
	{chaos.Duplicate, []chaos.Site{chaos.Link, chaos.Beat}, []string{"share", "by"}, []string{"peer"},
		"a share comes twice", "inject duplicate --share 10% --by 5ms --node n3"},
	{chaos.Reset, []chaos.Site{chaos.Link}, nil, []string{"peer"},
		"links break once, and are made anew", "inject reset --node n3"},
	{chaos.Slow, []chaos.Site{chaos.Work}, []string{"times"}, nil,
		"each task takes so many times as long", "inject slow --times 10 --node n2"},
	{chaos.Wrong, []chaos.Site{chaos.Work}, []string{"share"}, nil,
		"a share of the answers has one bit flipped", "inject wrong --share 100% --node n2"},
	{chaos.Fail, []chaos.Site{chaos.Work}, []string{"terms"}, nil,
		"tasks fail, panic, wait or answer wrong, as terms say", `inject fail --terms 'every(7)panic' --node all`},
	{chaos.Kill, []chaos.Site{chaos.Store}, []string{"store"}, nil,
		"connections to the store break, and are refused", "inject kill --store --for 5s"},
	{chaos.Freeze, []chaos.Site{chaos.Store}, []string{"store"}, nil,
		"connections to the store stand, and nothing is answered", "inject freeze --store --for 5s"},
	{chaos.Deny, []chaos.Site{chaos.Store}, []string{"store", "share"}, nil,
		"a share of the writes is answered as by a store that has become read-only", "inject deny --store --share 100% --for 5s"},
}

// orderedKinds names the faults that a node can be ordered to suffer.
func orderedKinds() (names []string) {
	for _, e := range catalogue {
		names = append(names, e.kind.String())
	}
	return names
}

// dashed spells names of flags as one types them.
func dashed(flags []string) []string {
	typed := make([]string, len(flags))
	for i, f := range flags {
		typed[i] = "--" + f
	}
	return typed
}

// entryOf finds a fault by its name.
func entryOf(name string) (entry, error) {
	for _, e := range catalogue {
		if e.kind.String() == name {
			return e, nil
		}
	}
	return entry{}, fmt.Errorf("no fault is called %q: want one of %s", name, strings.Join(faultNames(), ", "))
}

// sites are where it stands.
func (e entry) sites(gossip, store bool) []chaos.Site {
	switch {
	case gossip:
		return []chaos.Site{chaos.Gossip}
	case store:
		return []chaos.Site{chaos.Store}
	}
	return e.where
}

// faultNames names all that inject takes, each once.
func faultNames() (names []string) {
	for _, d := range deeds {
		names = append(names, d.name)
	}
	for _, name := range orderedKinds() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// termsHelp says how terms are spelled.
const termsHelp = `terms: a task gets the act of the first term that allows it, and none where no term does
  act       return("boom")  it fails with that error, and does not run
            panic("boom")   what runs it dies, and is started again 1 ms later
            sleep(50)       it takes 50 ms longer; also sleep("1.5s")
            wrong           one bit of its answer is flipped
            off             nothing
  modifier  5%              one task in twenty
            3*              three times in all
            every(7)        each seventh task
            burst(3,100)    the last three of each hundred
  chain     2*off->1*panic  the third task panics`

func newFaultsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "faults",
		Short:   "what can go wrong at a node, and how to ask for it",
		Long:    "Lists the faults that `fracture inject` orders at nodes of a running cluster, where each strikes, what it wants, and\nan example. What a process suffers, kill and freeze, is done by the lab's keys and by `fracture run`.",
		Example: "  fracture faults\n  fracture faults --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return printFaultsJSON(cmd.OutOrStdout())
			}
			return printFaults(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func printFaults(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "fault\tat\twants\tmay have\twhat happens") // an error comes again from Flush
	for _, e := range catalogue {
		_, _ = fmt.Fprintf(table, "%v\t%s\t%s\t%s\t%s\n", e.kind, e.at(), strings.Join(dashed(e.flags), " "), strings.Join(dashed(e.may), " "), e.what)
	}
	for _, d := range deeds {
		_, _ = fmt.Fprintf(table, "%s\t%v\t\t%s\t%s\n", d.name, chaos.Process, strings.Join(dashed(d.may), " "), d.what)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprint(out, "\nwhom: --node NAME|all, --role owner|standby|splitter|door|store, --zone Z, --tile N, and of those --pick one|2|50%|random-max-50%\n\n")
	for _, d := range deeds {
		_, _ = fmt.Fprintln(out, "  fracture "+d.example)
	}
	for _, e := range catalogue {
		_, _ = fmt.Fprintln(out, "  fracture "+e.example)
	}
	_, err := fmt.Fprintln(out, "\n"+termsHelp)
	return err
}

// at names the sites.
func (e entry) at() string {
	var words []string
	for _, s := range e.where {
		words = append(words, s.String())
	}
	return strings.Join(words, ", ")
}

func printFaultsJSON(out io.Writer) error {
	type fault struct {
		Fault   string   `json:"fault"`
		At      string   `json:"at"`
		Wants   []string `json:"wants"`
		MayHave []string `json:"may_have"`
		What    string   `json:"what"`
		Example string   `json:"example"`
	}
	var all []fault
	for _, e := range catalogue {
		all = append(all, fault{e.kind.String(), e.at(), append([]string{}, e.flags...), append([]string{}, e.may...), e.what, "fracture " + e.example})
	}
	for _, d := range deeds {
		all = append(all, fault{d.name, chaos.Process.String(), []string{}, append([]string{}, d.may...), d.what, "fracture " + d.example})
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"faults": all})
}
