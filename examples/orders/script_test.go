// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// The rules of the shop, one by one.
func TestScripts(t *testing.T) {
	topology := stream.New("orders")
	shop(topology)
	streamtest.Script(t, "testdata/*.txt", topology, streamtest.Texts(ordersTopic), streamtest.Texts(paymentsTopic),
		streamtest.Texts(stockTopic), streamtest.Texts(openOrders), streamtest.Texts(endedOrders),
		streamtest.Texts(refunds), streamtest.Texts(ledger))
}
