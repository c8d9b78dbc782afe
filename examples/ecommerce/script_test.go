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
	shop(topology)
	streamtest.Script(t, "testdata/*.txt", topology, streamtest.Texts(clicks), streamtest.Texts(pages),
		streamtest.Texts(visits), streamtest.Texts(afterVisits), streamtest.Texts(leftCarts), streamtest.Texts(trends),
		streamtest.Texts(together), streamtest.Texts(mails))
}
