package scenario_test

import (
	"fmt"
	"os"

	"fracture/chaos/scenario"
)

func ExampleParse() {
	e, err := scenario.Parse("lossy.yaml", []byte(`
title: lossy
question: Does anybody notice a lossy node?
budgets: [lost == 0]
faults:
  - {fault: loss, at: 5s, every: 10s, times: 2, for: 2s, share: 20%, node: n1}
`), scenario.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	arguments, _ := e.Method[0].Inject()
	fmt.Println(arguments)
	_ = e.PrintPlan(os.Stdout) // to the standard output
	// Output:
	// [loss --share 20% --node n1 --for 2s]
	// lossy
	// Does anybody notice a lossy node?
	//
	// at   fault  arguments                       for
	// 5s   loss   --share 20% --node n1 --for 2s  2s
	// 15s  loss   --share 20% --node n1 --for 2s  2s
	//
	// budgets: lost<=0
	// a round lasts 17s at the least
}

func ExampleNearest() {
	fmt.Println(scenario.Nearest("shre", []string{"node", "share", "peer"}))
	// Output: share
}
