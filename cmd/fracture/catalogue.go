package main

import (
	"cmp"
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
	name    string // where it is not the kind's
	where   []chaos.Site
	flags   []string // of inject; that it needs
	may     []string // and that it may have
	what    string
	example string
}

// catalogue lists the faults that `fracture inject` can order.
var catalogue = []entry{
	{kind: chaos.Cut, where: between, may: []string{"peer", "inward", "both", "gossip", "store"},
		what: "nothing that it says comes through, or, --inward, that is said to it; links stay up", example: "inject cut --node n3 --for 5s"},
	{kind: chaos.Cut, name: partition, where: between, may: []string{"shape", "groups"},
		what: "nodes cannot reach each other, in a shape of Jepsen's or by groups of names", example: "inject partition --shape majority --for 5s"},
	{kind: chaos.Blackhole, where: between, may: []string{"timeout", "peer", "inward"},
		what: "nothing passes, telemetry neither; links stand, and what waits comes when it is over, or close at --timeout", example: "inject blackhole --timeout 2s --node n3 --peer n4"},
	{kind: chaos.Loss, where: between, flags: []string{"share"}, may: []string{"peer", "inward", "both", "gossip", "store"},
		what: "a share of the messages and beats is lost", example: "inject loss --share 20% --node n3"},
	{kind: chaos.Delay, where: between, flags: []string{"share", "by"}, may: []string{"jitter", "distribution", "peer", "store"},
		what: "a share is late, and those behind it wait", example: "inject delay --share 100% --by 20ms --jitter 5ms --node n3 --peer n4"},
	{kind: chaos.Reorder, where: between, flags: []string{"share", "by"}, may: []string{"jitter", "distribution", "peer"},
		what: "a share is late, and those behind it pass", example: "inject reorder --share 10% --by 5ms --node n3"},
	{kind: chaos.Duplicate, where: between, flags: []string{"share", "by"}, may: []string{"jitter", "distribution", "peer"},
		what: "a share comes twice", example: "inject duplicate --share 10% --by 5ms --node n3"},
	{kind: chaos.Corrupt, where: between, flags: []string{"share"}, may: []string{"peer", "inward"},
		what: "a share of what goes over the wire has one bit flipped: links break, beats are refused", example: "inject corrupt --share 1% --node n3"},
	{kind: chaos.Bandwidth, where: onLinks, flags: []string{"rate"}, may: []string{"peer", "inward"},
		what: "links let so many bytes a second pass; what waits is late", example: "inject bandwidth --rate 64KB/s --node n3"},
	{kind: chaos.Slicer, where: onLinks, flags: []string{"size", "by"}, may: []string{"vary", "peer", "inward"},
		what: "bytes pass in pieces, with a pause between", example: "inject slicer --size 100B --vary 20B --by 1ms --node n3"},
	{kind: chaos.LimitData, where: onLinks, flags: []string{"bytes"}, may: []string{"peer", "inward"},
		what: "each link closes when so many bytes have passed", example: "inject limit_data --bytes 1MiB --node n3"},
	{kind: chaos.SlowClose, where: onLinks, flags: []string{"by"}, may: []string{"peer", "inward"},
		what: "the end of a link comes late to the other, or, --inward, to it", example: "inject slow_close --by 500ms --node n3 --inward --for 1m"},
	{kind: chaos.Reset, where: onLinks, may: []string{"timeout", "peer"},
		what: "links break once, or, so long after each was made, again and again; they are made anew", example: "inject reset --node n3"},
	{kind: chaos.Slow, where: atWork, flags: []string{"times"},
		what: "each task takes so many times as long", example: "inject slow --times 10 --node n2"},
	{kind: chaos.Wrong, where: atWork, flags: []string{"share"},
		what: "a share of the answers has one bit flipped", example: "inject wrong --share 100% --node n2"},
	{kind: chaos.Fail, where: atWork, flags: []string{"terms"},
		what: "tasks fail, panic, wait or answer wrong, as terms say", example: `inject fail --terms 'every(7)panic' --node all`},
	{kind: chaos.Wedge, where: onLoop,
		what: "the loop by which it decides stands still; sockets, links and other threads go on", example: "inject wedge --node n3 --for 2s"},
	{kind: chaos.Skew, where: onLoop, flags: []string{"by"},
		what: "the clock that it decides by is so much ahead, or, below 0, behind", example: "inject skew --by -50ms --node n3"},
	{kind: chaos.Jump, where: onLoop, flags: []string{"by"},
		what: "that clock jumps, and goes back a tenth as fast as time passes", example: "inject jump --by 200ms --node n3 --for 3s"},
	{kind: chaos.Strobe, where: onLoop, flags: []string{"by", "period"},
		what: "that clock jumps to and fro, each period", example: "inject strobe --by 50ms --period 10ms --node n3"},
	{kind: chaos.Stress, where: onResource, flags: []string{"cores"},
		what: "so many of its threads burn processor time", example: "inject stress --cores 2 --node n3"},
	{kind: chaos.Ballast, where: onResource, flags: []string{"bytes"},
		what: "it holds so much more memory, resident", example: "inject ballast --bytes 64MiB --node n3"},
	{kind: chaos.GC, where: onResource, may: []string{"rate"},
		what: "its heap is collected without a pause, or for so much garbage a second", example: "inject gc --rate 200MB/s --node n3"},
	{kind: chaos.Kill, where: atStore, flags: []string{"store"},
		what: "connections to the store break, and are refused", example: "inject kill --store --for 5s"},
	{kind: chaos.Freeze, where: atStore, flags: []string{"store"},
		what: "connections to the store stand, and nothing is answered", example: "inject freeze --store --for 5s"},
	{kind: chaos.Deny, where: atStore, flags: []string{"store", "share"}, may: []string{"error"},
		what:    "a share of the writes is answered as by a store that is read-only, out of memory, whose disk is full, or that lacks replicas",
		example: "inject deny --store --share 100% --error oom --for 5s"},
	{kind: chaos.Delay, name: slowDisk, where: atStore, flags: []string{"store", "by"}, may: []string{"share", "jitter", "distribution"},
		what: "writes are answered late, as by a store that waits for its disk; questions in time", example: "inject slow_disk --store --by 200ms --for 5s"},
}

