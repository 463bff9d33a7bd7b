package clock

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets the test run its own binary as another process that prints its axis.
func TestMain(m *testing.M) {
	if os.Getenv("FRACTURE_PRINT_AXIS") != "" {
		_, _ = os.Stdout.WriteString(strconv.FormatUint(Axis(), 10))
		return
	}
	os.Exit(m.Run())
}

func TestAxis_isSharedByTheProcessesOfAHost(t *testing.T) {
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "FRACTURE_PRINT_AXIS=1")
	told, err := other.Output()
	if err != nil {
		t.Fatal(err)
	}
	if own := strconv.FormatUint(Axis(), 10); own == "0" || strings.TrimSpace(string(told)) != own {
		t.Errorf("Axis = %s here and %s in another process, want the same and not 0", own, told)
	}
}
