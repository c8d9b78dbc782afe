// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fatih/color"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// judge keeps the books of what comes out, and tells a person about incidents and jams. It is a runner.Judge.
type judge struct {
	seed    uint64
	n       int64 // 0: of a feed without end
	city    *City
	got     *books
	newest  map[string]Speed // by segment
	longest map[string]int64 // segments, of each jam since it was told of
	wrong   []error          // what can be said without an oracle
}

func newJudge(seed uint64, n int64) *judge {
	return &judge{
		seed: seed, n: n, city: NewCity(seed), got: newBooks(), newest: map[string]Speed{}, longest: map[string]int64{},
	}
}

// Outputs implements runner.Judge.
func (j *judge) Outputs() []runner.Output {
	return []runner.Output{
		runner.Watch(speeds, j.speed), runner.Watch(late, j.late), runner.Watch(incidents, j.incident),
		runner.Watch(jams, j.jam), runner.Watch(trips, j.trip),
	}
}

// speed enters a mean speed. A segment has one for each window.
func (j *judge) speed(r runner.Record[string, Speed]) string {
	if _, known := j.got.speeds[r.Key][r.Value.Until.UnixMilli()]; known {
		j.mistake("speed of %s at %v is there twice", r.Key, r.Value.Until)
	}
	if !r.Value.Until.After(j.newest[r.Key].Until) {
		j.mistake("speed of %s at %v comes after that at %v", r.Key, r.Value.Until, j.newest[r.Key].Until)
	}
	j.newest[r.Key] = r.Value
	enter(j.got.speeds, r.Key, r.Value.Until.UnixMilli(), r.Value)
	return ""
}

func (j *judge) mistake(format string, args ...any) {
	if len(j.wrong) < maxDifferences {
		j.wrong = append(j.wrong, fmt.Errorf(format, args...))
	}
}

// late enters a report that came too late.
func (j *judge) late(r runner.Record[string, Report]) string {
	if _, known := j.got.late[r.Key][r.Value.Reading()]; known {
		j.mistake("late report %+v of %s is there twice", r.Value, r.Key)
	}
	enter(j.got.late, r.Key, r.Value.Reading(), r.Value)
	return ""
}

var (
	red    = color.New(color.FgRed, color.Bold)
	yellow = color.New(color.FgYellow)
)

func (j *judge) incident(r runner.Record[string, Drop]) string {
	d := r.Value
	if _, known := j.got.incidents[r.Key][d.Now.Until.UnixMilli()]; known {
		j.mistake("incident on %s at %v is there twice", r.Key, d.Now.Until)
	}
	enter(j.got.incidents, r.Key, d.Now.Until.UnixMilli(), d)
	return fmt.Sprintf("%s  %s  %-9s  from %.0f down to %.0f km/h within five minutes, %.0f are usual",
		clock(d.Now.Until), red.Sprint("sudden "), r.Key, d.Before.KmH, d.Now.KmH, d.Now.Usual)
}

const worthTelling = 3 // segments of a jam

// jam tells of a jam when it has grown.
func (j *judge) jam(r runner.Record[string, Jam]) string {
	now := r.Value
	j.got.jams[r.Key] = now
	if now.Segments == 0 {
		delete(j.longest, r.Key)
	}
	if now.Segments < worthTelling || now.Segments <= j.longest[r.Key] {
		return ""
	}
	j.longest[r.Key] = now.Segments
	return fmt.Sprintf("%s  %s  %-9s  %d segments, %s, stand behind it",
		clock(r.Time), yellow.Sprint("jam    "), r.Key, now.Segments, kilometres(now.Metres))
}

func (j *judge) trip(r runner.Record[string, Trip]) string {
	j.got.trips[r.Key] = r.Value
	return ""
}

func clock(t time.Time) string { return t.In(city).Format("2006-01-02 15:04:05") }

func kilometres(metres int64) string { return fmt.Sprintf("%.1f km", float64(metres)/1000) }

// minutes writes milliseconds as people do.
func minutes(millis int64) string {
	d := time.Duration(millis) * time.Millisecond
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// results are how the city is at the end, and what was found until then.
type results struct {
	Routes runner.Table `json:"routes"`
	Jams   runner.Table `json:"jams"`
	Found  runner.Table `json:"found"`
}

// String draws the tables.
func (r results) String() string {
	return r.Routes.String() + "\n" + r.Jams.String() + "\n" + r.Found.String()
}

// Results implements runner.Judge.
func (j *judge) Results() any {
	r := results{
		Routes: runner.Table{Headers: []string{"route", "legs", "km", "minutes", "usually"}},
		Jams:   runner.Table{Headers: []string{"jam at", "segments", "km"}},
		Found:  runner.Table{Headers: []string{"what", "number"}},
	}
	metres := map[string]int64{}
	for _, leg := range j.city.Legs {
		metres[leg.Route] += j.city.Roads[leg.Segment].Metres
	}
	for _, route := range slices.Sorted(maps.Keys(j.got.trips)) {
		t := j.got.trips[route]
		r.Routes.Rows = append(r.Routes.Rows,
			[]any{route, t.Legs, kilometres(metres[route]), minutes(t.Now), minutes(t.Usual)})
	}
	for _, head := range slices.SortedFunc(maps.Keys(j.got.jams), func(a, b string) int {
		return cmp.Or(-cmp.Compare(j.got.jams[a].Segments, j.got.jams[b].Segments), cmp.Compare(a, b))
	}) {
		if now := j.got.jams[head]; now.Segments > 0 {
			r.Jams.Rows = append(r.Jams.Rows, []any{head, now.Segments, kilometres(now.Metres)})
		}
	}
	for _, row := range j.found() {
		r.Found.Rows = append(r.Found.Rows, row)
	}
	return r
}

// found says what the sudden drops were: the generator knows.
func (j *judge) found() [][]any {
	const about = 15 * time.Minute // after its beginning, at most, a drop is found
	var newest time.Time
	for _, s := range j.newest {
		if newest.Before(s.Until) {
			newest = s.Until
		}
	}
	drops, heads, happened, queues := 0, 0, 0, 0
	for _, of := range j.got.incidents {
		drops += len(of)
	}
	for i := range j.city.Incidents(j.seed) {
		if i.From.After(newest) {
			break
		}
		if i.Segment == i.Head {
			happened++
		}
		for at := range j.got.incidents[i.Segment] {
			if after := time.UnixMilli(at).Sub(i.From); after < 0 || after > about {
				continue
			}
			if i.Segment == i.Head {
				heads++
			} else {
				queues++
			}
		}
	}
	return [][]any{
		{"mean speeds", count(j.got.speeds)}, {"reports that came too late", count(j.got.late)},
		{"incidents that happened", happened}, {"sudden drops: incidents", heads},
		{"sudden drops: ends of their queues", queues}, {"sudden drops: others", drops - heads - queues},
	}
}

func count[I comparable, V any](book map[string]map[I]V) (n int) {
	for _, of := range book {
		n += len(of)
	}
	return n
}

// Check implements runner.Judge.
func (j *judge) Check() error {
	if j.n == 0 {
		return runner.NoOracle
	}
	want, newest := oracle(j.city, runner.First(j.n, Arrivals(j.seed)))
	return errors.Join(append(j.wrong, differences(j.city, want, newest, j.got))...)
}
