package work

import (
	"errors"
	"fmt"
	"testing"
)

func TestStrategy_isFoundByItsName(t *testing.T) {
	for _, s := range Strategies {
		if got, err := ParseStrategy(s.String()); got != s || err != nil {
			t.Errorf("ParseStrategy(%q) = %v, %v", s.String(), got, err)
		}
	}
	if _, err := ParseStrategy("prayer"); !errors.Is(err, ErrUnknownStrategy) {
		t.Errorf("ParseStrategy of an unknown name = %v, want ErrUnknownStrategy", err)
	}
}

func TestStrategy_goesWithItsFactorsAlone(t *testing.T) {
	for _, s := range append([]Strategy{0, 99}, Strategies...) {
		fewest, most := s.Factors()
		for factor := range uint8(MaxFactor + 2) {
			want := most > 0 && factor >= fewest && factor <= most
			if err := s.Check(factor); (err == nil) != want {
				t.Errorf("%v with a factor of %d: %v", s, factor, err)
			}
		}
	}
}

func ExampleStrategy_Check() {
	fmt.Println(Vote.Check(2))
	// Output: the factor does not suit the strategy: vote takes 3 to 4 copies, not 2
}
