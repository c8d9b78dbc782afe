// SPDX-License-Identifier: Apache-2.0

package kafka

import "github.com/rcrowley/go-metrics"

// noMetrics is a registry that keeps nothing. sarama counts some twenty meters and histograms per request, behind
// locks, and a ticking goroutine of the metrics package keeps their averages; we count per batch on our own.
type noMetrics struct{}

// GetOrRegister gives the inert metric of the kind that sarama asks for.
func (noMetrics) GetOrRegister(_ string, kind any) any {
	switch kind.(type) {
	case func() metrics.Meter, metrics.Meter:
		return metrics.NilMeter{}
	case func() metrics.Counter, metrics.Counter:
		return metrics.NilCounter{}
	default:
		return metrics.NilHistogram{}
	}
}

// Get finds nothing, and so do the others.
func (noMetrics) Get(string) any                    { return nil }
func (noMetrics) GetAll() map[string]map[string]any { return nil }
func (noMetrics) Each(func(string, any))            {}
func (noMetrics) Register(string, any) error        { return nil }
func (noMetrics) RunHealthchecks()                  {}
func (noMetrics) Unregister(string)                 {}
func (noMetrics) UnregisterAll()                    {}
