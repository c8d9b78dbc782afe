// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	op "github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// Payment, Profile and Alert are what the program in the README works with.
type Payment struct {
	Card  string
	At    time.Time
	Total int64
}

func (p Payment) When() time.Time { return p.At }
func (p Payment) CardID() string  { return p.Card }
func (p Payment) Cents() int64    { return p.Total }

type Profile struct{ Limit int64 }

type Alert struct {
	Spent, Limit int64
	During       window.Span
}

func (a Alert) OverLimit() bool { return a.Spent > a.Limit }

// The program of the README begins here. TestReadme compares.

var (
	payments = stream.Topic[string, Payment]{
		Name: "payments", Key: codec.String, Value: codec.JSON[Payment](), Time: Payment.When,
	}
	profiles = stream.Topic[string, Profile]{Name: "card-profiles", Key: codec.String, Value: codec.JSON[Profile]()}
	alerts   = stream.Topic[string, Alert]{Name: "fraud-alerts", Key: codec.String, Value: codec.JSON[Alert]()}
)

func fraud(t *stream.Topology) {
	cards := stream.TableFrom(t, profiles)
	byCard := op.KeyBy("by-card", stream.From(t, payments), codec.String, Payment.CardID)
	spent := op.AggregateWindows("spent", byCard,
		window.Sliding{Size: 10 * time.Minute, Grace: 30 * time.Second}, op.Sum(Payment.Cents))
	checked := op.JoinTable(spent.Out, cards, func(sum window.Pane[int64], p Profile) Alert {
		return Alert{Spent: sum.Value, Limit: p.Limit, During: sum.Span}
	})
	stream.To(op.Filter(checked, Alert.OverLimit), alerts)
}

func program() {
	t := stream.New("fraud")
	fraud(t)
	if err := stream.Run(context.Background(), t, stream.Config{Brokers: []string{"localhost:9092"}}); err != nil {
		panic(err)
	}
}

var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

func TestFraud(t *testing.T) {
	topology := stream.New("fraud")
	fraud(topology)
	d := streamtest.New(t, topology)
	cards, in, out := streamtest.Input(d, profiles), streamtest.Input(d, payments), streamtest.Output(d, alerts)
	cards.Send("card-1", Profile{Limit: 1000}, 0)
	in.Send("till-1", Payment{Card: "card-1", At: noon, Total: 900}, 0)
	in.Send("till-2", Payment{Card: "card-1", At: noon.Add(time.Minute), Total: 200}, 0)
	require.EqualValues(t, 1100, out.Read()[0].Value.Spent)
}

// TestReadme holds the program and the test in the README against those above, line by line, and builds the program.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	require.Len(t, blocks, 2)
	self, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	for i, most := range []int{40, 12} {
		lines := strings.Split(strings.TrimSpace(string(blocks[i][1])), "\n")
		require.LessOrEqual(t, len(lines), most)
		for _, line := range lines {
			line = strings.ReplaceAll(line, "func main()", "func program()")
			line = strings.ReplaceAll(line, "log.Fatal(", "panic(") // a rule of the house for all but main
			require.Contains(t, string(self), line+"\n")
		}
	}
	_ = program
	topology := stream.New("fraud")
	fraud(topology)
	require.NoError(t, topology.Build())
}
