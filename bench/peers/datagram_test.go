package main

import (
	"net"
	"testing"
	"time"
)

func TestPair_oneThatBecomesActiveAnswersWhatIsOpen(t *testing.T) {
	address := "127.0.0.1:0"
	s, err := newStanding(address)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.run() }()
	t.Cleanup(func() { _ = s.socket.Close() })
	client, err := net.Dial("udp", s.socket.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	say := func(words string) {
		if _, err := client.Write([]byte(words)); err != nil {
			t.Fatal(err)
		}
	}
	hear := func() string {
		packet := make([]byte, answerSize)
		_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := client.Read(packet)
		if err != nil {
			t.Fatal(err)
		}
		return string(packet[:n])
	}
	s.become(false, 2)
	say("work 5 5")
	say("work 6 6") // which says that 5 was answered
	say("role")
	if got := hear(); got != "role standby 2" {
		t.Errorf("heard %q, want role standby 2: a standby answers no work", got)
	}
	s.become(true, 1)
	if got := hear(); got != "done 6" {
		t.Errorf("heard %q, want done 6: what is open, and no more", got)
	}
	say("work 7 7")
	if got := hear(); got != "done 7" {
		t.Errorf("heard %q, want done 7", got)
	}
}
