// SPDX-License-Identifier: Apache-2.0

package howto

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Sale is so many cents in the currency that is its key.
type Sale struct {
	Cents int64
	At    time.Time
}

func (s Sale) When() time.Time { return s.At }

// Booked is the sale at a rate, and 0 when none is known.
func (s Sale) Booked(r Rate, _ bool) int64 { return s.Cents * r.Percent / 100 }

// Rate is what a currency is worth from some time on.
type Rate struct {
	Percent int64
	From    time.Time
}

func (r Rate) When() time.Time { return r.From }

var (
	sales = stream.Topic[string, Sale]{ // by currency
		Name: "sales", Key: codec.String, Value: codec.JSON[Sale](), Time: Sale.When, Disorder: time.Minute,
	}
	rates = stream.Topic[string, Rate]{ // by currency; not compacted
		Name: "rates", Key: codec.String, Value: codec.JSON[Rate](), Time: Rate.When,
	}
	booked = stream.Topic[string, int64]{Name: "booked", Key: codec.String, Value: codec.Int64}
)

func convert(t *stream.Topology) {
	valid := stream.VersionedTableFrom(t, rates, 7*24*time.Hour)
	stream.To(operators.LeftJoinTable(stream.From(t, sales), valid, Sale.Booked), booked)
}

func TestSalesAreBookedAtTheRateOfTheirTime(t *testing.T) {
	topology := stream.New("convert")
	convert(topology)
	d := streamtest.New(t, topology)
	rate, sale, out := streamtest.Input(d, rates), streamtest.Input(d, sales), streamtest.Output(d, booked)
	rate.Send("EUR", Rate{Percent: 110, From: noon.Add(-time.Hour)}, 0)
	rate.Send("EUR", Rate{Percent: 120, From: noon}, 0)
	sale.Send("EUR", Sale{Cents: 1000, At: noon}, 0)
	sale.Send("EUR", Sale{Cents: 1000, At: noon.Add(-time.Millisecond)}, 0) // comes later, and is older
	sale.Send("EUR", Sale{Cents: 1000, At: noon.Add(-2 * time.Hour)}, 0)    // from before there was a rate
	requireValues(t, out.Read(), 1200, 1100, 0)
}

func convertWithGrace(t *stream.Topology) {
	valid := stream.VersionedTableFrom(t, rates, 7*24*time.Hour)
	atTheirRate := operators.LeftJoinTableGrace("waiting-sales", stream.From(t, sales), valid, 10*time.Minute, Sale.Booked)
	stream.To(atTheirRate, booked)
}

func TestSalesWaitForRatesThatComeLate(t *testing.T) {
	topology := stream.New("convert")
	convertWithGrace(topology)
	d := streamtest.New(t, topology)
	rate, sale, out := streamtest.Input(d, rates), streamtest.Input(d, sales), streamtest.Output(d, booked)
	rate.Send("EUR", Rate{Percent: 110, From: noon.Add(-time.Hour)}, 0)
	sale.Send("EUR", Sale{Cents: 1000, At: noon.Add(time.Minute)}, 0)
	rate.Send("EUR", Rate{Percent: 120, From: noon}, 0) // becomes known after the sale
	require.Empty(t, out.Read())
	sale.Send("EUR", Sale{Cents: 1000, At: noon.Add(12 * time.Minute)}, 0) // the clock stays a minute behind
	requireValues(t, out.Read(), 1200)
}

func TestRatesAnnouncedAheadHoldBackThoseBehindThem(t *testing.T) {
	for _, inOrder := range []bool{true, false} {
		topology := stream.New("convert")
		convert(topology)
		d := streamtest.New(t, topology, streamtest.Options{CommitEvery: 1000}) // a backlog
		rate, sale, out := streamtest.Input(d, rates), streamtest.Input(d, sales), streamtest.Output(d, booked)
		if !inOrder {
			rate.Send("EUR", Rate{Percent: 130, From: noon.Add(6 * time.Hour)}, 0)
		}
		rate.Send("USD", Rate{Percent: 100, From: noon.Add(-time.Hour)}, 0)
		if inOrder {
			rate.Send("EUR", Rate{Percent: 130, From: noon.Add(6 * time.Hour)}, 0)
		}
		sale.Send("USD", Sale{Cents: 1000, At: noon}, 0)
		if inOrder {
			requireValues(t, out.Read(), 1000)
		} else {
			requireValues(t, out.Read(), 0) // USD stands behind the EUR of the evening
		}
	}
}

// requireValues holds what was read against the values that it ought to have, in order.
func requireValues(t *testing.T, got []streamtest.Record[string, int64], want ...int64) {
	t.Helper()
	var values []int64
	for _, r := range got {
		values = append(values, r.Value)
	}
	require.Equal(t, want, values)
}
