// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	testHeader = "is_fraud,cc_num,amt,trans_date_trans_time,merchant,hobby,category,lat,long,merch_long,merch_lat\n"
	testLine   = "1,4000,1.15,2020-06-21 12:14:25,\"Shop, Inc\",chess,fuel,40.5,-73.25,-74,41\n"
)

// fileOf opens a file with the given content.
func fileOf(t *testing.T, policy BadLines, content string) (*File, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "payments.csv")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	f, err := OpenFile(name, policy)
	if err == nil {
		t.Cleanup(func() { require.NoError(t, f.Close()) })
	}
	return f, err
}

func TestFileFollowsItsHeader(t *testing.T) {
	t.Parallel()
	f, err := fileOf(t, FailOnBadLine, "\ufeff"+testHeader+testLine)
	require.NoError(t, err)
	p, err := f.Next()
	require.NoError(t, err)
	require.Equal(t, Payment{
		ID: "line-2", Card: "4000", At: time.Date(2020, 6, 21, 12, 14, 25, 0, time.UTC).UnixMilli(), Amount: 115,
		Merchant: "Shop, Inc", Category: "fuel", Home: Point{40.5, -73.25}, Shop: Point{41, -74},
		Label: Label{Fraud: true, Case: 1},
	}, p)
	_, err = f.Next()
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, map[Rule]int{"": 1}, f.Cases())
}

func TestFileSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := func(column, value string) string {
		fields := map[string]string{
			"is_fraud": "1", "cc_num": "4000", "amt": "1", "trans_date_trans_time": "2020-06-21 12:14:25",
			"merchant": "S", "category": "f", "lat": "1", "long": "1", "merch_lat": "1", "merch_long": "1",
		}
		fields[column] = value
		var line []string
		for _, name := range neededColumns {
			line = append(line, fields[name])
		}
		return strings.Join(neededColumns, ",") + "\n" + strings.Join(line, ",") + "\n"
	}
	for name, c := range map[string]struct{ content, want string }{
		"empty":        {"", "is empty: it needs a header line"},
		"other data":   {"a,b\n1,2\n", "the header lacks the column(s) trans_date_trans_time, cc_num"},
		"column twice": {"amt,AMT\n", "the column amt twice"},
		"short line":   {testHeader + testLine + "1,2\n", "line 3: wrong number of fields"},
		"quote":        {testHeader + "1,\"2\n", "line 2: extraneous or missing \" in quoted-field"},
		"amount":       {good("amt", "1.155"), `line 2: amt is "1.155", want an amount like 29.84, without`},
		"negative":     {good("amt", "-1"), `amt is "-1", want an amount like 29.84`},
		"time":         {good("trans_date_trans_time", "21.6.2020"), `time is "21.6.2020", want a time like`},
		"latitude":     {good("lat", "91"), `lat is "91", want degrees from -90 to 90`},
		"label":        {good("is_fraud", "yes"), `is_fraud is "yes", want 0 or 1`},
		"no card":      {good("cc_num", ""), `cc_num is "", want something`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := fileOf(t, FailOnBadLine, c.content)
			for err == nil {
				_, err = f.Next()
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestFileSkipsBadLinesWhenAsked(t *testing.T) {
	t.Parallel()
	f, err := fileOf(t, SkipBadLines, testHeader+testLine+"garbage\n1,\"2\"x\n"+testLine)
	require.NoError(t, err)
	for _, id := range []string{"line-2", "line-5"} {
		p, err := f.Next()
		require.NoError(t, err)
		require.Equal(t, id, p.ID)
	}
	_, err = f.Next()
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 2, f.Skipped())
}

func TestFileReadsThePublicData(t *testing.T) {
	t.Parallel()
	f, err := OpenFile("testdata/payments-sparkov.csv", FailOnBadLine)
	require.NoError(t, err)
	defer f.Close()
	n, sum := 0, int64(0)
	for {
		p, err := f.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		n++
		sum += p.Amount
	}
	require.Equal(t, 5116, n)
	require.Equal(t, map[Rule]int{"": 18}, f.Cases())
	cards := 0
	for p, err := range f.Profiles() {
		require.NoError(t, err)
		require.EqualValues(t, DerivedLimit, p.Limit)
		cards++
	}
	require.Equal(t, 879, cards)
	require.Positive(t, sum)
}
