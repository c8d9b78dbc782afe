// SPDX-License-Identifier: Apache-2.0

package engine

// PlanOf builds a *stream.Topology and gives its plan. Package stream sets it: it is how package streamtest, which is
// above both, gets at what users of a topology need not see.
var PlanOf func(topology any) (*Plan, error)
