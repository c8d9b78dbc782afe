// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/irmak-go/irmak/examples/internal/runtest"
)

func TestReadmeShowsTheTopology(t *testing.T) { runtest.Readme(t, program()) }