// slowDisk is the delay of writes to the store alone.
const slowDisk = "slow_disk"

// Where faults stand.
var (
	between = []chaos.Site{chaos.Link, chaos.Beat}
	onLinks = []chaos.Site{chaos.Link}
	atWork  = []chaos.Site{chaos.Work}
	atStore = []chaos.Site{chaos.Store}

	onLoop     = []chaos.Site{chaos.Loop}
	onResource = []chaos.Site{chaos.Resource}
)

// String is the fault's name.
func (e entry) String() string { return cmp.Or(e.name, e.kind.String()) }

// orderedKinds names the faults that a node can be ordered to suffer.
func orderedKinds() (names []string) {
	for _, e := range catalogue {
		names = append(names, e.String())
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
		if e.String() == name {
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
	for _, d := range serverDeeds(false) {
		if !slices.Contains(names, d.name) {
			names = append(names, d.name)
		}
	}
	for _, name := range orderedKinds() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// valuesHelp says how values are spelled.
const valuesHelp = `values
  --share    20% or 0.2; of messages also, as of tasks below, every(7), burst(3,100), 50%every(7)
  --by       5ms; with --jitter 2ms it is spread around that: --distribution uniform (within the jitter), normal or pareto
             (the jitter is the deviation); of a clock -50ms, too, and --period 10ms
  --error    of what a store denies: readonly, oom, disk or noreplicas, in the words of Redis
  --rate     64KB/s; --size, --vary, --bytes: 100B, 64KB, 64KiB, 1MiB
  --shape    one, majority, minority-third, majorities-ring, bridge, of nodes that the seed draws; --groups n1,n2/n3,n4,n5`

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
		Long:    "Lists the faults that `fracture inject` orders at nodes of a running cluster, where each strikes, what it wants, and\nan example. What processes suffer, the lab that started them does to them.",
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
		_, _ = fmt.Fprintf(table, "%v\t%s\t%s\t%s\t%s\n", e, e.at(), strings.Join(dashed(e.flags), " "), strings.Join(dashed(e.may), " "), e.what)
	}
	for _, d := range deeds {
		_, _ = fmt.Fprintf(table, "%s\t%v\t\t%s\t%s\n", d.name, chaos.Process, strings.Join(dashed(d.may), " "), d.what)
	}
	for _, d := range serverDeeds(false) {
		_, _ = fmt.Fprintf(table, "%s\t%v\t%s\t%s\t%s\n", d.name, d.where(), strings.Join(dashed(d.wants()), " "), strings.Join(dashed(d.may), " "), d.what)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprint(out, "\nwhom: --node NAME|all, --role owner|standby|splitter|door|store|server, --zone Z, --tile N, and of those --pick one|2|50%|random-max-50%\n\n")
	for _, d := range deeds {
		_, _ = fmt.Fprintln(out, "  fracture "+d.example)
	}
	for _, e := range catalogue {
		_, _ = fmt.Fprintln(out, "  fracture "+e.example)
	}
	for _, d := range serverDeeds(false) {
		_, _ = fmt.Fprintln(out, "  fracture "+d.example)
	}
	_, err := io.WriteString(out, "\n"+valuesHelp+"\n\n"+termsHelp+"\n")
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
		all = append(all, fault{e.String(), e.at(), append([]string{}, e.flags...), append([]string{}, e.may...), e.what, "fracture " + e.example})
	}
	for _, d := range deeds {
		all = append(all, fault{d.name, chaos.Process.String(), []string{}, append([]string{}, d.may...), d.what, "fracture " + d.example})
	}
	for _, d := range serverDeeds(false) {
		all = append(all, fault{d.name, d.where().String(), append([]string{}, d.wants()...), append([]string{}, d.may...), d.what, "fracture " + d.example})
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"faults": all})
}
