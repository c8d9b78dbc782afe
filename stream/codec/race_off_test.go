// SPDX-License-Identifier: Apache-2.0

//go:build !race

package codec_test

// race says whether the race detector is on.
const race = false
