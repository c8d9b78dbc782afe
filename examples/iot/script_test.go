// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// The rules, record by record, and what comes when nothing comes.
func TestScripts(t *testing.T) {
	t.Parallel()
	topology := stream.New(application)
	iot(topology)
	streamtest.Script(t, "testdata/*.txt", topology,
		streamtest.Texts(readings), streamtest.Texts(types), streamtest.Texts(minutes), streamtest.Texts(hours),
		streamtest.Texts(late), streamtest.Texts(alarms))
}
