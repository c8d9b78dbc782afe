// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"time"
)

const (
	earthRadius   = 6371.0 // km
	kmPerDegree   = math.Pi * earthRadius / 180
	degreePerHour = 15 // what the sun moves
)

// Point is a place on earth: latitude and longitude in degrees. As JSON it is a short array.
type Point [2]float64

// Lat is the latitude, north positive.
func (p Point) Lat() float64 { return p[0] }

// Long is the longitude, east positive.
func (p Point) Long() float64 { return p[1] }

// Distance is the way between two places along the earth's surface, in km.
func Distance(a, b Point) float64 {
	const rad = math.Pi / 180
	lat := math.Sin((b.Lat() - a.Lat()) * rad / 2)
	long := math.Sin((b.Long() - a.Long()) * rad / 2)
	h := lat*lat + math.Cos(a.Lat()*rad)*math.Cos(b.Lat()*rad)*long*long
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// Speed is how fast one travels km within d, in km/h; without a time it is infinite.
func Speed(km float64, d time.Duration) float64 {
	if d <= 0 {
		return math.Inf(1)
	}
	return km / d.Hours()
}

// SolarHour is the hour of the day, [0, 24), that the sun shows at a longitude. It is near enough to what clocks show
// there, needs no table of time zones, and no government changes it.
func SolarHour(at int64, long float64) float64 {
	h := math.Mod(float64(at)/float64(time.Hour.Milliseconds())+long/degreePerHour, 24)
	if h < 0 {
		h += 24
	}
	return h
}

// Shift is the place that lies km to the north and km to the east of p.
func (p Point) Shift(north, east float64) Point {
	lat := p.Lat() + north/kmPerDegree
	long := p.Long() + east/(kmPerDegree*math.Cos(p.Lat()*math.Pi/180))
	return Point{round4(lat), round4(long)}
}

// round4 keeps four digits of a degree, eleven meters: more would only make the records longer.
func round4(x float64) float64 { return math.Round(x*1e4) / 1e4 }
