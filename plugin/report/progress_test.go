package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// screen is what a terminal's line shows after text.
func screen(text string) string {
	line, at := []rune{}, 0
	for _, r := range text {
		switch {
		case r == '\r':
			at = 0
			continue
		case at < len(line):
			line[at] = r
		default:
			line = append(line, r)
		}
		at++
	}
	return strings.TrimRight(string(line), " ")
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	now := taken
	p := report.NewProgress(&out, 40, func() time.Time { return now })
	p.Set("infra", 11, 14)
	now = now.Add(2100 * time.Millisecond)
	p.Set("apps", 14, 14)
	if got, want := screen(out.String()), "apps 14/14  infra 11/14  2.1 s"; got != want {
		t.Errorf("shows %q, want %q", got, want)
	}
	p.Set("a-third-cluster", 2, 14)
	if got, want := screen(out.String()), "1/3 clusters  2.1 s"; got != want {
		t.Errorf("where it does not fit it shows %q, want %q", got, want)
	}
	p.Done()
	if got := screen(out.String()); got != "" || !strings.HasSuffix(out.String(), "\r") {
		t.Errorf("at the end it shows %q", got)
	}
	if strings.Contains(out.String(), "\n") {
		t.Error("it must stay on its line")
	}
}

func TestProgressOfManyAtOnce(t *testing.T) {
	var out bytes.Buffer
	p := report.NewProgress(&out, 80, func() time.Time { return taken })
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { p.Set(fmt.Sprintf("edge-%d", i), 14, 14) })
	}
	all.Wait()
	if got, want := screen(out.String()), "50/50 clusters  0.0 s"; got != want {
		t.Errorf("shows %q, want %q", got, want)
	}
}

func TestProgressWhereThereIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	p := report.NewProgress(&out, 0, nil)
	p.Set("infra", 1, 2)
	p.Done()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
	report.NewProgress(&out, 80, time.Now).Done()
	if out.Len() > 0 {
		t.Errorf("nothing was shown, so nothing is to be erased; wrote %q", out.String())
	}
}
