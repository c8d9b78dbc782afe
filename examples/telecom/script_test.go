// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// The rules, one by one.
func TestRules(t *testing.T) {
	t.Parallel()
	topology := stream.New(application)
	telecom(topology)
	streamtest.Script(t, "testdata/*.txt", topology, streamtest.Texts(cdrs), streamtest.Texts(contracts),
		streamtest.Texts(releases), streamtest.Texts(charges), streamtest.Texts(unrated), streamtest.Texts(days),
		streamtest.Texts(months), streamtest.Texts(nextDay), streamtest.Texts(nextBill), streamtest.Texts(boxes),
		streamtest.Texts(alarms))
}
