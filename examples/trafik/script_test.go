// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// The rules of the traffic centre, one by one.
func TestScripts(t *testing.T) {
	topology := stream.New("trafik")
	trafik(topology)
	streamtest.Script(t, "testdata/*.txt", topology, streamtest.Texts(reports), streamtest.Texts(usuals),
		streamtest.Texts(roads), streamtest.Texts(legs), streamtest.Texts(speeds),
		streamtest.Texts(late), streamtest.Texts(incidents), streamtest.Texts(jams), streamtest.Texts(trips))
}
