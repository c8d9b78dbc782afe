// SPDX-License-Identifier: Apache-2.0

package state

import "log/slog"

// Place is where stores are opened: a task.
type Place interface {
	// OpenStore gives the instance under spec.Name. The place makes it by calling open, exactly once per name; a second
	// store of the same name is an error that the place reports.
	OpenStore(spec Spec, open func(Backing) Instance) Instance
}

// Kind is what a store is, for names, checks and metrics.
type Kind string

// The kinds of stores.
const (
	KindMap    Kind = "map"
	KindWindow Kind = "window"
)

// Spec is what the engine needs to know of a store before it is opened. A Versioned store opens two, all others one.
type Spec struct {
	// Name is the user's, unique in the topology and durable: the changelog topic is named after it.
	Name string
	Kind Kind
	// Retention is how long rows are kept, in milliseconds of event time. 0 is forever: the changelog is compacted.
	// Otherwise it is compacted and deleted, by the wall time at which rows were last written: leave room for pauses.
	Retention int64
	// TTL is after what time rows go by themselves, which may be without input.
	TTL TTL
	// Unlogged stores have no changelog and begin empty whenever the task begins or recovers.
	Unlogged bool
}

// Backing is what one store of one task stands on.
type Backing struct {
	// DB is shared by the process. Prefix is this store's and partition's own part of it, from [Catalogue.Prefix].
	DB     DB
	Prefix []byte
	// Topic is the id of the changelog topic. It is kept beside the position: a topic that was deleted and made again has
	// another one, and a position in the old one means nothing.
	Topic [16]byte
	// EventTime and WallTime are the clocks for a TTL, in milliseconds. nil stands still at 0.
	EventTime, WallTime func() int64
	// Limit is the number of bytes that the cache may take. 0 is DefaultLimit. See Instance.SetLimit.
	Limit int
	Log   *slog.Logger
	// Fail reports an error after which the task must be recovered. The store goes on with zero values until then.
	Fail func(error)
}

// DefaultLimit is the cache of one store in one task, in bytes, when nobody says otherwise.
const DefaultLimit = 8 << 20
