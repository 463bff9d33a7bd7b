package tui

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// faultFor is how long a fault stands that a key has brought about. Healing everything ends it sooner, and so does undo.
const faultFor = 10 * time.Second

// inject has a fault stand at the picked node, in the words of `fracture inject`.
func (m *model) inject(verb, said, key string, arguments ...string) tea.Cmd {
	return m.order(verb, said, key, func(c Control, ctx context.Context, node string, sure bool) (Heal, error) {
		return c.Inject(ctx, append(slices.Clone(arguments), "--node", node, "--for", faultFor.String()), sure)
	})
}

func (m *model) delay(key string) tea.Cmd {
	return m.inject("delay", "all that %s says is 20 ms late, for 10 s", key, "delay", "--share", "100%", "--by", "20ms")
}

func (m *model) fail(key string) tea.Cmd {
	return m.inject("fail", "each seventh task of %s fails, for 10 s", key, "fail", "--terms", `every(7)return("failed by key")`)
}

func (m *model) slow(key string) tea.Cmd {
	return m.inject("slow", "tasks of %s take ten times as long, for 10 s", key, "slow", "--times", "10")
}

// cut asks from whom the picked node is to be cut off, and cuts it off from everybody where the key is pressed again.
func (m *model) cut(key string) tea.Cmd {
	n := m.state.target()
	if n == nil || n.Foreign || m.state.asked == (question{"cut", n.Name}) || m.state.parting == n.Name {
		m.state.parting = ""
		return m.inject("cut", "%s is cut off, for 10 s", key, "cut", "--both")
	}
	m.state.ask(question{}, "cut %s off from whom? %s everybody, 1-9 that node", n.Name, key)
	m.state.parting = n.Name
	m.soil(paneFooter)
	return nil
}

// part takes the key that follows the question of cut, and reports whether it answers it.
func (m *model) part(key string) bool {
	s := &m.state
	node := s.parting
	if node == "" || key == "n" {
		return false
	}
	s.parting, s.message = "", ""
	m.soil(paneFooter)
	i, err := strconv.Atoi(key)
	if err != nil || i < 1 || i > len(s.nodes) || s.nodes[i-1].Name == node {
		return false
	}
	peer := s.nodes[i-1].Name
	said := "%s is cut off from " + strings.ReplaceAll(peer, "%", "%%") + ", for 10 s"
	m.inject("part", said, key, "cut", "--both", "--peer", peer)
	return true
}

// monkey lets the monkey loose, or has it rest.
func (m *model) monkey(string) tea.Cmd {
	m.soil(paneFooter)
	m.state.loose = !m.state.loose
	loose, said := m.state.loose, "the monkey rests"
	if loose {
		said = "the monkey is loose: every 3 s something breaks"
	}
	m.give(deed{name: "monkey", do: func(c Control, ctx context.Context) (string, error) {
		return said, c.Monkey(ctx, loose)
	}, then: func(s *state, err error) {
		if err != nil {
			s.loose = !loose
		}
	}})
	return nil
}

// storeDown takes the store down, as all nodes see it.
func (m *model) storeDown(string) tea.Cmd {
	m.soil(paneFooter)
	var heal Heal // told by the deed before its answer comes
	m.give(deed{name: "store down", do: func(c Control, ctx context.Context) (string, error) {
		var err error
		heal, err = c.Inject(ctx, []string{"kill", "--store", "--for", faultFor.String()}, false)
		return "the store is down, for 10 s", err
	}, then: func(s *state, err error) {
		if err == nil {
			s.did(done{verb: "store down", heal: heal, until: s.now.Add(faultFor)})
		}
	}})
	return nil
}
