// SPDX-License-Identifier: Apache-2.0

package window

// Pane is a result of a windowed aggregation: what a window holds at the moment. The key keeps its own type beside
// it.
type Pane[A any] struct {
	Span  Span `json:"span"`
	Value A    `json:"value"`

	// Final says that the window is closed and nothing more will come for it.
	Final bool `json:"final,omitempty"`

	// Retracted says that the window is no more, because it was merged into a longer session: Value is what it held.
	Retracted bool `json:"retracted,omitempty"`
}
