// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"os"
	"testing"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// TestMain ends the broker that the tests share.
func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }
